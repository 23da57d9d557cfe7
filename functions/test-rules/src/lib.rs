//! The function test-rules: `POST /v1/alert-rules/test` runs a rule over stored history, with the code of the tick.

#![warn(missing_docs)]

use axum::Json;
use intentvision::Error;
use intentvision::alerting::dry_run::{self, DryRunRequest, Report};
use intentvision::auth::Scope;
use intentvision::budget::Within;
use intentvision::http::body::Body;
use intentvision::http::query::Query;
use intentvision::http::{Caller, Routes};
use std::time::Duration;

/// How long a dry run goes on beginning with series and forecasts: a good part of what the gateway waits for.
const DRY_RUN: Duration = Duration::from_secs(15);

/// The routes of this function.
#[must_use]
pub fn routes() -> Routes {
    Routes::new().post("/v1/alert-rules/test", Scope::AlertsWrite, test)
}

async fn test(caller: Caller, query: Query, body: Body) -> Result<Json<Report>, Error> {
    query.finish()?;
    let request = DryRunRequest::parse(&body.bytes)?;
    Ok(Json(dry_run::run(&caller, &request, Within::new(DRY_RUN)).await?))
}
