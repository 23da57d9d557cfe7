//! A rehearsal on its way through the minutes of a series.

use super::{Rehearsal, Rehearsed, Subject};
use crate::alerting::condition::{Need, Recent};
use crate::alerting::instance::Instance;
use crate::alerting::state::{Arrival, Lane, Observed};
use crate::alerting::tick::effects::{Change, Effects};
use crate::alerting::tick::history::Known;
use crate::alerting::tick::marks::{self, Marks, Said};
use crate::alerting::tick::minute::{Arrivals, Outlooks, Scene, Stop, evaluate};
use crate::budget::Budget;
use crate::clock::{HOUR, MINUTE, Millis};
use crate::detection::cold_rows::ColdRows;
use crate::series::{SeriesId, SeriesRef};
use prediction::LocalTime;
use prediction::detect::Cold;
use std::collections::{BTreeMap, HashMap};

/// A rehearsal on its way.
pub(super) struct Walk<'a> {
    pub(super) rehearsal: &'a Rehearsal,
    pub(super) subject: &'a Subject,
    names: BTreeMap<SeriesId, SeriesRef>,
    /// how many points have arrived
    pub(super) arrived: usize,
    pub(super) lane: Lane,
    pub(super) cold: ColdRows,
    pub(super) marks: Marks,
    pub(super) outlooks: Outlooks,
    /// the local time of an hour
    pub(super) local: (Millis, LocalTime),
    changes: Vec<Change>,
    pub(super) forecasts: usize,
}

impl<'a> Walk<'a> {
    pub(super) fn new(rehearsal: &'a Rehearsal, subject: &'a Subject) -> Self {
        let mut lane = Lane::default();
        lane.set_cold_bits(rehearsal.cold_bits);
        let series_id = subject.name.series_id;
        let later = |said: &&Said| said.created_at > rehearsal.from;
        let later: Vec<Said> = subject.marks.iter().filter(later).copied().collect();
        Self {
            rehearsal,
            subject,
            names: BTreeMap::from([(series_id, subject.name.clone())]),
            arrived: subject
                .points
                .partition_point(|point| point.timestamp <= rehearsal.from),
            lane,
            cold: ColdRows::new(rehearsal.cold_bits),
            marks: Marks::from([(series_id, later)]),
            outlooks: Outlooks::new(),
            local: (Millis::MIN, LocalTime::default()),
            changes: Vec::new(),
            forecasts: 0,
        }
    }

    /// Goes to the end; `next` says which minute comes after one, given whether anything changed in that.
    pub(super) fn through(
        mut self,
        budget: &mut dyn Budget,
        next: impl Fn(&Self, Millis, bool) -> Millis,
    ) -> Rehearsed {
        let mut until = self.rehearsal.from;
        let mut minute = until.saturating_add(MINUTE);
        let mut known = self.known(minute);
        while minute <= self.rehearsal.to {
            self.recall(minute, &mut known);
            let arrivals = self.arrivals(minute);
            let stirred = self.evaluate(minute, &arrivals, &known) | self.warm_up(minute);
            known = Known::default();
            until = minute;
            if !self.forecast(minute, budget) {
                return self.end(until);
            }
            minute = next(&self, minute, stirred);
        }
        let to = self.rehearsal.to;
        self.end(until.max(to))
    }

    fn end(self, until: Millis) -> Rehearsed {
        Rehearsed {
            until,
            state: self.instance().map(|instance| instance.state),
            changes: self.changes,
            forecasts: self.forecasts,
        }
    }

    /// What a rule that is saved now finds in the store.
    fn known(&self, minute: Millis) -> Known {
        let mut known = Known::default();
        let mut newest = self.subject.points[..self.arrived].iter().rev();
        if let Some(last) = newest.next() {
            let series_id = self.subject.name.series_id;
            let previous = newest.next().map(|point| point.timestamp);
            let observed = Observed::of_history(minute, *last, previous);
            known.observed.extend(observed.map(|observed| (series_id, observed)));
            known.present.insert(series_id);
        }
        known
    }

    /// What the rule needs of the points that came before this minute, as long as it is not remembered.
    fn recall(&self, minute: Millis, known: &mut Known) {
        let tracked = self.lane.get(self.subject.name.series_id);
        let needs = self.rehearsal.definition.needs();
        let missing = needs.filter(|need| tracked.is_none_or(|tracked| tracked.recents.get(*need).is_none()));
        let points = &self.subject.points[..self.arrived];
        let recents: Vec<(Need, Recent)> = missing
            .map(|need| (need, Recent::of_history(need, minute, points)))
            .collect();
        if !recents.is_empty() {
            known.recents.insert(self.subject.name.series_id, recents);
        }
    }

    fn arrivals(&mut self, minute: Millis) -> Arrivals {
        let waiting = &self.subject.points[self.arrived..];
        let come: Vec<Arrival> = waiting
            .iter()
            .take_while(|point| point.timestamp <= minute)
            .map(|point| Arrival {
                point: *point,
                received_at: point.timestamp,
                backfill: false,
            })
            .collect();
        self.arrived += come.len();
        let mut arrivals = Arrivals::default();
        if !come.is_empty() {
            arrivals.points.insert(self.subject.name.series_id, come);
        }
        arrivals
    }

    /// How far the organization's standard time is ahead in a minute.
    pub(super) fn local(&mut self, minute: Millis) -> LocalTime {
        let hour = minute.div_euclid(HOUR);
        if self.local.0 != hour {
            self.local = (hour, self.rehearsal.watching.local(minute));
        }
        self.local.1
    }

    /// Evaluates a minute; whether it changed anything.
    fn evaluate(&mut self, minute: Millis, arrivals: &Arrivals, known: &Known) -> bool {
        let series_id = self.subject.name.series_id;
        let local = self.local(minute);
        let (external, resolves) = (HashMap::new(), HashMap::new());
        let mut stirred = false;
        loop {
            let scene = Scene {
                minute,
                rules: &self.rehearsal.rules,
                names: &self.names,
                arrivals,
                known,
                outlooks: &self.outlooks,
                external: &external,
                resolves: &resolves,
                watching: &self.rehearsal.watching,
                expected: &self.subject.expected,
                local,
                marks: &self.marks,
                max_rows: usize::MAX,
            };
            let mut effects = Effects::default();
            let stop = evaluate(&mut self.lane, &mut self.cold, &scene, series_id, &mut effects);
            stirred |= self.lane.changed() > 0;
            // what is cold stays as it is: there is no database from which it could be read again
            self.lane.saved();
            if !effects.marks.is_empty() {
                marks::drop_applied(&mut self.marks, &effects.marks);
            }
            self.changes.extend(effects.changes(self.rehearsal.rule));
            match stop {
                None => return stirred,
                // a series whose history was shown to it has its row; any other begins with an empty one
                Some(Stop::Cold(_)) => self.cold.put(series_id, &Cold::default()),
                // what was written is saved: there is room now
                Some(Stop::Full(_)) => {}
            }
        }
    }

    pub(super) fn instance(&self) -> Option<&Instance> {
        let tracked = self.lane.get(self.subject.name.series_id)?;
        tracked.instances.first().map(|(_, instance)| instance)
    }
}
