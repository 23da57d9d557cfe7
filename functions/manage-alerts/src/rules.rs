//! `/v1/alert-rules` and the instances of a rule.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use intentvision::alerting::instances;
use intentvision::alerting::rules::{self, Filter, Saved};
use intentvision::alerting::{Draft, Rule, Severity};
use intentvision::auth::Scope;
use intentvision::http::body::Body;
use intentvision::http::page::PageReply;
use intentvision::http::query::Query;
use intentvision::http::{Caller, Routes};
use intentvision::id::RuleId;
use intentvision::idempotency::Operation;
use intentvision::series::MetricKey;
use intentvision::{App, Error};

pub(crate) fn routes() -> Routes {
    Routes::new()
        .get("/v1/alert-rules", Scope::AlertsRead, list)
        .post("/v1/alert-rules", Scope::AlertsWrite, create)
        .get("/v1/alert-rules/{id}", Scope::AlertsRead, get)
        .put("/v1/alert-rules/{id}", Scope::AlertsWrite, replace)
        .delete("/v1/alert-rules/{id}", Scope::AlertsWrite, delete)
        .get("/v1/alert-rules/{id}/instances", Scope::AlertsRead, list_instances)
}

async fn list(caller: Caller, mut query: Query) -> Result<PageReply, Error> {
    let filter = Filter {
        metric_key: query.take_parsed("metric_key", "a metric key", MetricKey::parse)?,
        enabled: query.take_parsed("enabled", "true or false", |text| text.parse().ok())?,
        severity: query.take_parsed("severity", "info, warning, error or critical", Severity::parse)?,
    };
    let asked = query.take_page()?;
    query.finish()?;
    asked
        .page(|limit, cursor| rules::list(&caller, &filter, limit, cursor))
        .await
}

async fn create(State(app): State<App>, caller: Caller, body: Body) -> Result<Response, Error> {
    let definition = body.json::<Draft>()?.check()?;
    let operation = Operation::of(&body, None)?;
    Ok(
        match rules::create(&caller, &app.entropy, definition, operation.as_ref()).await? {
            Saved::Now(rule) => (StatusCode::CREATED, Json(rule)).into_response(),
            Saved::Before(replay) => replay.into_response(),
        },
    )
}

async fn get(caller: Caller, Path(id): Path<String>) -> Result<Json<Rule>, Error> {
    Ok(Json(rules::get(&caller, &rule_id(&id)?).await?))
}

async fn replace(caller: Caller, Path(id): Path<String>, body: Body) -> Result<Json<Rule>, Error> {
    let definition = body.json::<Draft>()?.check()?;
    Ok(Json(rules::replace(&caller, &rule_id(&id)?, &definition).await?))
}

async fn delete(caller: Caller, Path(id): Path<String>) -> Result<StatusCode, Error> {
    rules::delete(&caller, &rule_id(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn list_instances(caller: Caller, Path(id): Path<String>, mut query: Query) -> Result<PageReply, Error> {
    let asked = query.take_page()?;
    query.finish()?;
    let id = rule_id(&id)?;
    asked
        .page(|limit, cursor| instances::list(&caller, &id, limit, cursor))
        .await
}

fn rule_id(text: &str) -> Result<RuleId, Error> {
    RuleId::parse(text).ok_or(Error::NotFound("the rule"))
}
