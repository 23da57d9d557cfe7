//! Simple exponential smoothing.
//!
//! Source: R. G. Brown (1956); in the notation of R. J. Hyndman et al., "Forecasting with Exponential Smoothing" (2008),
//! model `(A,N,N)`.

use super::{Filter, absolute_error, starting_line};

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
        let candidates = (1..=20).map(|share| Self {
            alpha: f64::from(share) / 20.0,
            level,
        });
        let losses = candidates.map(|model| (absolute_error(model.clone(), series, 0), model));
        losses
            .min_by(|a, b| a.0.total_cmp(&b.0))
            .map_or(Self { alpha: 1.0, level }, |(_, model)| model)
    }
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
