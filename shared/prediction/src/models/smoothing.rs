//! Simple exponential smoothing.
//!
//! Source: R. G. Brown (1956); in the notation of R. J. Hyndman et al., "Forecasting with Exponential Smoothing" (2008),
//! model `(A,N,N)`.

use super::{Filter, starting_line};

/// A level that follows the series by a share `alpha` of each error.
#[derive(Debug, Clone)]
pub(crate) struct Smoothing {
    pub(crate) alpha: f64,
    pub(crate) level: f64,
}

impl Smoothing {
    /// The share from a grid that gives the least absolute one-step error; the first level is the mean of four values.
    pub(crate) fn fit(series: &[f64]) -> Self {
        let (before, slope) = starting_line(series, 4);
        let level = before + slope * 2.5_f64.min((series.len() as f64 + 1.0) / 2.0);
        let shares: [f64; 20] = std::array::from_fn(|index| (index + 1) as f64 / 20.0);
        let losses = absolute_errors(series, level, &shares);
        let best = losses.into_iter().zip(shares).min_by(|a, b| a.0.total_cmp(&b.0));
        Self {
            alpha: best.map_or(1.0, |(_, alpha)| alpha),
            level,
        }
    }
}

/// The sum of the absolute one-step errors for each of the `shares`; side by side, because one is only waiting for itself.
fn absolute_errors<const N: usize>(series: &[f64], level: f64, shares: &[f64; N]) -> [f64; N] {
    let (mut levels, mut sums) = ([level; N], [0.0; N]);
    for value in series {
        for ((level, sum), alpha) in levels.iter_mut().zip(&mut sums).zip(shares) {
            let error = value - *level;
            *sum += error.abs();
            *level += alpha * error;
        }
    }
    sums
}

impl Filter for Smoothing {
    fn update(&mut self, value: f64) -> f64 {
        let error = value - self.level;
        self.level += self.alpha * error;
        error
    }

    fn forecast(&self, out: &mut [f64]) {
        out.fill(self.level);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::{NILE, run};

    #[test]
    fn the_forecast_of_statsmodels_is_met() {
        // statsmodels 0.15.0, SimpleExpSmoothing, known initial level
        let mut out = [0.0];
        run(
            Smoothing {
                alpha: 0.3,
                level: 1100.0,
            },
            &NILE,
            &[NILE.len()],
            1,
            &mut out,
        );
        assert!((out[0] - 1026.332174938161).abs() < 1e-9);
    }
}
