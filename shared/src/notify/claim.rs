//! Who may send which message: a lease with a token that only grows, so that a worker which comes
//! back after its lease changes nothing.
//!
//! First a read, so that an idle schedule writes nothing, then one write that takes the leases and
//! freezes the bodies.

use super::channel::{ChannelType, SealedChannel};
use super::notice::{AlertFacts, AlertNotice, Notice, RuleFacts, SeriesFacts, Why};
use super::outbox::MessageKind;
use crate::Error;
use crate::auth::Tenant;
use crate::clock::Millis;
use crate::series::SeriesId;
use db::{Batch, DbError, Row, Step, Value, args, wall_ms};

/// Longer than an attempt with its record can take.
const LEASE: Millis = 30_000;
/// Messages that one channel is sent at the same time, over all workers.
const IN_FLIGHT: i64 = 2;
/// An idle schedule need not look again sooner.
const PAUSE: Millis = 1_000;

/// A message that this worker may send until its lease ends.
#[derive(Debug)]
pub(super) struct Claim {
    org_id: String,
    pub(super) message_id: String,
    pub(super) channel: SealedChannel,
    /// `None` for a test call
    pub(super) kind: Option<MessageKind>,
    /// frozen
    pub(super) body: String,
    /// what the receiver calls the first message of the group, once it was told one
    pub(super) thread: Option<String>,
    /// this one included
    pub(super) attempts: i64,
    token: i64,
}

/// What an attempt changes.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) outcome: Outcome,
    /// until the next attempt
    pub(super) delay: Millis,
    pub(super) status: Option<u16>,
    pub(super) error: Option<String>,
    /// what the receiver calls the message
    pub(super) thread: Option<String>,
    pub(super) duration: Millis,
    /// the receiver wants nothing any more
    pub(super) disables: bool,
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

/// Nothing of the same alert that the channel is to be told earlier is on its way: a resolve does
/// not overtake its firing.
macro_rules! first_in_line {
    () => {
        "NOT EXISTS (SELECT 1 FROM outbox AS e
            WHERE e.org_id = o.org_id AND e.alert_id = o.alert_id AND e.channel_id = o.channel_id
              AND e.transition_seq < o.transition_seq AND e.state = 'pending')"
    };
}

/// Takes up to `limit` messages that are due.
pub(super) async fn claim(system: &Tenant, limit: usize) -> Result<Vec<Claim>, Error> {
    let offset = system.clock().wall_offset();
    let due = Step::tenant(DUE, args![offset, IN_FLIGHT, i64::try_from(limit).unwrap_or(i64::MAX)]);
    let reply = system.run(Batch::read_one(due)).await?;
    let found = reply
        .step(0)?
        .rows
        .iter()
        .map(candidate)
        .collect::<Result<Vec<_>, _>>()?;
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let mut batch = Batch::write();
    for (claim, body) in &found {
        batch.push(Step::tenant(
            TAKE,
            args![&claim.org_id, &claim.message_id, body, offset, LEASE, IN_FLIGHT],
        ));
    }
    let reply = system.run(batch).await?;
    let mut taken = Vec::new();
    for ((mut claim, _), rows) in found.into_iter().zip(&reply.steps) {
        // none: another worker was faster, or the channel has enough in flight
        if let Some(row) = rows.first() {
            row.text(0)?.clone_into(&mut claim.body);
            claim.attempts = row.integer(1)?;
            claim.token = row.integer(2)?;
            taken.push(claim);
        }
    }
    Ok(taken)
}

const DUE: &str = concat!(
    "SELECT m.org_id, m.message_id, m.channel_id, c.config, c.secret, m.type, m.occurred_at, c.name,
            a.alert_id, a.severity, a.started_at, a.resolved_at, coalesce(t.value, a.value), a.summary,
            coalesce(t.reason, a.reason), a.acknowledged_by,
            r.rule_id, r.name, r.severity, r.condition,
            s.series_id, s.metric_key, s.dimensions,
            c.type, h.thread
     FROM (
        SELECT o.org_id, o.message_id, o.due_at,
               row_number() OVER (PARTITION BY o.org_id, o.channel_id ORDER BY o.due_at, o.message_id)
               + (SELECT count(*) FROM outbox AS f
                  WHERE f.org_id = o.org_id AND f.channel_id = o.channel_id AND f.state = 'pending' AND f.lease_until > ",
    wall_ms!("?2"),
    ") AS place
        FROM outbox AS o INDEXED BY outbox_due
        JOIN notification_channels AS p
          ON p.org_id = o.org_id AND p.channel_id = o.channel_id AND p.enabled = 1 AND p.deleted_at IS NULL
        WHERE o.state = 'pending' AND o.due_at <= ",
    wall_ms!("?2"),
    " AND o.lease_until <= ",
    wall_ms!("?2"),
    " AND o.org_id IN (SELECT org_id FROM authority) AND ",
    first_in_line!(),
    ") AS next
     JOIN outbox AS m ON m.org_id = next.org_id AND m.message_id = next.message_id
     JOIN notification_channels AS c ON c.org_id = m.org_id AND c.channel_id = m.channel_id
     LEFT JOIN channel_threads AS h ON h.org_id = m.org_id AND h.channel_id = m.channel_id AND h.group_key = m.alert_id
     LEFT JOIN alerts AS a ON a.org_id = m.org_id AND a.alert_id = m.alert_id
     LEFT JOIN transitions AS t ON t.org_id = m.org_id AND t.seq = m.transition_seq AND t.alert_id = m.alert_id
     LEFT JOIN alert_rules AS r ON r.org_id = a.org_id AND r.rule_id = a.rule_id
     LEFT JOIN time_series AS s ON s.org_id = a.org_id AND s.series_id = a.series_id
     WHERE next.place <= ?3 ORDER BY next.due_at, next.message_id LIMIT ?4"
);

const TAKE: &str = concat!(
    "UPDATE outbox AS m SET lease_until = ",
    wall_ms!("?5"),
    " + ?6, lease_token = lease_token + 1, attempts = attempts + 1, body = coalesce(body, ?4)
     WHERE m.org_id = ?2 AND m.org_id IN (SELECT org_id FROM authority) AND m.message_id = ?3
       AND m.state = 'pending' AND m.due_at <= ",
    wall_ms!("?5"),
    " AND m.lease_until <= ",
    wall_ms!("?5"),
    " AND EXISTS (SELECT 1 FROM notification_channels AS c
                  WHERE c.org_id = m.org_id AND c.channel_id = m.channel_id AND c.enabled = 1 AND c.deleted_at IS NULL)
       AND (SELECT count(*) FROM outbox AS f
            WHERE f.org_id = m.org_id AND f.channel_id = m.channel_id AND f.state = 'pending' AND f.lease_until > ",
    wall_ms!("?5"),
    ") < ?7
     RETURNING body, attempts, lease_token"
);

/// A message that may be claimed, with the body that its first attempt freezes.
fn candidate(row: &Row) -> Result<(Claim, String), DbError> {
    let owned = |column| row.text(column).map(str::to_owned);
    let kind = MessageKind::parse(row.text(5)?);
    let json = |column| -> Result<serde_json::Value, DbError> {
        Ok(serde_json::from_str(row.text(column)?).unwrap_or_default())
    };
    let alert = match (row.opt_text(8)?, kind) {
        (Some(alert_id), Some(kind)) => Some(AlertFacts {
            alert_id: alert_id.to_owned(),
            status: kind.status(),
            severity: owned(9)?,
            started_at: row.integer(10)?,
            resolved_at: row.opt_integer(11)?.filter(|_| kind == MessageKind::Resolved),
            value: row.opt_real(12)?,
            summary: owned(13)?,
            reason: owned(14)?,
            acknowledged_by: row.opt_text(15)?.map(str::to_owned),
        }),
        _ => None,
    };
    let rule = match row.opt_text(16)? {
        Some(rule_id) => Some(RuleFacts {
            rule_id: rule_id.to_owned(),
            name: owned(17)?,
            severity: owned(18)?,
            condition: json(19)?,
        }),
        None => None,
    };
    let series = match row.opt_integer(20)?.and_then(SeriesId::from_raw) {
        Some(series_id) => Some(SeriesFacts {
            series_id,
            metric_key: owned(21)?,
            dimensions: json(22)?.as_object().cloned().unwrap_or_default(),
        }),
        None => None,
    };
    let notice = Notice {
        kind,
        why: kind.map(|kind| {
            if kind == MessageKind::Resolved {
                Why::Resolved
            } else {
                Why::First
            }
        }),
        occurred_at: row.integer(6)?,
        channel_id: owned(2)?,
        channel_name: owned(7)?,
        group: row.opt_text(8)?.unwrap_or_default().to_owned(),
        alerts: alert
            .map(|alert| AlertNotice { alert, rule, series })
            .into_iter()
            .collect(),
        unlisted: 0,
    };
    let r#type =
        ChannelType::parse(row.text(23)?).ok_or_else(|| DbError::Other("a channel of no known type".into()))?;
    let claim = Claim {
        org_id: owned(0)?,
        message_id: owned(1)?,
        channel: SealedChannel {
            channel_id: owned(2)?,
            r#type,
            config: owned(3)?,
            secret: row.opt_blob(4)?.unwrap_or_default().to_vec(),
        },
        kind,
        body: String::new(),
        thread: row.opt_text(24)?.map(str::to_owned),
        attempts: 0,
        token: 0,
    };
    Ok((claim, r#type.write(&notice)))
}

/// Raises nothing where the lease was lost: one late attempt must not undo the records beside it.
macro_rules! while_held {
    () => {
        " WHERE org_id = ?2 AND org_id IN (SELECT org_id FROM authority) AND message_id = ?3
            AND state = 'pending' AND lease_token = ?4"
    };
}

/// Writes what attempts came to; `false` for one whose lease was lost, and with it the right to say
/// so.
pub(super) async fn record(system: &Tenant, attempts: &[(Claim, Change)]) -> Result<Vec<bool>, Error> {
    let offset = system.clock().wall_offset();
    // a record spends its token, so that a repetition finds nothing to do
    let mut batch = Batch::write().repeatable();
    let mut updates = Vec::new();
    for (claim, change) in attempts {
        let status = change.status.map(i64::from);
        let held = || args![&claim.org_id, &claim.message_id, claim.token];
        let held_and = |more: Vec<Value>| held().into_iter().chain(more).collect();
        batch.push(Step::tenant(
            concat!(
                "INSERT INTO deliveries (org_id, message_id, attempt, channel_id, at, outcome, status, error, duration_ms)
                 SELECT org_id, message_id, attempts, channel_id, ",
                wall_ms!("?5"),
                ", ?6, ?7, ?8, ?9 FROM outbox",
                while_held!()
            ),
            held_and(args![
                offset,
                change.outcome.as_str(),
                status,
                change.error.as_deref(),
                change.duration
            ]),
        ));
        if change.disables {
            batch.push(Step::tenant(
                concat!(
                    "UPDATE notification_channels SET enabled = 0, disabled_because = ?6, updated_at = ",
                    wall_ms!("?5"),
                    " WHERE (org_id, channel_id) = (SELECT org_id, channel_id FROM outbox",
                    while_held!(),
                    ")"
                ),
                held_and(args![offset, change.error.as_deref()]),
            ));
            batch.push(Step::tenant(
                concat!(
                    "UPDATE outbox INDEXED BY outbox_in_flight SET state = 'dead', last_error = 'the channel is disabled: its receiver is gone'
                     WHERE (org_id, channel_id) = (SELECT org_id, channel_id FROM outbox",
                    while_held!(),
                    ") AND message_id <> ?3 AND state = 'pending' AND type <> 'alert.resolved'"
                ),
                held(),
            ));
        }
        if change.outcome == Outcome::Delivered && claim.kind == Some(MessageKind::Resolved) {
            batch.push(Step::tenant(
                concat!(
                    "DELETE FROM channel_threads WHERE (org_id, channel_id, group_key) = (
                        SELECT org_id, channel_id, alert_id FROM outbox",
                    while_held!(),
                    ")"
                ),
                held(),
            ));
        } else if let Some(thread) = &change.thread {
            batch.push(Step::tenant(
                concat!(
                    "INSERT INTO channel_threads (org_id, channel_id, group_key, thread, at)
                     SELECT org_id, channel_id, alert_id, ?6, ",
                    wall_ms!("?5"),
                    " FROM outbox",
                    while_held!(),
                    " AND alert_id <> '' ON CONFLICT (org_id, channel_id, group_key) DO NOTHING"
                ),
                held_and(args![offset, thread.as_str()]),
            ));
        }
        updates.push(batch.push(Step::tenant(
            concat!(
                "UPDATE outbox SET state = ?5, lease_until = 0, lease_token = lease_token + 1, last_status = ?7, last_error = ?8,
                     due_at = ?6 + (SELECT d.at FROM deliveries AS d WHERE d.org_id = outbox.org_id
                                    AND d.message_id = outbox.message_id AND d.attempt = outbox.attempts)",
                while_held!()
            ),
            held_and(args![
                change.outcome.state(),
                change.delay,
                status,
                change.error.as_deref()
            ]),
        )));
    }
    let reply = system.run(batch).await?;
    let kept = updates.into_iter().map(|step| Ok(reply.step(step)?.affected > 0));
    Ok(kept.collect::<Result<_, DbError>>()?)
}

/// When the next message becomes due, by the database's clock; `None` if none waits.
pub(super) async fn next_due(system: &Tenant) -> Result<Option<Millis>, Error> {
    let step = Step::tenant(
        concat!(
            "SELECT max(min(max(o.due_at, o.lease_until)), ",
            wall_ms!("?2"),
            " + ?3) FROM outbox AS o INDEXED BY outbox_due
             JOIN notification_channels AS p
               ON p.org_id = o.org_id AND p.channel_id = o.channel_id AND p.enabled = 1 AND p.deleted_at IS NULL
             WHERE o.state = 'pending' AND o.org_id IN (SELECT org_id FROM authority) AND ",
            first_in_line!()
        ),
        args![system.clock().wall_offset(), PAUSE],
    );
    let reply = system.run(Batch::read_one(step)).await?;
    Ok(reply.step(0)?.one()?.opt_integer(0)?)
}
