//! Stored forecasts.

use axum::Json;
use axum::extract::Path;
use intentvision::Error;
use intentvision::auth::Scope;
use intentvision::forecasting::jobs::{self, ResultId};
use intentvision::forecasting::{self, ForecastItem};
use intentvision::http::page::PageReply;
use intentvision::http::query::Query;
use intentvision::http::{Caller, Routes};
use intentvision::id::ForecastId;
use intentvision::series::SeriesId;

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/v1/forecasts", Scope::ForecastsRead, list)
        .get("/v1/forecasts/{id}", Scope::ForecastsRead, get)
}

async fn list(caller: Caller, mut query: Query) -> Result<PageReply, Error> {
    let series = query.take_parsed("series_id", "a series id", SeriesId::parse)?;
    let asked = query.take_page()?;
    query.finish()?;
    asked
        .page(|limit, cursor| forecasting::list(&caller, series, limit, cursor))
        .await
}

async fn get(caller: Caller, Path(id): Path<String>) -> Result<Json<ForecastItem>, Error> {
    if let Some(id) = ResultId::parse(&id) {
        return Ok(Json(jobs::result(&caller, &id).await?));
    }
    let id = ForecastId::parse(&id).ok_or(Error::NotFound("the forecast"))?;
    Ok(Json(forecasting::get(&caller, &id).await?))
}
