//! Exponentially decayed means of the values at the same place of the season; seasonal naive is the case of no memory.

use super::{Filter, squared_error};

/// One mean a position of the season.
#[derive(Debug, Clone)]
pub(crate) struct SeasonalMean {
    /// The weight of the newest value; 1 is seasonal naive.
    pub(crate) alpha: f64,
    /// NaN where no value was read yet.
    means: Vec<f64>,
    position: usize,
    last: f64,
}

impl SeasonalMean {
    pub(crate) fn new(alpha: f64, season: usize) -> Self {
        Self {
            alpha,
            means: vec![f64::NAN; season.max(1)],
            position: 0,
            last: 0.0,
        }
    }

    /// The value one season ago, or the last value without a season.
    pub(crate) fn naive(season: usize) -> Self {
        Self::new(1.0, season)
    }

    /// The weight from a grid that gives the least squared error one season ahead.
    pub(crate) fn fit(series: &[f64], season: usize) -> Self {
        let candidates = [0.15, 0.3, 0.45, 0.6, 0.8].map(|alpha| Self::new(alpha, season));
        let losses = candidates
            .into_iter()
            .map(|model| (squared_error(model.clone(), series, season), model));
        losses
            .min_by(|a, b| a.0.total_cmp(&b.0))
            .map_or_else(|| Self::naive(season), |(_, model)| model)
    }

    fn mean(&self, position: usize) -> f64 {
        self.means
            .get(position)
            .copied()
            .filter(|mean| mean.is_finite())
            .unwrap_or(self.last)
    }

    fn after(&self, position: usize) -> usize {
        if position + 1 < self.means.len() {
            position + 1
        } else {
            0
        }
    }
}

impl Filter for SeasonalMean {
    fn update(&mut self, value: f64) -> f64 {
        let error = value - self.mean(self.position);
        if let Some(mean) = self.means.get_mut(self.position) {
            *mean = if mean.is_finite() {
                *mean + self.alpha * (value - *mean)
            } else {
                value
            };
        }
        self.position = self.after(self.position);
        self.last = value;
        error
    }

    fn forecast(&self, out: &mut [f64]) {
        let mut position = self.position;
        for value in out {
            *value = self.mean(position);
            position = self.after(position);
        }
    }
}
