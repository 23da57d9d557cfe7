//! Alerts that other systems found: `POST /api/v2/alerts`, as a Prometheus sends them to an Alertmanager, and a receiver of the
//! webhooks of an Alertmanager.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use intentvision::alerting::external;
use intentvision::auth::Scope;
use intentvision::http::body::Body;
use intentvision::http::query::Query;
use intentvision::http::{Caller, CurrentRequest, Routes};
use intentvision::ingest::{self, Accepted, Alerts, Window};
use intentvision::series::SeriesNames;
use intentvision::{App, Error};

/// Where alerts come from, as batches of the log say it.
const SOURCE: &str = "alertmanager";

/// Reads the body of a request.
type Read = fn(&[u8], Window, &SeriesNames) -> Result<Alerts<'static>, Error>;

pub(crate) fn routes() -> Routes {
    let taking = |read: Read| {
        move |app: State<App>, caller: Caller, request: CurrentRequest, query: Query, body: Body| {
            take(read, app, caller, request, query, body)
        }
    };
    Routes::new()
        .post("/api/v2/alerts", Scope::AlertsWrite, taking(ingest::read_posted_alerts))
        .post(
            "/v1/alertmanager/webhook",
            Scope::AlertsWrite,
            taking(ingest::read_alertmanager_webhook),
        )
}

/// What is said of the alerts comes first, so that it is there when the tick sees them.
async fn take(
    read: Read,
    State(app): State<App>,
    caller: Caller,
    CurrentRequest(request_id): CurrentRequest,
    query: Query,
    body: Body,
) -> Result<Response, Error> {
    query.finish()?;
    let alerts = read(&body.bytes, Window::of(&app), &app.series_names)?;
    external::describe(&caller, &app.entropy, &alerts.descriptions).await?;
    let accepted = ingest::accept(&app, &caller, alerts.entries, None, &request_id, Some(SOURCE)).await?;
    Ok(match accepted {
        Accepted::Now(report) => (report.status(), Json(report)).into_response(),
        Accepted::Before(replay) => replay.into_response(),
    })
}
