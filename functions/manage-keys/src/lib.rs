//! API keys: `/v1/api-keys`.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use intentvision::auth::{Scope, Scopes};
use intentvision::clock::Millis;
use intentvision::http::body::Body;
use intentvision::http::page::PageReply;
use intentvision::http::query::Query;
use intentvision::http::{Caller, Routes};
use intentvision::id::KeyId;
use intentvision::idempotency::Operation;
use intentvision::keys::{self, Created, NewKey};
use intentvision::{App, Error, time};
use serde::Deserialize;

/// The routes of this function.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .get("/v1/api-keys", Scope::KeysWrite, list)
        .post("/v1/api-keys", Scope::KeysWrite, create)
        .delete("/v1/api-keys/{id}", Scope::KeysWrite, revoke)
        .post("/v1/api-keys/{id}/rotate", Scope::KeysWrite, rotate)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CreateRequest {
    name: String,
    scopes: Vec<String>,
    #[serde(default)]
    expires_at: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct RotateRequest {
    #[serde(default)]
    grace_seconds: u32,
}

async fn list(caller: Caller, mut query: Query) -> Result<PageReply, Error> {
    let asked = query.take_page()?;
    query.finish()?;
    asked.page(|limit, cursor| keys::list(&caller, limit, cursor)).await
}

async fn create(State(app): State<App>, caller: Caller, body: Body) -> Result<Response, Error> {
    let request: CreateRequest = body.json()?;
    let new = NewKey::new(
        &request.name,
        Scopes::parse(request.scopes.iter().map(String::as_str))?,
        request.expires_at.as_deref().map(expiry).transpose()?,
    )?;
    let operation = Operation::of(&body, None)?;
    Ok(shown_once(
        keys::create(&caller, &app.entropy, &new, operation.as_ref()).await?,
    ))
}

async fn revoke(caller: Caller, Path(id): Path<String>) -> Result<StatusCode, Error> {
    keys::revoke(&caller, &key_id(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn rotate(State(app): State<App>, caller: Caller, Path(id): Path<String>, body: Body) -> Result<Response, Error> {
    let request: RotateRequest = if body.bytes.is_empty() {
        RotateRequest::default()
    } else {
        body.json()?
    };
    let grace = Millis::from(request.grace_seconds) * 1000;
    let operation = Operation::of(&body, None)?;
    let created = keys::rotate(&caller, &app.entropy, &key_id(&id)?, grace, operation.as_ref()).await?;
    Ok(shown_once(created))
}

fn shown_once(created: Created) -> Response {
    match created {
        Created::Now(issued) => (StatusCode::CREATED, Json(issued.reveal())).into_response(),
        Created::Before(replay) => replay.into_response(),
    }
}

fn expiry(text: &str) -> Result<Millis, Error> {
    time::parse_rfc3339(text).ok_or_else(|| Error::schema("expires_at must be a time in RFC 3339"))
}

fn key_id(text: &str) -> Result<KeyId, Error> {
    KeyId::parse(text).ok_or(Error::NotFound("the key"))
}
