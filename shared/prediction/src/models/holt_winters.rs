//! Holt-Winters with damped trend and additive or multiplicative season.
//!
//! Source: P. R. Winters, "Forecasting sales by exponentially weighted moving averages" (1960), with the damped trend of
//! E. S. Gardner (1985); in the notation of Hyndman et al. (2008), the recursions of `(A,Ad,A)` and `(A,Ad,M)`.

use super::{Filter, search, squared_errors, starting_line};
use crate::adjust::Indices;
use crate::optimise::{LANES, minimise};

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
    pub(crate) fn fit(series: &[f64], adjusted: &[f64], indices: &Indices, near: Option<&Self>) -> Self {
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
        let loss = |points: &[[f64; 4]; LANES]| squared_errors(points.map(model), series);
        let near = near.map(|known| [known.alpha, known.beta, known.gamma, known.phi]);
        model(minimise(
            search(near, [0.4, 0.1, 0.1, 0.94], series.len()),
            bounds,
            loss,
        ))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::run;

    #[test]
    fn the_forecasts_of_statsmodels_are_met() {
        // quarterly sums of the first three years of Box & Jenkins' airline passengers
        let series = [
            362.0, 385.0, 432.0, 341.0, 382.0, 409.0, 498.0, 387.0, 473.0, 513.0, 582.0, 474.0,
        ];
        // additive: statsmodels 0.15.0, ETSModel; multiplicative: its ExponentialSmoothing, where the fourth forecast is left
        // out because that class repeats the index of one season earlier for the last position. Damped trend, known
        // initial values; their smoothing_seasonal is gamma * (1 - alpha)
        let additive = [
            526.9424949086576,
            557.6108288131078,
            614.2648968474732,
            518.5046017749327,
            563.4309931001296,
        ];
        let multiplicative = [
            520.2124691240865,
            561.0318154831639,
            630.4058098629004,
            f64::NAN,
            556.3422447567734,
        ];
        for (kind, indices, known) in [
            (false, [-30.0, 10.0, 40.0, -20.0], additive),
            (true, [0.9, 1.05, 1.1, 0.95], multiplicative),
        ] {
            let model = HoltWinters {
                alpha: 0.4,
                beta: 0.25,
                gamma: 0.5,
                phi: 0.9,
                level: 380.0,
                slope: 8.0,
                multiplicative: kind,
                indices: indices.to_vec(),
                position: 0,
            };
            let mut out = [0.0; 5];
            run(model, &series, &[series.len()], 5, &mut out);
            for (value, known) in out.into_iter().zip(known).filter(|(_, known)| known.is_finite()) {
                assert!((value - known).abs() < 1e-9, "{value} {known}");
            }
        }
    }
}
