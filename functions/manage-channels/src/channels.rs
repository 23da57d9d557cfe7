//! `/v1/notification-channels`.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use intentvision::auth::Scope;
use intentvision::clock::Millis;
use intentvision::http::body::Body;
use intentvision::http::page::PageReply;
use intentvision::http::query::Query;
use intentvision::http::{Caller, Routes};
use intentvision::id::ChannelId;
use intentvision::idempotency::Operation;
use intentvision::notify::address::Reach;
use intentvision::notify::channel::{self, ChannelChange, ChannelItem, Created, NewChannel, RateLimit};
use intentvision::{App, Error};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// Reading asks for `alerts:write` too: a webhook's URL often is a credential itself.
pub(crate) fn routes() -> Routes {
    Routes::new()
        .get("/v1/notification-channels", Scope::AlertsWrite, list)
        .post("/v1/notification-channels", Scope::AlertsWrite, create)
        .get("/v1/notification-channels/{id}", Scope::AlertsWrite, get)
        .patch("/v1/notification-channels/{id}", Scope::AlertsWrite, update)
        .delete("/v1/notification-channels/{id}", Scope::AlertsWrite, delete)
        .post(
            "/v1/notification-channels/{id}/rotate-secret",
            Scope::AlertsWrite,
            rotate_secret,
        )
        .post("/v1/notification-channels/{id}/test", Scope::AlertsWrite, test)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CreateRequest {
    name: String,
    r#type: String,
    config: Value,
    #[serde(default)]
    templates: Option<Value>,
    #[serde(default)]
    rate_limit: Option<RateLimit>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UpdateRequest {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    config: Option<Value>,
    /// `null` is not the same as nothing
    #[serde(default, deserialize_with = "some")]
    templates: Option<Value>,
    #[serde(default)]
    enabled: Option<bool>,
    #[serde(default)]
    rate_limit: Option<RateLimit>,
}

fn some<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(value).map(Some)
}

async fn list(State(app): State<App>, caller: Caller, mut query: Query) -> Result<PageReply, Error> {
    let asked = query.take_page()?;
    query.finish()?;
    asked
        .page(|limit, cursor| channel::list(&app, &caller, limit, cursor))
        .await
}

async fn create(State(app): State<App>, caller: Caller, body: Body) -> Result<Response, Error> {
    let request: CreateRequest = body.json()?;
    let new = NewChannel::new(
        &request.name,
        &request.r#type,
        &request.config,
        request.templates.as_ref(),
        reach(&app),
    )?;
    let new = new.with_rate_limit(request.rate_limit)?;
    let operation = Operation::of(&body, None)?;
    Ok(match channel::create(&app, &caller, &new, operation.as_ref()).await? {
        Created::Now(issued) => (StatusCode::CREATED, Json(issued.reveal())).into_response(),
        Created::Before(replay) => replay.into_response(),
    })
}

async fn get(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Result<Json<ChannelItem>, Error> {
    Ok(Json(channel::get(&app, &caller, &channel_id(&id)?).await?))
}

async fn update(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    body: Body,
) -> Result<Json<ChannelItem>, Error> {
    let request: UpdateRequest = body.json()?;
    let change = ChannelChange::new(
        request.name.as_deref(),
        request.config,
        request.templates,
        request.enabled,
        request.rate_limit,
    )?;
    Ok(Json(
        channel::update(&app, &caller, &channel_id(&id)?, &change, reach(&app)).await?,
    ))
}

async fn delete(caller: Caller, Path(id): Path<String>) -> Result<StatusCode, Error> {
    channel::delete(&caller, &channel_id(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn test(State(app): State<App>, caller: Caller, Path(id): Path<String>, body: Body) -> Result<Response, Error> {
    let operation = Operation::of(&body, None)?;
    let id = channel_id(&id)?;
    let outcome = channel::test(&app, &caller, &id, operation.as_ref()).await?;
    let status = if outcome.is_known() {
        StatusCode::OK
    } else {
        StatusCode::ACCEPTED
    };
    Ok((status, Json(outcome)).into_response())
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct RotateRequest {
    #[serde(default)]
    grace_seconds: Option<u32>,
}

async fn rotate_secret(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    body: Body,
) -> Result<Response, Error> {
    let request: RotateRequest = if body.bytes.is_empty() {
        RotateRequest::default()
    } else {
        body.json()?
    };
    let grace = request
        .grace_seconds
        .map_or(channel::GRACE, |seconds| Millis::from(seconds) * 1_000);
    let operation = Operation::of(&body, None)?;
    let id = channel_id(&id)?;
    Ok(
        match channel::rotate_secret(&app, &caller, &id, grace, operation.as_ref()).await? {
            Created::Now(issued) => (StatusCode::CREATED, Json(issued.reveal())).into_response(),
            Created::Before(replay) => replay.into_response(),
        },
    )
}

fn reach(app: &App) -> Reach {
    Reach::new(app.config.allow_private_webhooks)
}

fn channel_id(text: &str) -> Result<ChannelId, Error> {
    ChannelId::parse(text).ok_or(Error::NotFound("the channel"))
}
