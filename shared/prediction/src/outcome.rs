//! What the engine hands back.

use crate::{Backend, Error, level};

/// A forecast of `horizon` steps; every number is finite.
#[derive(Debug, Clone, PartialEq)]
pub struct Forecast {
    /// The point forecast of each step, in the unit of the history.
    pub mean: Vec<f64>,
    /// The quantiles of each step.
    pub quantiles: Quantiles,
    /// How the forecast came about.
    pub report: Report,
}

/// Predictive quantiles: `values[step][i]` belongs to `probabilities[i]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Quantiles {
    /// Ascending, each in (0, 1), without repetition.
    pub probabilities: Vec<f64>,
    /// One row a step, one value a probability, ascending within the row.
    pub values: Vec<Vec<f64>>,
}

/// A central prediction interval, one pair a step.
#[derive(Debug, Clone, PartialEq)]
pub struct Interval {
    /// Nominal coverage in percent.
    pub level: f64,
    /// Lower ends.
    pub lower: Vec<f64>,
    /// Upper ends.
    pub upper: Vec<f64>,
}

impl Quantiles {
    /// The quantile of every step for one of the stored probabilities; `None` if it is not among them.
    pub fn at(&self, probability: f64) -> Option<Vec<f64>> {
        // probabilities that came from text and from a level may differ in the last bit
        let column = self.probabilities.iter().position(|p| (p - probability).abs() < 1e-9)?;
        self.values.iter().map(|row| row.get(column).copied()).collect()
    }

    /// The central interval of `level` percent; `None` if its two quantiles were not asked for.
    ///
    /// # Errors
    /// [`Error::Level`] unless 0 < `level` < 100.
    pub fn interval(&self, level: f64) -> Result<Option<Interval>, Error> {
        let (lower, upper) = level::probabilities_of_level(level)?;
        let ends = self.at(lower).zip(self.at(upper));
        Ok(ends.map(|(lower, upper)| Interval { level, lower, upper }))
    }
}

/// How a forecast came about.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The backend that was asked for.
    pub backend: Backend,
    /// The models whose forecasts were combined; the weights sum to 1. Never `Auto`.
    pub members: Vec<Member>,
    /// The seasons in use, in steps, shortest first.
    pub seasons: Vec<usize>,
    /// Mean absolute error of the forecast at up to three past origins, fitted to nothing but what lay before each, over that of
    /// seasonal naive at the same origins and steps: below 1 is better than naive. `None` if the history is too short for
    /// such an origin or naive is never wrong.
    pub error: Option<f64>,
    /// How many past origins the intervals rest on.
    pub origins: usize,
    /// How many finite values the history holds.
    pub observations: usize,
    /// How many of them, gaps filled, the models were fitted to: the most recent ones.
    pub fitted: usize,
    /// What was found in the history and dealt with.
    pub cleaning: Cleaning,
}

/// What was found in a history and dealt with before a model saw it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cleaning {
    /// A total that starts again near zero now and then; the forecast goes on from the last value without a reset.
    pub counter: bool,
    /// Outliers that were capped for fitting.
    pub outliers: usize,
    /// The index in the grid from which on a new level holds; the values before were brought to it.
    pub level_shift: Option<usize>,
    /// Zero at a quarter of the steps or more, without a season that says when.
    pub intermittent: bool,
    /// Effects of the calendar that were found: `month-turn`, `day-of-month`, `trading-days`, `leap-year`, and names of
    /// regressors.
    pub calendar: Vec<String>,
}

/// One model of a combination.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Member {
    /// The model.
    pub model: Backend,
    /// Its weight, 0 to 1.
    pub weight: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_come_from_quantiles() {
        let quantiles = Quantiles {
            probabilities: vec![0.1, 0.5, 0.9],
            values: vec![vec![1.0, 2.0, 3.0], vec![0.0, 2.0, 4.0]],
        };
        let interval = Interval {
            level: 80.0,
            lower: vec![1.0, 0.0],
            upper: vec![3.0, 4.0],
        };
        assert_eq!(quantiles.interval(80.0), Ok(Some(interval)));
        assert_eq!(quantiles.interval(95.0), Ok(None));
        assert_eq!(quantiles.interval(100.0), Err(Error::Level(100.0)));
        assert_eq!(quantiles.at(0.5), Some(vec![2.0, 2.0]));
    }
}
