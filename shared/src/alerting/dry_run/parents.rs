//! The rules that inhibit the one that is tried: while an alert of theirs fires, nobody is told of its own.

use super::run::{Run, Tally};
use super::stage::Stage;
use crate::Error;
use crate::alerting::rule::{Definition, Rule};
use crate::alerting::{notices, rules};
use crate::budget::Budget;
use crate::id::RuleId;
use crate::series::SeriesRef;
use std::sync::Arc;

impl<B: Budget + 'static> Stage<'_, B> {
    /// Goes through the parents of a rule, as they are now, if it had alerts that they could have kept quiet.
    pub(super) async fn inhibit(&mut self, definition: &Definition, run: &mut Run) -> Result<(), Error> {
        let parents = &definition.routing.inhibited_by;
        if run.noisy.is_empty() || parents.is_empty() {
            return Ok(());
        }
        let (mut all, mut tally) = (Vec::new(), Tally::default());
        run.parents = None;
        if run.complete {
            run.complete = self.parents(definition, run, &mut all, &mut tally).await?;
            run.parents = run.complete.then(|| Arc::from(all));
        }
        run.tally.forecasts += tally.forecasts;
        run.tally.half_foretold += tally.half_foretold;
        Ok(())
    }

    /// Takes what each parent would have done; whether there was time for all of them.
    async fn parents(
        &mut self,
        definition: &Definition,
        run: &Run,
        all: &mut Vec<notices::Rehearsed>,
        tally: &mut Tally,
    ) -> Result<bool, Error> {
        let equal = &definition.routing.equal;
        for rule_id in &definition.routing.inhibited_by {
            let Some(parent) = self.live(rule_id).await? else {
                continue;
            };
            let found = if parent.definition.condition.is_composite() {
                self.saved_composite(&parent, tally).await?
            } else {
                let mut series = self.watched(&parent.definition).await?;
                series.retain(|name| run.noisy.iter().any(|one| agree(equal, one.series.as_ref(), name)));
                self.saved(&parent, series, tally).await?
            };
            if found.until < self.to {
                return Ok(false);
            }
            all.extend(found.changed);
        }
        Ok(true)
    }

    /// A rule, unless it is gone, or off: then it inhibits nothing.
    async fn live(&self, rule_id: &RuleId) -> Result<Option<Rule>, Error> {
        match rules::get(self.tenant, rule_id).await {
            Ok(rule) => Ok(Some(rule).filter(Rule::is_live)),
            Err(Error::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Whether an alert on one series can keep one on another quiet: whether they agree in these dimensions.
fn agree(equal: &[String], one: Option<&SeriesRef>, parent: &SeriesRef) -> bool {
    equal.iter().all(|key| {
        let value = |name: &SeriesRef| {
            let mut all = name.dimensions.iter();
            all.find(|(known, _)| known == key).map(|(_, value)| value.to_owned())
        };
        one.and_then(value) == value(parent)
    })
}
