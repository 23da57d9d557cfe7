//! How many messages a channel is sent, and what becomes of more: one digest tells them all.
//!
//! A channel is sent 30 messages in five minutes, or as many as its owner says: a person who is
//! called at night reads no more, and every chat service takes as many. The last of them is a digest
//! if more wait, and so is one a minute from then on: what is above the rate is told a minute late
//! at most. What a digest tells is superseded and points to it; messages that were already tried
//! keep their own way, and a group's later message waits for the digest that told the earlier one.
//! Counted in the database, by its clock.

use super::claim::Claim;
use super::content::{self, content, listed};
use super::notice::{AlertNotice, Notice, Tally};
use super::outbox::MessageKind;
use crate::Error;
use crate::auth::Tenant;
use crate::clock::Millis;
use crate::id::MessageId;
use db::{Batch, Step, args, wall_ms};

/// Alerts that a digest lists, and messages that are read for that.
const LISTED: usize = 25;

/// How many messages the channel `c` may be sent in five minutes. An incident of PagerDuty is
/// closed by a resolve of its own alone, and PagerDuty itself says when it is too much.
macro_rules! rate {
    () => {
        "iif(c.type = 'pagerduty', 1000000000, coalesce(c.rate_limit, 30))"
    };
}

/// How many messages the channel of `o` was sent in the last five minutes, retries not counted.
macro_rules! sent {
    ($offset:literal) => {
        concat!(
            "(SELECT count(*) FROM outbox AS s
              WHERE s.org_id = o.org_id AND s.channel_id = o.channel_id AND s.first_attempt_at > ",
            wall_ms!($offset),
            " - 300000)"
        )
    };
}

/// Whether the rate of the channel `c` leaves room for another message to it: above the rate, one a
/// minute.
macro_rules! paced {
    ($offset:literal) => {
        concat!(
            "(",
            sent!($offset),
            " < ",
            rate!(),
            " OR NOT EXISTS (SELECT 1 FROM outbox AS s
                WHERE s.org_id = o.org_id AND s.channel_id = o.channel_id AND s.first_attempt_at > ",
            wall_ms!($offset),
            " - 60000))"
        )
    };
}
pub(super) use {paced, rate, sent};

/// A channel for which more waits than it may be sent one by one.
#[derive(Debug)]
pub(super) struct Crowd {
    org_id: String,
    channel_id: String,
    digest_id: MessageId,
}

impl Crowd {
    /// The crowd behind the first of a channel's messages, as seen at this time by the database's
    /// clock.
    pub(super) fn new(org_id: &str, channel_id: &str, first: &str, occurred_at: Millis, now: Millis) -> Self {
        Self {
            org_id: org_id.to_owned(),
            channel_id: channel_id.to_owned(),
            digest_id: MessageId::derived(occurred_at, &[b"digest", first.as_bytes(), &now.to_be_bytes()]),
        }
    }

    /// The steps that make one digest of what waits, unless another worker did.
    pub(super) fn collapse(&self, offset: Millis) -> [Step; 2] {
        let arguments = || args![&self.org_id, &self.channel_id, &self.digest_id, offset];
        [Step::tenant(DIGEST, arguments()), Step::tenant(MEMBERS, arguments())]
    }
}

/// What goes into the digest `?4`: what nobody has tried to send yet, unless something earlier of the
/// same group is on its way.
macro_rules! collapses {
    () => {
        concat!(
            "o.org_id = ?2 AND o.org_id IN (SELECT org_id FROM authority) AND o.channel_id = ?3
             AND o.state = 'pending' AND o.attempts = 0 AND o.digest_of = 0
             AND o.type IN ('alert.firing', 'alert.no_data', 'alert.resolved') AND o.due_at <= ",
            wall_ms!("?5"),
            " AND NOT EXISTS (SELECT 1 FROM outbox AS e
                WHERE e.org_id = o.org_id AND e.channel_id = o.channel_id AND e.group_id = o.group_id AND e.flush < o.flush
                  AND (e.state = 'pending' AND e.attempts > 0
                       OR e.digest_id <> ?4 AND EXISTS (
                            SELECT 1 FROM outbox AS g
                            WHERE g.org_id = e.org_id AND g.message_id = e.digest_id AND g.state = 'pending')))"
        )
    };
}

const DIGEST: &str = concat!(
    "INSERT INTO outbox (org_id, message_id, channel_id, group_id, flush, type, why, occurred_at, state, digest_of,
                         due_at, created_at)
     SELECT o.org_id, ?4, o.channel_id, '', 0, min(o.type), 'changed', max(o.occurred_at), 'pending', count(*), ",
    wall_ms!("?5"),
    ", min(o.created_at)
     FROM outbox AS o INDEXED BY outbox_in_flight
     JOIN notification_channels AS c ON c.org_id = o.org_id AND c.channel_id = o.channel_id
     WHERE ",
    collapses!(),
    " AND ",
    paced!("?5"),
    " AND NOT EXISTS (SELECT 1 FROM outbox AS d
        WHERE d.org_id = ?2 AND d.channel_id = ?3 AND d.state = 'pending' AND d.attempts = 0 AND d.digest_of > 0)
     GROUP BY o.org_id, o.channel_id HAVING count(*) > 1"
);

const MEMBERS: &str = concat!(
    "UPDATE outbox AS o INDEXED BY outbox_in_flight SET state = 'superseded', digest_id = ?4
     WHERE ",
    collapses!(),
    " AND EXISTS (SELECT 1 FROM outbox AS d WHERE d.org_id = ?2 AND d.message_id = ?4 AND d.attempts = 0)"
);

/// What the digest `?3` tells, beside [`listed`].
macro_rules! members {
    () => {
        " m.org_id = ?2 AND m.org_id IN (SELECT org_id FROM authority) AND m.digest_id = ?3"
    };
}

const COUNT: &str = concat!(
    "SELECT m.type, sum(g.flush_to IS NULL), sum(g.flush_to IS NOT NULL)
     FROM outbox AS m INDEXED BY outbox_by_digest JOIN group_alerts AS g INDEXED BY group_alerts_by_group ON ",
    listed!(),
    " WHERE",
    members!(),
    " GROUP BY m.type"
);

// the types are in order of urgency
const LIST: &str = concat!(
    "SELECT m.type,",
    content!(),
    " FROM outbox AS m INDEXED BY outbox_by_digest WHERE",
    members!(),
    " ORDER BY m.type, m.occurred_at, m.message_id LIMIT ?4"
);

/// Fills in what the digests among these tell, unless that is frozen already.
pub(super) async fn describe(system: &Tenant, found: &mut [(Claim, Notice)]) -> Result<(), Error> {
    let mut digests: Vec<_> = found.iter_mut().filter(|(claim, _)| claim.describe).collect();
    if digests.is_empty() {
        return Ok(());
    }
    let mut batch = Batch::read();
    for (claim, _) in &digests {
        batch.push(Step::tenant(COUNT, args![&claim.org_id, &claim.message_id]));
        batch.push(Step::tenant(
            LIST,
            args![&claim.org_id, &claim.message_id, LISTED as i64],
        ));
    }
    let reply = system.run(batch).await?;
    for ((_, notice), steps) in digests.iter_mut().zip(reply.steps.chunks(2)) {
        let [counts, list] = steps else { break };
        let mut tally = Tally::default();
        for row in &counts.rows {
            let count = |column| row.integer(column).map(|count| usize::try_from(count).unwrap_or(0));
            if let Some(kind) = MessageKind::parse(row.text(0)?) {
                tally.add(kind, count(1)?);
                tally.add(MessageKind::Resolved, count(2)?);
            }
        }
        notice.alerts.clear();
        for row in &list.rows {
            notice
                .alerts
                .extend(content::read(row, 1, MessageKind::parse(row.text(0)?))?.0);
        }
        notice.alerts.sort_by_key(urgency);
        notice.alerts.truncate(LISTED);
        notice.unlisted = tally.all().saturating_sub(notice.alerts.len());
        notice.kind = Some(tally.worst());
        notice.digest = Some(tally);
    }
    Ok(())
}

/// What is worse comes first.
fn urgency(one: &AlertNotice) -> u8 {
    match one.alert.severity.as_str() {
        "critical" => 0,
        "error" => 1,
        "warning" => 2,
        _ => 3,
    }
}
