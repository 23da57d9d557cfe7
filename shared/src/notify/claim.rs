//! Who may send which message: a lease with a token that only grows, so that a worker which comes
//! back after its lease changes nothing.
//!
//! First a read, so that an idle schedule writes nothing, then one write that takes the leases,
//! freezes the bodies and makes digests of what is above a channel's rate. What a read found is
//! looked at again in the write: workers run side by side.

use super::breaker::TRIP;
use super::channel::{ChannelType, SealedChannel, Templates, Written};
use super::content::{self, content, listed};
use super::digest::{self, Crowd, paced, rate, sent};
use super::notice::{Notice, Why};
use super::outbox::MessageKind;
use super::settlement::Settled;
use crate::Error;
use crate::auth::Tenant;
use crate::clock::Millis;
use db::{Batch, DbError, Row, Step, Value, args, wall_ms};

/// Longer than an attempt with its record can take.
pub(super) const LEASE: Millis = 30_000;
/// An idle schedule need not look again sooner.
const PAUSE: Millis = 1_000;

/// A message that this worker may send until its lease ends.
#[derive(Debug)]
pub(super) struct Claim {
    pub(super) org_id: String,
    pub(super) message_id: String,
    pub(super) channel: SealedChannel,
    /// `None` for a test call
    pub(super) kind: Option<MessageKind>,
    /// frozen
    pub(super) body: String,
    /// what the receiver calls the first message of the group, once it was told one
    pub(super) thread: Option<String>,
    /// what its owner wants it to say
    templates: Templates,
    /// what is to be said about the body in the delivery log
    pub(super) note: Option<String>,
    /// for mail: what is known of its recipients
    pub(super) settled: Settled,
    /// this one included, since it was last replayed
    pub(super) attempts: i64,
    /// a resolve, or a digest that may hold one: it does not give up when others do
    pub(super) lasting: bool,
    /// its endpoint did not take the last message, or somebody found out so meanwhile
    pub(super) suspect: bool,
    /// a digest whose body nobody has written yet
    pub(super) describe: bool,
    /// whether an attempt has written its body
    written: bool,
    token: i64,
}

impl Claim {
    /// A message that was put into the outbox under a first lease, for [`LEASE`].
    pub(super) fn leased(org_id: &str, message_id: &str, channel: SealedChannel, written: Written) -> Self {
        Self {
            org_id: org_id.to_owned(),
            message_id: message_id.to_owned(),
            channel,
            kind: None,
            body: written.body,
            thread: None,
            templates: Templates::default(),
            note: written.note,
            settled: Settled::default(),
            attempts: 1,
            lasting: false,
            suspect: true,
            describe: false,
            written: true,
            token: 1,
        }
    }

    /// What a statement needs to know that the claim is held: `?2` to `?4`.
    pub(super) fn held(&self) -> Vec<Value> {
        args![&self.org_id, &self.message_id, self.token]
    }

    /// Whether it says that something is wrong: that is worth a picture.
    pub(super) fn tells_trouble(&self) -> bool {
        matches!(self.kind, Some(MessageKind::Firing | MessageKind::NoData))
    }
}

/// Where a claim is held, by [`Claim::held`]: raises nothing where the lease was lost, for one late attempt must not undo
/// the records beside it.
macro_rules! while_held {
    () => {
        " WHERE org_id = ?2 AND org_id IN (SELECT org_id FROM authority) AND message_id = ?3
            AND state = 'pending' AND lease_token = ?4"
    };
}
pub(super) use while_held;

/// How many messages a worker can take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Room {
    /// to endpoints that are well
    pub(super) well: usize,
    /// to endpoints that may hang
    pub(super) suspect: usize,
    /// in all
    pub(super) all: usize,
}

impl Room {
    /// Whether there is any.
    pub(super) fn is_some(self) -> bool {
        self.all > 0 && self.well + self.suspect > 0
    }
}

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

/// Takes messages that are due, as far as there is room.
pub(super) async fn claim(system: &Tenant, room: Room) -> Result<Vec<Claim>, Error> {
    let taken = round(system, room).await?;
    match taken {
        // what became a digest can be taken now
        (taken, true) if taken.is_empty() => Ok(round(system, room).await?.0),
        (taken, _) => Ok(taken),
    }
}

/// The messages that were taken, and whether others became a digest.
async fn round(system: &Tenant, room: Room) -> Result<(Vec<Claim>, bool), Error> {
    let offset = system.clock().wall_offset();
    let limit = |room| i64::try_from(room).unwrap_or(i64::MAX);
    let due = Step::tenant(
        DUE,
        args![offset, limit(room.well), limit(room.suspect), limit(room.all)],
    );
    let reply = system.run(Batch::read_one(due)).await?;
    let mut found = Vec::new();
    let mut crowded = Vec::new();
    for row in &reply.step(0)?.rows {
        if row.integer(CROWDED)? == 0 {
            found.push(candidate(row)?);
        } else {
            crowded.push(crowd(row)?);
        }
    }
    if found.is_empty() && crowded.is_empty() {
        return Ok((Vec::new(), false));
    }
    digest::describe(system, &mut found).await?;
    let mut batch = Batch::write();
    for (claim, notice) in &mut found {
        let mut body = None;
        if !claim.written {
            let first = claim.channel.r#type.write(notice, &claim.templates);
            body = Some(first.body);
            claim.note = first.note;
        }
        batch.push(Step::tenant(
            TAKE,
            args![&claim.org_id, &claim.message_id, body, offset, LEASE, TRIP],
        ));
    }
    for crowd in &crowded {
        for step in crowd.collapse(offset) {
            batch.push(step);
        }
    }
    let reply = system.run(batch).await?;
    let mut taken = Vec::new();
    for ((mut claim, _), rows) in found.into_iter().zip(&reply.steps) {
        // none: another worker was faster, or the channel has enough in flight
        if let Some(row) = rows.first() {
            row.text(0)?.clone_into(&mut claim.body);
            claim.attempts = row.integer(1)?;
            claim.token = row.integer(2)?;
            claim.settled = serde_json::from_str(row.text(3)?).unwrap_or_default();
            taken.push(claim);
        }
    }
    Ok((taken, !crowded.is_empty()))
}

// from within: what is due and first in line of its alert, in order for each channel; what its
// channel's rate and endpoint leave room for; what the worker has room for
const DUE: &str = concat!(
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
const CROWDED: usize = 11;
const CONTENT: usize = 20;

const TAKE: &str = concat!(
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
fn candidate(row: &Row) -> Result<(Claim, Notice), DbError> {
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
fn crowd(row: &Row) -> Result<Crowd, DbError> {
    Ok(Crowd::new(
        row.text(0)?,
        row.text(2)?,
        row.text(1)?,
        row.integer(6)?,
        row.integer(12)?,
    ))
}

/// When the next message becomes due, by the database's clock; `None` if none waits.
pub(super) async fn next_due(system: &Tenant) -> Result<Option<Millis>, Error> {
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
