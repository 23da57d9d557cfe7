//! What a rule says of one series in one minute, and why.

use super::Turn;
use crate::alerting::condition::{Condition, Need, RateOfChange, Recents, Threshold, Watch, Windowed};
use crate::alerting::instance::{Instance, State, Verdict};
use crate::alerting::outlook::Crossing;
use crate::alerting::rule::{Definition, Rule};
use crate::alerting::state::{Observed, fresh_for};
use crate::alerting::text::Evidence;
use crate::clock::Millis;

/// What is known of a series in a minute, as rules look at it.
#[derive(Clone, Copy)]
pub(super) struct Seen<'w> {
    pub(super) observed: &'w Observed,
    pub(super) recents: &'w Recents,
    pub(super) watch: Option<&'w Watch>,
}

impl Seen<'_> {
    /// What a rule says of a series that is too new for it.
    fn too_new(self, definition: &Definition, minute: Millis) -> Option<Verdict> {
        let age = definition.age()?;
        match self.recents.get(age) {
            None => Some(Verdict::Frozen),
            Some(recent) if recent.is_as_old_as(definition.grace.millis(), minute) => None,
            Some(_) => Some(Verdict::Unknown),
        }
    }

    /// What a threshold says of the last points, or of those that are old enough. While their history was not read, and
    /// while there is no value to compare, everything stays as it is; a series that is younger than the window is unknown.
    fn threshold(self, threshold: &Threshold, need: Need, minute: Millis, evidence: &mut Evidence<'_>) -> Verdict {
        let Some(recent) = self.recents.get(need) else {
            return Verdict::Frozen;
        };
        if let Some(points) = threshold.points {
            let (verdict, beyond) = threshold.of_points(points, recent.values());
            evidence.value = recent.last().map(|last| last.value);
            evidence.beyond = beyond;
            return verdict;
        }
        let value = match threshold.aggregation {
            None => recent.last().map(|last| last.value),
            Some(aggregation) => match recent.window(need, minute, self.observed.interval) {
                Windowed::NotYet => return Verdict::Unknown,
                windowed => aggregation.of(windowed),
            },
        };
        evidence.value = value;
        value.map_or(Verdict::Frozen, |value| threshold.verdict(value))
    }

    /// What a change says. Without an earlier point that is young enough, it is unknown.
    fn rate_of_change(self, rate: &RateOfChange, need: Need, evidence: &mut Evidence<'_>) -> Verdict {
        let Some(recent) = self.recents.get(need) else {
            return Verdict::Frozen;
        };
        evidence.change = rate.change(recent, self.observed.interval);
        evidence.value = evidence.change.map(|change| change.by);
        evidence.change.map_or(Verdict::Unknown, |change| rate.verdict(&change))
    }
}

impl<'a> Turn<'a, '_> {
    /// What a rule says, and what that rests on.
    pub(super) fn verdict<'w>(&self, rule: &Rule, instance: &Instance, seen: Seen<'w>) -> (Verdict, Evidence<'w>)
    where
        'a: 'w,
    {
        let minute = self.scene.minute;
        let observed = seen.observed;
        let Some(last) = observed.last else {
            return (Verdict::Unknown, Evidence::default());
        };
        let mut evidence = Evidence {
            metric: self.metric(),
            value: Some(last.point.value),
            interval: observed.interval,
            silent: minute.saturating_sub(last.minute),
            watch: seen.watch,
            time_zone: self.scene.watching.time_zone(),
            ..Evidence::default()
        };
        if let Condition::External(external) = rule.definition.condition {
            // the value says until when, however old it is, and nobody wants to read it
            evidence.value = None;
            evidence.said = self.said().and_then(|said| said.text.as_deref());
            return (external.verdict(last.point.value, minute), evidence);
        }
        // a rule begins with a value only while that is fresh; what it once went by stands
        let age = minute.saturating_sub(last.point.timestamp);
        if instance.state == State::Unknown && age > fresh_for(observed.interval) {
            return (Verdict::Unknown, evidence);
        }
        let definition = &rule.definition;
        if let Some(early) = seen.too_new(definition, minute) {
            return (early, evidence);
        }
        if definition
            .no_data_after
            .is_some_and(|after| evidence.silent >= after.millis())
        {
            return (Verdict::NoData, evidence);
        }
        let verdict = match &definition.condition {
            Condition::Threshold(threshold) => match definition.need() {
                Some(need) => seen.threshold(threshold, need, minute, &mut evidence),
                None => threshold.verdict(last.point.value),
            },
            Condition::RateOfChange(rate) => match definition.need() {
                Some(need) => seen.rate_of_change(rate, need, &mut evidence),
                None => Verdict::Unknown,
            },
            Condition::MissingData(missing) => missing.verdict(minute, last.minute, observed.interval),
            // of other rules, and so of no series; and what has its verdict already
            Condition::Composite(_) | Condition::External(_) => Verdict::Unknown,
            Condition::Anomaly(anomaly) => evidence.watch.map_or(Verdict::Unknown, |watch| anomaly.verdict(watch)),
            Condition::Forecast(forecast) => {
                let outlooks = self.scene.outlooks.get(&(self.id, forecast.horizon.millis()));
                let newest = outlooks.and_then(|list| list.iter().rev().find(|(valid_from, _)| *valid_from <= minute));
                match newest.map(|(_, outlook)| outlook.crossing(forecast, minute)) {
                    None | Some(Crossing::NotKnown) => Verdict::Unknown,
                    Some(Crossing::Stale) => Verdict::Frozen,
                    // what was foretold has come: an end of the alert now would say the opposite
                    Some(Crossing::Never) if forecast.operator.holds(last.point.value, forecast.value) => {
                        Verdict::Breach
                    }
                    Some(Crossing::Never) => Verdict::Clear,
                    Some(Crossing::At(when)) => {
                        evidence.crossing = Some(when);
                        Verdict::Breach
                    }
                }
            }
        };
        (verdict, evidence)
    }
}
