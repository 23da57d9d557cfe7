//! Complex exponential smoothing without a season.
//!
//! Source: I. Svetunkov, N. Kourentzes & J. K. Ord, "Complex exponential smoothing" (2022): the level and what the past
//! errors still hold ("potential") are the real and the imaginary part of one smoothed number. It needs no decision between
//! level and trend.

use super::{Filter, absolute_errors, search};
use crate::optimise::{LANES, minimise};

/// A level and its potential.
#[derive(Debug, Clone)]
pub(crate) struct Complex {
    /// Real part of the smoothing parameter.
    pub(crate) real: f64,
    /// Its imaginary part.
    pub(crate) imaginary: f64,
    pub(crate) level: f64,
    pub(crate) potential: f64,
    /// Forecasts stay within the range of the series, widened by itself on both sides: the recursion may diverge.
    pub(crate) range: (f64, f64),
}

impl Complex {
    /// Least absolute one-step error from the second value on; the level starts from the mean of the first five.
    pub(crate) fn fit(series: &[f64], near: Option<&Self>) -> Self {
        let head = series.get(..5.min(series.len())).unwrap_or(series);
        let level = head.iter().sum::<f64>() / head.len().max(1) as f64;
        let (low, high) = series
            .iter()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
                (low.min(*value), high.max(*value))
            });
        let range = (low - (high - low), high + (high - low));
        let model = |[real, imaginary]: [f64; 2]| Self {
            real,
            imaginary,
            level,
            potential: 0.0,
            range,
        };
        // wider than where old errors fade for sure, which forecasts better
        let bounds = [(0.01, 1.9), (0.9, 1.1)];
        let loss = |points: &[[f64; 2]; LANES]| absolute_errors(points.map(model), series, 1);
        let near = near.map(|known| [known.real, known.imaginary]);
        model(minimise(search(near, [1.3, 1.0], series.len()), bounds, loss))
    }
}

impl Filter for Complex {
    #[inline]
    fn update(&mut self, value: f64) -> f64 {
        let error = value - self.level;
        let level = self.level - (1.0 - self.imaginary) * self.potential + (self.real - self.imaginary) * error;
        self.potential = self.level + (1.0 - self.real) * self.potential + (self.real + self.imaginary) * error;
        self.level = level;
        error
    }

    fn forecast(&self, out: &mut [f64]) {
        let (mut level, mut potential) = (self.level, self.potential);
        for value in out {
            *value = level.clamp(self.range.0, self.range.1);
            let next = level - (1.0 - self.imaginary) * potential;
            potential = level + (1.0 - self.real) * potential;
            level = next;
        }
    }
}
