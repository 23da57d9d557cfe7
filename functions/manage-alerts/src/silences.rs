//! `/v1/silences`.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use intentvision::alerting::silence::Draft;
use intentvision::alerting::silences::{self, Saved, SilenceItem};
use intentvision::auth::Scope;
use intentvision::http::body::Body;
use intentvision::http::page::PageReply;
use intentvision::http::query::Query;
use intentvision::http::{Caller, Routes};
use intentvision::id::SilenceId;
use intentvision::idempotency::Operation;
use intentvision::{App, Error};

pub(crate) fn routes() -> Routes {
    Routes::new()
        .get("/v1/silences", Scope::AlertsRead, list)
        .post("/v1/silences", Scope::AlertsWrite, create)
        .get("/v1/silences/{id}", Scope::AlertsRead, get)
        .delete("/v1/silences/{id}", Scope::AlertsWrite, end)
}

async fn list(caller: Caller, mut query: Query) -> Result<PageReply, Error> {
    let active = query.take_parsed("active", "true or false", |text| text.parse().ok())?;
    let asked = query.take_page()?;
    query.finish()?;
    asked
        .page(|limit, cursor| silences::list(&caller, active, limit, cursor))
        .await
}

async fn create(State(app): State<App>, caller: Caller, body: Body) -> Result<Response, Error> {
    let new = body.json::<Draft>()?.check(app.clock.now())?;
    let operation = Operation::of(&body, None)?;
    Ok(
        match silences::create(&caller, &app.entropy, new, operation.as_ref()).await? {
            Saved::Now(silence) => (StatusCode::CREATED, Json(silence)).into_response(),
            Saved::Before(replay) => replay.into_response(),
        },
    )
}

async fn get(caller: Caller, Path(id): Path<String>) -> Result<Json<SilenceItem>, Error> {
    Ok(Json(silences::get(&caller, &silence_id(&id)?).await?))
}

/// Ends it; it stays to be seen.
async fn end(caller: Caller, Path(id): Path<String>) -> Result<StatusCode, Error> {
    silences::end(&caller, &silence_id(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn silence_id(text: &str) -> Result<SilenceId, Error> {
    SilenceId::parse(text).ok_or(Error::NotFound("the silence"))
}
