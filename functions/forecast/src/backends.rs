//! `/v1/forecast-backends/timegpt`: an organization's own key of TimeGPT.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use intentvision::auth::Scope;
use intentvision::forecasting::timegpt::{self, AccountStatus, TimeGptKey};
use intentvision::http::body::Body;
use intentvision::http::query::Query;
use intentvision::http::{Caller, Routes};
use intentvision::{App, Error};
use serde::Deserialize;

const TIMEGPT: &str = "/v1/forecast-backends/timegpt";

pub(crate) fn routes() -> Routes {
    Routes::new()
        .get(TIMEGPT, Scope::Admin, get)
        .put(TIMEGPT, Scope::Admin, put)
        .delete(TIMEGPT, Scope::Admin, delete)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PutRequest {
    api_key: String,
}

async fn get(State(app): State<App>, caller: Caller, query: Query) -> Result<Json<AccountStatus>, Error> {
    query.finish()?;
    Ok(Json(timegpt::status(&app, &caller).await?))
}

async fn put(State(app): State<App>, caller: Caller, body: Body) -> Result<Json<AccountStatus>, Error> {
    // the parser's own words repeat what they stumble over, which may be the key
    let wrong = |_| Error::schema("the body is not an object with the text api_key alone");
    let request: PutRequest = body.json().map_err(wrong)?;
    let key = TimeGptKey::parse(&request.api_key)?;
    Ok(Json(timegpt::put(&app, &caller, &key).await?))
}

async fn delete(caller: Caller) -> Result<StatusCode, Error> {
    timegpt::delete(&caller).await?;
    Ok(StatusCode::NO_CONTENT)
}
