//! What a rehearsal reads of a series.

use super::Rehearsal;
use crate::Error;
use crate::alerting::condition::{Condition, Keep, Recent};
use crate::alerting::tick::marks::{self, Marks, Said};
use crate::alerting::tick::{forecasts, warm_up};
use crate::auth::Tenant;
use crate::clock::{DAY, Millis};
use crate::forecasting::Expected;
use crate::series::{Point, SeriesId, SeriesRef};
use crate::store;
use std::collections::{BTreeMap, HashMap};

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
    /// Reads what a rehearsal needs on each of these series, of which there are few enough for a process to hold their histories.
    ///
    /// # Errors
    /// 401, 403 or 503.
    pub(in crate::alerting) async fn read(
        &self,
        tenant: &Tenant,
        names: Vec<SeriesRef>,
    ) -> Result<Vec<Subject>, Error> {
        let ids: Vec<SeriesId> = names.iter().map(|name| name.series_id).collect();
        let mut histories = self.histories(tenant, &ids).await?;
        let mut marks = match &self.definition.condition {
            Condition::Anomaly(_) => marks::applied(tenant, &ids, self.to).await?,
            _ => Marks::new(),
        };
        let is_foretold = self.watching.by_forecasts();
        let mut subjects = Vec::with_capacity(names.len());
        for name in names {
            let id = name.series_id;
            let mut expected = Expected::default();
            let knows_all_forecasts = !is_foretold || expected.read_past(tenant, id, self.from, self.to).await?;
            subjects.push(Subject {
                name,
                points: histories.remove(&id).unwrap_or_default(),
                marks: marks.remove(&id).unwrap_or_default(),
                expected,
                knows_all_forecasts,
            });
        }
        Ok(subjects)
    }

    /// The points of each series up to the last minute, from as far before the first one on as the rule looks.
    async fn histories(&self, tenant: &Tenant, ids: &[SeriesId]) -> Result<HashMap<SeriesId, Vec<Point>>, Error> {
        let from = self.from.saturating_sub(BEFORE);
        let mut found = store::points_of_each(tenant, ids, from, self.to.saturating_add(1)).await?;
        let mut further: BTreeMap<Millis, Vec<SeriesId>> = BTreeMap::new();
        for id in ids {
            let before = self.before(found.get(id).map_or(&[], Vec::as_slice));
            if before > BEFORE {
                further.entry(before).or_default().push(*id);
            }
        }
        for (before, ids) in further {
            let earlier = store::points_of_each(tenant, &ids, self.from.saturating_sub(before), from).await?;
            for (id, mut points) in earlier {
                let later = found.entry(id).or_default();
                points.append(later);
                *later = points;
            }
        }
        Ok(found)
    }

    /// How far before the first minute a series is needed, of which these are the newest points.
    fn before(&self, points: &[Point]) -> Millis {
        let known = points.partition_point(|point| point.timestamp <= self.from);
        match &self.definition.condition {
            Condition::Anomaly(_) => warm_up::SPAN,
            Condition::Forecast(forecast) => forecasts::reach(forecast.horizon.millis(), usual_distance(points)),
            _ if known < 2 => FAR_BEFORE,
            _ => self.needed(usual_distance(points)),
        }
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
