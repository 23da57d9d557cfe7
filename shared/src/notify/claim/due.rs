//! Which messages may be sent now, as the database sees it, and when the next ones may be.

use super::Claim;
use crate::Error;
use crate::auth::Tenant;
use crate::clock::Millis;
use crate::notify::channel::{ChannelType, SealedChannel, Templates};
use crate::notify::content::{self, content, listed};
use crate::notify::digest::{Crowd, paced, rate, sent};
use crate::notify::notice::{Notice, Why};
use crate::notify::outbox::MessageKind;
use crate::notify::settlement::Settled;
use db::{Batch, DbError, Row, Step, args, wall_ms};

/// An idle schedule need not look again sooner.
const PAUSE: Millis = 1_000;

/// Nothing of the same group that the channel is to be told earlier is on its way, alone or in a
/// digest: a resolve does not overtake its firing.
macro_rules! first_in_line {
    () => {
        "NOT EXISTS (SELECT 1 FROM outbox AS e
            WHERE e.org_id = o.org_id AND e.channel_id = o.channel_id AND e.group_id = o.group_id AND e.group_id <> ''
              AND e.flush < o.flush
              AND (e.state = 'pending' OR e.digest_id IS NOT NULL AND EXISTS (
                    SELECT 1 FROM outbox AS g
                    WHERE g.org_id = e.org_id AND g.message_id = e.digest_id AND g.state = 'pending')))"
    };
}

/// How many messages are on their way to the channel of `o`.
macro_rules! in_flight {
    ($offset:literal) => {
        concat!(
            "(SELECT count(*) FROM outbox AS f
              WHERE f.org_id = o.org_id AND f.channel_id = o.channel_id AND f.state = 'pending' AND f.lease_until > ",
            wall_ms!($offset),
            ")"
        )
    };
}

/// From within: what is due and first in line of its alert, in order for each channel; what its
/// channel's rate and endpoint leave room for; what the worker has room for.
pub(super) const DUE: &str = concat!(
    "SELECT m.org_id, m.message_id, m.channel_id, c.config, c.secret, m.type, m.occurred_at, c.name,
            next.suspect, m.digest_of, m.body IS NULL, next.crowded, ",
    wall_ms!("?2"),
    ", c.type, h.thread, m.why, m.group_id, c.templates, coalesce(c.previous_until > ",
    wall_ms!("?2"),
    ", 0), c.updated_at, ",
    content!(),
    " FROM (
        SELECT *, row_number() OVER (PARTITION BY suspect ORDER BY due_at, message_id) AS rank FROM (
            SELECT *, row_number() OVER (PARTITION BY org_id, channel_id ORDER BY due_at, message_id) + in_flight AS place FROM (
                SELECT o.org_id, o.channel_id, o.message_id, o.due_at, o.suspect, o.fresh, o.sent,
                       o.fresh AND o.digest_of = 0 AND o.waiting > 1 AND o.sent + o.turn >= o.rate AS crowded, ",
    in_flight!("?2"),
    " AS in_flight FROM (
                    SELECT o.*, ",
    rate!(),
    " AS rate, iif(o.fresh, ",
    sent!("?2"),
    ", 0) AS sent FROM (
                        SELECT o.org_id, o.channel_id, o.message_id, o.due_at, o.digest_of,
                               o.attempts = 0 AND o.type <> 'test' AS fresh, b.failures IS NOT NULL AS suspect,
                               row_number() OVER (PARTITION BY o.org_id, o.channel_id, o.attempts = 0 AND o.type <> 'test'
                                                  ORDER BY o.digest_of > 0 DESC, o.due_at, o.message_id) AS turn,
                               count(*) OVER (PARTITION BY o.org_id, o.channel_id, o.attempts = 0 AND o.type <> 'test') AS waiting
                        FROM outbox AS o INDEXED BY outbox_due
                        JOIN notification_channels AS p
                          ON p.org_id = o.org_id AND p.channel_id = o.channel_id AND p.enabled = 1 AND p.deleted_at IS NULL
                        LEFT JOIN breakers AS b ON b.org_id = o.org_id AND b.endpoint = o.channel_id
                        LEFT JOIN breakers AS h ON h.org_id = b.org_id AND h.endpoint = b.host
                        WHERE o.state = 'pending' AND o.due_at <= ",
    wall_ms!("?2"),
    " AND o.lease_until <= ",
    wall_ms!("?2"),
    " AND max(coalesce(b.retry_at, 0), coalesce(h.retry_at, 0)) <= ",
    wall_ms!("?2"),
    " AND o.org_id IN (SELECT org_id FROM authority) AND ",
    first_in_line!(),
    ") AS o JOIN notification_channels AS c ON c.org_id = o.org_id AND c.channel_id = o.channel_id
                    WHERE o.turn <= 2
                ) AS o JOIN notification_channels AS c ON c.org_id = o.org_id AND c.channel_id = o.channel_id
                WHERE NOT o.fresh OR o.sent + o.turn < o.rate OR o.turn = 1 AND ",
    paced!("?2"),
    ")
        ) WHERE place <= iif(suspect, 1, 2)
     ) AS next
     JOIN outbox AS m ON m.org_id = next.org_id AND m.message_id = next.message_id
     JOIN notification_channels AS c ON c.org_id = m.org_id AND c.channel_id = m.channel_id
     LEFT JOIN channel_threads AS h ON h.org_id = m.org_id AND h.channel_id = m.channel_id AND h.group_key = m.group_id
     WHERE next.rank <= iif(next.suspect, ?4, ?3) ORDER BY next.due_at, next.message_id LIMIT ?5"
);

/// Columns of [`DUE`].
pub(super) const CROWDED: usize = 11;
const CONTENT: usize = 20;

/// Takes one of them, unless somebody else did, or what it was due by has changed.
pub(super) const TAKE: &str = concat!(
    "UPDATE outbox AS o SET lease_until = ",
    wall_ms!("?5"),
    " + ?6, lease_token = lease_token + 1, attempts = attempts + 1, body = coalesce(body, ?4),
            first_attempt_at = coalesce(first_attempt_at, ",
    wall_ms!("?5"),
    ")
     WHERE o.org_id = ?2 AND o.org_id IN (SELECT org_id FROM authority) AND o.message_id = ?3
       AND o.state = 'pending' AND o.due_at <= ",
    wall_ms!("?5"),
    " AND o.lease_until <= ",
    wall_ms!("?5"),
    " AND EXISTS (
            SELECT 1 FROM notification_channels AS c
            LEFT JOIN breakers AS b ON b.org_id = c.org_id AND b.endpoint = c.channel_id
            LEFT JOIN breakers AS h ON h.org_id = b.org_id AND h.endpoint = b.host
            WHERE c.org_id = o.org_id AND c.channel_id = o.channel_id AND c.enabled = 1 AND c.deleted_at IS NULL
              AND max(coalesce(b.retry_at, 0), coalesce(h.retry_at, 0)) <= ",
    wall_ms!("?5"),
    "         AND ",
    in_flight!("?5"),
    " < iif(b.failures IS NULL, 2, 1)
              AND (coalesce(h.failures, 0) < ?7 OR NOT EXISTS (
                    SELECT 1 FROM breakers AS n INDEXED BY breakers_by_host
                    JOIN outbox AS f ON f.org_id = n.org_id AND f.channel_id = n.endpoint
                    WHERE n.org_id = b.org_id AND n.host = b.host AND f.state = 'pending' AND f.lease_until > ",
    wall_ms!("?5"),
    "))
              AND (o.attempts > 0 OR o.type = 'test' OR ",
    paced!("?5"),
    "))
     RETURNING body, attempts - spent, lease_token, settled"
);

/// A message that may be claimed, with what its first attempt tells.
pub(super) fn candidate(row: &Row) -> Result<(Claim, Notice), DbError> {
    let owned = |column| row.text(column).map(str::to_owned);
    let kind = MessageKind::parse(row.text(5)?);
    let (alerts, unlisted) = content::read(row, CONTENT, kind)?;
    let digest = row.integer(9)? > 0;
    let written = row.integer(10)? == 0;
    let notice = Notice {
        kind,
        why: row.opt_text(15)?.and_then(Why::parse),
        occurred_at: row.integer(6)?,
        channel_id: owned(2)?,
        channel_name: owned(7)?,
        // a digest is a group of its own
        group: owned(if digest { 1 } else { 16 })?,
        alerts,
        unlisted,
        digest: None,
    };
    let claim = Claim {
        org_id: owned(0)?,
        message_id: owned(1)?,
        channel: SealedChannel {
            channel_id: owned(2)?,
            r#type: ChannelType::parse(row.text(13)?)
                .ok_or_else(|| DbError::Other("a channel of no known type".into()))?,
            config: owned(3)?,
            secret: row.opt_blob(4)?.unwrap_or_default().to_vec(),
            rotating: row.integer(18)? != 0,
            updated_at: row.integer(19)?,
        },
        kind,
        body: String::new(),
        thread: row.opt_text(14)?.map(str::to_owned),
        templates: row.opt_text(17)?.map(Templates::kept).unwrap_or_default(),
        note: None,
        settled: Settled::default(),
        attempts: 0,
        lasting: digest || kind == Some(MessageKind::Resolved),
        suspect: row.integer(8)? != 0,
        describe: digest && !written,
        written,
        token: 0,
    };
    Ok((claim, notice))
}

/// The crowd behind the first message of a channel.
pub(super) fn crowd(row: &Row) -> Result<Crowd, DbError> {
    Ok(Crowd::new(
        row.text(0)?,
        row.text(2)?,
        row.text(1)?,
        row.integer(6)?,
        row.integer(12)?,
    ))
}

/// When the next message becomes due, by the database's clock; `None` if none waits.
pub(in crate::notify) async fn next_due(system: &Tenant) -> Result<Option<Millis>, Error> {
    let step = Step::tenant(
        concat!(
            "SELECT max(min(max(o.due_at, o.lease_until, coalesce(b.retry_at, 0), coalesce(h.retry_at, 0))), ",
            wall_ms!("?2"),
            " + ?3) FROM outbox AS o INDEXED BY outbox_due
             JOIN notification_channels AS p
               ON p.org_id = o.org_id AND p.channel_id = o.channel_id AND p.enabled = 1 AND p.deleted_at IS NULL
             LEFT JOIN breakers AS b ON b.org_id = o.org_id AND b.endpoint = o.channel_id
             LEFT JOIN breakers AS h ON h.org_id = b.org_id AND h.endpoint = b.host
             WHERE o.state = 'pending' AND o.org_id IN (SELECT org_id FROM authority) AND ",
            first_in_line!()
        ),
        args![system.clock().wall_offset(), PAUSE],
    );
    let reply = system.run(Batch::read_one(step)).await?;
    Ok(reply.step(0)?.one()?.opt_integer(0)?)
}
