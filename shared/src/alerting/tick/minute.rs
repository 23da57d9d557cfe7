//! One minute of one lane: pure, so that a replay of the same minutes gives the same state.

mod turn;

use super::detect::Look;
use super::effects::Effects;
use super::history::Known;
use super::marks::Marks;
use super::rule_set::RuleSet;
use super::watching::Watching;
use crate::alerting::external::Said;
use crate::alerting::instance::Resolve;
use crate::alerting::outlook::Outlook;
use crate::alerting::rule::{Revision, Rule, RuleKey};
use crate::alerting::state::{Arrival, Lane};
use crate::clock::Millis;
use crate::detection::cold_rows::ColdRows;
use crate::forecasting::Expected;
use crate::series::{SeriesId, SeriesRef};
use prediction::LocalTime;
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
    /// every series with a metric that some rule watches; all of them, if detection is on
    pub(super) names: &'a BTreeMap<SeriesId, SeriesRef>,
    pub(super) arrivals: &'a Arrivals,
    /// what the store knows of series that only a rule, or a detection, met in this minute watches
    pub(super) known: &'a Known,
    pub(super) outlooks: &'a Outlooks,
    /// what people are told of alerts that other systems found
    pub(super) external: &'a HashMap<SeriesId, Said>,
    /// open alerts that somebody resolved by hand
    pub(super) resolves: &'a HashMap<(RuleKey, SeriesId), Resolve>,
    /// what is watched for anomalies
    pub(super) watching: &'a Watching,
    /// what stored forecasts say of what arrived, where detectors go by them
    pub(super) expected: &'a Expected,
    /// where the organization is
    pub(super) local: LocalTime,
    /// what users said that is not applied yet
    pub(super) marks: &'a Marks,
    /// how large a write may get: [`MAX_ROWS`]
    pub(super) max_rows: usize,
}

/// Why an evaluation stops before the minute is complete: at a series that is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// the write is full
    Full(SeriesId),
    /// a day of the series ends, and its cold row was not read
    Cold(SeriesId),
}

/// Evaluates the series from `from` on, in order, until something stops it.
pub(super) fn evaluate(
    lane: &mut Lane,
    cold: &mut ColdRows,
    scene: &Scene<'_>,
    from: SeriesId,
    effects: &mut Effects,
) -> Option<Stop> {
    let series = scene.series(lane);
    let first = series.partition_point(|id| *id < from);
    for id in series.into_iter().skip(first) {
        let watching: Vec<&(Revision, Rule)> = scene
            .names
            .get(&id)
            .map(|name| scene.rules.watching(name).collect())
            .unwrap_or_default();
        let needs_cold = scene.needs_cold(lane, id);
        if needs_cold && !cold.holds(id) {
            return Some(Stop::Cold(id));
        }
        let rows = lane.changed() + cold.changed() + effects.rows();
        let bytes = lane.changed_bytes() + cold.changed_bytes() + effects.bytes();
        let more = if needs_cold { cold.more_bytes(id) } else { 0 };
        // a rule that was changed ends one alert and may begin another, an incident that ends makes room for the next,
        // each with its group; a page may be halved
        if rows > 0 && (rows + 4 * watching.len() + 10 > scene.max_rows || bytes + more > MAX_BYTES) {
            return Some(Stop::Full(id));
        }
        turn::Turn::new(scene, id, effects).take(lane, cold, &watching);
    }
    None
}

impl Scene<'_> {
    /// The series that a minute looks at.
    fn series(&self, lane: &Lane) -> Vec<SeriesId> {
        let mut series: Vec<SeriesId> = lane.iter().map(|tracked| tracked.series_id).collect();
        series.extend(self.arrivals.points.keys());
        series.extend(self.known.observed.keys());
        // one that a later minute meets is not there yet
        series.extend(self.marks.keys().filter(|id| self.is_marked(**id)));
        if self.watching.everything() || self.rules.any_anomaly() {
            series.extend(&self.known.present);
        }
        series.sort_unstable();
        series.dedup();
        series
    }

    /// Whether the cold row of a series must be read first.
    pub(super) fn needs_cold(&self, lane: &Lane, series_id: SeriesId) -> bool {
        let detection = lane.get(series_id).and_then(|tracked| tracked.detection.as_ref());
        let Some(hot) = detection.and_then(|detection| detection.hot.as_ref()) else {
            return false;
        };
        let arrivals = self.arrivals.points.get(&series_id).map_or(&[][..], Vec::as_slice);
        let detector = self.watching.detector(series_id, lane.cold_bits(), self.local);
        let look = Look {
            minute: self.minute,
            series_id,
            metric: "",
            time_zone: self.watching.time_zone(),
            detector: &detector,
            expected: self.expected,
        };
        look.needs_cold(
            hot,
            self.is_marked(series_id),
            arrivals.iter().map(|arrival| &arrival.point),
        )
    }

    /// Whether something was said of a series that counts from this minute on.
    fn is_marked(&self, series_id: SeriesId) -> bool {
        let said = self.marks.get(&series_id);
        said.is_some_and(|said| said.iter().any(|one| one.created_at <= self.minute))
    }
}

#[cfg(test)]
mod tests;
