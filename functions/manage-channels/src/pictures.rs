//! `/v1/pictures/{token}`: what a message's link to its picture shows.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::Method;
use http::header::CONTENT_TYPE;
use intentvision::http::Routes;
use intentvision::notify::link;
use intentvision::{App, Error};

pub(crate) fn routes() -> Routes {
    Routes::new().without_key(Method::GET, "/v1/pictures/{token}", get)
}

async fn get(State(app): State<App>, Path(token): Path<String>) -> Result<Response, Error> {
    let png = link::follow(&app, &token).await?;
    Ok(([(CONTENT_TYPE, "image/png")], png).into_response())
}
