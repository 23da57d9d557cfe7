//! What was sent: each message with its attempts, dead letters included.

use crate::auth::Tenant;
use crate::clock::Millis;
use crate::http::page::{Cursor, Page};
use crate::id::{AlertId, ChannelId, MessageId};
use crate::{Error, time};
use db::{Batch, DbError, Row, Step, args};
use serde::{Deserialize, Serialize};

/// Which messages are asked for; what is `None` does not matter.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "the names say what they are")]
pub struct Filter {
    pub message_id: Option<MessageId>,
    pub channel_id: Option<ChannelId>,
    pub alert_id: Option<AlertId>,
    pub state: Option<State>,
}

/// Where a message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// to be sent, or to be tried again
    Pending,
    /// accepted by its receiver
    Delivered,
    /// another message says it too: a later one, or a digest
    Superseded,
    /// of a test organization: not for sending
    Recorded,
    /// a dead letter: given up, refused, or its channel is gone
    Dead,
}

impl State {
    const ALL: [(Self, &'static str); 5] = [
        (Self::Pending, "pending"),
        (Self::Delivered, "delivered"),
        (Self::Superseded, "superseded"),
        (Self::Recorded, "recorded"),
        (Self::Dead, "dead"),
    ];

    /// Reads a state.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .find(|(_, name)| *name == text)
            .map(|(state, _)| *state)
    }

    /// As written in replies and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(state, _)| *state == self)
            .map_or("", |(_, name)| name)
    }
}

/// A message with its attempts.
#[derive(Debug, Clone, Serialize)]
#[expect(missing_docs, reason = "the fields of the HTTP contract")]
pub struct DeliveryItem {
    pub message_id: String,
    pub channel_id: String,
    /// what it tells of; null for a test call
    pub group_id: Option<String>,
    /// the alert, if it tells of one alone
    pub alert_id: Option<String>,
    /// of how many it tells
    pub alerts: i64,
    pub r#type: String,
    /// why it was sent; null for a test call
    pub why: Option<String>,
    pub state: String,
    #[serde(serialize_with = "time::rfc3339")]
    pub created_at: Millis,
    /// null once nothing more is tried
    #[serde(serialize_with = "time::rfc3339_option")]
    pub next_attempt_at: Option<Millis>,
    pub last_status: Option<i64>,
    pub last_error: Option<String>,
    /// the digest that tells it, of a superseded message that was above its channel's rate
    pub digest_id: Option<String>,
    /// how many messages a digest tells
    pub digest_of: Option<i64>,
    /// oldest first
    pub attempts: Vec<Attempt>,
}

/// One attempt.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields of the HTTP contract")]
pub struct Attempt {
    pub attempt: i64,
    #[serde(serialize_with = "time::rfc3339")]
    pub at: Millis,
    pub outcome: String,
    pub status: Option<i64>,
    pub error: Option<String>,
    pub duration_ms: i64,
    /// what is to be said about a message all the same
    pub note: Option<String>,
}

/// The alerts `g` that the message `o` tells of.
macro_rules! told {
    () => {
        "g.org_id = o.org_id AND g.channel_id = o.channel_id AND g.group_id = o.group_id
            AND coalesce(g.flush_from, g.flush_to) <= o.flush AND (g.flush_to IS NULL OR o.flush <= g.flush_to)"
    };
}

/// The organization's messages, newest first: their ids sort by the minute that they are about.
///
/// # Errors
/// 401, 403 or 503.
pub async fn list(
    tenant: &Tenant,
    filter: &Filter,
    limit: usize,
    after: Option<&Cursor>,
) -> Result<Page<DeliveryItem>, Error> {
    let step = Step::tenant(
        concat!(
            "SELECT o.message_id, o.channel_id, nullif(o.group_id, ''),
                (SELECT iif(count(*) = 1, min(g.alert_id), NULL) FROM group_alerts AS g WHERE ",
            told!(),
            "), (SELECT count(*) FROM group_alerts AS g WHERE ",
            told!(),
            "), iif(o.digest_of > 0, 'alert.digest', o.type), o.why, o.state, o.created_at,
                iif(o.state = 'pending', o.due_at, NULL), o.last_status, o.last_error,
                (SELECT json_group_array(json_object('attempt', d.attempt, 'at', d.at, 'outcome', d.outcome,
                                                     'status', d.status, 'error', d.error, 'duration_ms', d.duration_ms, 'note', d.note))
                 FROM deliveries AS d WHERE d.org_id = o.org_id AND d.message_id = o.message_id),
                o.digest_id, nullif(o.digest_of, 0)
             FROM outbox AS o
             WHERE o.org_id = (SELECT org_id FROM authority)
               AND (?2 IS NULL OR o.message_id < ?2)
               AND (?3 IS NULL OR o.message_id = ?3)
               AND (?4 IS NULL OR o.channel_id = ?4)
               AND (?5 IS NULL OR EXISTS (SELECT 1 FROM group_alerts AS g WHERE g.alert_id = ?5 AND ",
            told!(),
            ")) AND (?6 IS NULL OR o.state = ?6)
             ORDER BY o.message_id DESC LIMIT ?7"
        ),
        args![
            after.map(Cursor::as_str),
            filter.message_id.as_ref().map(MessageId::as_str),
            filter.channel_id.as_ref().map(ChannelId::as_str),
            filter.alert_id.as_ref().map(AlertId::as_str),
            filter.state.map(State::as_str),
            Page::<DeliveryItem>::fetch(limit)
        ],
    );
    let reply = tenant.run(Batch::read_one(step)).await?;
    let items = reply.step(0)?.rows.iter().map(item).collect::<Result<Vec<_>, _>>()?;
    Ok(Page::cut(items, limit, |item| item.message_id.clone()))
}

fn item(row: &Row) -> Result<DeliveryItem, DbError> {
    let mut attempts: Vec<Attempt> =
        serde_json::from_str(row.text(12)?).map_err(|error| DbError::Other(format!("attempts: {error}")))?;
    attempts.sort_by_key(|attempt| attempt.attempt);
    Ok(DeliveryItem {
        message_id: row.text(0)?.to_owned(),
        channel_id: row.text(1)?.to_owned(),
        group_id: row.opt_text(2)?.map(str::to_owned),
        alert_id: row.opt_text(3)?.map(str::to_owned),
        alerts: row.integer(4)?,
        r#type: row.text(5)?.to_owned(),
        why: row.opt_text(6)?.map(str::to_owned),
        state: row.text(7)?.to_owned(),
        created_at: row.integer(8)?,
        next_attempt_at: row.opt_integer(9)?,
        last_status: row.opt_integer(10)?,
        last_error: row.opt_text(11)?.map(str::to_owned),
        digest_id: row.opt_text(13)?.map(str::to_owned),
        digest_of: row.opt_integer(14)?,
        attempts,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_read_back() {
        for (state, name) in State::ALL {
            assert_eq!(State::parse(name), Some(state));
            assert_eq!(state.as_str(), name);
        }
        assert_eq!(State::parse("sent"), None);
    }
}
