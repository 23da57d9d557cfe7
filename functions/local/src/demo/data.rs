//! The real series of the demo: see `data/README.md`.

use crate::Failure;
use intentvision::clock::{DAY, MINUTE, Millis};

const FLIGHTS: &str = include_str!("../../data/flights.csv");
/// 2001-03-26T00:00:00Z, a Monday.
const START: Millis = 985_564_800_000;
/// Distance of neighbours.
pub(super) const STEP: Millis = 15 * MINUTE;
const WEEK: Millis = 7 * DAY;

/// One series, moved to the present.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Series {
    pub(super) metric_key: &'static str,
    pub(super) airport: &'static str,
    /// ascending, [`STEP`] apart, up to a week past the present
    pub(super) points: Vec<(Millis, f64)>,
}

/// All of them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Flights {
    pub(super) series: Vec<Series>,
    /// by how many weeks they were moved, so that weekdays and hours are what they were
    pub(super) weeks: i64,
}

/// The series moved by whole weeks, so that they reach up to `now` and less than a week beyond.
///
/// # Errors
/// If the file is not what it was when this was built.
pub(super) fn ending_at(now: Millis) -> Result<Flights, Failure> {
    let broken = || Failure::Failed("the demo's data cannot be read".into());
    let mut series = Vec::new();
    let mut weeks = None;
    for line in FLIGHTS.lines() {
        let mut cells = line.split(',');
        let (metric_key, airport) = cells.next().and_then(|id| id.split_once('/')).ok_or_else(broken)?;
        let values: Vec<f64> = cells
            .map(|cell| cell.parse().map_err(|_| broken()))
            .collect::<Result<_, _>>()?;
        let last = START + STEP * (i64::try_from(values.len()).map_err(|_| broken())? - 1);
        let moved = *weeks.get_or_insert((now - last).div_euclid(WEEK) + i64::from((now - last).rem_euclid(WEEK) > 0));
        let times = (0..).map(|index| START + moved * WEEK + index * STEP);
        series.push(Series {
            metric_key,
            airport,
            points: times.zip(values).collect(),
        });
    }
    Ok(Flights {
        series,
        weeks: weeks.ok_or_else(broken)?,
    })
}

impl Flights {
    /// The time of the first points.
    pub(super) fn start(&self) -> Millis {
        START + self.weeks * WEEK
    }

    /// Points of all series after `from`, up to and including `to`, oldest first.
    pub(super) fn between(&self, from: Millis, to: Millis) -> Vec<(&'static str, &'static str, Millis, f64)> {
        let of = |series: &Series| {
            let (metric_key, airport) = (series.metric_key, series.airport);
            series
                .between(from, to)
                .map(move |(at, value)| (metric_key, airport, at, value))
                .collect::<Vec<_>>()
        };
        let mut points: Vec<_> = self.series.iter().flat_map(of).collect();
        points.sort_by_key(|(_, _, at, _)| *at);
        points
    }

    /// The series of this metric and airport.
    pub(super) fn find(&self, metric_key: &str, airport: &str) -> Option<&Series> {
        self.series
            .iter()
            .find(|series| series.metric_key == metric_key && series.airport == airport)
    }
}

impl Series {
    /// Its points after `from`, up to and including `to`.
    pub(super) fn between(&self, from: Millis, to: Millis) -> impl Iterator<Item = (Millis, f64)> + '_ {
        self.points
            .iter()
            .copied()
            .filter(move |(at, _)| from < *at && *at <= to)
    }

    /// When the value first goes above `limit` after `from`, having been at or below it.
    pub(super) fn rises_above(&self, limit: f64, from: Millis) -> Option<(Millis, f64)> {
        let pairs = self.points.windows(2);
        pairs
            .filter_map(|pair| Some((pair.first()?, pair.get(1)?)))
            .find_map(|(before, after)| (after.0 > from && before.1 <= limit && after.1 > limit).then_some(*after))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use intentvision::clock::HOUR;

    const NOW: Millis = 1_795_428_000_000;

    #[test]
    fn weekdays_and_hours_stay_and_the_end_is_now() {
        for now in (0..).map(|hours| NOW + hours * HOUR).take(24 * 8) {
            let flights = ending_at(now).unwrap();
            assert_eq!(flights.series.len(), 8);
            for series in &flights.series {
                assert_eq!(series.points.len(), 8 * 7 * 96);
                let (first, last) = (series.points[0].0, series.points[series.points.len() - 1].0);
                assert_eq!((first - START) % WEEK, 0);
                assert!(now <= last && last < now + WEEK, "{now}");
            }
        }
    }

    /// The story must hold at any minute of the week: see [`super::super::rules`].
    #[test]
    fn each_two_days_have_a_morning_rush_that_can_be_foreseen() {
        for now in (0..).map(|hours| NOW + hours * HOUR).take(24 * 7) {
            let flights = ending_at(now).unwrap();
            let atlanta = flights.find("flights.departures", "ATL").unwrap();
            let (at, _) = atlanta.rises_above(60.0, now - 2 * DAY + 6 * HOUR).unwrap();
            assert!(at < now, "{now}");
        }
    }
}
