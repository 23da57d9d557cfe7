//! Walk-forward evaluation: forecasts of the past from nothing but its own past, held against what came.
//!
//! The history is cut at several origins (rolling-origin evaluation; L. J. Tashman 2000, "Out-of-sample tests of
//! forecasting accuracy", International Journal of Forecasting 16). At each of them every backend is fitted to the
//! values before it and forecasts the horizon after it. All measures of all backends rest on the same steps; steps
//! without a value are left out.

use crate::measures::{Measures, Outcome, measures};
use crate::{Backend, Error, Grid, Options};

/// The fewest values before the first origin.
pub const MIN_TRAINING: usize = 8;

/// Where the origins lie: the last one a horizon before the end of the history, the others a stride before each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Walk {
    /// How many origins; at least 1.
    pub windows: usize,
    /// Steps between them, at least 1; with the horizon, windows follow each other without overlap.
    pub stride: usize,
}

/// How several backends did on the same windows.
#[derive(Debug, Clone, PartialEq)]
pub struct Backtest {
    /// The index of the first value that each window forecasts, oldest first.
    pub origins: Vec<usize>,
    /// One record a backend, the smallest mean absolute error first; seasonal naive is always among them.
    pub records: Vec<Record>,
}

/// How one backend did.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// The backend.
    pub backend: Backend,
    /// Over all windows.
    pub overall: Measures,
    /// One entry an origin; `None` where no step of the window has a value.
    pub windows: Vec<Option<Measures>>,
}

impl Backtest {
    /// The backend with the smallest mean absolute error.
    #[must_use]
    pub fn best(&self) -> Option<Backend> {
        self.records.first().map(|record| record.backend)
    }
}

/// Walks forward through `grid` with each of `backends`; `options.backend` does not matter. Each is tested once, and
/// seasonal naive even if it is not named.
///
/// # Errors
/// [`Error::TooShort`] unless [`MIN_TRAINING`] values lie before the first origin, [`Error::NoObservations`] if no window
/// has a value, [`Error::Walk`] for zero windows or a stride of zero, and those of [`forecast`](crate::forecast).
pub fn backtest(grid: &Grid<'_>, options: &Options, backends: &[Backend], walk: Walk) -> Result<Backtest, Error> {
    let origins = origins(grid.values, options.horizon, walk)?;
    let mut tested: Vec<Backend> = vec![Backend::SeasonalNaive];
    for backend in backends {
        if !tested.contains(backend) {
            tested.push(*backend);
        }
    }
    let naive_at = backends.iter().position(|backend| *backend == Backend::SeasonalNaive);
    let mut records: Vec<Record> = Vec::with_capacity(tested.len());
    for backend in tested {
        let options = Options {
            backend,
            ..options.clone()
        };
        let mut windows = Vec::with_capacity(origins.len());
        for origin in &origins {
            windows.push(Outcome::at(grid, *origin, &options)?);
        }
        records.push(record(backend, &windows, records.first())?);
    }
    // ties stay in the order asked for
    if let Some(place) = naive_at {
        let naive = records.remove(0);
        records.insert(place.min(records.len()), naive);
    } else {
        records.rotate_left(1);
    }
    records.sort_by(|a, b| a.overall.mae.total_cmp(&b.overall.mae));
    Ok(Backtest { origins, records })
}

fn origins(values: &[f64], horizon: usize, walk: Walk) -> Result<Vec<usize>, Error> {
    if walk.windows == 0 || walk.stride == 0 {
        return Err(Error::Walk);
    }
    let span = (walk.windows - 1).saturating_mul(walk.stride).saturating_add(horizon);
    let first = values.len().checked_sub(span);
    let training = values.get(..first.unwrap_or(0)).unwrap_or_default();
    let known = training.iter().filter(|value| value.is_finite()).count();
    match first {
        Some(first) if known >= MIN_TRAINING => {
            Ok((0..walk.windows).map(|window| first + window * walk.stride).collect())
        }
        _ => Err(Error::TooShort {
            values: values.len(),
            needed: span
                .max(values.len() - training.len())
                .saturating_add(training.len() + MIN_TRAINING - known),
        }),
    }
}

fn record(backend: Backend, windows: &[Outcome<'_>], naive: Option<&Record>) -> Result<Record, Error> {
    let overall = measures(windows, naive.map(|naive| naive.overall.mae))?.ok_or(Error::NoObservations)?;
    let mut each = Vec::with_capacity(windows.len());
    for (index, window) in windows.iter().enumerate() {
        let mae = naive.and_then(|naive| naive.windows.get(index)?.as_ref().map(|window| window.mae));
        each.push(measures(std::slice::from_ref(window), mae)?);
    }
    Ok(Record {
        backend,
        overall,
        windows: each,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Step;
    use proptest::prelude::*;

    const HOUR: Step = Step::Millis(3_600_000);
    const WALK: Walk = Walk { windows: 3, stride: 6 };

    fn days(hours: usize) -> Vec<f64> {
        (0..hours)
            .map(|t| 100.0 + if t % 24 > 8 { 40.0 } else { 0.0 } + (t * 7919 % 13) as f64)
            .collect()
    }

    fn walk(values: &[f64], backends: &[Backend], walk: Walk) -> Result<Backtest, Error> {
        let grid = Grid {
            start: 0,
            step: HOUR,
            values,
        };
        backtest(&grid, &Options::new(6), backends, walk)
    }

    #[test]
    fn each_backend_is_measured_on_the_same_windows() {
        let values = days(24 * 10);
        let result = walk(&values, &[Backend::Auto, Backend::Theta, Backend::Auto], WALK).unwrap();
        assert_eq!(result.origins, [222, 228, 234]);
        assert_eq!(result.records.len(), 3);
        assert!(result.records.is_sorted_by_key(|record| record.overall.mae));
        assert_eq!(result.best(), Some(result.records[0].backend));
        for record in &result.records {
            let each: Vec<&Measures> = record.windows.iter().flatten().collect();
            assert_eq!((record.overall.steps, each.len()), (18, 3));
            let mean = each.iter().map(|window| window.mae).sum::<f64>() / 3.0;
            assert!((record.overall.mae - mean).abs() < 1e-9);
            assert!(record.overall.mae <= record.overall.rmse);
            assert_eq!(
                record
                    .overall
                    .coverage
                    .iter()
                    .map(|(level, _)| level.round())
                    .collect::<Vec<_>>(),
                [80.0, 95.0]
            );
            assert!(record.overall.coverage_at(80.0) <= record.overall.coverage_at(95.0));
            assert!(record.overall.pinball.unwrap() < record.overall.mae);
        }
    }

    /// By hand: the last value is 4 and the errors of three steps are 0, 1 and 5.
    #[test]
    fn naive_on_a_short_series_is_known() {
        let values = [1.0, 3.0, 2.0, 4.0, 3.0, 5.0, 2.0, 4.0, 4.0, 5.0, 9.0];
        let grid = Grid {
            start: 0,
            step: HOUR,
            values: &values,
        };
        let mut options = Options::new(3);
        options.seasons = Some(Vec::new());
        let walk = Walk { windows: 1, stride: 1 };
        let result = backtest(&grid, &options, &[], walk).unwrap();
        let [record] = &result.records[..] else {
            panic!("{result:?}")
        };
        assert_eq!((record.backend, result.origins), (Backend::SeasonalNaive, vec![8]));
        assert_eq!((record.overall.mae, record.overall.skill), (2.0, Some(0.0)));
        assert_eq!(record.overall.rmse, (26.0_f64 / 3.0).sqrt());
        // naive errs by 2, 1, 2, 1, 2, 3, 2 before the origin
        assert_eq!(record.overall.mase, Some(2.0 / (13.0 / 7.0)));
    }

    #[test]
    fn gaps_are_left_out_and_an_empty_window_is_none() {
        let mut values = days(24 * 10);
        values[223] = f64::NAN;
        values[228..234].fill(f64::NAN);
        let result = walk(&values, &[], WALK).unwrap();
        let naive = &result.records[0];
        assert_eq!(naive.overall.steps, 11);
        assert_eq!(
            naive
                .windows
                .iter()
                .map(|window| window.as_ref().map(|window| window.steps))
                .collect::<Vec<_>>(),
            [Some(5), None, Some(6)]
        );
        values[222..].fill(f64::NAN);
        assert_eq!(walk(&values, &[], WALK), Err(Error::NoObservations));
    }

    #[test]
    fn a_history_that_is_too_short_is_told_with_what_it_needs() {
        let values = days(40);
        let of = |values: &[f64]| walk(values, &[], WALK).map(|_| ());
        assert_eq!(of(&values[..26]), Ok(()));
        for length in [25, 18, 17, 0] {
            assert_eq!(
                of(&values[..length]),
                Err(Error::TooShort {
                    values: length,
                    needed: 26
                }),
                "{length}"
            );
        }
        let mut gaps = values[..27].to_vec();
        gaps[..4].fill(f64::NAN);
        assert_eq!(of(&gaps), Err(Error::TooShort { values: 27, needed: 30 }));
        for wrong in [Walk { windows: 0, stride: 1 }, Walk { windows: 1, stride: 0 }] {
            assert_eq!(walk(&values, &[], wrong), Err(Error::Walk));
        }
    }

    #[test]
    fn a_constant_series_has_no_scale() {
        let result = walk(&[5.0; 60], &[Backend::Auto], WALK).unwrap();
        for record in result.records {
            assert_eq!((record.overall.mase, record.overall.skill), (None, None));
            assert!(record.overall.mae.abs() < 1e-9);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        /// Whatever comes after an origin and its horizon changes nothing about that window, and what comes before
        /// does: the windows see their own past, and nothing else.
        #[test]
        fn the_future_never_leaks(seed in 0_usize..1_000, later in prop::collection::vec(-1e6..1e6_f64, 6)) {
            let values: Vec<f64> = (0..80).map(|t| ((t * 7919 + seed * 31) % 101) as f64 + 10.0 * (t % 24) as f64).collect();
            let backends = [Backend::Auto, Backend::Holt, Backend::SeasonalMean];
            let before = walk(&values, &backends, WALK).unwrap();
            let mut changed = values.clone();
            changed[74..].copy_from_slice(&later);
            let after = walk(&changed, &backends, WALK).unwrap();
            for record in &before.records {
                let same = after.records.iter().find(|other| other.backend == record.backend).unwrap();
                // the first two windows end at 74
                prop_assert_eq!(&record.windows[..2], &same.windows[..2]);
                prop_assert_ne!(&record.windows[2], &same.windows[2]);
            }
        }

        #[test]
        fn any_input_gives_measures_or_an_error(values in prop::collection::vec(any::<f64>(), 0..60)) {
            if let Ok(result) = walk(&values, &[Backend::Theta], Walk { windows: 2, stride: 3 }) {
                for record in result.records {
                    prop_assert!(record.overall.mae >= 0.0 && record.overall.steps <= 12);
                    prop_assert!(record.overall.coverage.iter().all(|(_, share)| (-1e-9..=1.0).contains(share)));
                }
            }
        }
    }
}
