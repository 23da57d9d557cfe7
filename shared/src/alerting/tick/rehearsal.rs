//! A rule on one series, minute by minute and in memory: the code of the tick, on stored points, with nothing written.
//!
//! Each point is taken as if it had been received when it was stamped, and each stored forecast counts from when it was stored.
//! Only minutes in which something can change are evaluated: those in which a point comes, or a timer ends.
//!
//! - `subject`: what is read of a series.
//! - `walk`: the minutes; `beside`: what a tick does beside them; `timers`: which one comes next.

mod beside;
mod subject;
mod timers;
mod walk;

use super::effects::Change;
use super::grid;
use super::rule_set::RuleSet;
use super::watching::Watching;
use crate::alerting::condition::Condition;
use crate::alerting::instance::State;
use crate::alerting::rule::{Definition, Rule, RuleKey};
use crate::budget::Budget;
use crate::clock::Millis;
use crate::detection::configuration::Organization;
use crate::id::RuleId;
use walk::Walk;

pub(in crate::alerting) use subject::Subject;

/// A rule that is tried, and the minutes for which it is.
#[derive(Debug)]
pub(in crate::alerting) struct Rehearsal {
    rule: RuleKey,
    rules: RuleSet,
    definition: Definition,
    watching: Watching,
    cold_bits: u32,
    from: Millis,
    to: Millis,
}

/// What a rule would have done on a series.
#[derive(Debug, PartialEq)]
pub(in crate::alerting) struct Rehearsed {
    pub(in crate::alerting) changes: Vec<Change>,
    /// the last minute that was evaluated: the last one of all, unless the budget did not do
    pub(in crate::alerting) until: Millis,
    /// where the instance stands then; `None` if the rule never met the series
    pub(in crate::alerting) state: Option<State>,
    /// forecasts that were made on the way
    pub(in crate::alerting) forecasts: usize,
}

impl Rehearsal {
    /// A rule as if it had been saved by this id, and enabled, at `from`; its minutes are those after that one, up to `to`.
    pub(in crate::alerting) fn new(
        rule_id: &RuleId,
        definition: &Definition,
        organization: &Organization,
        from: Millis,
        to: Millis,
    ) -> Self {
        let (from, to) = (grid::floor(from), grid::floor(to));
        let definition = Definition {
            enabled: true,
            ..definition.clone()
        };
        let key = RuleKey::of(rule_id);
        let rule = Rule {
            rule_id: rule_id.clone(),
            definition: definition.clone(),
            created_at: from,
            updated_at: from,
            deleted: false,
        };
        let configuration = &organization.configuration;
        let is_anomaly = matches!(definition.condition, Condition::Anomaly(_));
        let all = (configuration.enabled && is_anomaly).then(|| (configuration.settings.clone(), Millis::MIN));
        Self {
            rule: key,
            rules: RuleSet::new(vec![rule]),
            definition,
            watching: Watching::new(all, &organization.time_zone),
            cold_bits: organization.cold_bits,
            from,
            to,
        }
    }

    /// Goes through the minutes of a series. Each forecast that is made on the way takes from the budget.
    pub(in crate::alerting) fn run(&self, subject: &Subject, budget: &mut dyn Budget) -> Rehearsed {
        Walk::new(self, subject).through(budget, Walk::next)
    }
}

#[cfg(test)]
mod tests;
