//! The dynamic optimised theta model.
//!
//! Source: J. A. Fiorucci et al., "Models for optimising the theta method and their relationship to state space models"
//! (2016), DOTM; the theta method itself is V. Assimakopoulos & K. Nikolopoulos (2000).

use super::{Filter, search};
use crate::optimise::{LANES, minimise};

/// The least-squares line through the values read so far.
#[derive(Debug, Clone, Default)]
struct Line {
    count: f64,
    mean: f64,
    intercept: f64,
    slope: f64,
}

impl Line {
    fn update(&mut self, value: f64) {
        self.count += 1.0;
        let t = self.count;
        let previous = self.mean;
        self.mean += (value - previous) / t;
        if t > 1.0 {
            self.slope = ((t - 2.0) * self.slope + 6.0 / t * (value - previous)) / (t + 1.0);
        }
        self.intercept = self.mean - self.slope * (t + 1.0) / 2.0;
    }
}

/// A smoothed level plus a share of the least-squares line through all values read so far.
#[derive(Debug, Clone)]
pub(crate) struct Theta {
    pub(crate) alpha: f64,
    /// 1 - 1/theta: 0 is simple exponential smoothing, 0.5 the classical method.
    pub(crate) weight: f64,
    pub(crate) level: f64,
    line: Line,
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
            line: Line::default(),
            power: 1.0,
        }
    }

    /// Least absolute one-step error from the third value on: one odd value must not bend the line.
    pub(crate) fn fit(series: &[f64], near: Option<&Self>) -> Self {
        let first = series.first().copied().unwrap_or_default();
        // the search would settle near a constant only
        if is_constant(series) {
            return Self::new(0.5, 0.0, first);
        }
        let reach = series
            .iter()
            .take(10)
            .fold(first.abs() / 2.0, |reach: f64, v| reach.max((v - first).abs()));
        let bounds = [(0.1, 0.99), (0.0, 1.0), (first - reach, first + reach)];
        // the lines do not depend on the parameters
        let mut line = Line::default();
        let lines: Vec<(f64, f64)> = series
            .iter()
            .map(|value| {
                let before = (line.intercept, line.slope);
                line.update(*value);
                before
            })
            .collect();
        let loss = |points: &[[f64; 3]; LANES]| absolute_errors(series, &lines, points);
        let near = near.map(|known| [known.alpha, known.weight, known.level]);
        let start = [0.5, 0.5, first - reach / 2.0];
        let [alpha, weight, level] = minimise(search(near, start, series.len()), bounds, loss);
        Self::new(alpha, weight, level)
    }

    /// The forecast of the next value.
    fn next(&self) -> f64 {
        let share = (1.0 - self.power * (1.0 - self.alpha)) / self.alpha;
        self.level + self.weight * (self.power * self.line.intercept + share * self.line.slope)
    }
}

impl Filter for Theta {
    fn update(&mut self, value: f64) -> f64 {
        let error = value - self.next();
        self.level += self.alpha * (value - self.level);
        self.line.update(value);
        self.power = faded(self.power * (1.0 - self.alpha));
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

/// The sums of the absolute one-step errors from the third value on; `lines` holds intercept and slope before each value.
fn absolute_errors(series: &[f64], lines: &[(f64, f64)], points: &[[f64; 3]; LANES]) -> [f64; LANES] {
    let (keep, inverse) = (
        points.map(|[alpha, ..]| 1.0 - alpha),
        points.map(|[alpha, ..]| 1.0 / alpha),
    );
    let weights = points.map(|[_, weight, _]| weight);
    let mut levels = points.map(|[.., level]| level);
    let (mut powers, mut sums) = ([1.0; LANES], [0.0; LANES]);
    for (t, (value, (intercept, slope))) in series.iter().zip(lines).enumerate() {
        let counts = if t >= 2 { 1.0 } else { 0.0 };
        for lane in 0..LANES {
            let left = powers[lane] * keep[lane];
            let share = (1.0 - left) * inverse[lane];
            let error = value - levels[lane] - weights[lane] * (powers[lane] * intercept + share * slope);
            sums[lane] += counts * error.abs();
            levels[lane] = keep[lane] * levels[lane] + points[lane][0] * value;
            powers[lane] = faded(left);
        }
    }
    sums
}

/// Whether the values differ by no more than rounding.
fn is_constant(values: &[f64]) -> bool {
    let (low, high) = values
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| {
            (low.min(*v), high.max(*v))
        });
    high - low <= 1e-12 * high.abs().max(low.abs())
}

/// Zero for what no longer matters: numbers too small to be normal are slow to compute with.
fn faded(power: f64) -> f64 {
    if power < 1e-30 { 0.0 } else { power }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::run;

    #[test]
    fn the_forecasts_of_statsforecast_are_met() {
        // statsforecast 2.1.1, DynamicOptimizedTheta(season_length=1), its own parameters
        let volatile = [
            3.0, 5.0, 9.0, 20.0, 12.0, 17.0, 22.0, 23.0, 51.0, 41.0, 56.0, 75.0, 60.0, 75.0, 88.0,
        ];
        let steady = [
            20.0, 23.0, 25.0, 24.0, 29.0, 31.0, 30.0, 36.0, 34.0, 39.0, 41.0, 40.0, 46.0, 45.0, 50.0, 49.0,
        ];
        let close = |series: &[f64], alpha: f64, theta: f64, level: f64, known: [f64; 3]| {
            let mut out = [0.0; 3];
            run(
                Theta::new(alpha, 1.0 - 1.0 / theta, level),
                series,
                &[series.len()],
                3,
                &mut out,
            );
            out.into_iter()
                .zip(known)
                .for_each(|(value, known)| assert!((value - known).abs() < 1e-6, "{value} {known}"));
        };
        let known = [89.12258188848503, 95.38197292214872, 101.66300809563118];
        close(
            &volatile,
            0.39626894996828016,
            43573.18599322073,
            8.90201649938576,
            known,
        );
        let known = [52.03302260897374, 54.017222622079046, 56.00109694784267];
        close(
            &steady,
            0.10001928824647317,
            530.6342349875614,
            -0.05140279845005425,
            known,
        );
    }

    #[test]
    fn the_search_uses_the_errors_of_the_filter() {
        let series = [3.0, 5.0, 9.0, 20.0, 12.0, 17.0, 22.0, 23.0, 51.0];
        let fitted = Theta::fit(&series, None);
        let mut line = Line::default();
        let lines: Vec<(f64, f64)> = series
            .iter()
            .map(|value| {
                let before = (line.intercept, line.slope);
                line.update(*value);
                before
            })
            .collect();
        let mut filter = fitted.clone();
        let errors = series.iter().map(|value| filter.update(*value).abs());
        let slow = errors.skip(2).sum::<f64>();
        let [fast, ..] = absolute_errors(&series, &lines, &[[fitted.alpha, fitted.weight, fitted.level]; LANES]);
        assert!((slow - fast).abs() < 1e-9 * slow);
    }
}
