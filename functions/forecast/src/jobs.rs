//! `/v1/forecast-jobs`, their results and their runs.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use intentvision::auth::Scope;
use intentvision::forecasting::jobs::{self, Definition, Job, Saved};
use intentvision::http::body::Body;
use intentvision::http::page::PageReply;
use intentvision::http::query::Query;
use intentvision::http::{Caller, Routes};
use intentvision::id::JobId;
use intentvision::idempotency::Operation;
use intentvision::{App, Error};

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/v1/forecast-jobs", Scope::ForecastsRead, list)
        .post("/v1/forecast-jobs", Scope::ForecastsWrite, create)
        .get("/v1/forecast-jobs/{id}", Scope::ForecastsRead, get)
        .put("/v1/forecast-jobs/{id}", Scope::ForecastsWrite, replace)
        .delete("/v1/forecast-jobs/{id}", Scope::ForecastsWrite, delete)
        .get("/v1/forecast-jobs/{id}/results", Scope::ForecastsRead, results)
        .get("/v1/forecast-jobs/{id}/runs", Scope::ForecastsRead, runs)
}

async fn list(caller: Caller, mut query: Query) -> Result<PageReply, Error> {
    let asked = query.take_page()?;
    query.finish()?;
    asked.page(|limit, cursor| jobs::list(&caller, limit, cursor)).await
}

async fn create(State(app): State<App>, caller: Caller, body: Body) -> Result<Response, Error> {
    let definition = Definition::parse(&body.bytes)?;
    let operation = Operation::of(&body, None)?;
    Ok(
        match jobs::create(&caller, &app.entropy, &definition, operation.as_ref()).await? {
            Saved::Now(job) => (StatusCode::CREATED, Json(job)).into_response(),
            Saved::Before(replay) => replay.into_response(),
        },
    )
}

async fn get(caller: Caller, query: Query, Path(id): Path<String>) -> Result<Json<Job>, Error> {
    query.finish()?;
    Ok(Json(jobs::get(&caller, &job_id(&id)?).await?))
}

async fn replace(caller: Caller, Path(id): Path<String>, body: Body) -> Result<Json<Job>, Error> {
    let definition = Definition::parse(&body.bytes)?;
    Ok(Json(jobs::replace(&caller, &job_id(&id)?, &definition).await?))
}

async fn delete(caller: Caller, Path(id): Path<String>) -> Result<StatusCode, Error> {
    jobs::delete(&caller, &job_id(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn results(caller: Caller, Path(id): Path<String>, mut query: Query) -> Result<PageReply, Error> {
    let run = query.take_parsed("run", "the number of a run", |text| text.parse().ok())?;
    let asked = query.take_page()?;
    query.finish()?;
    let id = job_id(&id)?;
    asked
        .page(|limit, cursor| jobs::results(&caller, &id, run, limit, cursor))
        .await
}

async fn runs(caller: Caller, Path(id): Path<String>, mut query: Query) -> Result<PageReply, Error> {
    let asked = query.take_page()?;
    query.finish()?;
    let id = job_id(&id)?;
    asked
        .page(|limit, cursor| jobs::runs(&caller, &id, limit, cursor))
        .await
}

fn job_id(text: &str) -> Result<JobId, Error> {
    JobId::parse(text).ok_or(Error::NotFound("the forecast job"))
}
