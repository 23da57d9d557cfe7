//! Holt's linear trend, damped.
//!
//! Source: C. C. Holt (1957), with the damping of E. S. Gardner, "Exponential smoothing: the state of the art" (1985); in the
//! notation of Hyndman et al. (2008), model `(A,Ad,N)` with `beta` as a share of `alpha`.

use super::{Filter, absolute_errors, search, starting_line};
use crate::optimise::{LANES, minimise};

/// A level and a slope that fades with the horizon.
#[derive(Debug, Clone)]
pub(crate) struct Holt {
    pub(crate) alpha: f64,
    pub(crate) beta: f64,
    pub(crate) phi: f64,
    pub(crate) level: f64,
    pub(crate) slope: f64,
}

impl Holt {
    /// Least absolute one-step error; level and slope start on the line through the first ten values.
    pub(crate) fn fit(series: &[f64], near: Option<&Self>) -> Self {
        let (level, slope) = starting_line(series, 10);
        let model = |[alpha, beta, phi]: [f64; 3]| Self {
            alpha,
            beta,
            phi,
            level,
            slope,
        };
        let bounds = [(0.02, 0.99), (0.001, 0.9), (0.8, 0.98)];
        let loss = |points: &[[f64; 3]; LANES]| absolute_errors(points.map(model), series, 0);
        let near = near.map(|known| [known.alpha, known.beta, known.phi]);
        model(minimise(search(near, [0.5, 0.1, 0.94], series.len()), bounds, loss))
    }
}

impl Filter for Holt {
    #[inline]
    fn update(&mut self, value: f64) -> f64 {
        let slope = self.phi * self.slope;
        let next = self.level + slope;
        let error = value - next;
        // not `next + alpha * error`: one step less to wait for
        self.level = (1.0 - self.alpha) * next + self.alpha * value;
        self.slope = slope + self.alpha * self.beta * error;
        error
    }

    fn forecast(&self, out: &mut [f64]) {
        let (mut level, mut slope) = (self.level, self.slope);
        for value in out {
            slope *= self.phi;
            level += slope;
            *value = level;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::{NILE, run};

    #[test]
    fn the_forecasts_of_statsmodels_are_met() {
        // statsmodels 0.15.0, Holt(damped_trend=True), known initial values
        let model = Holt {
            alpha: 0.4,
            beta: 0.25,
            phi: 0.9,
            level: 1100.0,
            slope: 5.0,
        };
        let mut out = [0.0; 3];
        run(model, &NILE, &[NILE.len()], 3, &mut out);
        for (value, known) in out
            .into_iter()
            .zip([1019.7136261827559, 1024.711348330442, 1029.2092982633596])
        {
            assert!((value - known).abs() < 1e-9);
        }
    }
}
