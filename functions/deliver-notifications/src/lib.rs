//! Drains the outbox: sends what is due to its channels.
//!
//! A schedule invokes it each minute and a queue whenever there is something new. What they say does
//! not matter: the outbox knows what is due, so that a lost, doubled or late event changes nothing.

use intentvision::auth::Job;
use intentvision::notify::Sender;
use intentvision::notify::delivery::{self, Summary};
use intentvision::notify::recipients;
use intentvision::{App, Error};
use mail::Smtp;
use serde::de::IgnoredAny;
use std::sync::Arc;

/// Attempts of one invocation: more than its time allows, unless receivers are fast.
pub const LIMIT: usize = 2_000;

/// Sends what is due, with at most `limit` attempts, and beside that asks those who are to get mail.
///
/// # Errors
/// 503 if the database does not answer, or `INTENTVISION_SMTP_URL` makes no sense.
pub async fn run(app: &App, limit: usize) -> Result<Summary, Error> {
    // no message waits for a mail server
    let (summary, asked) = tokio::join!(send(app, limit), ask(app));
    if let Err(error) = asked {
        // a later run asks them
        tracing::warn!(%error, "recipients could not be asked");
    }
    summary
}

/// Sends what is due, with at most `limit` attempts.
///
/// # Errors
/// As [`run`].
pub async fn send(app: &App, limit: usize) -> Result<Summary, Error> {
    let app = with_mailer(app.clone())?;
    let sender = Sender::system(&app.config).with_painter(paint);
    delivery::drain(&app, &sender, limit).await
}

/// Asks those who are to get mail, and says how many: in up to half a minute, if the server is slow.
///
/// # Errors
/// As [`run`].
pub async fn ask(app: &App) -> Result<usize, Error> {
    let app = with_mailer(app.clone())?;
    let Some(mailer) = &app.mailer else { return Ok(0) };
    recipients::ask(&app, &app.system(Job::Deliver, None), mailer.as_ref()).await
}

fn paint(svg: &str) -> Result<Vec<u8>, String> {
    picture::png(svg).map_err(|error| error.to_string())
}

/// The app with what sends its mail, where a server is configured.
///
/// # Errors
/// 503 if `INTENTVISION_SMTP_URL` makes no sense.
pub fn with_mailer(mut app: App) -> Result<App, Error> {
    if let (None, Some(url)) = (&app.mailer, &app.config.smtp_url) {
        app.mailer = Some(Arc::new(Smtp::new(url)?));
    }
    Ok(app)
}

/// Sends what is due, whatever the event says.
///
/// # Errors
/// 503 if the database does not answer; the queue hands its event out again.
pub async fn on_event(app: &App, _: IgnoredAny) -> Result<Summary, Error> {
    run(app, LIMIT).await
}
