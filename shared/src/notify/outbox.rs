//! What is to be told, written in the batch that decides it.

use super::notice::Why;
use crate::Error;
use crate::clock::{Clock, Millis};
use crate::id::{ChannelId, GroupId, MessageId};
use crate::listed::listed;
use db::{Step, args, wall_ms};
use serde_json::json;

/// What a message tells of an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageKind {
    /// it fires
    Firing,
    /// its series has no new points
    NoData,
    /// somebody has seen it; only for channels whose receiver keeps track of that
    Acknowledged,
    /// it is over
    Resolved,
}

impl MessageKind {
    /// The `type` of the message.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Firing => "alert.firing",
            Self::NoData => "alert.no_data",
            Self::Acknowledged => "alert.acknowledged",
            Self::Resolved => "alert.resolved",
        }
    }

    /// The alert's status while the message is true.
    #[must_use]
    pub fn status(self) -> &'static str {
        match self {
            Self::Firing | Self::Acknowledged => "firing",
            Self::NoData => "no_data",
            Self::Resolved => "resolved",
        }
    }

    /// Reads a `type`; `None` for a test call.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Firing, Self::NoData, Self::Acknowledged, Self::Resolved]
            .into_iter()
            .find(|kind| kind.as_str() == text)
    }
}

/// What a channel is to be told of a group of alerts. What it says of them is read when it is first sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMessage {
    /// who is told
    pub channel_id: ChannelId,
    /// of which alerts
    pub group_id: GroupId,
    /// the number of the message, counted up in its group
    pub flush: i64,
    /// the minute that decided it
    pub minute: Millis,
    /// what is told
    pub kind: MessageKind,
    /// why now
    pub why: Why,
}

impl NewMessage {
    /// Follows from group, number and channel: whoever decides the same twice writes one message.
    #[must_use]
    pub fn message_id(&self) -> MessageId {
        MessageId::derived(
            self.minute,
            &[
                self.group_id.as_str().as_bytes(),
                &self.flush.to_be_bytes(),
                self.channel_id.as_str().as_bytes(),
            ],
        )
    }
}

/// The steps that put messages into the outbox of the organization that `authority` names.
///
/// - A channel that was deleted is told nothing. A disabled one keeps a dead letter instead, but for
///   a resolve of what it was told before: that one waits until the channel is enabled again.
/// - `Resolved` reaches a channel that was told of the group, or is about to be.
/// - What it was about to be told before, and nobody has tried to send yet, is superseded: the newest message says it
///   all. Only that somebody has seen it replaces nothing.
/// - A test organization's messages are recorded and never sent.
///
/// # Errors
/// 503 if a message cannot be written as JSON.
pub fn enqueue(messages: &[NewMessage], clock: &Clock) -> Result<Vec<Step>, Error> {
    let row = |message: &NewMessage| {
        json!([
            message.message_id(),
            message.channel_id,
            message.group_id,
            message.flush,
            message.kind.as_str(),
            message.minute,
            message.why.as_str(),
        ])
    };
    let lists = listed(messages.iter().map(row))?;
    let open = |list| Step::tenant(OPEN, args![list, clock.wall_offset()]);
    let resolve = |list| Step::tenant(RESOLVE, args![list, clock.wall_offset()]);
    let supersede = |list| Step::tenant(SUPERSEDE, args![list]);
    // the order matters: a resolve looks at what the first step wrote, the last at both
    let steps = lists.iter().map(open);
    let steps = steps.chain(lists.iter().map(resolve));
    Ok(steps.chain(lists.iter().map(supersede)).collect())
}

macro_rules! insert {
    ($state:literal, $why:literal, $condition:literal) => {
        concat!(
            "INSERT INTO outbox (org_id, message_id, channel_id, group_id, flush, type, occurred_at, why,
                                 state, last_error, due_at, created_at)
             SELECT c.org_id, m.value ->> 0, c.channel_id, m.value ->> 2, m.value ->> 3, m.value ->> 4, m.value ->> 5, m.value ->> 6,
                    CASE WHEN o.environment = 'test' THEN 'recorded' ",
            $state,
            " END, CASE WHEN o.environment = 'test' THEN NULL ",
            $why,
            " END, ",
            wall_ms!("?3"),
            ", ",
            wall_ms!("?3"),
            " FROM authority AS a
             JOIN organizations AS o ON o.org_id = a.org_id
             JOIN json_each(?2) AS m
             JOIN notification_channels AS c
               ON c.org_id = a.org_id AND c.channel_id = m.value ->> 1 AND c.deleted_at IS NULL
             WHERE ",
            $condition,
            " ON CONFLICT (org_id, message_id) DO NOTHING"
        )
    };
}

const OPEN: &str = insert!(
    "WHEN c.enabled = 0 THEN 'dead' ELSE 'pending'",
    "WHEN c.enabled = 0 THEN 'the channel is disabled'",
    "m.value ->> 4 <> 'alert.resolved'"
);

const RESOLVE: &str = insert!(
    "ELSE 'pending'",
    "",
    "m.value ->> 4 = 'alert.resolved' AND EXISTS (
        SELECT 1 FROM outbox AS told
        WHERE told.org_id = c.org_id AND told.channel_id = c.channel_id AND told.group_id = m.value ->> 2
          AND told.flush < m.value ->> 3 AND told.type IN ('alert.firing', 'alert.no_data')
          AND (told.attempts > 0 OR told.digest_id IS NOT NULL OR told.state IN ('pending', 'recorded')))"
);

// the index is named: SQLite would walk everything that the organization was ever told
const SUPERSEDE: &str = "UPDATE outbox AS told INDEXED BY outbox_by_group SET state = 'superseded'
     WHERE told.org_id = (SELECT org_id FROM authority)
       AND (told.channel_id, told.group_id) IN (SELECT value ->> 1, value ->> 2 FROM json_each(?2))
       AND told.state = 'pending' AND told.attempts = 0
       AND EXISTS (SELECT 1 FROM outbox AS newer INDEXED BY outbox_by_group
                   WHERE newer.org_id = told.org_id AND newer.channel_id = told.channel_id AND newer.group_id = told.group_id
                     AND newer.flush > told.flush AND newer.state = 'pending' AND newer.type <> 'alert.acknowledged')";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_follows_from_group_number_and_channel() {
        let message = |group: &str, flush, channel: &str| NewMessage {
            channel_id: ChannelId::derived(0, &[channel.as_bytes()]),
            group_id: GroupId::derived(0, &[group.as_bytes()]),
            flush,
            minute: 60_000,
            kind: MessageKind::Firing,
            why: Why::First,
        };
        let id = message("a", 1, "c").message_id();
        assert_eq!(id, message("a", 1, "c").message_id());
        for other in [message("b", 1, "c"), message("a", 2, "c"), message("a", 1, "d")] {
            assert_ne!(id, other.message_id());
        }
        assert!(id.as_str().starts_with("msg_"));
    }

    #[test]
    fn nothing_to_tell_takes_no_step() {
        assert!(enqueue(&[], &Clock::system()).unwrap().is_empty());
    }
}
