//! One minute of one lane: pure, so that a replay of the same minutes gives the same state.

use super::effects::{Effects, Told};
use super::rule_set::RuleSet;
use crate::alerting::condition::Condition;
use crate::alerting::instance::{Instance, State, Status, Timers, Transition, Verdict};
use crate::alerting::outlook::{Crossing, Outlook};
use crate::alerting::rule::{Revision, Rule, RuleKey};
use crate::alerting::state::{Arrival, Lane, Observed, Tracked, fresh_for};
use crate::alerting::text::{self, Evidence};
use crate::clock::Millis;
use crate::series::{SeriesId, SeriesRef};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The most rows and bytes of one write.
pub(super) const MAX_ROWS: usize = 2_000;
pub(super) const MAX_BYTES: usize = 2 * 1024 * 1024;

/// The outlooks of each series and horizon, ascending by the minute from which they count.
pub(super) type Outlooks = HashMap<(SeriesId, Millis), Vec<(Millis, Outlook)>>;

/// What arrived within a minute.
#[derive(Debug, Clone, Default)]
pub(super) struct Arrivals {
    pub(super) points: BTreeMap<SeriesId, Vec<Arrival>>,
    /// series that were deleted; their points above came later
    pub(super) deleted: BTreeSet<SeriesId>,
}

/// All that a minute sees.
#[derive(Debug)]
pub(super) struct Scene<'a> {
    pub(super) minute: Millis,
    pub(super) rules: &'a RuleSet,
    /// every series with a metric that some rule watches
    pub(super) names: &'a BTreeMap<SeriesId, SeriesRef>,
    pub(super) arrivals: &'a Arrivals,
    /// what the store knows of series that only a rule met in this minute watches
    pub(super) history: &'a BTreeMap<SeriesId, Observed>,
    pub(super) outlooks: &'a Outlooks,
    /// open alerts that somebody resolved by hand, and when
    pub(super) resolves: &'a HashMap<(RuleKey, SeriesId), Millis>,
    /// how large a write may get: [`MAX_ROWS`]
    pub(super) max_rows: usize,
}

/// Evaluates the series from `from` on, in order, until the write would get too large; then the first that is left.
pub(super) fn evaluate(lane: &mut Lane, scene: &Scene<'_>, from: SeriesId, effects: &mut Effects) -> Option<SeriesId> {
    let mut series: Vec<SeriesId> = lane.iter().map(|tracked| tracked.series_id).collect();
    series.extend(scene.arrivals.points.keys());
    series.extend(scene.history.keys());
    series.sort_unstable();
    series.dedup();
    let first = series.partition_point(|id| *id < from);
    for id in series.into_iter().skip(first) {
        let watching: Vec<&(Revision, Rule)> = scene
            .names
            .get(&id)
            .map(|name| scene.rules.watching(name).collect())
            .unwrap_or_default();
        let rows = lane.changed() + effects.rows();
        // a rule that was changed ends one alert and may begin another; a page may be halved
        if rows > 0
            && (rows + 4 * watching.len() + 4 > scene.max_rows || lane.changed_bytes() + effects.bytes() > MAX_BYTES)
        {
            return Some(id);
        }
        Turn { scene, id, effects }.take(lane, &watching);
    }
    None
}

/// One series in one minute.
struct Turn<'a, 'b> {
    scene: &'a Scene<'a>,
    id: SeriesId,
    effects: &'b mut Effects,
}

impl Turn<'_, '_> {
    fn take(&mut self, lane: &mut Lane, watching: &[&(Revision, Rule)]) {
        let known = lane.get(self.id).cloned();
        let was_known = known.is_some();
        let mut tracked = known.unwrap_or_else(|| Tracked {
            series_id: self.id,
            observed: self.scene.history.get(&self.id).copied().unwrap_or_default(),
            instances: Vec::new(),
        });
        let deleted = self.scene.arrivals.deleted.contains(&self.id);
        if deleted {
            tracked.observed = Observed::default();
        }
        for arrival in self.scene.arrivals.points.get(&self.id).into_iter().flatten() {
            tracked.observed.observe(self.scene.minute, arrival);
        }
        let mut instances = BTreeMap::new();
        for (revision, instance) in tracked.instances {
            match self.ended(revision, watching, deleted) {
                Some(reason) => {
                    if let Some(transition) = instance.close() {
                        self.record(revision, None, &transition, &Evidence::default(), reason.to_owned());
                    }
                }
                None => {
                    instances.insert(revision, instance);
                }
            }
        }
        for (revision, rule) in watching {
            let due = rule.updated_at <= self.scene.minute;
            let instance = match instances.remove(revision) {
                Some(instance) => instance,
                None if due && rule.is_live() => Instance::new(self.scene.minute),
                None => continue,
            };
            instances.insert(*revision, self.step(*revision, rule, instance, &tracked.observed));
        }
        tracked.instances = instances.into_iter().collect();
        if !tracked.instances.is_empty() {
            lane.put(tracked);
        } else if was_known {
            lane.remove(self.id);
        }
    }

    /// Why an instance ends in this minute, if it does. A change that came after this minute does not count yet.
    fn ended(&self, revision: Revision, watching: &[&(Revision, Rule)], deleted: bool) -> Option<&'static str> {
        if deleted {
            return Some("the series was deleted");
        }
        let Some((current, rule)) = self.scene.rules.by_key(revision.rule) else {
            return Some("the rule was deleted");
        };
        let due = rule.updated_at <= self.scene.minute;
        match () {
            () if !due && *current != revision => None,
            () if due && rule.deleted => Some("the rule was deleted"),
            () if due && !rule.definition.enabled => Some("the rule was disabled"),
            () if *current != revision => Some("the rule was changed"),
            () if !watching.iter().any(|(watched, _)| *watched == revision) => Some("the series was deleted"),
            () => None,
        }
    }

    fn step(&mut self, revision: Revision, rule: &Rule, mut instance: Instance, observed: &Observed) -> Instance {
        let minute = self.scene.minute;
        let (verdict, evidence) = self.verdict(rule, &instance, observed);
        let asked = self.scene.resolves.get(&(revision.rule, self.id));
        if asked.is_some_and(|asked| *asked <= minute)
            && let Some(transition) = instance.resolve()
        {
            self.record(
                revision,
                Some(rule),
                &transition,
                &evidence,
                "resolved by hand".to_owned(),
            );
        }
        let timers = Timers {
            hold: rule.definition.hold.millis(),
            keep_firing_for: rule.definition.keep_firing_for.millis(),
        };
        if let Some(transition) = instance.step(minute, verdict, timers) {
            let reason = match transition.to {
                Status::Firing if verdict == Verdict::Breach => text::firing(&rule.definition, &evidence, minute),
                Status::Firing => "points arrive again, and it has not recovered".to_owned(),
                Status::NoData => text::silent(&evidence),
                Status::Resolved if transition.from == State::NoData => "points arrive again".to_owned(),
                Status::Resolved => text::recovered(&rule.definition, &evidence),
            };
            self.record(revision, Some(rule), &transition, &evidence, reason);
        }
        instance
    }

    fn verdict<'a>(&self, rule: &Rule, instance: &Instance, observed: &'a Observed) -> (Verdict, Evidence<'a>) {
        let minute = self.scene.minute;
        let Some(last) = observed.last else {
            return (Verdict::Unknown, Evidence::default());
        };
        let mut evidence = Evidence {
            value: Some(last.point.value),
            crossing: None,
            silent: minute.saturating_sub(last.minute),
            ..Evidence::default()
        };
        // a rule begins with a value only while that is fresh; what it once went by stands
        let age = minute.saturating_sub(last.point.timestamp);
        if instance.state == State::Unknown && age > fresh_for(observed.interval) {
            return (Verdict::Unknown, evidence);
        }
        let definition = &rule.definition;
        if definition
            .no_data_after
            .is_some_and(|after| evidence.silent >= after.millis())
        {
            return (Verdict::NoData, evidence);
        }
        let verdict = match &definition.condition {
            Condition::Threshold(threshold) => threshold.verdict(last.point.value),
            Condition::MissingData(missing) => missing.verdict(minute, last.minute),
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
                    Some(Crossing::At(time, _)) => {
                        evidence.crossing = Some(time);
                        Verdict::Breach
                    }
                }
            }
        };
        (verdict, evidence)
    }

    fn record(
        &mut self,
        revision: Revision,
        rule: Option<&Rule>,
        transition: &Transition,
        evidence: &Evidence<'_>,
        reason: String,
    ) {
        let name = self.scene.names.get(&self.id).map(text::series).unwrap_or_default();
        let told = Told {
            rule: revision.rule,
            series_id: self.id,
            severity: rule.map_or("", |rule| rule.definition.severity.as_str()),
            value: evidence.value,
            summary: rule.map_or_else(String::new, |rule| {
                format!("{}: {name}: {reason}", rule.definition.name)
            }),
            reason,
        };
        self.effects.record(self.scene.minute, transition, told);
    }
}

#[cfg(test)]
mod tests;
