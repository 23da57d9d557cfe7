//! Drains the outbox: sends what is due to its channels.
//!
//! A schedule invokes it each minute and a queue whenever there is something new. What they say does
//! not matter: the outbox knows what is due, so that a lost, doubled or late event changes nothing.

use intentvision::notify::Sender;
use intentvision::notify::delivery::{self, Summary};
use intentvision::{App, Error};
use serde::de::IgnoredAny;

/// Attempts of one invocation: more than its time allows, unless receivers are fast.
pub const LIMIT: usize = 2_000;

/// Sends what is due, with at most `limit` attempts.
///
/// # Errors
/// 503 if the database does not answer.
pub async fn run(app: &App, limit: usize) -> Result<Summary, Error> {
    let sender = Sender::system(&app.config).with_painter(paint);
    delivery::drain(app, &sender, limit).await
}

fn paint(svg: &str) -> Result<Vec<u8>, String> {
    picture::png(svg).map_err(|error| error.to_string())
}

/// Sends what is due, whatever the event says.
///
/// # Errors
/// 503 if the database does not answer; the queue hands its event out again.
pub async fn on_event(app: &App, _: IgnoredAny) -> Result<Summary, Error> {
    run(app, LIMIT).await
}
