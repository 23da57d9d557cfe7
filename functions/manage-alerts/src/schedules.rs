//! `/v1/mute-schedules`.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use intentvision::alerting::schedules::{self, Draft, Saved, ScheduleItem};
use intentvision::auth::Scope;
use intentvision::http::body::Body;
use intentvision::http::page::PageReply;
use intentvision::http::query::Query;
use intentvision::http::{Caller, Routes};
use intentvision::id::ScheduleId;
use intentvision::idempotency::Operation;
use intentvision::{App, Error};
use serde_json::json;

pub(crate) fn routes() -> Routes {
    Routes::new()
        .get("/v1/mute-schedules", Scope::AlertsRead, list)
        .post("/v1/mute-schedules", Scope::AlertsWrite, create)
        .get("/v1/mute-schedules/{id}", Scope::AlertsRead, get)
        .put("/v1/mute-schedules/{id}", Scope::AlertsWrite, replace)
        .delete("/v1/mute-schedules/{id}", Scope::AlertsWrite, delete)
}

async fn list(caller: Caller, mut query: Query) -> Result<PageReply, Error> {
    let asked = query.take_page()?;
    query.finish()?;
    asked
        .page(|limit, cursor| schedules::list(&caller, limit, cursor))
        .await
}

async fn create(State(app): State<App>, caller: Caller, body: Body) -> Result<Response, Error> {
    let definition = body.json::<Draft>()?.check()?;
    let operation = Operation::of(&body, None)?;
    Ok(
        match schedules::create(&caller, &app.entropy, &definition, operation.as_ref()).await? {
            Saved::Now(schedule_id) => (StatusCode::CREATED, Json(json!({"schedule_id": schedule_id}))).into_response(),
            Saved::Before(replay) => replay.into_response(),
        },
    )
}

async fn get(caller: Caller, Path(id): Path<String>) -> Result<Json<ScheduleItem>, Error> {
    Ok(Json(schedules::get(&caller, &schedule_id(&id)?).await?))
}

async fn replace(caller: Caller, Path(id): Path<String>, body: Body) -> Result<Json<ScheduleItem>, Error> {
    let definition = body.json::<Draft>()?.check()?;
    Ok(Json(
        schedules::replace(&caller, &schedule_id(&id)?, &definition).await?,
    ))
}

async fn delete(caller: Caller, Path(id): Path<String>) -> Result<StatusCode, Error> {
    schedules::delete(&caller, &schedule_id(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn schedule_id(text: &str) -> Result<ScheduleId, Error> {
    ScheduleId::parse(text).ok_or(Error::NotFound("the mute schedule"))
}
