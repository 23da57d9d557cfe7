//! Who may send which message: a lease with a token that only grows, so that a worker which comes
//! back after its lease changes nothing.
//!
//! First a read, so that an idle schedule writes nothing, then one write that takes the leases,
//! freezes the bodies and makes digests of what is above a channel's rate. What a read found is
//! looked at again in the write: workers run side by side.

mod due;

pub(super) use due::next_due;

use super::breaker::TRIP;
use super::channel::{SealedChannel, Templates, Written};
use super::digest;
use super::outbox::MessageKind;
use super::settlement::Settled;
use crate::Error;
use crate::auth::Tenant;
use crate::clock::Millis;
use db::{Batch, Step, Value, args};
use due::{CROWDED, DUE, TAKE, candidate, crowd};

/// Longer than an attempt with its record can take.
pub(super) const LEASE: Millis = 30_000;

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
    let due = Step::tenant(DUE, args![offset, room.well, room.suspect, room.all]);
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
