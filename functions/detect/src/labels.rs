//! What users say of what the detector found.

use axum::Json;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use intentvision::Error;
use intentvision::auth::Scope;
use intentvision::detection::LabelRequest;
use intentvision::detection::marks::{self, Saved};
use intentvision::http::body::Body;
use intentvision::http::query::Query;
use intentvision::http::{Caller, Routes};
use intentvision::idempotency::Operation;
use intentvision::series::SeriesId;
use serde::Deserialize;

pub(super) fn routes() -> Routes {
    Routes::new()
        .post("/v1/series/{id}/labels", Scope::ForecastsWrite, label)
        .post("/v1/series/{id}/accept-level", Scope::ForecastsWrite, accept_level)
}

async fn label(caller: Caller, query: Query, Path(id): Path<String>, body: Body) -> Result<Response, Error> {
    query.finish()?;
    let series = SeriesId::of_path(&id)?;
    let request = LabelRequest::parse(&body.bytes)?;
    let operation = Operation::of(&body, None)?;
    let saved = marks::label(&caller, series, &request, operation.as_ref()).await?;
    Ok(reply(saved))
}

async fn accept_level(caller: Caller, query: Query, Path(id): Path<String>, body: Body) -> Result<Response, Error> {
    query.finish()?;
    let series = SeriesId::of_path(&id)?;
    no_fields(&body)?;
    let operation = Operation::of(&body, None)?;
    let saved = marks::accept_level(&caller, series, operation.as_ref()).await?;
    Ok(reply(saved))
}

/// There is nothing to say: no body, or `{}`.
fn no_fields(body: &Body) -> Result<(), Error> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Nothing {}

    if body.bytes.is_empty() {
        return Ok(());
    }
    let read: Result<Nothing, _> = serde_json::from_slice(&body.bytes);
    read.map(|Nothing {}| ())
        .map_err(|error| Error::schema(error.to_string()))
}

fn reply(saved: Saved) -> Response {
    match saved {
        Saved::Now(marked) => (StatusCode::CREATED, Json(marked)).into_response(),
        Saved::Before(replay) => replay.into_response(),
    }
}
