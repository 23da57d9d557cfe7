//! Reads metrics, series, points, stored forecasts and stored anomalies: `GET /v1/metrics`, `/v1/series`,
//! `/v1/series/{id}`, `/v1/series/{id}/points`, `/v1/series/{id}/labels`, `/v1/forecasts`, `/v1/anomalies`,
//! `/v1/anomaly-groups` and what is below them; deletes a series; and answers with the document of all functions.

mod anomalies;
mod document;
mod forecasts;
mod points;

pub use document::OPENAPI;

use axum::Json;
use axum::extract::Path;
use http::StatusCode;
use intentvision::auth::Scope;
use intentvision::http::page::PageReply;
use intentvision::http::query::Query;
use intentvision::http::{Caller, Routes};
use intentvision::series::{self, Dimensions, Filter, MetricKey, SeriesId, SeriesItem};
use intentvision::{Error, store};

/// The routes of this function.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .get("/v1/metrics", Scope::MetricsRead, metrics)
        .get("/v1/series", Scope::MetricsRead, list)
        .get("/v1/series/{id}", Scope::MetricsRead, get)
        .delete("/v1/series/{id}", Scope::Admin, delete)
        .get("/v1/series/{id}/points", Scope::MetricsRead, points::points)
        .merge(forecasts::routes())
        .merge(anomalies::routes())
        .merge(document::routes())
}

async fn metrics(caller: Caller, mut query: Query) -> Result<PageReply, Error> {
    let asked = query.take_page()?;
    query.finish()?;
    asked
        .page(|limit, cursor| series::metrics(&caller, limit, cursor))
        .await
}

async fn list(caller: Caller, mut query: Query) -> Result<PageReply, Error> {
    let asked = query.take_page()?;
    let filter = Filter {
        metric_key: query.take_parsed("metric_key", "a metric key", MetricKey::parse)?,
        dimensions: Dimensions::new(query.take_map("dimensions")).map_err(Error::schema)?,
    };
    query.finish()?;
    asked
        .page(|limit, cursor| series::list(&caller, &filter, limit, cursor))
        .await
}

async fn get(caller: Caller, query: Query, Path(id): Path<String>) -> Result<Json<SeriesItem>, Error> {
    query.finish()?;
    Ok(Json(series::get(&caller, SeriesId::of_path(&id)?).await?))
}

async fn delete(caller: Caller, query: Query, Path(id): Path<String>) -> Result<StatusCode, Error> {
    query.finish()?;
    store::delete(&caller, SeriesId::of_path(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
