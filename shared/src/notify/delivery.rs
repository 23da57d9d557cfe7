//! Drains the outbox: at least once, in order for each alert and channel, and with no receiver
//! waiting for another.

use super::channel;
use super::claim::{self, Change, Claim};
use super::retry::{self, Verdict};
use super::sender::Sender;
use super::signature::{self, ID_HEADER, SIGNATURE_HEADER, SigningSecret, TIMESTAMP_HEADER};
use super::target::WebhookUrl;
use crate::auth::{Job, Tenant};
use crate::clock::Millis;
use crate::{App, Error, time};
use futures::{FutureExt, StreamExt, stream::FuturesUnordered};
use http::{HeaderMap, HeaderValue};
use serde::Serialize;

/// Attempts at the same time.
const CONCURRENCY: usize = 16;
/// No new attempt is begun later than this after the start, so that a function ends in time: an
/// attempt takes up to 10 s more.
pub const DRAIN: Millis = 40_000;

/// What a drain did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// messages that were sent, or that an attempt was made to
    pub attempted: usize,
    /// accepted by their receivers
    pub delivered: usize,
    /// to be tried again
    pub retried: usize,
    /// given up
    pub dead: usize,
    /// when the next message becomes due, by the database's clock
    #[serde(serialize_with = "time::rfc3339_option")]
    pub next_due: Option<Millis>,
}

impl Summary {
    fn count(&mut self, outcome: &'static str) {
        match outcome {
            "delivered" => self.delivered += 1,
            "retry" => self.retried += 1,
            "dead" => self.dead += 1,
            _ => {}
        }
    }
}

/// Sends what is due, with at most `limit` attempts.
///
/// # Errors
/// 503 if the database does not answer; what was begun is finished before.
pub async fn drain(app: &App, sender: &Sender, limit: usize) -> Result<Summary, Error> {
    let system = app.system(Job::Deliver, None);
    let deadline = app.clock.wall() + DRAIN;
    let mut summary = Summary::default();
    let mut running = FuturesUnordered::new();
    let mut failure = None;
    loop {
        let room = (CONCURRENCY - running.len()).min(limit - summary.attempted);
        if room > 0 && failure.is_none() && app.clock.wall() < deadline {
            match claim::claim(&system, room).await {
                Ok(claims) => {
                    summary.attempted += claims.len();
                    running.extend(claims.into_iter().map(|claim| attempt(app, &system, sender, claim)));
                }
                Err(error) => failure = Some(error),
            }
        }
        let Some(first) = running.next().await else { break };
        summary.count(first);
        while let Some(Some(another)) = running.next().now_or_never() {
            summary.count(another);
        }
    }
    if let Some(error) = failure {
        return Err(error);
    }
    summary.next_due = claim::next_due(&system).await?;
    Ok(summary)
}

/// One attempt with its record: the outcome, or nothing if the lease was lost on the way.
async fn attempt(app: &App, system: &Tenant, sender: &Sender, claim: Claim) -> &'static str {
    let started = app.clock.wall();
    let told = tell(app, sender, &claim).await;
    let delay = match told.verdict {
        Verdict::Retry(asked) => retry::delay(claim.attempts, asked),
        _ => None,
    };
    let (outcome, state) = match (told.verdict, delay) {
        (Verdict::Delivered, _) => ("delivered", "delivered"),
        (Verdict::Retry(_), Some(_)) => ("retry", "pending"),
        _ => ("dead", "dead"),
    };
    let change = Change {
        outcome,
        state,
        delay: delay.unwrap_or(0),
        status: told.status,
        error: told.error.as_deref(),
        duration: (app.clock.wall() - started).max(0),
        disables: told.verdict == Verdict::Gone,
    };
    match claim::record(system, &claim, &change).await {
        Ok(true) => outcome,
        Ok(false) => {
            tracing::warn!(message_id = claim.message_id, "an attempt ended after its lease");
            ""
        }
        Err(error) => {
            // its lease ends, and the message is sent again under the same id
            tracing::error!(message_id = claim.message_id, %error, "an attempt was not recorded");
            ""
        }
    }
}

struct Told {
    verdict: Verdict,
    status: Option<u16>,
    error: Option<String>,
}

impl Told {
    fn failed(error: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Retry(None),
            status: None,
            error: Some(error.into()),
        }
    }
}

async fn tell(app: &App, sender: &Sender, claim: &Claim) -> Told {
    if claim.attempts > retry::ATTEMPTS {
        // each attempt ended with its process: a message must not be able to do that for ever
        return Told::failed("given up: no attempt came to an end");
    }
    let url = match channel::target(&claim.config, sender.reach()) {
        Ok(url) => url,
        Err(error) => return Told::failed(error),
    };
    let secrets = match channel::open_secrets(app, &claim.channel_id, &claim.secret) {
        Ok(secrets) => secrets,
        Err(error) => {
            tracing::error!(
                channel_id = claim.channel_id,
                ?error,
                "a channel's secret does not open"
            );
            return Told::failed(
                "the channel's secret does not open: is INTENTVISION_SECRET_KEY the one it was sealed with?",
            );
        }
    };
    match send(app, sender, &url, &secrets, claim).await {
        Err(error) => Told::failed(error),
        Ok(answer) => {
            let words = if answer.words.is_empty() {
                answer.status.to_string()
            } else {
                format!("{}: {}", answer.status, answer.words)
            };
            let verdict = retry::judge(answer.status, &answer.headers, app.clock.wall());
            Told {
                verdict,
                status: Some(answer.status.as_u16()),
                error: (verdict != Verdict::Delivered).then_some(words),
            }
        }
    }
}

async fn send(
    app: &App,
    sender: &Sender,
    url: &WebhookUrl,
    secrets: &[SigningSecret],
    claim: &Claim,
) -> Result<super::sender::Answer, String> {
    let timestamp = app.clock.wall().div_euclid(1000);
    let signature = signature::sign(secrets, &claim.message_id, timestamp, claim.body.as_bytes());
    let mut headers = HeaderMap::new();
    for (name, value) in [
        (ID_HEADER, claim.message_id.as_str()),
        (TIMESTAMP_HEADER, &timestamp.to_string()),
        (SIGNATURE_HEADER, &signature),
    ] {
        let value = HeaderValue::from_str(value).map_err(|_| format!("{name} is no header"))?;
        headers.insert(name, value);
    }
    sender.post(url, headers, claim.body.clone()).await
}
