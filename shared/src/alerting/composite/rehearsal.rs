use super::evaluation::{Evaluation, Inputs};
use super::members::OpenAlerts;
use crate::alerting::Definition;
use crate::alerting::instance::State;
use crate::alerting::rule::{Rule, RuleKey};
use crate::alerting::tick::Change;
use crate::clock::{MINUTE, Millis};
use crate::id::RuleId;

/// A composite rule on what the rules that it names would have done, by the evaluation itself.
#[derive(Debug)]
pub(in crate::alerting) struct Rehearsal {
    from: Millis,
    inputs: Inputs,
}

impl Rehearsal {
    /// Over these rules, of which composite ones are evaluated with it, as if all had been saved at `from`.
    pub(in crate::alerting) fn new(named: Vec<Rule>, from: Millis) -> Self {
        let mut inputs = Inputs::default();
        for mut rule in named {
            let key = RuleKey::of(&rule.rule_id);
            inputs.names.insert(key, rule.definition.name.clone());
            if rule.definition.condition.is_composite() {
                rule.updated_at = from;
                inputs.rules.push(rule);
            }
        }
        Self { from, inputs }
    }

    /// Takes what a rule would have done on one series.
    pub(in crate::alerting) fn take(&mut self, rule: &RuleId, changes: &[Change]) {
        let mut was = OpenAlerts::default();
        for change in changes {
            let is = OpenAlerts::one(change.to);
            *self
                .inputs
                .changes
                .entry((change.minute, RuleKey::of(rule)))
                .or_default() += is - was;
            was = is;
        }
    }

    /// What such a rule would have done up to a minute, and where it stands then.
    pub(in crate::alerting) fn run(
        &self,
        rule_id: &RuleId,
        definition: &Definition,
        until: Millis,
    ) -> (Vec<Change>, State) {
        let key = RuleKey::of(rule_id);
        let mut inputs = self.inputs.clone();
        inputs.rules.push(Rule {
            rule_id: rule_id.clone(),
            definition: Definition {
                enabled: true,
                ..definition.clone()
            },
            created_at: self.from,
            updated_at: self.from,
            deleted: false,
        });
        let mut evaluation = Evaluation::new(&inputs);
        let mut minute = self.from;
        while minute < until {
            minute = minute.saturating_add(MINUTE);
            evaluation.minute(minute);
        }
        let state = evaluation
            .states
            .get(&key)
            .map_or(State::Unknown, |(_, instance)| instance.state);
        (evaluation.effects.changes(key), state)
    }
}
