//! What a rehearsal reads of a series.

use super::Rehearsal;
use crate::Error;
use crate::alerting::condition::{Condition, Keep, Recent};
use crate::alerting::tick::marks::{self, Said};
use crate::alerting::tick::{forecasts, warm_up};
use crate::auth::Tenant;
use crate::clock::{DAY, Millis};
use crate::forecasting::Expected;
use crate::series::{Point, SeriesRef};
use crate::store;

/// How far before the first minute points are read, if nothing asks for more: enough for a last value and its rhythm.
const BEFORE: Millis = DAY;
/// How far where there are not even two points by then: no interval is longer.
const FAR_BEFORE: Millis = 400 * DAY;

/// What a rehearsal needs to know of a series.
#[derive(Debug)]
pub(in crate::alerting) struct Subject {
    pub(super) name: SeriesRef,
    /// ascending, from some time before the first minute on
    pub(super) points: Vec<Point>,
    pub(super) marks: Vec<Said>,
    /// what stored forecasts said, if detectors go by them
    pub(super) expected: Expected,
    pub(super) knows_all_forecasts: bool,
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

    /// Whether all stored forecasts are known that a detector would have gone by.
    pub(in crate::alerting) fn knows_all_forecasts(&self) -> bool {
        self.knows_all_forecasts
    }
}

impl Rehearsal {
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
        let mut expected = Expected::default();
        let is_foretold = self.watching.by_forecasts();
        let knows_all_forecasts = !is_foretold || expected.read_past(tenant, series_id, self.from, self.to).await?;
        Ok(Subject {
            name,
            points,
            marks,
            expected,
            knows_all_forecasts,
        })
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
