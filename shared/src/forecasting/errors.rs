//! What a series' forecast errors were like so far, and whether they have left that: stored, and shown as a mark.

use crate::clock::Millis;
use crate::series::SeriesId;
use crate::time;
use db::{DbError, Row, Step, args};
use prediction::drift::{ErrorHistory, Run};
use serde::Serialize;

/// The history of one series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct SeriesErrors {
    pub(super) series_id: SeriesId,
    /// the end of the last forecast that counts
    until: Millis,
    history: ErrorHistory,
}

impl SeriesErrors {
    /// How many columns [`SeriesErrors::read`] takes.
    pub(super) const COLUMNS: usize = 9;

    pub(super) fn new(series_id: SeriesId) -> Self {
        Self {
            series_id,
            until: Millis::MIN,
            history: ErrorHistory::default(),
        }
    }

    /// Counts a forecast of the time from `start` to `end`, unless it overlaps one that counts: they share their errors.
    pub(super) fn count(&mut self, start: Millis, end: Millis, surprise: f64) {
        if start >= self.until {
            self.history.push(start, surprise);
            self.until = end;
        }
    }

    /// Reads `until, forecasts, mean, variance, cusum, run_since, run_forecasts, run_mean, drifting` from `column` on;
    /// `None` where they are null.
    pub(super) fn read(row: &Row, column: usize, series_id: SeriesId) -> Result<Option<Self>, DbError> {
        let Some(until) = row.opt_integer(column)? else {
            return Ok(None);
        };
        let real = |place: usize| Ok::<f64, DbError>(row.opt_real(column + place)?.unwrap_or_default());
        let count = |place: usize| Ok::<u32, DbError>(u32::try_from(row.integer(column + place)?).unwrap_or_default());
        let run = match row.opt_integer(column + 5)? {
            Some(since) => Some(Run {
                since,
                forecasts: count(6)?,
                mean: real(7)?,
            }),
            None => None,
        };
        Ok(Some(Self {
            series_id,
            until,
            history: ErrorHistory {
                forecasts: count(1)?,
                mean: real(2)?,
                variance: real(3)?,
                cusum: real(4)?,
                run,
                drifting: row.integer(column + 8)? != 0,
            },
        }))
    }

    pub(super) fn write(&self) -> Step {
        let history = &self.history;
        Step::tenant(
            "INSERT OR REPLACE INTO forecast_errors (org_id, series_id, until, forecasts, mean, variance, cusum,
                run_since, run_forecasts, run_mean, drifting)
             SELECT org_id, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11 FROM authority",
            args![
                self.series_id,
                self.until,
                history.forecasts,
                history.mean,
                history.variance,
                history.cusum,
                history.run.map(|run| run.since),
                history.run.map_or(0, |run| run.forecasts),
                history.run.map_or(0.0, |run| run.mean),
                history.drifting
            ],
        )
    }

    pub(super) fn mark(&self) -> Mark {
        let drift = self.history.drift();
        Mark {
            drift: drift.is_some(),
            drift_since: drift.map(|drift| time::format(drift.since)),
            drift_reason: drift.map(|drift| {
                format!(
                    "the errors of the last {} forecasts are {:.1} times as large as usual, measured by their intervals",
                    drift.forecasts, drift.factor
                )
            }),
        }
    }
}

/// Whether the errors of a series' forecasts have left their history, as replies show it.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Mark {
    /// whether they have
    pub drift: bool,
    /// when the first forecast that speaks for it began
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drift_since: Option<String>,
    /// in words
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drift_reason: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Millis = 86_400_000;

    #[test]
    fn forecasts_that_overlap_count_once() {
        let mut errors = SeriesErrors::new(SeriesId::from_raw(1).unwrap());
        for hour in 0..48 {
            let start = hour * DAY / 24;
            errors.count(start, start + DAY, 0.5);
        }
        assert_eq!((errors.history.forecasts, errors.until), (2, 2 * DAY));
    }

    #[test]
    fn a_drift_is_told_with_its_beginning_and_its_size() {
        let mut errors = SeriesErrors::new(SeriesId::from_raw(1).unwrap());
        assert_eq!(errors.mark(), Mark::default());
        for day in 0..20 {
            errors.count(day * DAY, (day + 1) * DAY, [-0.1, 0.1][usize::from(day % 2 == 0)]);
        }
        assert!(!errors.mark().drift);
        for day in 20..23 {
            errors.count(day * DAY, (day + 1) * DAY, 1.0);
        }
        let mark = errors.mark();
        assert_eq!(mark.drift_since.as_deref(), Some("1970-01-21T00:00:00Z"));
        assert_eq!(
            mark.drift_reason.as_deref(),
            Some("the errors of the last 3 forecasts are 2.7 times as large as usual, measured by their intervals")
        );
    }
}
