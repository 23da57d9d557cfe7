//! Warm-up: a series that is watched for anomalies from now on is shown its stored history, so that one that was imported
//! with a month of it is ready at once.
//!
//! A replay tells nobody: it writes no anomaly, and rules do not see what it found. An incident that is open at its end is kept
//! as open in the detector's state: it is told when it gets worse, and otherwise ends unseen.

use super::history;
use super::marks::{self, Said};
use super::watching::Watching;
use crate::Error;
use crate::alerting::condition::Watch;
use crate::alerting::state::{Lane, Observed, Tracked};
use crate::auth::Tenant;
use crate::clock::{DAY, Millis};
use crate::detection::cold_rows::ColdRows;
use crate::series::{Point, SeriesId};
use prediction::detect::{Detector, Stream, Verdict};

/// How far back a replay goes: a month, and some, so that each day of the week was seen five times.
const SPAN: Millis = 35 * DAY;
/// The most points of a series that are replayed, the newest: those of 35 days at one a minute.
const POINTS: usize = 35 * 1_440;
/// How many series are read together.
const TOGETHER: usize = 16;

/// Up to where a replay goes.
#[derive(Debug)]
pub(super) struct WarmUp<'a> {
    pub(super) tenant: &'a Tenant,
    pub(super) watching: &'a Watching,
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
    /// Replays the history of these series into the lane and the cold rows.
    pub(super) async fn run(&self, series: &[SeriesId], lane: &mut Lane, cold: &mut ColdRows) -> Result<(), Error> {
        let from = self.minute.saturating_sub(SPAN);
        let mut points = history::points(self.tenant, series, from, POINTS, self.seq).await?;
        let marks = marks::applied(self.tenant, series, self.minute).await?;
        while let Some(missing) = series.iter().position(|id| !cold.holds(*id)) {
            cold.read(self.tenant, series.iter().copied().skip(missing)).await?;
        }
        let local = self.watching.local(self.minute);
        for series_id in series {
            let detector = self.watching.detector(*series_id, lane.cold_bits(), local);
            let points = points.remove(series_id).unwrap_or_default();
            let said = marks.get(series_id).map_or(&[][..], Vec::as_slice);
            let (stream, watch) = self.stream(&detector, &points, said);
            let Some(mut tracked) = lane.get(*series_id).cloned() else {
                continue;
            };
            if let Some(detection) = &mut tracked.detection {
                (detection.hot, detection.watch) = (Some(stream.hot), watch);
            }
            if tracked.instances.is_empty() && tracked.observed.newest.is_none() {
                tracked.observed = rhythm(self.minute, &points);
            }
            lane.put(tracked);
            cold.put(*series_id, &stream.cold);
        }
        Ok(())
    }

    fn stream(&self, detector: &Detector, points: &[Point], said: &[Said]) -> (Stream, Watch) {
        let mut stream = Stream::default();
        let mut last: Option<Verdict> = None;
        let mut said = said.iter().peekable();
        for point in points {
            while let Some(one) = said.next_if(|one| one.created_at < point.timestamp) {
                detector.mark(&mut stream.hot, one.at, one.mark);
            }
            last = Some(stream.push(detector, point.timestamp, Some(point.value), None));
        }
        for one in said {
            detector.mark(&mut stream.hot, one.at, one.mark);
        }
        // a series that has been silent for long is no news
        if detector
            .overdue_at(&stream.hot)
            .is_some_and(|overdue| overdue <= self.minute)
        {
            last = Some(stream.push(detector, self.minute, None, None));
        }
        let mut watch = Watch::default();
        if let Some(last) = last {
            watch.note(None, &Verdict { change: None, ..last });
        }
        (stream, watch)
    }
}

/// What the points say of when the next one is due, for a series of which nothing else is known.
fn rhythm(minute: Millis, points: &[Point]) -> Observed {
    let mut newest = points.iter().rev();
    let last = newest.next();
    let previous = newest.next().map(|point| point.timestamp);
    last.and_then(|last| Observed::of_history(minute, *last, previous))
        .unwrap_or_default()
}
