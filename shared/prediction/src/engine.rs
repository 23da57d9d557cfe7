//! From a grid and options to a forecast.

use crate::adjust::Adjustment;
use crate::calendar::DAY;
use crate::combine::{Candidate, Ensemble};
use crate::history::History;
use crate::interval::{Experience, PastError, Spread, weight_of_origin};
use crate::{Backend, Bounds, Error, Forecast, Grid, Options, Quantiles, Report, Step, season};

/// The models see at least this many of the most recent values ...
const WINDOW: usize = 1_024;
/// ... or this many cycles of the longest season ...
const CYCLES: usize = 5;
/// ... but never more values than this.
const LARGEST_WINDOW: usize = 5_040;
/// Past origins at which the members are fitted again for their weights.
const REFITS: usize = 3;
/// Fewer values than this are few.
const FEW: usize = 60;
/// Past origins for the intervals.
const ORIGINS: usize = 120;
/// Past forecasts of one step for the intervals, over all origins.
const PAST_FORECASTS: usize = 12_000;

/// Forecasts a grid.
///
/// Works from one finite value on; gaps and infinities in the history are skipped, trailing ones are forecast over. The
/// models see a window of the most recent values (at least 1,024, five cycles of the longest season, at most 5,040). Fewer
/// than four values give the last one; a season needs two full cycles.
///
/// # Errors
/// [`Error::NoObservations`] without a finite value, and an error of its own for each option out of range.
pub fn forecast(grid: &Grid<'_>, options: &Options) -> Result<Forecast, Error> {
    let probabilities = options.check()?;
    let step = grid.step.check()?;
    let tested = options.seasons.is_none();
    let mut candidates = options.seasons.clone().unwrap_or_else(|| season::candidates(step));
    candidates.sort_unstable();
    candidates.dedup();
    candidates.retain(|m| 2 * m <= grid.values.len().min(LARGEST_WINDOW));
    let longest = candidates.last().copied().unwrap_or(1);
    let history = History::new(grid.values, (CYCLES * longest).clamp(WINDOW, LARGEST_WINDOW))?;

    let series = Series::new(history, &candidates, tested);
    let kinds = members(options.backend, step, &series.seasons);
    let ensemble = series.fit(&kinds, options.horizon, step);
    let past = series.past(&ensemble, options.horizon);

    let total = series.history.lead + options.horizon;
    let n = series.history.values.len();
    let path = ensemble.forecasts(&series.history.values, &[n], total);
    let (lower, upper) = limits(options.bounds, &series.history);
    let scale = series.history.scale;
    // back in the unit of the caller, within the bounds and within the finite numbers
    let finish = |value: f64| (value * scale).clamp(-f64::MAX, f64::MAX).clamp(lower, upper);
    let last = series.history.values.last().copied().unwrap_or_default();
    let ahead: Vec<f64> = path
        .into_iter()
        .skip(series.history.lead)
        .map(|value| if value.is_finite() { value } else { last })
        .collect();
    let row = |(step, centre): (usize, &f64)| -> Vec<f64> {
        let quantile = |p: &f64| {
            let half = past
                .spread
                .half_width(series.history.lead + step, *centre, (2.0 * p - 1.0).abs());
            let half = if half.is_finite() { half } else { f64::MAX };
            finish(if *p < 0.5 { centre - half } else { centre + half })
        };
        probabilities.iter().map(quantile).collect()
    };
    let values = ahead.iter().enumerate().map(row).collect();
    let report = Report {
        backend: options.backend,
        members: ensemble.report(),
        seasons: series.seasons,
        error: past.error,
        origins: past.origins,
        observations: series.history.observations,
        fitted: n,
    };
    Ok(Forecast {
        mean: ahead.into_iter().map(finish).collect(),
        quantiles: Quantiles { probabilities, values },
        report,
    })
}

/// The members of a backend; those of `auto` depend on what kind of series the step makes likely.
fn members(backend: Backend, step: Step, seasons: &[usize]) -> Vec<Candidate> {
    use Backend::{
        AggregatedTheta, Autoregression, ComplexSmoothing, ExponentialSmoothing, Holt, HoltWinters,
        IntegratedAutoregression, SeasonalMean, SeasonalNaive, Theta,
    };
    let equal = |kinds: &[Backend]| kinds.iter().copied().map(Candidate::from).collect();
    let auto = backend == Backend::Auto;
    match (step, seasons) {
        // months to years: few values, trends; theta has the best record on them (S. Makridakis & M. Hibon 2000, the M3
        // competition)
        (Step::Months(_), _) if auto => {
            let theta = Candidate {
                kind: Theta,
                prior: 2.0,
            };
            let others = [Holt, ExponentialSmoothing, IntegratedAutoregression, ComplexSmoothing];
            std::iter::once(theta).chain(others.map(Candidate::from)).collect()
        }
        (Step::Millis(_), []) if auto => equal(&[
            Theta,
            Holt,
            ExponentialSmoothing,
            IntegratedAutoregression,
            Autoregression,
        ]),
        // metrics: habits repeat, trends rarely last
        (Step::Millis(length), _) if auto && length < 7 * DAY => {
            equal(&[AggregatedTheta, Autoregression, SeasonalNaive, SeasonalMean])
        }
        (Step::Millis(_), _) if auto => equal(&[
            Theta,
            Holt,
            ExponentialSmoothing,
            IntegratedAutoregression,
            Autoregression,
            SeasonalMean,
            HoltWinters,
        ]),
        _ => vec![backend.into()],
    }
}

/// The bounds in the unit of the caller.
fn limits(bounds: Bounds, history: &History) -> (f64, f64) {
    let (lower, upper) = match bounds {
        Bounds::History => {
            let (low, high) = history.range;
            ((low >= 0.0).then_some(0.0), (high <= 0.0).then_some(0.0))
        }
        Bounds::Fixed { lower, upper } => (lower, upper),
    };
    (lower.unwrap_or(-f64::MAX), upper.unwrap_or(f64::MAX))
}

/// A prepared history, with the seasons found in it.
#[derive(Debug)]
struct Series {
    history: History,
    adjustment: Adjustment,
    /// Season lengths in steps, shortest first.
    seasons: Vec<usize>,
}

/// What past origins tell.
struct Past {
    spread: Spread,
    error: Option<f64>,
    origins: usize,
}

impl Series {
    fn new(mut history: History, candidates: &[usize], tested: bool) -> Self {
        let mut adjustment = Adjustment::estimate(&history.values, &history.observed, candidates, tested);
        if history.observed.iter().any(|observed| !observed) {
            // gaps are filled again, now with the season
            let mut filled = adjustment.remove(&history.values, 0);
            crate::history::interpolate(&mut filled, &history.observed);
            adjustment.restore(0, &mut filled, 0);
            for ((value, seen), filled) in history.values.iter_mut().zip(&history.observed).zip(filled) {
                *value = if *seen { *value } else { filled };
            }
            adjustment = Adjustment::estimate(&history.values, &history.observed, &adjustment.lengths(), false);
        }
        Self {
            seasons: adjustment.lengths(),
            adjustment,
            history,
        }
    }

    /// Fits the members, weighted by their errors at refitted origins if there are several.
    ///
    /// The errors of few values without a season say little, and one of the members is often far off: the weighted median
    /// of such is safer than their mean.
    fn fit(&self, kinds: &[Candidate], horizon: usize, step: Step) -> Ensemble {
        let (values, observed) = (&self.history.values, &self.history.observed);
        let mut ensemble = Ensemble::fit(values, self.adjustment.clone(), kinds);
        let n = values.len();
        if self.seasons.is_empty() && n < FEW {
            ensemble = ensemble.by_median();
        }
        let reach = horizon.min(n / 4);
        if kinds.len() < 2 || n < 12 || reach == 0 {
            return ensemble;
        }
        let least = (2 * self.seasons.last().copied().unwrap_or(1)).max(n / 2);
        let origins: Vec<usize> = (1..=REFITS)
            .map(|back| n.saturating_sub(back * reach))
            .filter(|origin| *origin >= least)
            .collect();
        let scale = self.naive_error();
        // the longer the history, the more its errors say about the next ones
        let power = match step {
            Step::Millis(_) if n >= FEW => 6,
            _ => 2,
        };
        match ensemble.refitted_errors(values, observed, &origins, reach, scale) {
            Some(errors) => ensemble.weighted(&errors, power),
            None => ensemble,
        }
    }

    /// The mean absolute error of seasonal naive, one season ahead.
    fn naive_error(&self) -> f64 {
        let season = self.seasons.last().copied().unwrap_or(1);
        let values = &self.history.values;
        let changes = values
            .iter()
            .skip(season)
            .zip(values)
            .map(|(later, earlier)| (later - earlier).abs());
        changes.sum::<f64>() / values.len().saturating_sub(season) as f64
    }

    /// Runs the ensemble over past origins.
    fn past(&self, ensemble: &Ensemble, horizon: usize) -> Past {
        let (values, observed) = (&self.history.values, &self.history.observed);
        let n = values.len();
        let total = self.history.lead + horizon;
        let reach = total.min(n / 2).max(1);
        let first = (n / 3)
            .max(self.seasons.last().copied().unwrap_or(1))
            .max(2)
            .min(n - 1)
            .max(1);
        let count = (PAST_FORECASTS / reach).clamp(8, ORIGINS).min(n.saturating_sub(first));
        let origins: Vec<usize> = (0..count).map(|i| first + i * (n - first) / count).collect();

        let path = ensemble.forecasts(values, &origins, reach);
        let naive = Ensemble::fit(values, self.adjustment.clone(), &[Backend::SeasonalNaive.into()]);
        let naive_path = naive.forecasts(values, &origins, reach);
        let weights: Vec<f64> = (0..count).map(|origin| weight_of_origin(origin, count)).collect();
        let mut errors = Vec::with_capacity(path.len());
        let (mut own, mut other) = (0.0, 0.0);
        for (index, (forecast, naive)) in path.into_iter().zip(naive_path).enumerate() {
            let (origin, step) = (index / reach, index % reach);
            let t = origins.get(origin).map_or(n, |origin| origin + step);
            if let Some(actual) = values
                .get(t)
                .filter(|_| observed.get(t).is_some_and(|observed| *observed))
            {
                let error = actual - forecast;
                if error.is_finite() {
                    own += error.abs();
                    other += (actual - naive).abs();
                    errors.push(PastError {
                        step,
                        forecast,
                        error,
                        late: 2 * origin >= count,
                        weight: weights.get(origin).copied().unwrap_or(1.0),
                    });
                }
            }
        }
        let experience = Experience {
            values: n,
            cycles: self
                .seasons
                .last()
                .map_or(f64::INFINITY, |season| n as f64 / *season as f64),
            origins: count,
            change: self.change(),
            sizes: self.sizes(),
        };
        let spread = Spread::learn(&errors, total, &experience);
        Past {
            spread,
            error: Some(own / other).filter(|ratio| ratio.is_finite()),
            origins: count,
        }
    }

    /// The root mean squared change of one step of the adjusted series; a quarter of the value if there is only one.
    fn change(&self) -> f64 {
        let adjusted = self.adjustment.remove(&self.history.values, 0);
        match adjusted.as_slice() {
            [only] => only.abs() / 4.0,
            many => {
                let squares = many.iter().zip(many.iter().skip(1)).map(|(a, b)| (b - a).powi(2));
                (squares.sum::<f64>() / many.len().saturating_sub(1).max(1) as f64).sqrt()
            }
        }
    }

    /// For errors relative to the forecast: the sizes between which they make sense, if the series stays away from zero.
    fn sizes(&self) -> Option<(f64, f64)> {
        let values = &self.history.values;
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        (low > 0.1 * mean).then_some((low.max(0.25 * mean), 2.0 * high))
    }
}
