//! One series in one minute, as its detector sees it.

use super::anomalies::Anomalies;
use super::marks::Said;
use crate::alerting::state::{Detection, Told};
use crate::clock::Millis;
use crate::detection::cold_rows::ColdRows;
use crate::detection::{reason, wall_time};
use crate::series::{Point, SeriesId};
use prediction::detect::{Change, Detector, Finding, Hot};

/// Who looks at which series when.
#[derive(Debug)]
pub(super) struct Look<'a> {
    pub(super) minute: Millis,
    pub(super) series_id: SeriesId,
    pub(super) metric: &'a str,
    pub(super) time_zone: &'a str,
    pub(super) detector: &'a Detector,
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
        let Detection { hot, watch, told } = detection;
        watch.begin_minute();
        // until its history was replayed, which includes these points and marks, there is nobody to look
        let Some(hot) = hot else { return };
        let mut tell = |at: Millis, change: Option<Change>| {
            if let Some(change) = change {
                self.tell(told, at, &change, anomalies);
            }
        };
        for said in marks {
            let change = self.detector.mark(hot, said.at, said.mark);
            if let Some(change) = &change {
                watch.change(change);
            }
            tell(self.minute, change);
        }
        for point in points {
            if !is_newer(hot, point) {
                continue;
            }
            if self.detector.roll_is_due(hot, point.timestamp) {
                let mut known = cold.get(self.series_id);
                self.detector.roll(hot, &mut known, point.timestamp);
                cold.put(self.series_id, &known);
            }
            let verdict = self.detector.push(hot, point.timestamp, Some(point.value), None);
            watch.note(Some(point.value), &verdict);
            tell(point.timestamp, verdict.change);
        }
        if self
            .detector
            .overdue_at(hot)
            .is_some_and(|overdue| overdue <= self.minute)
        {
            let verdict = self.detector.push(hot, self.minute, None, None);
            watch.note(None, &verdict);
            tell(self.minute, verdict.change);
        }
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

/// Whether a day of the series ends with one of these points, so that its cold row is needed.
pub(super) fn needs_cold<'a>(detector: &Detector, hot: &Hot, mut points: impl Iterator<Item = &'a Point>) -> bool {
    points.any(|point| is_newer(hot, point) && detector.roll_is_due(hot, point.timestamp))
}
