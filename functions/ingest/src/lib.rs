//! Takes points, `POST /v1/ingest` and `POST /v1/ingest/csv`, and alerts of other systems, which are kept as points.

mod alertmanager;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use intentvision::auth::Scope;
use intentvision::http::body::Body;
use intentvision::http::query::Query;
use intentvision::http::{Caller, CurrentRequest, Routes};
use intentvision::idempotency::Operation;
use intentvision::ingest::{self, Accepted, Window};
use intentvision::{App, Error};

/// The routes of this function.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .post("/v1/ingest", Scope::IngestWrite, json)
        .post("/v1/ingest/csv", Scope::IngestWrite, csv)
        .merge(alertmanager::routes())
}

async fn json(
    State(app): State<App>,
    caller: Caller,
    CurrentRequest(request_id): CurrentRequest,
    body: Body,
) -> Result<Response, Error> {
    // the last is what `curl -d` says when nobody says otherwise
    expect_type(
        &body,
        &["", "application/json", "text/json", "application/x-www-form-urlencoded"],
    )?;
    let envelope = ingest::read_json(&body.bytes, Window::of(&app), &app.series_names)?;
    let operation = Operation::of(&body, envelope.idempotency_key.as_deref())?;
    let source = envelope.source_id.as_deref();
    let accepted = ingest::accept(&app, &caller, envelope.entries, operation.as_ref(), &request_id, source).await?;
    Ok(reply(accepted))
}

async fn csv(
    State(app): State<App>,
    caller: Caller,
    CurrentRequest(request_id): CurrentRequest,
    mut query: Query,
    body: Body,
) -> Result<Response, Error> {
    let metric_key = query.take("metric_key");
    query.finish()?;
    expect_type(&body, &["", "text/csv", "text/plain", "application/csv"])?;
    let entries = ingest::read_csv(&body.bytes, metric_key.as_deref(), Window::of(&app), &app.series_names)?;
    let operation = Operation::of(&body, None)?;
    let accepted = ingest::accept(&app, &caller, entries, operation.as_ref(), &request_id, None).await?;
    Ok(reply(accepted))
}

fn expect_type(body: &Body, known: &[&str]) -> Result<(), Error> {
    if known.contains(&body.content_type.as_str()) {
        return Ok(());
    }
    Err(Error::UnsupportedEncoding(format!(
        "the content type {:?} is not taken here",
        body.content_type
    )))
}

fn reply(accepted: Accepted) -> Response {
    match accepted {
        Accepted::Now(report) => (report.status(), Json(report)).into_response(),
        Accepted::Before(replay) => replay.into_response(),
    }
}
