//! A composite rule on what the rules that it names would have done.

use super::advice::{self, Suggestion};
use super::episode;
use super::stage::{Run, Stage};
use crate::Error;
use crate::alerting::composite::Rehearsal;
use crate::alerting::rule::Rule;
use crate::alerting::{Definition, notices, rules};
use crate::budget::Budget;
use crate::clock::Millis;
use std::collections::BTreeSet;

impl<B: Budget + 'static> Stage<'_, B> {
    /// A composite rule. The rules that it names are gone through as they are now; one that is disabled never fires.
    pub(super) async fn composite(&mut self, definition: &Definition) -> Result<(Run, Vec<Suggestion>), Error> {
        let named = self.named(definition).await?;
        let times = self.rehearsal(definition);
        let mut run = Run::new(times.from(), times.to(), 0);
        let mut rehearsal = Rehearsal::new(named.clone(), run.from);
        let mut until = run.to;
        for rule in named.iter().filter(|rule| rule.is_live()) {
            if !rule.definition.condition.is_composite() {
                until = until.min(self.member(rule, &mut run, &mut rehearsal).await?);
            }
        }
        run.complete = until == run.to;
        let (changes, state) = rehearsal.run(definition, until);
        run.take(None, episode::episodes(&changes, until), state, until);
        (_, run.notifications) = self.messages(definition, vec![without_series(changes)], until).await?;
        let mut suggestions = Vec::new();
        if run.is_noisy() {
            for trial in advice::trials(definition, &[], run.to.saturating_sub(run.from)) {
                let (changes, _) = rehearsal.run(&trial.definition, until);
                suggestions.push(self.suggestion(trial, vec![without_series(changes)], &run).await?);
            }
        }
        Ok((run, suggestions))
    }

    /// Goes through the series of a rule, and returns the minute up to which all of them were.
    async fn member(&mut self, rule: &Rule, run: &mut Run, composite: &mut Rehearsal) -> Result<Millis, Error> {
        let rehearsal = self.rehearsal(&rule.definition);
        let series = self.watched(&rule.definition).await?;
        run.matched += series.len();
        let mut until = rehearsal.to();
        for name in series {
            if !self.another() {
                return Ok(rehearsal.from());
            }
            let series_id = name.series_id;
            let subject = rehearsal.read(self.tenant, name).await?;
            let (_, rehearsed) = self.rehearse(&rehearsal, subject).await?;
            composite.take(&rule.rule_id, series_id, &rehearsed.changes);
            run.forecasts += rehearsed.forecasts;
            run.evaluated += usize::from(rehearsed.until == rehearsal.to());
            until = until.min(rehearsed.until);
        }
        Ok(until)
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

fn without_series(changes: Vec<crate::alerting::tick::Change>) -> notices::Rehearsed {
    notices::Rehearsed { series: None, changes }
}
