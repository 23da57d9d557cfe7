//! A composite rule on what the rules that it names would have done.

use super::advice;
use super::report::Suggestion;
use super::run::{Run, Tally};
use super::stage::{Found, Stage};
use crate::Error;
use crate::alerting::composite::Rehearsal;
use crate::alerting::rule::Rule;
use crate::alerting::tick::Change;
use crate::alerting::{Definition, notices, rules};
use crate::budget::Budget;
use crate::clock::Millis;
use crate::id::RuleId;
use std::collections::BTreeSet;

impl<B: Budget + 'static> Stage<'_, B> {
    /// A composite rule. The rules that it names are gone through as they are now; one that is disabled never fires.
    pub(super) async fn composite(&mut self, definition: &Definition) -> Result<(Run, Vec<Suggestion>), Error> {
        let mut run = Run::new(self.from, self.to);
        let (rehearsal, until) = self.members(definition, &mut run.tally).await?;
        run.complete = until == self.to;
        run.until = until;
        let rule_id = self.rule_id.clone();
        let (changes, state) = rehearsal.run(&rule_id, definition, until);
        run.alone(without_series(&rule_id, changes), state, until);
        self.inhibit(definition, &mut run).await?;
        self.tell(definition, &mut run).await?;
        let mut suggestions = Vec::new();
        if run.is_noisy() {
            for trial in advice::trials(definition, &[], self.to.saturating_sub(self.from)) {
                let (changes, _) = rehearsal.run(&rule_id, &trial.definition, until);
                let all = vec![without_series(&rule_id, changes)];
                suggestions.push(self.suggestion(trial, all, &run).await?);
            }
        }
        Ok((run, suggestions))
    }

    /// Goes through a composite rule that is saved, as if it had been saved at the beginning.
    pub(super) async fn saved_composite(&mut self, rule: &Rule, tally: &mut Tally) -> Result<Found, Error> {
        let (rehearsal, until) = self.members(&rule.definition, tally).await?;
        let (changes, _) = rehearsal.run(&rule.rule_id, &rule.definition, until);
        Ok(Found {
            until,
            changed: vec![without_series(&rule.rule_id, changes)],
        })
    }

    /// Goes through the rules that a composite one names, and returns the minute up to which all of them were.
    async fn members(&mut self, definition: &Definition, tally: &mut Tally) -> Result<(Rehearsal, Millis), Error> {
        let named = self.named(definition).await?;
        let mut rehearsal = Rehearsal::new(named.clone(), self.from);
        let mut until = self.to;
        for rule in named.iter().filter(|rule| rule.is_live()) {
            if rule.definition.condition.is_composite() {
                continue;
            }
            let series = self.watched(&rule.definition).await?;
            let found = self.saved(rule, series, tally).await?;
            for one in &found.changed {
                rehearsal.take(&rule.rule_id, &one.changes);
            }
            until = until.min(found.until);
        }
        Ok((rehearsal, until))
    }

    /// The rules that a composite one names, and those that composite ones among these name.
    async fn named(&self, definition: &Definition) -> Result<Vec<Rule>, Error> {
        let mut named = Vec::new();
        let mut seen = BTreeSet::new();
        let mut open = definition.condition.members().to_vec();
        while let Some(rule_id) = open.pop() {
            if seen.insert(rule_id.clone()) {
                let rule = rules::get(self.tenant, &rule_id).await?;
                open.extend_from_slice(rule.definition.condition.members());
                named.push(rule);
            }
        }
        Ok(named)
    }
}

fn without_series(rule_id: &RuleId, changes: Vec<Change>) -> notices::Rehearsed {
    notices::Rehearsed {
        rule_id: rule_id.clone(),
        series: None,
        changes,
    }
}
