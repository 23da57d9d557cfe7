//! What past origins tell: how much each member counts, and how far the combination strays.

use crate::combine::{Candidate, Ensemble};
use crate::interval::{Experience, PastError, Spread, weight_of_origin};
use crate::prepare::Prepared;
use crate::{Backend, Step};

/// Past origins at which the members are fitted again for their weights.
const REFITS: usize = 3;
/// Fewer values than this are few.
const FEW: usize = 60;
/// Past origins for the intervals.
const ORIGINS: usize = 120;
/// Past forecasts of one step for the intervals, over all origins.
const PAST_FORECASTS: usize = 12_000;

/// The errors of a combination at past origins.
pub(crate) struct Past {
    pub(crate) spread: Spread,
    pub(crate) origins: usize,
}

/// A weighted combination.
pub(crate) struct Fit {
    pub(crate) ensemble: Ensemble,
    /// How much larger its errors are at origins whose future it did not know: at refitted ones over those at the same
    /// origins after the fit to all values.
    pub(crate) optimism: f64,
    /// The mean absolute error at the refitted origins over that of seasonal naive there.
    pub(crate) error: Option<f64>,
}

impl Prepared {
    /// Fits the members, weighted by their errors at refitted origins if there are several.
    ///
    /// The errors of few values without a season say little, and one of the members is often far off: the weighted median
    /// of such is safer than their mean.
    pub(crate) fn fit(&self, kinds: &[Candidate], horizon: usize, step: Step) -> Fit {
        let values = &self.fitted;
        let mut ensemble = Ensemble::fit(values, self.adjustment.clone(), kinds);
        let n = values.len();
        if self.seasons().is_empty() && n < FEW {
            ensemble = ensemble.by_median();
        }
        let reach = horizon.min(n / 4);
        let least = (2 * self.seasons().last().copied().unwrap_or(1)).max(n / 2);
        let origins: Vec<usize> = (1..=REFITS)
            .rev()
            .map(|back| n.saturating_sub(back * reach))
            .filter(|origin| *origin >= least)
            .collect();
        if n < 12 || reach == 0 || origins.is_empty() {
            return Fit {
                ensemble,
                optimism: 1.0,
                error: None,
            };
        }
        let paths = ensemble.refitted(values, self.observed(), &origins, reach);
        let errors: Vec<f64> = paths
            .iter()
            .map(|path| self.mean_error(path, &origins, reach))
            .collect();
        let scale = self.naive_error();
        let scale = if scale > 0.0 {
            scale
        } else {
            errors.iter().copied().fold(0.0, f64::max)
        };
        let errors: Vec<f64> = errors.into_iter().map(|error| error / scale).collect();
        // the longer the history, the more its errors say about the next ones
        let power = match step {
            Step::Millis(_) if n >= FEW => 6,
            _ => 2,
        };
        if errors.iter().all(|error| error.is_finite()) {
            ensemble = ensemble.weighted(&errors, power);
        }
        let known = self.mean_error(&ensemble.forecasts(values, &origins, reach), &origins, reach);
        let unknown = self.mean_error(&ensemble.combined(&paths), &origins, reach);
        let naive = Ensemble::fit(values, self.adjustment.clone(), &[Backend::SeasonalNaive.into()]);
        let of_naive = self.mean_error(&naive.forecasts(values, &origins, reach), &origins, reach);
        let finite = |ratio: f64| ratio.is_finite().then_some(ratio);
        Fit {
            ensemble,
            optimism: finite(unknown / known).unwrap_or(1.0),
            error: finite(unknown / of_naive),
        }
    }

    /// The mean absolute error of forecasts of `reach` steps from each of the `origins`; NaN without an observed value.
    fn mean_error(&self, path: &[f64], origins: &[usize], reach: usize) -> f64 {
        let (mut sum, mut count) = (0.0, 0.0);
        for (origin, row) in origins.iter().zip(path.chunks_exact(reach)) {
            let actual = self.actual.iter().zip(self.observed()).skip(*origin);
            for ((value, _), forecast) in actual.zip(row).filter(|((_, observed), _)| **observed) {
                sum += (value - forecast).abs();
                count += 1.0;
            }
        }
        sum / count
    }

    /// The mean absolute error of seasonal naive, one season ahead.
    fn naive_error(&self) -> f64 {
        let season = self.seasons().last().copied().unwrap_or(1);
        let values = &self.fitted;
        let changes = values
            .iter()
            .skip(season)
            .zip(values)
            .map(|(later, earlier)| (later - earlier).abs());
        changes.sum::<f64>() / values.len().saturating_sub(season) as f64
    }

    /// Runs the ensemble over past origins.
    pub(crate) fn past(&self, fit: &Fit, horizon: usize) -> Past {
        let ensemble = &fit.ensemble;
        let (values, observed) = (&self.fitted, self.observed());
        let n = values.len();
        let total = self.lead() + horizon;
        let reach = total.min(n / 2).max(1);
        let first = (n / 3)
            .max(self.seasons().last().copied().unwrap_or(1))
            .max(2)
            .min(n - 1)
            .max(1);
        let count = (PAST_FORECASTS / reach).clamp(8, ORIGINS).min(n.saturating_sub(first));
        let origins: Vec<usize> = (0..count)
            .map(|index| n - 1 - (count - 1 - index) * (n - first) / count)
            .collect();

        let path = ensemble.forecasts(values, &origins, reach);
        let weights: Vec<f64> = (0..count).map(|origin| weight_of_origin(origin, count)).collect();
        let mut errors = Vec::with_capacity(path.len());
        for (index, forecast) in path.into_iter().enumerate() {
            let (origin, step) = (index / reach, index % reach);
            let t = origins.get(origin).map_or(n, |origin| origin + step);
            if let Some(actual) = self
                .actual
                .get(t)
                .filter(|_| observed.get(t).is_some_and(|observed| *observed))
            {
                let error = actual - forecast;
                if error.is_finite() {
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
                .seasons()
                .last()
                .map_or(f64::INFINITY, |season| n as f64 / *season as f64),
            optimism: fit.optimism,
            origins: count,
            change: self.change(),
            sizes: self.sizes(),
        };
        let spread = Spread::learn(&errors, total, &experience);
        Past { spread, origins: count }
    }

    /// The root mean squared change of one step of the adjusted series; a quarter of the value if there is only one.
    fn change(&self) -> f64 {
        let adjusted = self.adjustment.remove(&self.fitted, 0);
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
        let values = &self.fitted;
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        (low > 0.1 * mean).then_some((low.max(0.25 * mean), 2.0 * high))
    }
}
