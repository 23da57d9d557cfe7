//! What an attempt came to, written by whoever still holds the claim.

use super::breaker::{self, Trouble};
use super::claim::{Claim, while_held};
use super::outbox::MessageKind;
use super::settlement::Settled;
use crate::Error;
use crate::auth::Tenant;
use crate::clock::Millis;
use db::{Batch, DbError, Step, Value, args, wall_ms};
use serde_json::json;

/// What an attempt changes.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) outcome: Outcome,
    /// until the next attempt
    pub(super) delay: Millis,
    pub(super) status: Option<u16>,
    pub(super) error: Option<String>,
    /// what is to be said beside
    pub(super) note: Option<String>,
    /// what the receiver calls the message
    pub(super) thread: Option<String>,
    /// for mail: what is known of its recipients by now
    pub(super) settled: Option<Settled>,
    pub(super) duration: Millis,
    /// the receiver wants nothing any more
    pub(super) disables: bool,
    /// how it leaves the endpoint; `None` if it took the message
    pub(super) trouble: Option<Trouble>,
}

/// What an attempt came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Delivered,
    Retry,
    Dead,
}

impl Outcome {
    /// Of the delivery.
    fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Retry => "retry",
            Self::Dead => "dead",
        }
    }

    /// Of the message, after it.
    fn state(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Retry => "pending",
            Self::Dead => "dead",
        }
    }
}

/// Writes what attempts came to; `false` for one whose lease was lost, and with it the right to say
/// so.
pub(super) async fn record(system: &Tenant, attempts: &[(Claim, Change)]) -> Result<Vec<bool>, Error> {
    let offset = system.clock().wall_offset();
    // a record spends its token, so that a repetition finds nothing to do
    let mut batch = Batch::write().repeatable();
    let mut updates = Vec::new();
    for (claim, change) in attempts {
        let held = claim.held();
        let held_and = |more: Vec<Value>| held.iter().cloned().chain(more).collect();
        let status = change.status.map(i64::from);
        match &change.trouble {
            Some(trouble) => {
                let error = change.error.as_deref().unwrap_or_default();
                for step in breaker::failed(&held, offset, trouble, error) {
                    batch.push(step);
                }
            }
            // of an endpoint that was well there is nothing to forget
            None if claim.suspect => {
                batch.push(breaker::took(&held));
            }
            None => {}
        }
        if change.disables {
            batch.push(Step::tenant(
                DISABLE,
                held_and(args![offset, change.error.as_deref(), claim.channel.updated_at]),
            ));
            batch.push(Step::tenant(DROP, held.clone()));
            batch.push(Step::tenant(ASK, held.clone()));
        }
        batch.push(Step::tenant(
            LOG,
            held_and(args![
                offset,
                change.outcome.as_str(),
                status,
                change.error.as_deref(),
                change.duration,
                change.note.as_deref(),
                change.disables
            ]),
        ));
        if change.outcome == Outcome::Delivered && claim.kind == Some(MessageKind::Resolved) {
            batch.push(Step::tenant(END_THREAD, held.clone()));
        } else if let Some(thread) = &change.thread {
            batch.push(Step::tenant(
                BEGIN_THREAD,
                held_and(args![offset, thread.as_str(), claim.channel.updated_at]),
            ));
        }
        updates.push(batch.push(Step::tenant(
            SETTLE,
            held_and(args![
                change.outcome.state(),
                change.delay,
                status,
                change.error.as_deref(),
                change.settled.as_ref().map(|settled| json!(settled).to_string()),
                change.disables
            ]),
        )));
    }
    let reply = system.run(batch).await?;
    let kept = updates.into_iter().map(|step| Ok(reply.step(step)?.affected > 0));
    Ok(kept.collect::<Result<_, DbError>>()?)
}

/// Whether the channel is enabled after [`DISABLE`]: it was changed since the claim read it, so that a
/// message to a receiver that is gone is still to be told, where the channel leads now.
macro_rules! moved {
    () => {
        "EXISTS (SELECT 1 FROM notification_channels AS c
                 WHERE c.org_id = outbox.org_id AND c.channel_id = outbox.channel_id AND c.enabled = 1 AND c.deleted_at IS NULL)"
    };
}

const LOG: &str = concat!(
    "INSERT INTO deliveries (org_id, message_id, attempt, channel_id, at, outcome, status, error, duration_ms, note)
     SELECT org_id, message_id, attempts, channel_id, ",
    wall_ms!("?5"),
    ", iif(?11 AND ",
    moved!(),
    ", 'retry', ?6), ?7, ?8, ?9, ?10 FROM outbox",
    while_held!()
);

/// What was said to an attempt that began before the channel was changed is not said of the channel as it is.
const DISABLE: &str = concat!(
    "UPDATE notification_channels SET enabled = 0, disabled_because = ?6, updated_at = ",
    wall_ms!("?5"),
    " WHERE (org_id, channel_id) = (SELECT org_id, channel_id FROM outbox",
    while_held!(),
    ") AND updated_at = ?7"
);

/// A resolve waits until the channel is enabled again, and so does a digest, which may hold one.
const DROP: &str = concat!(
    "UPDATE outbox INDEXED BY outbox_in_flight SET state = 'dead', last_error = 'the channel is disabled: its receiver is gone'
     WHERE (org_id, channel_id) = (SELECT org_id, channel_id FROM outbox",
    while_held!(),
    ") AND message_id <> ?3 AND state = 'pending' AND type <> 'alert.resolved' AND digest_of = 0
       AND EXISTS (SELECT 1 FROM notification_channels AS c
                   WHERE c.org_id = outbox.org_id AND c.channel_id = outbox.channel_id AND c.enabled = 0)"
);

/// Who is told changes with it.
const ASK: &str = concat!(
    "UPDATE org_state SET notices_asked = notices_asked + 1 WHERE org_id = (SELECT org_id FROM outbox",
    while_held!(),
    ")"
);

const END_THREAD: &str = concat!(
    "DELETE FROM channel_threads WHERE (org_id, channel_id, group_key) = (SELECT org_id, channel_id, group_id FROM outbox",
    while_held!(),
    ")"
);

/// A channel that was changed since may be told elsewhere.
const BEGIN_THREAD: &str = concat!(
    "INSERT INTO channel_threads (org_id, channel_id, group_key, thread, at)
     SELECT org_id, channel_id, group_id, ?6, ",
    wall_ms!("?5"),
    " FROM outbox",
    while_held!(),
    " AND group_id <> '' AND EXISTS (
            SELECT 1 FROM notification_channels AS c
            WHERE c.org_id = outbox.org_id AND c.channel_id = outbox.channel_id AND c.updated_at = ?7)
      ON CONFLICT (org_id, channel_id, group_key) DO NOTHING"
);

const SETTLE: &str = concat!(
    "UPDATE outbox SET state = iif(?10 AND ",
    moved!(),
    ", 'pending', ?5), lease_until = 0, lease_token = lease_token + 1, last_status = ?7, last_error = ?8,
         settled = coalesce(?9, settled),
         due_at = ?6 + (SELECT d.at FROM deliveries AS d WHERE d.org_id = outbox.org_id
                        AND d.message_id = outbox.message_id AND d.attempt = outbox.attempts)",
    while_held!()
);
