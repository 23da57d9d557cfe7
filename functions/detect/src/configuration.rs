//! `/v1/detection`: which series the tick watches for anomalies, and how.

use axum::Json;
use intentvision::Error;
use intentvision::auth::Scope;
use intentvision::detection::configuration::{self, Configuration};
use intentvision::http::body::Body;
use intentvision::http::query::Query;
use intentvision::http::{Caller, Routes};

const DETECTION: &str = "/v1/detection";

pub(super) fn routes() -> Routes {
    Routes::new()
        .get(DETECTION, Scope::AlertsRead, get)
        .put(DETECTION, Scope::AlertsWrite, put)
}

async fn get(caller: Caller, query: Query) -> Result<Json<Configuration>, Error> {
    query.finish()?;
    Ok(Json(configuration::get(&caller).await?))
}

async fn put(caller: Caller, query: Query, body: Body) -> Result<Json<Configuration>, Error> {
    query.finish()?;
    let configuration = Configuration::parse(&body.bytes)?;
    Ok(Json(configuration::put(&caller, &configuration).await?))
}
