//! What surrounds the routes of every function: health, 404 and 405, the request id, headers, and the last net under a panic.

use super::request_id::CurrentRequest;
use super::{Routes, problem};
use crate::alerting::gaps;
use crate::auth::Authority;
use crate::{App, Error};
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use futures::FutureExt;
use http::{HeaderValue, header};
use std::panic::AssertUnwindSafe;

/// The whole HTTP service of one process.
pub fn service(app: App, routes: Routes) -> Router {
    routes
        .into_router()
        .route("/health/live", get(async || Json(serde_json::json!({"status": "ok"}))))
        .route("/health/ready", get(ready))
        .fallback(async || Error::NotFound("the path"))
        .method_not_allowed_fallback(async || Error::MethodNotAllowed)
        .layer(from_fn_with_state(app.clone(), around))
        .with_state(app)
}

async fn ready(State(app): State<App>) -> Result<Response, Error> {
    let mut health = serde_json::json!({"status": "ok"});
    if let Some(gaps) = gaps::lately(&app.tenant(&Authority::public())).await? {
        health["skipped"] = serde_json::json!(gaps);
    }
    Ok(Json(health).into_response())
}

async fn around(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let current = CurrentRequest::new(&app);
    request.extensions_mut().insert(current.clone());
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let response = match AssertUnwindSafe(next.run(request)).catch_unwind().await {
        Ok(response) => response,
        Err(_) => {
            // a defect of ours: the reply says "retry", the log says where to look
            tracing::error!(request_id = current.0.as_str(), %method, path, "a handler panicked");
            Error::unavailable("a handler panicked").into_response()
        }
    };
    let mut response = problem::render(response, &current);
    tracing::info!(request_id = current.0.as_str(), %method, path, status = response.status().as_u16(), "request");
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(current.0.as_str()) {
        headers.insert("x-request-id", value);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
    );
    response
}
