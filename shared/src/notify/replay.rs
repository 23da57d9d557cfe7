//! Dead letters are sent again, as far as they still tell something.
//!
//! A dead letter keeps its id, its body and its log, and its attempts begin anew. Only the newest
//! message of a group to a channel is sent again: an old one would say `firing` to a receiver that
//! was told the end. A digest is sent again as what it told, each message on its own or in a new
//! digest, because some of it may be overtaken.

use super::breaker;
use super::channel::guard;
use super::history::{self, DeliveryItem, Filter};
use crate::Error;
use crate::auth::Tenant;
use crate::id::{ChannelId, MessageId};
use db::{Batch, Rows, Step, args, wall_ms};
use serde::Serialize;

/// What became of a channel's dead letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Replayed {
    /// messages that are sent again
    pub replayed: u64,
    /// messages that were overtaken: a later one told the same alert, or it is over and nobody was
    /// told that it fired
    pub superseded: u64,
}

/// Sends one dead letter again, and says where it stands then.
///
/// # Errors
/// 404 if the organization has no such message; 409 if it is not dead, if its channel is disabled
/// or deleted, or if it says nothing that is still true; 401, 403 or 503.
pub async fn one(tenant: &Tenant, id: &MessageId) -> Result<DeliveryItem, Error> {
    let mut batch = Batch::write();
    let found = batch.push(Step::tenant(STANDING, args![id]));
    push_replay(&mut batch, tenant, Some(id), None);
    let reply = tenant.run(batch).await?;
    refuse(reply.step(found)?)?;
    let filter = Filter {
        message_id: Some(id.clone()),
        ..Filter::default()
    };
    let page = history::list(tenant, &filter, 1, None).await?;
    page.items.into_iter().next().ok_or(NOT_FOUND)
}

const NOT_FOUND: Error = Error::NotFound("the message");

/// Why a message is not replayed, by how it stood before.
fn refuse(standing: &Rows) -> Result<(), Error> {
    let row = standing.first().ok_or(NOT_FOUND)?;
    if row.text(0)? != "dead" {
        let state = row.text(0)?;
        return Err(Error::conflict(format!("the message is {state}, not dead")));
    }
    match row.opt_integer(1)? {
        None => return Err(Error::conflict("the channel was deleted")),
        Some(0) => return Err(Error::conflict("the channel is disabled")),
        Some(_) => {}
    }
    if let Some(newer) = row.opt_text(2)? {
        return Err(Error::conflict(format!(
            "{newer} is a later message of the same alerts to the channel"
        )));
    }
    if row.integer(3)? != 0 {
        return Err(Error::conflict(
            "what it tells is over, and the channel was not told of it",
        ));
    }
    Ok(())
}

/// Sends all dead letters of a channel again, the oldest first, and closes its breaker.
///
/// # Errors
/// 404 if the organization has no such channel; 409 if it is disabled; 401, 403 or 503.
pub async fn all(tenant: &Tenant, channel: &ChannelId) -> Result<Replayed, Error> {
    let mut batch = Batch::write();
    let exists = batch.push(guard::exists(channel));
    let enabled = batch.push(guard::is_enabled(channel));
    let steps = push_replay(&mut batch, tenant, None, Some(channel));
    batch.push(breaker::forget(channel.as_str()));
    match tenant.run(batch).await {
        Ok(reply) => Ok(Replayed {
            superseded: reply.step(steps.overtaken)?.affected,
            replayed: reply.step(steps.members)?.affected + reply.step(steps.messages)?.affected,
        }),
        Err(db::DbError::Raised { step, .. }) if step == exists => Err(Error::NotFound("the channel")),
        Err(db::DbError::Raised { step, .. }) if step == enabled => Err(Error::conflict("the channel is disabled")),
        Err(error) => Err(error.into()),
    }
}

/// Where the steps of a replay are.
struct Steps {
    overtaken: usize,
    members: usize,
    messages: usize,
}

/// Pushes the steps that send dead letters again: the one, or all of the channel.
fn push_replay(batch: &mut Batch, tenant: &Tenant, one: Option<&MessageId>, all: Option<&ChannelId>) -> Steps {
    let which = || {
        args![
            one.map(MessageId::as_str),
            all.map(ChannelId::as_str),
            tenant.clock().wall_offset()
        ]
    };
    // a single one that is overtaken is refused, and stays as it is
    let overtaken = batch.push(Step::tenant(OVERTAKEN, which()));
    let members = batch.push(Step::tenant(MEMBERS, which()));
    batch.push(Step::tenant(DIGESTS, which()));
    let messages = batch.push(Step::tenant(MESSAGES, which()));
    Steps {
        overtaken,
        members,
        messages,
    }
}

/// The newest later message of the same group to the same channel.
macro_rules! newer {
    () => {
        "(SELECT n.message_id FROM outbox AS n INDEXED BY outbox_by_group
          WHERE n.org_id = o.org_id AND n.channel_id = o.channel_id AND n.group_id = o.group_id AND n.group_id <> ''
            AND n.flush > o.flush
          ORDER BY n.flush DESC LIMIT 1)"
    };
}

/// Whether the message says that something is wrong which is over by now, without a later message
/// that would say so: its channel was never told.
macro_rules! over {
    () => {
        "(o.type <> 'alert.resolved' AND o.group_id <> '' AND NOT EXISTS (
            SELECT 1 FROM group_alerts AS g INDEXED BY group_alerts_by_group
            JOIN alerts AS a ON a.org_id = g.org_id AND a.alert_id = g.alert_id
            WHERE g.org_id = o.org_id AND g.channel_id = o.channel_id AND g.group_id = o.group_id AND a.status <> 'resolved'))"
    };
}

/// Dead letters: `?2`, or those of the channel `?3`; in each case of a channel that is enabled.
macro_rules! dead {
    () => {
        "o.org_id = (SELECT org_id FROM authority) AND o.state = 'dead' AND o.message_id IN (
            SELECT ?2 WHERE ?2 IS NOT NULL
            UNION ALL
            SELECT d.message_id FROM outbox AS d INDEXED BY outbox_dead
            WHERE d.org_id = (SELECT org_id FROM authority) AND d.channel_id = ?3 AND d.state = 'dead' AND ?2 IS NULL)
         AND EXISTS (SELECT 1 FROM notification_channels AS c
            WHERE c.org_id = o.org_id AND c.channel_id = o.channel_id AND c.enabled = 1 AND c.deleted_at IS NULL)"
    };
}

const STANDING: &str = concat!(
    "SELECT o.state,
            (SELECT c.enabled FROM notification_channels AS c
             WHERE c.org_id = o.org_id AND c.channel_id = o.channel_id AND c.deleted_at IS NULL), ",
    newer!(),
    ", ",
    over!(),
    " FROM outbox AS o WHERE o.org_id = (SELECT org_id FROM authority) AND o.message_id = ?2"
);

const OVERTAKEN: &str = concat!(
    "UPDATE outbox AS o SET state = 'superseded' WHERE ?2 IS NULL AND ?4 IS NOT NULL AND ",
    dead!(),
    " AND (",
    newer!(),
    " IS NOT NULL OR ",
    over!(),
    ")"
);

/// What dead digests told, as far as nothing later tells it.
const MEMBERS: &str = concat!(
    "UPDATE outbox AS o SET state = 'pending', digest_id = NULL, due_at = ",
    wall_ms!("?4"),
    " WHERE o.org_id = (SELECT org_id FROM authority) AND o.state = 'superseded' AND o.digest_id IN (
            SELECT o.message_id FROM outbox AS o WHERE o.digest_of > 0 AND ",
    dead!(),
    ") AND ",
    newer!(),
    " IS NULL AND NOT ",
    over!()
);

const DIGESTS: &str = concat!(
    "UPDATE outbox AS o SET state = 'superseded' WHERE ?4 IS NOT NULL AND o.digest_of > 0 AND ",
    dead!()
);

/// Of a mail, whom it was refused for is written to again, and nobody who has it.
const MESSAGES: &str = concat!(
    "UPDATE outbox AS o SET state = 'pending', spent = attempts,
        settled = (SELECT json_group_object(key, value) FROM json_each(o.settled) WHERE value BETWEEN 200 AND 399), due_at = ",
    wall_ms!("?4"),
    " WHERE o.digest_of = 0 AND ",
    dead!(),
    " AND ",
    newer!(),
    " IS NULL AND NOT ",
    over!()
);
