//! Makes forecasts, tests how good they would have been, keeps the jobs that make them again and again, and the keys of
//! backends that are elsewhere: `POST /v1/forecasts`, `POST /v1/backtests`, `/v1/forecast-jobs`,
//! `/v1/forecast-backends/timegpt`.

mod backends;
mod jobs;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use intentvision::auth::Scope;
use intentvision::forecasting::backtest::{self, BacktestItem, BacktestRequest};
use intentvision::forecasting::{self, ForecastRequest, Stored};
use intentvision::http::body::Body;
use intentvision::http::{Caller, CurrentRequest, Routes};
use intentvision::idempotency::Operation;
use intentvision::{App, Error};

/// The routes of this function.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .post("/v1/forecasts", Scope::ForecastsWrite, create)
        .post("/v1/backtests", Scope::ForecastsWrite, test)
        .merge(backends::routes())
        .merge(jobs::routes())
}

async fn create(
    State(app): State<App>,
    caller: Caller,
    CurrentRequest(request_id): CurrentRequest,
    body: Body,
) -> Result<Response, Error> {
    let request = ForecastRequest::parse(&body.bytes)?;
    let operation = Operation::of(&body, None)?;
    Ok(
        match forecasting::create(&app, &caller, &request, &request_id, operation.as_ref()).await? {
            Stored::Now(item) => (StatusCode::CREATED, Json(item)).into_response(),
            Stored::Before(replay) => replay.into_response(),
        },
    )
}

async fn test(
    caller: Caller,
    CurrentRequest(request_id): CurrentRequest,
    body: Body,
) -> Result<Json<BacktestItem>, Error> {
    let request = BacktestRequest::parse(&body.bytes)?;
    Ok(Json(backtest::run(&caller, request, request_id).await?))
}
