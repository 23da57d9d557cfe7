//! Composite rules: rules that fire while other rules do.
//!
//! They are evaluated behind stage 1, minute by minute up to the last one that all active lanes have completed, from the log
//! of transitions. What is read, decided and written is one step with a watermark of its own, and its write is refused if
//! another run was faster or a rule was changed: so runs that are doubled, missed or killed end in the same state. What
//! they leave are alerts and transitions like any others, without a series.

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
        let begin = read.begin.max(read.until.saturating_sub(MAX_BEHIND));
        let mut evaluation = Evaluation::new(&read.inputs);
        let mut minute = begin;
        while minute < read.until && evaluation.effects.rows() < MAX_ROWS {
            minute = minute.saturating_add(MINUTE).min(read.until);
            evaluation.minute(minute);
        }
        if store::write(tenant, &read, minute, &evaluation).await? == Written::Yes {
            transitions += evaluation.effects.transitions().len();
            if minute == read.until {
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
