//! The dynamic optimised theta model.
//!
//! Source: J. A. Fiorucci et al., "Models for optimising the theta method and their relationship to state space models"
//! (2016), DOTM; the theta method itself is V. Assimakopoulos & K. Nikolopoulos (2000).

use super::{Filter, evaluations, squared_error};
use crate::optimise::minimise;

/// A smoothed level plus a share of the least-squares line through all values read so far.
#[derive(Debug, Clone)]
pub(crate) struct Theta {
    pub(crate) alpha: f64,
    /// 1 - 1/theta: 0 is simple exponential smoothing, 0.5 the classical method.
    pub(crate) weight: f64,
    pub(crate) level: f64,
    /// Values read.
    count: f64,
    mean: f64,
    intercept: f64,
    slope: f64,
    /// (1 - alpha) to the power of `count`.
    power: f64,
}

impl Theta {
    /// The state before the first value.
    pub(crate) fn new(alpha: f64, weight: f64, level: f64) -> Self {
        Self {
            alpha,
            weight,
            level,
            count: 0.0,
            mean: 0.0,
            intercept: 0.0,
            slope: 0.0,
            power: 1.0,
        }
    }

    /// Least squared one-step error from the third value on.
    pub(crate) fn fit(series: &[f64]) -> Self {
        let first = series.first().copied().unwrap_or_default();
        let reach = series
            .iter()
            .take(10)
            .fold(0.0, |reach: f64, v| reach.max((v - first).abs()))
            .max(first.abs() / 2.0);
        let bounds = [(0.1, 0.99), (0.0, 1.0), (first - reach, first + reach)];
        let loss = |[alpha, weight, level]: &[f64; 3]| squared_error(Self::new(*alpha, *weight, *level), series, 2);
        let [alpha, weight, level] = minimise([0.5, 0.5, first - reach / 2.0], bounds, evaluations(series.len()), loss);
        Self::new(alpha, weight, level)
    }

    /// The forecast of the next value.
    fn next(&self) -> f64 {
        if self.count == 0.0 {
            return self.level;
        }
        let line = self.power * self.intercept + (1.0 - self.power * (1.0 - self.alpha)) / self.alpha * self.slope;
        self.level + self.weight * line
    }
}

impl Filter for Theta {
    #[inline]
    fn update(&mut self, value: f64) -> f64 {
        let error = value - self.next();
        self.level += self.alpha * (value - self.level);
        self.count += 1.0;
        let t = self.count;
        let previous = self.mean;
        self.mean += (value - self.mean) / t;
        if t > 1.0 {
            self.slope = ((t - 2.0) * self.slope + 6.0 / t * (value - previous)) / (t + 1.0);
        }
        self.intercept = self.mean - self.slope * (t + 1.0) / 2.0;
        self.power *= 1.0 - self.alpha;
        error
    }

    fn forecast(&self, out: &mut [f64]) {
        let mut future = self.clone();
        for value in out {
            *value = future.next();
            future.update(*value);
        }
    }
}
