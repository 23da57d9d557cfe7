//! One series in one minute, as its detector sees it.

use super::anomalies::Anomalies;
use super::marks::Said;
use super::warm_up;
use crate::alerting::state::{Detection, Told};
use crate::clock::Millis;
use crate::detection::cold_rows::ColdRows;
use crate::detection::{reason, wall_time};
use crate::forecasting::Expected;
use crate::series::{Point, SeriesId};
use prediction::detect::{Change, Detector, Finding, Hot, Mark, Range, Verdict};

/// Who looks at which series when.
#[derive(Debug)]
pub(super) struct Look<'a> {
    pub(super) minute: Millis,
    pub(super) series_id: SeriesId,
    pub(super) metric: &'a str,
    pub(super) time_zone: &'a str,
    pub(super) detector: &'a Detector,
    /// what stored forecasts say, where the detector goes by them
    pub(super) expected: &'a Expected,
}

impl Look<'_> {
    /// First what users said, then the points that are fresh, then whether a point is overdue.
    pub(super) fn take<'a>(
        &self,
        detection: &mut Detection,
        marks: impl IntoIterator<Item = &'a Said>,
        points: &[Point],
        cold: &mut ColdRows,
        anomalies: &mut Anomalies,
    ) {
        let Detection {
            hot: state,
            watch,
            told,
        } = detection;
        watch.begin_minute();
        // until its history was replayed, which includes these points and marks, there is nobody to look
        let Some(hot) = state else { return };
        let mut tell = |at: Millis, change: Option<Change>| {
            if let Some(change) = change {
                self.tell(told, at, &change, anomalies);
            }
        };
        let mut relearn = false;
        for said in marks {
            let before = cold.get(self.series_id);
            let mut known = before.clone();
            let change = self.detector.mark(hot, &mut known, said.at, said.past(), said.mark);
            if known != before {
                cold.put(self.series_id, &known);
            }
            // of an incident that is over, what was learned of it can only be learned anew without it
            let is_over = change.is_none() && said.past().is_some_and(|past| self.is_replayed(past.since));
            relearn |= said.mark == Mark::BadData && is_over;
            if let Some(change) = &change {
                watch.change(change);
            }
            tell(self.minute, change);
        }
        if relearn {
            *state = None;
            return;
        }
        for point in points {
            if !is_newer(hot, point) {
                continue;
            }
            let (t, value) = (point.timestamp, Some(point.value));
            let forecast = self.expected.range(self.series_id, self.minute, t);
            if self.detector.roll_is_due(hot, t) {
                let mut known = cold.get(self.series_id);
                self.detector.roll(hot, &mut known, t);
                cold.put(self.series_id, &known);
            }
            let verdict = self.push(hot, cold, t, value, forecast.as_ref());
            watch.note(value, &verdict);
            tell(t, verdict.change);
        }
        if self.is_overdue(hot) {
            let verdict = self.push(hot, cold, self.minute, None, None);
            watch.note(None, &verdict);
            tell(self.minute, verdict.change);
        }
    }

    /// Whether its cold state is needed to look at a series of which these points came, and, if it `is_marked`, something was said.
    pub(super) fn needs_cold<'a>(
        &self,
        hot: &Hot,
        is_marked: bool,
        points: impl Iterator<Item = &'a Point> + Clone,
    ) -> bool {
        let mut newer = points.filter(|point| is_newer(hot, point));
        if is_marked
            || newer
                .clone()
                .any(|point| self.detector.roll_is_due(hot, point.timestamp))
        {
            return true;
        }
        if !self.detector.expects_more(hot) {
            return false;
        }
        let Some(point) = newer.next() else {
            return self.is_overdue(hot) && self.detector.needs_cold(hot, self.minute, None, None);
        };
        let forecast = self.expected.range(self.series_id, self.minute, point.timestamp);
        let needed = self
            .detector
            .needs_cold(hot, point.timestamp, Some(point.value), forecast.as_ref());
        // what a second one would be depends on the first, and so does whether the next is overdue
        needed || newer.next().is_some() || self.is_overdue(hot)
    }

    fn push(&self, hot: &mut Hot, cold: &ColdRows, t: Millis, value: Option<f64>, forecast: Option<&Range>) -> Verdict {
        if self.detector.expects_more(hot) && cold.holds(self.series_id) {
            let known = cold.get(self.series_id);
            self.detector.push_knowing(hot, &known, t, value, forecast)
        } else {
            self.detector.push(hot, t, value, forecast)
        }
    }

    fn is_overdue(&self, hot: &Hot) -> bool {
        self.detector
            .overdue_at(hot)
            .is_some_and(|overdue| overdue <= self.minute)
    }

    /// Whether a replay of the history would show a point of this time.
    fn is_replayed(&self, t: Millis) -> bool {
        t >= self.minute.saturating_sub(warm_up::SPAN)
    }

    fn tell(&self, told: &mut Option<Told>, at: Millis, change: &Change, anomalies: &mut Anomalies) {
        let (minute, series_id) = (self.minute, self.series_id);
        match (change, *told) {
            (Change::Escalated(finding), Some(before)) => {
                anomalies.escalate(minute, series_id, before, finding, self.reason(finding));
            }
            // one that opened in a replay of history is told when it gets worse
            (Change::Opened(finding) | Change::Escalated(finding), before) => {
                if let Some(before) = before {
                    anomalies.end(minute, series_id, before, None);
                }
                anomalies.open(minute, series_id, finding, self.reason(finding));
                *told = Some(Told::of(finding));
            }
            (Change::Closed { ending, .. }, Some(before)) => {
                anomalies.end(at, series_id, before, Some(*ending));
                *told = None;
            }
            // of one that nobody was told of, nobody is told that it is over
            (Change::Closed { .. }, None) => {}
        }
    }

    fn reason(&self, finding: &Finding) -> String {
        let wall = wall_time(self.time_zone, finding.at);
        reason(self.metric, None, finding, wall)
    }
}

/// Whether the detector would look at a point.
fn is_newer(hot: &Hot, point: &Point) -> bool {
    hot.last().is_none_or(|last| point.timestamp > last)
}
