//! Stage 2 of the tick: what is open becomes messages in the outbox.
//!
//! It goes through the minutes of product time behind stage 1, and looks in each at what is open, told and quiet
//! (`decision`, pure). What it reads, decides and writes is one step: its write is refused if another run was faster. So
//! a run that is doubled, lost, late or killed leaves the same messages.
//!
//! - `situation`: what the decision is made from.
//! - `flush`, `quiet`: the decision itself.
//! - `look`, `read`, `pages`, `rows`, `write`: the same in the database.
//! - `rehearsal`: the decision over alerts that were not raised, for a dry run.

mod decision;
mod flush;
mod look;
mod pages;
mod quiet;
mod read;
mod rehearsal;
mod rows;
mod situation;
mod write;

use crate::Error;
use crate::auth::Tenant;
use crate::clock::Millis;
use db::Step;
use decision::decide;
use read::Read;
use write::Written;

pub(in crate::alerting) use rehearsal::{Rehearsed, count};

/// Tells what is to be told up to the minute `scheduled`, and returns how many messages that are. It waits for the slowest
/// active lane, unless that is more than five minutes behind.
///
/// # Errors
/// 503 if the database does not answer. What was committed stays.
pub async fn tell(tenant: &Tenant, scheduled: Millis) -> Result<usize, Error> {
    let mut messages = 0;
    while let Some(read) = read::read(tenant, scheduled).await? {
        let Read {
            before,
            position,
            transitions,
            until,
            asked,
        } = read;
        let mut after = before.clone();
        let decided = decide(&mut after, &transitions, until, asked);
        if write::write(tenant, &position, &before, &after, &decided).await? == Written::Yes {
            messages += decided.messages.len();
        }
    }
    Ok(messages)
}

/// What each change of who is told what brings with it: the next run looks at all that is open.
pub(crate) fn ask() -> Step {
    Step::tenant(
        "UPDATE org_state SET notices_asked = notices_asked + 1 WHERE org_id = (SELECT org_id FROM authority)",
        vec![],
    )
}
