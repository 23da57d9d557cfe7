//! `/openapi.json`: the document of all functions, in the one that is asked for it as deployed.

use axum::response::IntoResponse;
use http::Method;
use http::header::CONTENT_TYPE;
use intentvision::http::Routes;

/// The OpenAPI document of all functions, as `GET /openapi.json` answers it.
pub const OPENAPI: &str = include_str!("../../../docs/openapi.json");

pub(crate) fn routes() -> Routes {
    Routes::new().without_key(Method::GET, "/openapi.json", get)
}

async fn get() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], OPENAPI)
}
