//! Drains the outbox: at least once, in order for each alert and channel, and with no receiver
//! waiting for another.

use super::attempt::attempt;
use super::claim::{self, Claim, Room};
use super::record::{self, Change, Outcome};
use super::sender::Sender;
use crate::auth::{Job, Tenant};
use crate::clock::Millis;
use crate::{App, Error, time};
use futures::{FutureExt, StreamExt, stream::FuturesUnordered};
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
/// attempt takes up to 20 s more.
pub const DRAIN: Millis = 25_000;

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
                    running.extend(claims.into_iter().map(|claim| attempt(app, &system, sender, claim)));
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
