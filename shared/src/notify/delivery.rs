//! Drains the outbox: at least once, in order for each alert and channel, and with no receiver
//! waiting for another.

use super::channel;
use super::breaker::Trouble;
use super::claim::{self, Claim, Room};
use super::record::{self, Change, Outcome};
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
use std::time::Duration;

/// Attempts at the same time: they mostly wait.
const CONCURRENCY: usize = 64;
/// Attempts at the same time at endpoints that failed last: they may hang, and delay none of the
/// others.
const SUSPECTS: usize = 16;
/// While attempts are under way, what is new is looked for so often: it waits for no receiver.
const LOOK: Duration = Duration::from_secs(1);
/// No new attempt is begun later than this after the start, so that a function ends in time: an
/// attempt takes up to 10 s more.
pub const DRAIN: Millis = 30_000;

/// How often a record is tried.
const RECORD_TRIES: u32 = 3;

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
    fn count(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Delivered => self.delivered += 1,
            Outcome::Retry => self.retried += 1,
            Outcome::Dead => self.dead += 1,
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
    let mut suspects = 0;
    let mut failure = None;
    loop {
        let room = Room {
            well: CONCURRENCY - (running.len() - suspects),
            suspect: SUSPECTS - suspects,
            all: limit - summary.attempted,
        };
        if room.is_some() && failure.is_none() && app.clock.wall() < deadline {
            match claim::claim(&system, room).await {
                Ok(claims) => {
                    summary.attempted += claims.len();
                    suspects += claims.iter().filter(|claim| claim.suspect).count();
                    running.extend(claims.into_iter().map(|claim| attempt(app, sender, claim)));
                }
                Err(error) => failure = Some(error),
            }
        }
        if running.is_empty() {
            break;
        }
        let Ok(Some(first)) = tokio::time::timeout(LOOK, running.next()).await else {
            continue;
        };
        let mut ended = vec![first];
        while let Some(Some(another)) = running.next().now_or_never() {
            ended.push(another);
        }
        suspects -= ended.iter().filter(|(claim, _)| claim.suspect).count();
        if let Err(error) = record(&system, &ended, &mut summary).await {
            failure = Some(error);
        }
    }
    if let Some(error) = failure {
        return Err(error);
    }
    summary.next_due = claim::next_due(&system).await?;
    Ok(summary)
}

/// Records what ended in one write, more than once if need be: what is not recorded is sent again.
async fn record(system: &Tenant, ended: &[(Claim, Change)], summary: &mut Summary) -> Result<(), Error> {
    let mut tries = 1;
    let kept = loop {
        match record::record(system, ended).await {
            Ok(kept) => break kept,
            Err(error) if tries == RECORD_TRIES => {
                tracing::error!(
                    attempts = ended.len(),
                    "attempts were not recorded, and will be made again"
                );
                return Err(error);
            }
            Err(_) => tries += 1,
        }
    };
    for ((claim, change), kept) in ended.iter().zip(kept) {
        if kept {
            summary.count(change.outcome);
        } else {
            tracing::warn!(message_id = claim.message_id, "an attempt ended after its lease");
        }
    }
    Ok(())
}

async fn attempt(app: &App, sender: &Sender, claim: Claim) -> (Claim, Change) {
    let started = app.clock.wall();
    let told = tell(app, sender, &claim).await;
    let delay = match told.verdict {
        Verdict::Retry(asked) => retry::delay(claim.attempts, claim.lasting, asked),
        // it waits until somebody enables the channel again
        Verdict::Gone if claim.lasting => Some(0),
        _ => None,
    };
    let outcome = match (told.verdict, delay) {
        (Verdict::Delivered, _) => Outcome::Delivered,
        (_, Some(_)) => Outcome::Retry,
        _ => Outcome::Dead,
    };
    let change = Change {
        outcome,
        delay: delay.unwrap_or(0),
        disables: told.verdict == Verdict::Gone,
        trouble: told.trouble(),
        status: told.status,
        error: told.error,
        duration: (app.clock.wall() - started).max(0),
    };
    (claim, change)
}

struct Told {
    verdict: Verdict,
    status: Option<u16>,
    error: Option<String>,
    /// where nobody answered
    silent_host: Option<String>,
}

impl Told {
    fn failed(error: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Retry(None),
            status: None,
            error: Some(error.into()),
            silent_host: None,
        }
    }

    /// How this leaves the endpoint.
    fn trouble(&self) -> Option<Trouble> {
        let asked = match self.verdict {
            Verdict::Delivered => return None,
            Verdict::Retry(asked) => asked,
            Verdict::Refused | Verdict::Gone => None,
        };
        Some(Trouble {
            // 429 with a time: busy, and well
            counts: !(self.status == Some(429) && asked.is_some()),
            asked: asked.unwrap_or(0),
            host: self.silent_host.clone(),
        })
    }
}

async fn tell(app: &App, sender: &Sender, claim: &Claim) -> Told {
    if claim.attempts > retry::attempts(claim.lasting) {
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
        Err(error) => Told {
            silent_host: url.endpoint(),
            ..Told::failed(error)
        },
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
                silent_host: None,
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
