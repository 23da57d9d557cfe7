//! Looks for anomalies on request, takes labels for those that were found, and keeps which series the tick watches:
//! `POST /v1/anomalies/detect`, `POST /v1/series/{id}/labels` and `/accept-level`, `/v1/detection`.

#![warn(missing_docs)]

mod configuration;
mod labels;

use axum::Json;
use intentvision::Error;
use intentvision::auth::Scope;
use intentvision::detection::adhoc::{self, DetectRequest, Detected};
use intentvision::http::body::Body;
use intentvision::http::query::Query;
use intentvision::http::{Caller, CurrentRequest, Routes};

/// The routes of this function.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .post("/v1/anomalies/detect", Scope::ForecastsWrite, detect)
        .merge(labels::routes())
        .merge(configuration::routes())
}

/// The detector over points that are all there.
async fn detect(
    caller: Caller,
    query: Query,
    CurrentRequest(request_id): CurrentRequest,
    body: Body,
) -> Result<Json<Detected>, Error> {
    query.finish()?;
    let request = DetectRequest::parse(&body.bytes)?;
    Ok(Json(adhoc::run(&caller, request, request_id).await?))
}
