use super::{Routes, service};
use crate::clock::Clock;
use crate::config::{Config, Secret, variable};
use crate::id::Entropy;
use crate::secrets::{self, Sealer};
use crate::{App, Error, telemetry};
use db::{Db, DbError};
use std::sync::Arc;

/// Opens the configured database: the backend that a binary links.
pub type Open = fn(url: &str, token: Option<&str>) -> Result<Arc<dyn Db>, DbError>;

/// Serves the routes of an HTTP function on AWS Lambda until the sandbox ends.
///
/// # Errors
/// What stops the init: configuration that makes no sense, secrets that cannot be read. A database
/// that does not answer yet does not: the first request will tell.
pub async fn serve(routes: Routes, open: Open) -> Result<(), lambda_http::Error> {
    let app = app_from_env(open).await?;
    lambda_http::run(service(app, routes)).await
}

/// The app of a function, from its environment.
///
/// Secrets are named there by
/// `INTENTVISION_DB_AUTH_TOKEN_PARAMETER`, `INTENTVISION_SECRET_KEY_PARAMETER` and
/// `INTENTVISION_SMTP_URL_PARAMETER` from the Parameters and Secrets extension.
///
/// # Errors
/// 503 for configuration that makes no sense and secrets that cannot be read.
pub async fn app_from_env(open: Open) -> Result<App, Error> {
    telemetry::start();
    let mut config = Config::from_env()?;
    if let Some(parameter) = variable("INTENTVISION_DB_AUTH_TOKEN_PARAMETER")? {
        config.db_auth_token = Some(secrets::fetch(&parameter).await?);
    }
    if let Some(parameter) = variable("INTENTVISION_SECRET_KEY_PARAMETER")? {
        config.secret_key = Some(secrets::fetch(&parameter).await?);
    }
    if let Some(parameter) = variable("INTENTVISION_SMTP_URL_PARAMETER")? {
        config.smtp_url = Some(secrets::fetch(&parameter).await?);
    }
    let sealer = config.secret_key.as_ref().map(Sealer::new).transpose()?;
    let db = open(&config.db_url, config.db_auth_token.as_ref().map(Secret::reveal))?;
    let app = App::new(db, Clock::system(), Entropy::system(), config, sealer);
    if let Err(error) = app.warm().await {
        tracing::warn!(%error, "the database does not answer yet");
    }
    Ok(app)
}
