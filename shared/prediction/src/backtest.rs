//! Walk-forward evaluation: forecasts of the past from nothing but its own past, held against what came.
//!
//! The history is cut at several origins (rolling-origin evaluation; L. J. Tashman 2000, "Out-of-sample tests of
//! forecasting accuracy", International Journal of Forecasting 16). At each of them every backend is fitted to the
//! values before it and forecasts the horizon after it. All measures of all backends rest on the same steps; steps
//! without a value are left out.

use crate::{Backend, Error, Forecast, Grid, Options, accuracy, forecast};

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

/// Measures of accuracy; see [`accuracy`] for each.
#[derive(Debug, Clone, PartialEq)]
pub struct Measures {
    /// Steps with a value.
    pub steps: usize,
    /// Mean absolute error, in the unit of the values.
    pub mae: f64,
    /// Root mean squared error, in the unit of the values.
    pub rmse: f64,
    /// Symmetric mean absolute percentage error, 0 to 200.
    pub smape: f64,
    /// Mean absolute error over that of seasonal naive within the history before the origin, with the longest season
    /// found there; `None` where naive is never wrong. Over all windows it is the mean, weighted by their steps.
    pub mase: Option<f64>,
    /// Mean pinball loss over all probabilities, in the unit of the values; `None` without probabilities.
    pub pinball: Option<f64>,
    /// Level in percent and the share of values within its interval, 0 to 1, for each central interval of which both
    /// probabilities were asked for, narrowest first.
    pub coverage: Vec<(f64, f64)>,
    /// 1 - MAE / MAE of seasonal naive on the same steps: 0.2 is an error smaller by a fifth, below 0 is worse than
    /// naive. `None` where naive is never wrong.
    pub skill: Option<f64>,
}

impl Measures {
    /// The share of values within the central interval of `level` percent, if it was measured.
    #[must_use]
    pub fn coverage_at(&self, level: f64) -> Option<f64> {
        let found = self.coverage.iter().find(|(known, _)| (known - level).abs() < 1e-6);
        found.map(|(_, share)| *share)
    }
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
/// has a value, [`Error::Walk`] for zero windows or a stride of zero, and those of [`forecast`].
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

/// One window: what was forecast, and what came.
struct Outcome<'a> {
    actual: &'a [f64],
    forecast: Forecast,
    /// Mean absolute error of seasonal naive before the origin.
    scale: Option<f64>,
}

impl<'a> Outcome<'a> {
    fn at(grid: &Grid<'a>, origin: usize, options: &Options) -> Result<Self, Error> {
        let (past, future) = grid.values.split_at_checked(origin).ok_or(Error::Length)?;
        let forecast = forecast(&Grid { values: past, ..*grid }, options)?;
        let season = forecast.report.seasons.last().copied().unwrap_or(1);
        let scale = accuracy::naive_error(past, season).ok().filter(|scale| *scale > 0.0);
        Ok(Self {
            actual: future.get(..options.horizon).ok_or(Error::Length)?,
            forecast,
            scale,
        })
    }

    fn known(&self) -> usize {
        self.actual.iter().filter(|value| value.is_finite()).count()
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

/// The measures over some windows; `None` if they hold no value. `naive` is the mean absolute error of seasonal naive
/// over them, `None` for seasonal naive itself.
fn measures(windows: &[Outcome<'_>], naive: Option<f64>) -> Result<Option<Measures>, Error> {
    let steps: usize = windows.iter().map(Outcome::known).sum();
    if steps == 0 {
        return Ok(None);
    }
    let actual: Vec<f64> = windows.iter().flat_map(|window| window.actual).copied().collect();
    let mean: Vec<f64> = windows
        .iter()
        .flat_map(|window| &window.forecast.mean)
        .copied()
        .collect();
    let mae = accuracy::mae(&actual, &mean)?;
    let probabilities = windows
        .first()
        .map_or(&[][..], |window| &window.forecast.quantiles.probabilities);
    let columns: Vec<Vec<f64>> = (0..probabilities.len())
        .map(|column| {
            let rows = windows.iter().flat_map(|window| &window.forecast.quantiles.values);
            rows.filter_map(|row| row.get(column).copied()).collect()
        })
        .collect();
    let (mut pinball, mut coverage) = (0.0, Vec::new());
    for (index, (p, column)) in probabilities.iter().zip(&columns).enumerate() {
        pinball += accuracy::pinball(&actual, column, *p)? / probabilities.len() as f64;
        // the other end of its interval; the nearest ends come last
        let other = probabilities.iter().position(|q| (p + q - 1.0).abs() < 1e-9);
        if let Some(upper) = other
            .filter(|other| *other > index)
            .and_then(|other| columns.get(other))
        {
            coverage.push((100.0 * (1.0 - 2.0 * p), accuracy::coverage(&actual, column, upper)?));
        }
    }
    coverage.reverse();
    let naive = naive.unwrap_or(mae);
    Ok(Some(Measures {
        steps,
        mae,
        rmse: accuracy::rmse(&actual, &mean)?,
        smape: accuracy::smape(&actual, &mean)?,
        mase: mean_scaled_error(windows)?,
        pinball: (!probabilities.is_empty()).then_some(pinball),
        coverage,
        skill: Some(1.0 - mae / naive).filter(|skill| skill.is_finite()),
    }))
}

/// The mean over all steps of windows that have a scale.
fn mean_scaled_error(windows: &[Outcome<'_>]) -> Result<Option<f64>, Error> {
    let (mut sum, mut steps) = (0.0, 0.0);
    for window in windows.iter().filter(|window| window.known() > 0) {
        if let Some(scale) = window.scale {
            let known = window.known() as f64;
            sum += accuracy::mae(window.actual, &window.forecast.mean)? / scale * known;
            steps += known;
        }
    }
    Ok(Some(sum / steps).filter(|mase| mase.is_finite()))
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
