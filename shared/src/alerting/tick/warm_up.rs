//! Warm-up: a series that is watched for anomalies from now on is shown its stored history, so that one that was imported
//! with a month of it is ready at once.
//!
//! A replay tells nobody of what is past. An incident that is open at its end is told only if it began after the watching did, or
//! with the last point before that, which may have come later, and the series goes on: the points of that were fresh, and came before the replay. Another one is kept as open in the
//! detector's state: it is told when it gets worse, and otherwise ends unseen.
//!
//! Values that users called wrong are not shown: a series is replayed anew when that is said of an incident that is over.

use super::anomalies::Anomalies;
use super::history;
use super::marks::{self, Said};
use super::minute::MAX_BYTES;
use super::rule_set::RuleSet;
use super::watching::Watching;
use crate::Error;
use crate::alerting::condition::Watch;
use crate::alerting::state::{Detection, Lane, Observed, Told, Tracked, fresh_for};
use crate::auth::Tenant;
use crate::clock::{DAY, Millis};
use crate::detection::cold_rows::ColdRows;
use crate::detection::{reason, wall_time};
use crate::series::{Point, SeriesId, SeriesRef};
use prediction::detect::{Change, Detector, Finding, Hot, Stream, Verdict};
use std::collections::BTreeMap;

/// How far back a replay goes: a month, and some, so that each day of the week was seen five times.
pub(super) const SPAN: Millis = 35 * DAY;
/// The most points of a series that are replayed, the newest: those of 35 days at one a minute.
const POINTS: usize = 35 * 1_440;
/// How many series are read together.
const TOGETHER: usize = 16;

/// Up to where a replay goes.
#[derive(Debug)]
pub(super) struct WarmUp<'a> {
    pub(super) tenant: &'a Tenant,
    pub(super) watching: &'a Watching,
    pub(super) rules: &'a RuleSet,
    pub(super) names: &'a BTreeMap<SeriesId, SeriesRef>,
    /// the last batch that the lane has seen
    pub(super) seq: i64,
    /// the last minute that is complete
    pub(super) minute: Millis,
}

/// The first series that wait for their history, as many as are replayed together.
pub(super) fn waiting(lane: &Lane) -> Vec<SeriesId> {
    let waits = |tracked: &&Tracked| {
        let detection = tracked.detection.as_ref();
        detection.is_some_and(|detection| detection.hot.is_none())
    };
    lane.iter()
        .filter(waits)
        .map(|tracked| tracked.series_id)
        .take(TOGETHER)
        .collect()
}

impl WarmUp<'_> {
    /// Replays the history of these series into the lane and the cold rows; of how many, before a write is full.
    pub(super) async fn run(
        &self,
        series: &[SeriesId],
        lane: &mut Lane,
        cold: &mut ColdRows,
        anomalies: &mut Anomalies,
    ) -> Result<usize, Error> {
        let from = self.minute.saturating_sub(SPAN);
        let mut points = history::points(self.tenant, series, from, POINTS, self.seq).await?;
        let marks = marks::applied(self.tenant, series, self.minute).await?;
        while let Some(missing) = series.iter().position(|id| !cold.holds(*id)) {
            cold.read(self.tenant, series.iter().copied().skip(missing)).await?;
        }
        let local = self.watching.local(self.minute);
        for (done, series_id) in series.iter().enumerate() {
            let bytes = lane.changed_bytes() + cold.changed_bytes() + anomalies.bytes();
            if bytes > 0 && bytes + cold.more_bytes(*series_id) > MAX_BYTES {
                return Ok(done);
            }
            let detector = self.watching.detector(*series_id, lane.cold_bits(), local);
            let points = points.remove(series_id).unwrap_or_default();
            let said = marks.get(series_id).map_or(&[][..], Vec::as_slice);
            let (stream, watch, open) = stream(&detector, self.minute, &points, said);
            let Some(mut tracked) = lane.get(*series_id).cloned() else {
                continue;
            };
            if tracked.instances.is_empty() && tracked.observed.newest.is_none() {
                tracked.observed = rhythm(self.minute, &points);
            }
            if let Some(detection) = &mut tracked.detection {
                (detection.hot, detection.watch) = (Some(stream.hot), watch);
                let name = self.names.get(series_id);
                let open = open.filter(|open| {
                    let since = name.and_then(|name| self.watching.since(name, self.rules));
                    detection.told.is_some_and(|told| told.since == open.since)
                        || is_news(open, since, self.minute, &stream.hot, &tracked.observed)
                });
                self.settle(*series_id, name, detection, open, anomalies);
            }
            lane.put(tracked);
            cold.put(*series_id, &stream.cold);
        }
        Ok(series.len())
    }

    /// Ends the row of an incident that the replay did not find, and tells of the one that is `open`.
    fn settle(
        &self,
        series_id: SeriesId,
        name: Option<&SeriesRef>,
        detection: &mut Detection,
        open: Option<Finding>,
        anomalies: &mut Anomalies,
    ) {
        let is_lost = |told: &mut Told| open.is_none_or(|open| open.since != told.since);
        if let Some(told) = detection.told.take_if(is_lost) {
            anomalies.end(self.minute, series_id, told, None);
        }
        let Some(open) = open else { return };
        detection.watch.change(&Change::Opened(open));
        if let (None, Some(name)) = (detection.told, name) {
            let wall = wall_time(self.watching.time_zone(), open.at);
            let reason = reason(name.metric_key.as_str(), None, &open, wall);
            anomalies.open(self.minute, series_id, &open, reason);
            detection.told = Some(Told::of(&open));
        }
    }
}

/// Replays points and marks; with the incident that is open at the end.
pub(super) fn stream(
    detector: &Detector,
    minute: Millis,
    points: &[Point],
    said: &[Said],
) -> (Stream, Watch, Option<Finding>) {
    let mut stream = Stream::default();
    let mut last: Option<Verdict> = None;
    let mut open = None;
    let mut note = |change: Option<Change>| match change {
        Some(Change::Opened(finding) | Change::Escalated(finding)) => open = Some(finding),
        Some(Change::Closed { .. }) => open = None,
        None => {}
    };
    let bad = bad_data(said);
    let mut said = said.iter().peekable();
    for point in points.iter().filter(|point| !is_within(&bad, point.timestamp)) {
        while let Some(one) = said.next_if(|one| one.created_at < point.timestamp) {
            note(stream.mark(detector, one.at, one.past(), one.mark));
        }
        let verdict = stream.push(detector, point.timestamp, Some(point.value), None);
        note(verdict.change);
        last = Some(verdict);
    }
    for one in said {
        note(stream.mark(detector, one.at, one.past(), one.mark));
    }
    // a series that has been silent for long is no news
    if detector
        .overdue_at(&stream.hot)
        .is_some_and(|overdue| overdue <= minute)
    {
        let verdict = stream.push(detector, minute, None, None);
        note(verdict.change);
        last = Some(verdict);
    }
    let mut watch = Watch::default();
    if let Some(last) = last {
        watch.note(None, &Verdict { change: None, ..last });
    }
    (stream, watch, open)
}

/// Whether an incident that is open at the end of a replay is news: it began after the watching did, and the series goes on.
pub(super) fn is_news(open: &Finding, since: Option<Millis>, minute: Millis, hot: &Hot, observed: &Observed) -> bool {
    let interval = observed.interval;
    let age = minute.saturating_sub(hot.last().unwrap_or(open.since));
    since.is_some_and(|since| since.saturating_sub(interval) <= open.since) && age <= fresh_for(interval)
}

/// When values were wrong data, each from one time to before another: of each incident the last mark counts.
fn bad_data(said: &[Said]) -> BTreeMap<Millis, Millis> {
    let mut bad = BTreeMap::new();
    for one in said {
        match (one.bad_data(), one.past()) {
            (Some((since, until)), _) => {
                bad.insert(since, until);
            }
            (None, Some(past)) => {
                bad.remove(&past.since);
            }
            (None, None) => {}
        }
    }
    bad
}

fn is_within(spans: &BTreeMap<Millis, Millis>, t: Millis) -> bool {
    spans.range(..=t).any(|(_, until)| t < *until)
}

/// What the points say of when the next one is due, for a series of which nothing else is known.
fn rhythm(minute: Millis, points: &[Point]) -> Observed {
    let mut newest = points.iter().rev();
    let last = newest.next();
    let previous = newest.next().map(|point| point.timestamp);
    last.and_then(|last| Observed::of_history(minute, *last, previous))
        .unwrap_or_default()
}
