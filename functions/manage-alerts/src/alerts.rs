//! `/v1/alerts`. Acknowledging and resolving are the same however often they are done, so that they take no
//! `Idempotency-Key`.

use axum::Json;
use axum::extract::Path;
use intentvision::Error;
use intentvision::alerting::alert_detail::{self, AlertDetail};
use intentvision::alerting::alerts::{self, AlertItem, Filter};
use intentvision::alerting::instance::Status;
use intentvision::auth::Scope;
use intentvision::http::page::PageReply;
use intentvision::http::query::Query;
use intentvision::http::{Caller, Routes};
use intentvision::id::{AlertId, RuleId};
use intentvision::series::SeriesId;

pub(crate) fn routes() -> Routes {
    Routes::new()
        .get("/v1/alerts", Scope::AlertsRead, list)
        .get("/v1/alerts/{id}", Scope::AlertsRead, get)
        .post("/v1/alerts/{id}/acknowledge", Scope::AlertsWrite, acknowledge)
        .post("/v1/alerts/{id}/resolve", Scope::AlertsWrite, resolve)
}

async fn list(caller: Caller, mut query: Query) -> Result<PageReply, Error> {
    let filter = Filter {
        status: query.take_parsed("status", "firing, no_data or resolved", Status::parse)?,
        rule_id: query.take_parsed("rule_id", "the id of a rule", RuleId::parse)?,
        series_id: query.take_parsed("series_id", "the id of a series", SeriesId::parse)?,
    };
    let asked = query.take_page()?;
    query.finish()?;
    asked
        .page(|limit, cursor| alerts::list(&caller, &filter, limit, cursor))
        .await
}

async fn get(caller: Caller, Path(id): Path<String>) -> Result<Json<AlertDetail>, Error> {
    Ok(Json(alert_detail::get(&caller, &alert_id(&id)?).await?))
}

async fn acknowledge(caller: Caller, Path(id): Path<String>) -> Result<Json<AlertItem>, Error> {
    Ok(Json(alerts::acknowledge(&caller, &alert_id(&id)?).await?))
}

async fn resolve(caller: Caller, Path(id): Path<String>) -> Result<Json<AlertItem>, Error> {
    Ok(Json(alerts::resolve(&caller, &alert_id(&id)?).await?))
}

fn alert_id(text: &str) -> Result<AlertId, Error> {
    AlertId::parse(text).ok_or(Error::NotFound("the alert"))
}
