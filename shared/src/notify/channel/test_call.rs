//! A test call: one message that is sent while the caller waits, so that the reply tells what the
//! receiver said and not that something was queued.

use super::sealed::sealed;
use super::store::{self, Created};
use super::{ChannelType, NOT_FOUND};
use crate::auth::Tenant;
use crate::id::{ChannelId, MessageId};
use crate::idempotency::Operation;
use crate::notify::attempt::attempt;
use crate::notify::claim::{Claim, LEASE};
use crate::notify::history::{self, Filter};
use crate::notify::notice::Notice;
use crate::notify::record;
use crate::notify::sender::Sender;
use crate::{App, Error};
use db::{Step, args, raise, wall_ms};
use http::StatusCode;
use serde::Serialize;
use serde_json::json;

/// What became of a test message.
#[derive(Debug, Clone, Serialize)]
pub struct TestOutcome {
    /// as in the deliveries
    pub message_id: String,
    /// `delivered`; `retry`: not accepted, and tried again; `dead`: refused; `recorded`: an organization for tests sends
    /// nothing; `pending`: nobody has tried yet
    pub outcome: String,
    /// what the receiver answered
    pub status: Option<i64>,
    /// why it is not accepted
    pub error: Option<String>,
    /// what is to be said about a message all the same
    pub note: Option<String>,
}

impl TestOutcome {
    /// Whether somebody has tried, or nobody ever will.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.outcome != "pending"
    }
}

/// Sends a test message and waits for what its receiver says.
///
/// # Errors
/// 404 if the organization has no such channel; 409 if it is disabled; 401, 403 or 503.
pub async fn test(
    app: &App,
    tenant: &Tenant,
    id: &ChannelId,
    operation: Option<&Operation>,
) -> Result<TestOutcome, Error> {
    let (name, channel, templates) = sealed(tenant, id).await?;
    let message_id = MessageId::new(&app.clock, &app.entropy)?;
    let notice = Notice {
        kind: None,
        why: None,
        occurred_at: app.clock.now(),
        channel_id: id.as_str().to_owned(),
        channel_name: name,
        group: String::new(),
        alerts: Vec::new(),
        unlisted: 0,
        digest: None,
    };
    let written = channel.r#type.write(&notice, &templates);
    let stored = json!({"message_id": message_id});
    // a process that sends no mail leaves it to the one that does
    let sends = channel.r#type != ChannelType::Email || app.mailer.is_some();
    let steps = put(app, id, &message_id, &notice, &written.body, sends);
    let refused = |step| match step {
        0 => Some(NOT_FOUND),
        1 => Some(Error::conflict("the channel is disabled")),
        _ => None,
    };
    match store::commit(tenant, operation, StatusCode::OK, &stored, steps, refused).await? {
        Created::Before(replay) => {
            // the first request sends the message; this one tells what became of it
            let first = replay.json()["message_id"].as_str().and_then(MessageId::parse);
            outcome(tenant, first.unwrap_or(message_id)).await
        }
        Created::Now(reply) => {
            let row = reply.steps.last().and_then(db::Rows::first).ok_or(NOT_FOUND)?;
            if row.text(1)? == "pending" && sends {
                let claim = Claim::leased(row.text(0)?, message_id.as_str(), channel, written);
                let ended = attempt(app, tenant, &Sender::system(&app.config), claim).await;
                record::record(tenant, &[ended]).await?;
            }
            outcome(tenant, message_id).await
        }
    }
}

/// Looks whether the channel may be told, and puts the message into the outbox under a lease of this
/// call: should the process end now, the message goes the way of every other.
fn put(app: &App, id: &ChannelId, message_id: &MessageId, notice: &Notice, body: &str, sends: bool) -> Vec<Step> {
    vec![
        Step::tenant(
            concat!(
                "SELECT CASE WHEN EXISTS (SELECT 1 FROM notification_channels
                    WHERE org_id = (SELECT org_id FROM authority) AND channel_id = ?2 AND deleted_at IS NULL) THEN 1 ELSE ",
                raise!(),
                " END"
            ),
            args![id],
        ),
        Step::tenant(
            concat!(
                "SELECT CASE WHEN EXISTS (SELECT 1 FROM notification_channels
                    WHERE org_id = (SELECT org_id FROM authority) AND channel_id = ?2 AND enabled = 1) THEN 1 ELSE ",
                raise!(),
                " END"
            ),
            args![id],
        ),
        Step::tenant(
            concat!(
                "INSERT INTO outbox (org_id, message_id, channel_id, group_id, flush, type, occurred_at, state,
                                     body, due_at, created_at, attempts, lease_until, lease_token)
                 SELECT o.org_id, ?3, ?2, '', 0, 'test', ?4, iif(o.environment = 'test', 'recorded', 'pending'),
                        ?6, wall, wall, a.sends, a.sends * (wall + ?7), a.sends
                 FROM (SELECT org_id, ?8 AS sends FROM authority) AS a JOIN organizations AS o ON o.org_id = a.org_id JOIN (SELECT ",
                wall_ms!("?5"),
                " AS wall) WHERE true RETURNING org_id, state"
            ),
            args![
                id,
                message_id,
                notice.occurred_at,
                app.clock.wall_offset(),
                body,
                LEASE,
                sends
            ],
        ),
    ]
}

async fn outcome(tenant: &Tenant, message_id: MessageId) -> Result<TestOutcome, Error> {
    let filter = Filter {
        message_id: Some(message_id.clone()),
        ..Filter::default()
    };
    let page = history::list(tenant, &filter, 1, None).await?;
    let delivery = page.items.into_iter().next().ok_or(Error::NotFound("the message"))?;
    let last = delivery.attempts.last();
    Ok(TestOutcome {
        message_id: message_id.as_str().to_owned(),
        outcome: last.map_or(delivery.state, |attempt| attempt.outcome.clone()),
        status: last.and_then(|attempt| attempt.status),
        error: last.and_then(|attempt| attempt.error.clone()),
        note: last.and_then(|attempt| attempt.note.clone()),
    })
}
