//! What stored forecasts expect of series, for detectors that go by them.
//!
//! Of a series the newest forecast counts, from a minute after it was stored: so it does in each replay of that minute.
//! A forecast is never deleted. Where it says nothing, or has no interval of 95 %, the detector goes by what it has learned.

use super::PackedForecast;
use crate::Error;
use crate::auth::Tenant;
use crate::clock::{MINUTE, Millis};
use crate::series::SeriesId;
use db::{Batch, DbError, Step, args};
use prediction::detect::Range;
use std::collections::{BTreeSet, HashMap};

/// In per cent: the interval that a detector takes for what is usual.
const LEVEL: f64 = 95.0;
/// Larger ones are not read: a day of five-minute steps with the quantiles of two levels has less.
const MAX_BYTES: i64 = 12_000;
/// Rows of one page, which stays below 8 MB in base64.
const ROWS: i64 = 500;
/// Pages of the past of one series: one forecast an hour for more than half a year.
const PAGES: usize = 10;

/// The forecasts of some series.
#[derive(Debug, Default)]
pub struct Expected {
    asked: BTreeSet<SeriesId>,
    /// in the order in which they were stored
    forecasts: HashMap<SeriesId, Vec<Stored>>,
}

/// Where the reading of forecasts stands.
struct Reading {
    /// JSON
    series: String,
    /// what counts in it, and in later ones, is read
    minute: Millis,
    after: (i64, String),
}

#[derive(Debug)]
struct Stored {
    created_at: Millis,
    /// the last observation that it knew
    origin: Millis,
    packed: PackedForecast,
}

impl Expected {
    /// Reads the forecasts of those of these series that were not read yet: what counts in `minute`, and in later ones.
    ///
    /// # Errors
    /// 401, 403 or 503.
    pub async fn read(
        &mut self,
        tenant: &Tenant,
        series: impl Iterator<Item = SeriesId>,
        minute: Millis,
    ) -> Result<(), Error> {
        let new: Vec<SeriesId> = series.filter(|id| self.asked.insert(*id)).collect();
        if new.is_empty() {
            return Ok(());
        }
        let mut reading = Reading::new(&new, minute);
        while self.page(tenant, &mut reading).await?.is_some() {}
        Ok(())
    }

    /// Reads those of one series that counted in the minutes after `from`, up to `to`, the oldest first. Returns whether those
    /// are all: of very many the newest are left out.
    ///
    /// # Errors
    /// 401, 403 or 503.
    pub async fn read_past(
        &mut self,
        tenant: &Tenant,
        series_id: SeriesId,
        from: Millis,
        to: Millis,
    ) -> Result<bool, Error> {
        let mut reading = Reading::new(&[series_id], from.saturating_add(MINUTE));
        for _ in 0..PAGES {
            let newest = self.page(tenant, &mut reading).await?;
            if newest.is_none_or(|created_at| created_at > counts_from(to)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Reads the next page. Returns when its last forecast was stored, if there may be another page.
    async fn page(&mut self, tenant: &Tenant, reading: &mut Reading) -> Result<Option<Millis>, Error> {
        let Reading { series, minute, after } = reading;
        let step = Step::tenant(
            NEWEST,
            args![&*series, counts_from(*minute), MAX_BYTES, after.0, &after.1, ROWS],
        );
        let reply = tenant.run(Batch::read_one(step)).await?;
        let rows = &reply.step(0)?.rows;
        let mut newest = None;
        for row in rows {
            *after = (row.integer(0)?, row.text(1)?.to_owned());
            let broken = || DbError::Other("a stored forecast has a wrong series".into());
            let series_id = SeriesId::from_raw(after.0).ok_or_else(broken)?;
            let created_at = row.integer(2)?;
            newest = Some(created_at);
            // one that this version cannot read must not be in the way of the minute
            if let Ok(packed) = PackedForecast::decode(row.blob(4)?) {
                self.forecasts.entry(series_id).or_default().push(Stored {
                    created_at,
                    origin: row.integer(3)?,
                    packed,
                });
            }
        }
        let is_last = i64::try_from(rows.len()).unwrap_or(ROWS) < ROWS;
        Ok(newest.filter(|_| !is_last))
    }

    /// What was expected in `minute` of a value of the time `t`.
    #[must_use]
    pub fn range(&self, series_id: SeriesId, minute: Millis, t: Millis) -> Option<Range> {
        let counts = |stored: &&Stored| stored.created_at <= counts_from(minute);
        self.forecasts.get(&series_id)?.iter().rev().find(counts)?.range(t)
    }
}

/// Until when a forecast must be stored to count in a minute. One that is being stored in that moment has a time, and may not
/// be seen yet.
fn counts_from(minute: Millis) -> Millis {
    minute.saturating_sub(MINUTE)
}

impl Reading {
    fn new(series: &[SeriesId], minute: Millis) -> Self {
        let raw: Vec<i64> = series.iter().map(|id| id.raw()).collect();
        Self {
            series: serde_json::json!(raw).to_string(),
            minute,
            after: (-1, String::new()),
        }
    }
}

impl Stored {
    fn range(&self, t: Millis) -> Option<Range> {
        let packed = &self.packed;
        let (_, lower, upper) = *packed.pairs(&[LEVEL]).first()?;
        let index = packed.step.count(packed.start.saturating_sub(self.lead()), t);
        let index = usize::try_from(index).ok()?;
        let row = packed.quantiles.values.get(index)?;
        let (lower, upper) = (*row.get(lower)?, *row.get(upper)?);
        Some(Range {
            expected: packed.mean.get(index)?.max(lower).min(upper),
            lower,
            upper,
        })
    }

    /// How long before its time a step begins: half a step, or nothing where the points lie anywhere between the steps.
    fn lead(&self) -> Millis {
        match self.packed.step {
            prediction::Step::Millis(length) => {
                let off = self.packed.start.saturating_sub(self.origin).rem_euclid(length);
                let aligned = off.min(length - off) <= length / 20;
                if aligned { length / 2 } else { 0 }
            }
            prediction::Step::Months(_) => 0,
        }
    }
}

const NEWEST: &str = "SELECT f.series_id, f.forecast_id, f.created_at, f.origin, f.predictions FROM json_each(?2) AS w
     CROSS JOIN forecasts AS f INDEXED BY forecasts_by_series
        ON f.org_id = (SELECT org_id FROM authority) AND f.series_id = w.value AND f.forecast_id >= coalesce((
            SELECT b.forecast_id FROM forecasts AS b INDEXED BY forecasts_by_series
            WHERE b.org_id = (SELECT org_id FROM authority) AND b.series_id = w.value AND b.created_at <= ?3
            ORDER BY b.forecast_id DESC LIMIT 1), '')
     WHERE length(f.predictions) <= ?4 AND (f.series_id, f.forecast_id) > (?5, ?6)
     ORDER BY f.series_id, f.forecast_id LIMIT ?7";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::HOUR;
    use prediction::{Quantiles, Step};

    fn id() -> SeriesId {
        SeriesId::from_raw(7).unwrap()
    }

    /// Two steps of an hour from 10 h on, with 10 ± 2 and 20 ± 4, or as `probabilities` say.
    fn stored(created_at: Millis, origin: Millis, probabilities: [f64; 2], mean: f64) -> Stored {
        Stored {
            created_at,
            origin,
            packed: PackedForecast {
                start: 10 * HOUR,
                step: Step::Millis(HOUR),
                mean: vec![mean, 2.0 * mean],
                quantiles: Quantiles {
                    probabilities: probabilities.to_vec(),
                    values: vec![vec![8.0, 12.0], vec![16.0, 24.0]],
                },
            },
        }
    }

    fn expected(stored: Vec<Stored>) -> Expected {
        Expected {
            asked: BTreeSet::new(),
            forecasts: [(id(), stored)].into(),
        }
    }

    const OF_95: [f64; 2] = [0.025, 0.975];

    #[test]
    fn a_point_falls_into_the_step_around_it_or_that_has_begun() {
        let around = expected(vec![stored(0, 9 * HOUR, OF_95, 10.0)]);
        let upper = |expected: &Expected, t: Millis| expected.range(id(), 10 * HOUR, t).map(|range| range.upper);
        assert_eq!(upper(&around, 10 * HOUR - 30 * MINUTE), Some(12.0));
        assert_eq!(upper(&around, 10 * HOUR - 31 * MINUTE), None);
        assert_eq!(upper(&around, 10 * HOUR + 30 * MINUTE), Some(24.0));
        assert_eq!(upper(&around, 11 * HOUR + 30 * MINUTE), None);
        let between = expected(vec![stored(0, 9 * HOUR + 35 * MINUTE, OF_95, 10.0)]);
        assert_eq!(upper(&between, 10 * HOUR + 55 * MINUTE), Some(12.0));
        assert_eq!(upper(&between, 12 * HOUR), None);
    }

    #[test]
    fn the_newest_counts_from_a_minute_after_it_was_stored() {
        let two = expected(vec![
            stored(0, 9 * HOUR, OF_95, 9.0),
            stored(10 * HOUR, 9 * HOUR, OF_95, 11.0),
        ]);
        let at = |minute: Millis| two.range(id(), minute, 10 * HOUR).map(|range| range.expected);
        assert_eq!(at(0), None);
        assert_eq!(at(MINUTE), Some(9.0));
        assert_eq!(at(10 * HOUR), Some(9.0));
        assert_eq!(at(10 * HOUR + MINUTE), Some(11.0));
    }

    #[test]
    fn without_an_interval_of_95_per_cent_it_says_nothing() {
        let other = expected(vec![stored(0, 9 * HOUR, [0.1, 0.9], 10.0)]);
        assert_eq!(other.range(id(), 10 * HOUR, 10 * HOUR), None);
    }

    #[test]
    fn what_is_expected_is_in_the_interval() {
        let skewed = expected(vec![stored(0, 9 * HOUR, OF_95, 30.0)]);
        let range = skewed.range(id(), 10 * HOUR, 10 * HOUR).unwrap();
        assert_eq!((range.lower, range.expected, range.upper), (8.0, 12.0, 12.0));
    }
}
