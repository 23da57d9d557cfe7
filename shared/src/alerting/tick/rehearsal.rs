//! A rule on one series, minute by minute and in memory: the code of the tick, on stored points, with nothing written.
//!
//! Each point is taken as if it had been received when it was stamped. Only minutes in which something can change are
//! evaluated: those in which a point comes, or a timer ends.

use super::effects::{Change, Effects};
use super::forecasts::{self, Due, look_ahead, nothing};
use super::grid;
use super::history::Known;
use super::marks::{self, Marks, Said};
use super::minute::{Arrivals, Outlooks, Scene, Stop, evaluate};
use super::rule_set::RuleSet;
use super::warm_up;
use super::watching::Watching;
use crate::Error;
use crate::alerting::condition::{Condition, Keep, Need, Recent, Summary};
use crate::alerting::external::Holds;
use crate::alerting::instance::{Instance, State};
use crate::alerting::outlook::Outlook;
use crate::alerting::rule::{Definition, Rule, RuleKey};
use crate::alerting::state::{Arrival, Lane, Observed, Told, Tracked};
use crate::auth::Tenant;
use crate::budget::Budget;
use crate::clock::{DAY, HOUR, MINUTE, Millis};
use crate::detection::cold_rows::ColdRows;
use crate::detection::configuration::Organization;
use crate::forecasting::Expected;
use crate::id::RuleId;
use crate::series::{Point, SeriesRef};
use crate::store;
use prediction::LocalTime;
use prediction::detect::{Change as Detected, Cold};
use std::collections::{BTreeMap, HashMap};

/// How far before the first minute points are read, if nothing asks for more: enough for a last value and its rhythm.
const BEFORE: Millis = DAY;
/// How far where there are not even two points by then: no interval is longer.
const FAR_BEFORE: Millis = 400 * DAY;

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

/// What a rehearsal needs to know of a series.
#[derive(Debug)]
pub(in crate::alerting) struct Subject {
    name: SeriesRef,
    /// ascending, from some time before the first minute on
    points: Vec<Point>,
    marks: Vec<Said>,
}

impl Subject {
    /// The series.
    pub(in crate::alerting) fn name(&self) -> &SeriesRef {
        &self.name
    }

    /// The values of the points from one time on and before another.
    pub(in crate::alerting) fn values(&self, from: Millis, to: Millis) -> impl Iterator<Item = f64> {
        let begin = self.points.partition_point(|point| point.timestamp < from);
        let rest = self.points[begin..].iter();
        rest.take_while(move |point| point.timestamp < to)
            .map(|point| point.value)
    }
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
    /// A rule as if it had been saved, and enabled, at `from`; its minutes are those after that one, up to `to`.
    pub(in crate::alerting) fn new(
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
        let rule_id = RuleId::derived(from, &[b"rehearsal"]);
        let key = RuleKey::of(&rule_id);
        let rule = Rule {
            rule_id,
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

    /// The minute before the first one.
    pub(in crate::alerting) fn from(&self) -> Millis {
        self.from
    }

    /// The last minute.
    pub(in crate::alerting) fn to(&self) -> Millis {
        self.to
    }

    /// Reads what a rehearsal on a series needs.
    ///
    /// # Errors
    /// 401, 403 or 503.
    pub(in crate::alerting) async fn read(&self, tenant: &Tenant, name: SeriesRef) -> Result<Subject, Error> {
        let series_id = name.series_id;
        let end = Some(self.to.saturating_add(1));
        let from = self.from.saturating_sub(BEFORE);
        let mut points = store::points(tenant, series_id, Some(from), end).await?;
        let before = points.partition_point(|point| point.timestamp <= self.from);
        let (more, marks) = match &self.definition.condition {
            Condition::Anomaly(_) => {
                let marks = marks::applied(tenant, &[series_id], self.to).await?;
                (warm_up::SPAN, marks.into_values().flatten().collect())
            }
            Condition::Forecast(forecast) => (
                forecasts::reach(forecast.horizon.millis(), usual_distance(&points)),
                Vec::new(),
            ),
            _ if before < 2 => (FAR_BEFORE, Vec::new()),
            _ => (self.needed(usual_distance(&points)), Vec::new()),
        };
        if more > BEFORE {
            let far = self.from.saturating_sub(more);
            let mut earlier = store::points(tenant, series_id, Some(far), Some(from)).await?;
            earlier.append(&mut points);
            points = earlier;
        }
        Ok(Subject { name, points, marks })
    }

    /// How far before the first minute the rule looks at a series with this distance between points.
    fn needed(&self, distance: Millis) -> Millis {
        let needs = self.definition.needs();
        // the last points are those that are there
        let windows = needs.filter(|need| !matches!(need.keep, Keep::Points(_)));
        windows
            .map(|need| Recent::reach(need, distance, 0).0)
            .fold(BEFORE, Millis::max)
    }

    /// Goes through the minutes of a series. Each forecast that is made on the way takes from the budget.
    pub(in crate::alerting) fn run(&self, subject: &Subject, budget: &mut dyn Budget) -> Rehearsed {
        Walk::new(self, subject).through(budget, Walk::next)
    }
}

/// The usual distance between points: 0 if there are less than two.
fn usual_distance(points: &[Point]) -> Millis {
    let mut distances: Vec<Millis> = points
        .windows(2)
        .map(|pair| pair[1].timestamp.saturating_sub(pair[0].timestamp))
        .collect();
    let middle = distances.len() / 2;
    if distances.is_empty() {
        return 0;
    }
    *distances.select_nth_unstable(middle).1
}

/// The first whole minute that is not before a time.
fn minute_of(time: Millis) -> Millis {
    grid::floor(time.saturating_add(MINUTE - 1))
}

/// A rehearsal on its way.
struct Walk<'a> {
    rehearsal: &'a Rehearsal,
    subject: &'a Subject,
    names: BTreeMap<crate::series::SeriesId, SeriesRef>,
    /// how many points have arrived
    arrived: usize,
    lane: Lane,
    cold: ColdRows,
    marks: Marks,
    outlooks: Outlooks,
    /// the local time of an hour
    local: (Millis, LocalTime),
    changes: Vec<Change>,
    forecasts: usize,
}

impl<'a> Walk<'a> {
    fn new(rehearsal: &'a Rehearsal, subject: &'a Subject) -> Self {
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
    fn through(mut self, budget: &mut dyn Budget, next: impl Fn(&Self, Millis, bool) -> Millis) -> Rehearsed {
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

    fn local(&mut self, minute: Millis) -> LocalTime {
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
        let (external, resolves, expected) = (HashMap::new(), HashMap::new(), Expected::default());
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
                expected: &expected,
                local,
                marks: &self.marks,
                max_rows: usize::MAX,
            };
            let mut effects = Effects::default();
            let stop = evaluate(&mut self.lane, &mut self.cold, &scene, series_id, &mut effects);
            stirred |= self.lane.changed() > 0;
            self.lane.saved();
            self.cold.saved();
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

    /// Shows the detector the history, once the series is watched; whether it did.
    fn warm_up(&mut self, minute: Millis) -> bool {
        let series_id = self.subject.name.series_id;
        let Some(tracked) = self.lane.get(series_id) else {
            return false;
        };
        let waits = tracked
            .detection
            .as_ref()
            .is_some_and(|detection| detection.hot.is_none());
        if !waits {
            return false;
        }
        let mut tracked = tracked.clone();
        let local = self.local(minute);
        let Rehearsal {
            rules,
            watching,
            cold_bits,
            ..
        } = self.rehearsal;
        let detector = watching.detector(series_id, *cold_bits, local);
        let begin = minute.saturating_sub(warm_up::SPAN);
        let mut points = &self.subject.points[..self.arrived];
        points = &points[points.partition_point(|point| point.timestamp < begin)..];
        let said: Vec<Said> = self
            .subject
            .marks
            .iter()
            .filter(|said| said.created_at <= minute)
            .copied()
            .collect();
        let (stream, watch, open) = warm_up::stream(&detector, minute, points, &said);
        let since = watching.since(&self.subject.name, rules);
        let open = open.filter(|open| warm_up::is_news(open, since, minute, &stream.hot, &tracked.observed));
        if let Some(detection) = &mut tracked.detection {
            detection.watch = watch;
            if let Some(open) = open {
                detection.watch.change(&Detected::Opened(open));
                detection.told = Some(Told::of(&open));
            }
            detection.hot = Some(stream.hot);
        }
        self.cold.put(series_id, &stream.cold);
        self.lane.put(tracked);
        true
    }

    /// Makes the forecast that the next minutes go by, once the one before is about to be stale; whether there was room.
    fn forecast(&mut self, minute: Millis, budget: &mut dyn Budget) -> bool {
        let Condition::Forecast(forecast) = &self.rehearsal.definition.condition else {
            return true;
        };
        let series_id = self.subject.name.series_id;
        let known = &self.subject.points[..self.arrived];
        let Some(newest) = known.last() else { return true };
        let horizon = forecast.horizon.millis();
        let outlooks = self.outlooks.entry((series_id, horizon)).or_default();
        let lasts = |outlook: &Outlook| {
            newest.timestamp <= outlook.origin
                || minute.saturating_add(MINUTE).saturating_sub(outlook.origin) <= outlook.fresh_for()
        };
        if outlooks.last().is_some_and(|(_, outlook)| lasts(outlook)) {
            return true;
        }
        if !budget.another() {
            return false;
        }
        let interval = self.lane.get(series_id).map_or(0, |tracked| tracked.observed.interval);
        let quantiles = forecast.quantiles().to_vec();
        let due = Due::new(series_id, horizon, quantiles, newest.timestamp, interval, None);
        let begin = newest.timestamp.saturating_sub(forecasts::reach(horizon, interval));
        let history = &known[known.partition_point(|point| point.timestamp < begin)..];
        let outlook = look_ahead(history, &due).unwrap_or_else(|| nothing(newest.timestamp, horizon));
        outlooks.clear();
        outlooks.push((minute.saturating_add(MINUTE), outlook));
        self.forecasts += 1;
        true
    }

    fn instance(&self) -> Option<&Instance> {
        let tracked = self.lane.get(self.subject.name.series_id)?;
        tracked.instances.first().map(|(_, instance)| instance)
    }

    /// The next minute in which something can change.
    fn next(&self, minute: Millis, stirred: bool) -> Millis {
        let arrival = self.subject.points.get(self.arrived).map(|point| point.timestamp);
        let said = self.marks.values().flatten().map(|said| said.created_at).min();
        let timers = self
            .lane
            .get(self.subject.name.series_id)
            .map(|tracked| self.timers(minute, stirred, tracked));
        let next = timers.into_iter().flatten().flatten().chain(arrival).chain(said).min();
        next.map_or(Millis::MAX, |next| minute_of(next).max(minute.saturating_add(MINUTE)))
    }

    /// When something may change though no point comes.
    fn timers(&self, minute: Millis, stirred: bool, tracked: &Tracked) -> [Option<Millis>; 3] {
        let definition = &self.rehearsal.definition;
        let last = tracked.observed.last.map(|last| last.minute);
        let after_last = |after: Millis| last.map(|last| last.saturating_add(after)).filter(|due| *due > minute);
        let state = self.instance().and_then(|instance| match instance.state {
            State::Pending => Some(instance.since.saturating_add(definition.hold.millis())),
            State::Recovering => Some(instance.since.saturating_add(definition.keep_firing_for.millis())),
            State::Normal | State::Firing | State::NoData | State::Unknown => None,
        });
        let silence = definition.no_data_after.and_then(|after| after_last(after.millis()));
        let condition = match &definition.condition {
            // points leave a window, and others get as old as they must be
            _ if definition.needs().any(slides) => Some(minute),
            Condition::Threshold(_) | Condition::RateOfChange(_) | Condition::Composite(_) => None,
            Condition::MissingData(missing) => missing.after.length(tracked.observed.interval).and_then(after_last),
            // it ends by itself
            Condition::External(_) => {
                let end = tracked.observed.last.map(|last| Holds::end(last.point.value));
                end.filter(|end| *end > minute)
            }
            // a limit is nearer with each minute, and a forecast older
            Condition::Forecast(_) => Some(minute),
            // what ended in this minute is forgotten in the next
            Condition::Anomaly(_) if stirred => Some(minute),
            Condition::Anomaly(_) => {
                let detection = tracked.detection.as_ref();
                let hot = detection.and_then(|detection| detection.hot.as_ref());
                let detector =
                    self.rehearsal
                        .watching
                        .detector(tracked.series_id, self.rehearsal.cold_bits, self.local.1);
                hot.and_then(|hot| detector.overdue_at(hot))
            }
        };
        [state, silence, condition]
    }
}

/// Whether what is kept says something else with each minute, though no point comes.
fn slides(need: Need) -> bool {
    need.delay > 0 || !matches!(need.keep, Keep::Points(_) | Keep::Window(Summary::Value, _))
}

#[cfg(test)]
mod tests;
