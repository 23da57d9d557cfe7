mod verdict;

use super::Scene;
use crate::alerting::condition::{Need, Recents};
use crate::alerting::external::Said;
use crate::alerting::instance::{Instance, State, Status, Timers, Transition, Verdict};
use crate::alerting::rule::{Revision, Rule};
use crate::alerting::severity::Severity;
use crate::alerting::state::{Detection, Lane, Observed, Tracked, fresh_for};
use crate::alerting::text::{self, Evidence};
use crate::alerting::tick::detect::Look;
use crate::alerting::tick::effects::{Effects, Told};
use crate::alerting::{evidence, external};
use crate::detection::cold_rows::ColdRows;
use crate::series::{Point, SeriesId, SeriesRef};
use std::collections::{BTreeMap, BTreeSet};
use verdict::Seen;

/// One series in one minute.
pub(super) struct Turn<'a, 'b> {
    scene: &'a Scene<'a>,
    id: SeriesId,
    effects: &'b mut Effects,
}

impl<'a, 'b> Turn<'a, 'b> {
    pub(super) fn new(scene: &'a Scene<'a>, id: SeriesId, effects: &'b mut Effects) -> Self {
        Self { scene, id, effects }
    }

    pub(super) fn take(&mut self, lane: &mut Lane, cold: &mut ColdRows, watching: &[&(Revision, Rule)]) {
        let known = lane.get(self.id).cloned();
        let was_known = known.is_some();
        let mut tracked = known.unwrap_or_else(|| Tracked {
            series_id: self.id,
            observed: Observed::default(),
            recents: Recents::default(),
            instances: Vec::new(),
            detection: None,
        });
        if tracked.observed.newest.is_none()
            && let Some(known) = self.scene.known.observed.get(&self.id)
        {
            tracked.observed = *known;
        }
        let deleted = self.scene.arrivals.deleted.contains(&self.id);
        if deleted {
            tracked.observed = Observed::default();
            tracked.recents.clear();
            self.forget(tracked.detection.take());
        }
        self.recall(&mut tracked.recents, watching);
        let mut fresh = Vec::new();
        let mut has_history = false;
        for arrival in self.scene.arrivals.points.get(&self.id).into_iter().flatten() {
            let limit = fresh_for(tracked.observed.interval);
            let is_fresh = tracked.observed.observe(self.scene.minute, arrival);
            tracked.recents.take(self.scene.minute, arrival, is_fresh, limit);
            if is_fresh {
                fresh.push(arrival.point);
            } else {
                has_history = true;
            }
        }
        tracked.recents.advance(self.scene.minute);
        if has_history && let Some(detection) = &mut tracked.detection {
            self.learn_anew(detection, lane.cold_bits());
        }
        tracked.detection = self.detect(tracked.detection, &fresh, lane.cold_bits(), cold);
        let seen = Seen {
            observed: &tracked.observed,
            recents: &tracked.recents,
            watch: tracked.detection.as_deref().map(|detection| &detection.watch),
        };
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
            instances.insert(*revision, self.step(*revision, rule, instance, seen));
        }
        tracked.instances = instances.into_iter().collect();
        if !tracked.instances.is_empty() || tracked.detection.is_some() {
            lane.put(tracked);
        } else if was_known {
            lane.remove(self.id);
        }
    }

    /// Remembers what rules need of the last points, and no more: what the store had of it, or what is known already.
    fn recall(&self, recents: &mut Recents, watching: &[&(Revision, Rule)]) {
        let live = watching.iter().filter(|(_, rule)| rule.is_live());
        let needs: BTreeSet<Need> = live.flat_map(|(_, rule)| rule.definition.needs()).collect();
        // what a rule needed until a change that comes after this minute is still needed in it
        if watching.iter().all(|(_, rule)| rule.updated_at <= self.scene.minute) {
            recents.retain(&needs);
        }
        for (need, recent) in self.scene.known.recents.get(&self.id).into_iter().flatten() {
            if needs.contains(need) {
                recents.insert(*need, recent.clone());
            }
        }
    }

    /// Lets the detector look at what is fresh, if the series is watched for anomalies.
    fn detect(
        &mut self,
        detection: Option<Box<Detection>>,
        fresh: &[Point],
        cold_bits: u32,
        cold: &mut ColdRows,
    ) -> Option<Box<Detection>> {
        let (minute, watching) = (self.scene.minute, self.scene.watching);
        let said = self.scene.marks.get(&self.id).map_or(&[][..], Vec::as_slice);
        let marks = || said.iter().filter(|one| one.created_at <= minute);
        // also those of a series of which there is nothing to be changed
        self.effects.marks.extend(marks().map(|one| (one.seq, minute)));
        let name = self.scene.names.get(&self.id);
        let already = detection.is_some();
        // a series is met when a point comes, or with what is stored of it when the watching begins
        let is_there =
            already || self.scene.arrivals.points.contains_key(&self.id) || self.scene.known.present.contains(&self.id);
        let covers = |name: &&SeriesRef| is_there && watching.covers(name, self.scene.rules, minute, already);
        let Some(name) = name.filter(covers) else {
            self.forget(detection);
            return None;
        };
        let mut detection = detection.unwrap_or_default();
        let look = Look {
            minute,
            series_id: self.id,
            metric: name.metric_key.as_str(),
            time_zone: watching.time_zone(),
            detector: &watching.detector(self.id, cold_bits, self.scene.local),
            expected: self.scene.expected,
        };
        look.take(&mut detection, marks(), fresh, cold, &mut self.effects.anomalies);
        Some(detection)
    }

    /// While a detector is learning, it is shown the stored history again when more of that has come.
    fn learn_anew(&self, detection: &mut Detection, cold_bits: u32) {
        let detector = self.scene.watching.detector(self.id, cold_bits, self.scene.local);
        detection.hot.take_if(|hot| detector.learning(hot).is_some());
    }

    /// Nobody watches any longer.
    fn forget(&mut self, detection: Option<Box<Detection>>) {
        if let Some(told) = detection.and_then(|detection| detection.told) {
            self.effects.anomalies.end(self.scene.minute, self.id, told, None);
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

    fn step(&mut self, revision: Revision, rule: &Rule, mut instance: Instance, seen: Seen<'_>) -> Instance {
        let minute = self.scene.minute;
        let (verdict, evidence) = self.verdict(rule, &instance, seen);
        let asked = self.scene.resolves.get(&(revision.rule, self.id));
        if asked.is_some_and(|asked| asked.ends(&instance, minute))
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
        if self.has_begun_anew(rule, &instance) {
            instance.held = false;
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

    /// What another system says of the series.
    fn said(&self) -> Option<&'a Said> {
        self.scene.external.get(&self.id)
    }

    /// Whether another system says something new of an alert that was resolved by hand: it began after that had fired. So
    /// an end that was lost on the way keeps nothing quiet.
    fn has_begun_anew(&self, rule: &Rule, instance: &Instance) -> bool {
        let new = instance.since.saturating_add(1)..=self.scene.minute;
        rule.definition.condition.is_external()
            && instance.held
            && self.said().is_some_and(|said| new.contains(&said.starts_at))
    }

    /// That of the rule, unless another system that found the alert says how bad it is.
    fn severity(&self, rule: &Rule) -> Severity {
        let is_external = rule.definition.condition.is_external();
        let name = self.scene.names.get(&self.id).filter(|_| is_external);
        name.and_then(external::severity).unwrap_or(rule.definition.severity)
    }

    /// The metric of the series.
    fn metric(&self) -> &'a str {
        let name = self.scene.names.get(&self.id);
        name.map_or("", |name| name.metric_key.as_str())
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
            series_id: Some(self.id),
            severity: rule.map_or("", |rule| self.severity(rule).as_str()),
            value: evidence.value,
            summary: rule.map_or_else(String::new, |rule| {
                format!("{}: {name}: {reason}", rule.definition.name)
            }),
            reason,
            evidence: rule.and_then(|rule| evidence::of(&rule.definition, evidence, transition.to)),
            definition: rule.map(|rule| &rule.definition),
        };
        self.effects.record(self.scene.minute, transition, told);
    }
}
