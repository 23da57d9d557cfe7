//! Holt-Winters with damped trend and additive or multiplicative season.
//!
//! Source: P. R. Winters, "Forecasting sales by exponentially weighted moving averages" (1960), with the damped trend of
//! E. S. Gardner (1985); in the notation of Hyndman et al. (2008), the recursions of `(A,Ad,A)` and `(A,Ad,M)`.

use super::{Filter, evaluations, squared_error, starting_line};
use crate::adjust::Indices;
use crate::optimise::minimise;

/// Level, slope and one index a position of the season.
#[derive(Debug, Clone)]
pub(crate) struct HoltWinters {
    pub(crate) alpha: f64,
    pub(crate) beta: f64,
    pub(crate) gamma: f64,
    pub(crate) phi: f64,
    pub(crate) level: f64,
    pub(crate) slope: f64,
    pub(crate) multiplicative: bool,
    pub(crate) indices: Vec<f64>,
    /// The position of the next value.
    pub(crate) position: usize,
}

impl HoltWinters {
    /// Least squared one-step error. The season starts from `indices`, level and slope from the first values of the
    /// series that was adjusted by them.
    pub(crate) fn fit(series: &[f64], adjusted: &[f64], indices: &Indices) -> Self {
        let (level, slope) = starting_line(adjusted, indices.values.len().max(10));
        let model = |[alpha, beta, gamma, phi]: [f64; 4]| Self {
            alpha,
            beta,
            gamma,
            phi,
            level,
            slope,
            multiplicative: indices.multiplicative,
            indices: indices.values.clone(),
            position: 0,
        };
        let bounds = [(0.02, 0.99), (0.001, 0.9), (0.001, 0.9), (0.8, 0.98)];
        let loss = |p: &[f64; 4]| squared_error(model(*p), series, 0);
        model(minimise([0.4, 0.1, 0.1, 0.94], bounds, evaluations(series.len()), loss))
    }

    fn index(&self, position: usize) -> f64 {
        self.indices.get(position).copied().unwrap_or_default()
    }
}

impl Filter for HoltWinters {
    fn update(&mut self, value: f64) -> f64 {
        let slope = self.phi * self.slope;
        let base = self.level + slope;
        let index = self.index(self.position);
        let (error, level_error, index_error) = if self.multiplicative {
            let error = value - base * index;
            // an index of zero or a level of zero says nothing about the other one
            let share = |divisor: f64| if divisor.abs() > 1e-9 { error / divisor } else { 0.0 };
            (error, share(index), share(base))
        } else {
            let error = value - base - index;
            (error, error, error)
        };
        self.level = base + self.alpha * level_error;
        self.slope = slope + self.alpha * self.beta * level_error;
        if let Some(index) = self.indices.get_mut(self.position) {
            *index += self.gamma * (1.0 - self.alpha) * index_error;
        }
        self.position = if self.position + 1 < self.indices.len() {
            self.position + 1
        } else {
            0
        };
        error
    }

    fn forecast(&self, out: &mut [f64]) {
        let (mut level, mut slope, mut position) = (self.level, self.slope, self.position);
        for value in out {
            slope *= self.phi;
            level += slope;
            let index = self.index(position);
            *value = if self.multiplicative {
                level * index
            } else {
                level + index
            };
            position = if position + 1 < self.indices.len() {
                position + 1
            } else {
                0
            };
        }
    }
}
