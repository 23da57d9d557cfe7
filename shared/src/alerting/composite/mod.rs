//! Composite rules: rules that fire while other rules do.
//!
//! They are evaluated behind stage 1, minute by minute up to the last one that all active lanes have completed, from the log
//! of transitions. The database counts what is open and what changes in a minute, so that a storm reads like a single alert.
//! What is read, decided and written is one step with a watermark of its own, and its write is refused if another run was
//! faster or a rule was changed: so runs that are doubled, missed or killed end in the same state. What they leave are alerts
//! and transitions like any others, without a series.

mod evaluation;
mod members;
mod named;
mod rehearsal;
mod store;

use crate::Error;
use crate::auth::Tenant;
use crate::clock::{DAY, MINUTE, Millis};
use evaluation::Evaluation;
use store::Written;

pub(super) use named::{Explain, Members};
pub(super) use rehearsal::Rehearsal;
pub(super) use store::instance;

/// A composite rule goes back no further than this: old news pages nobody.
const MAX_BEHIND: Millis = DAY;
/// Minutes of one read. It has a row for each minute and rule that changed, and there may be 1,000 rules.
const STRETCH: Millis = 30 * MINUTE;
/// How often a run reads again because somebody else was faster.
const ATTEMPTS: usize = 10;
/// Changes of one write.
const MAX_ROWS: usize = 1_000;

/// Evaluates the composite rules of an organization up to the minute that all its lanes have completed, `scheduled` if it
/// has no active lane, and returns how many changes of alerts that makes.
///
/// # Errors
/// 503 if the database does not answer, or other runs were faster again and again. What was committed stays.
pub async fn evaluate(tenant: &Tenant, scheduled: Millis) -> Result<usize, Error> {
    let mut transitions = 0;
    let mut lost = 0;
    while lost < ATTEMPTS {
        let Some(read) = store::read(tenant, scheduled).await? else {
            return Ok(transitions);
        };
        let mut evaluation = Evaluation::new(&read.inputs);
        let mut minute = read.begin;
        while minute < read.until && evaluation.effects.rows() < MAX_ROWS {
            minute = minute.saturating_add(MINUTE).min(read.until);
            evaluation.minute(minute);
        }
        for rule in evaluation.members.below_zero() {
            let rule_id = rule.text();
            debug_assert!(false, "{rule_id}: its transitions do not add up");
            tracing::error!(rule_id, "the transitions of a rule do not add up to its open alerts");
        }
        if store::write(tenant, &read, minute, &evaluation).await? == Written::Yes {
            transitions += evaluation.effects.transitions().len();
            if minute == read.last {
                return Ok(transitions);
            }
        } else {
            lost += 1;
        }
    }
    Err(Error::unavailable(
        "composite rules were evaluated by others again and again",
    ))
}
