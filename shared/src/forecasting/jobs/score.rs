//! What became of the forecasts of a run: sums that grow series by series, and what they say.

use crate::forecasting::Score;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Sums over the steps whose actual values are known, as kept in the database.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Sums {
    /// errors
    absolute: Sum,
    /// errors by the scale of the series, where it has one
    scaled: Sum,
    /// by level: steps within the interval
    within: BTreeMap<String, Sum>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
struct Sum {
    steps: usize,
    value: f64,
}

impl Sum {
    /// Counts so many steps of this mean, unless the sum would leave the numbers.
    #[expect(clippy::cast_precision_loss, reason = "counts of steps are far below 2^52")]
    fn add(&mut self, steps: usize, mean: f64) {
        let value = self.value + steps as f64 * mean;
        if value.is_finite() {
            self.steps += steps;
            self.value = value;
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of steps are far below 2^52")]
    fn mean(self) -> Option<f64> {
        (self.steps > 0).then(|| self.value / self.steps as f64)
    }
}

impl Sums {
    /// Counts the score of one series' forecast.
    pub(super) fn add(&mut self, score: &Score) {
        self.absolute.add(score.steps, score.mae);
        if let Some(mase) = score.mase {
            self.scaled.add(score.steps, mase);
        }
        for (level, share) in &score.coverage {
            self.within.entry(level.clone()).or_default().add(score.steps, *share);
        }
    }

    /// What they say over all series; nothing without a step.
    pub(super) fn score(&self) -> Option<Score> {
        Some(Score {
            steps: self.absolute.steps,
            mae: self.absolute.mean()?,
            mase: self.scaled.mean(),
            coverage: self
                .within
                .iter()
                .filter_map(|(level, sum)| Some((level.clone(), sum.mean()?)))
                .collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(steps: usize, mae: f64, mase: Option<f64>, share: f64) -> Score {
        Score {
            steps,
            mae,
            mase,
            coverage: BTreeMap::from([("80".to_owned(), share)]),
        }
    }

    #[test]
    fn series_count_by_their_steps() {
        let mut sums = Sums::default();
        assert_eq!(sums.score(), None);
        sums.add(&score(3, 2.0, Some(0.5), 1.0));
        sums.add(&score(1, 6.0, None, 0.0));
        assert_eq!(sums.score(), Some(score(4, 3.0, Some(0.5), 0.75)));
        let text = serde_json::to_string(&sums).unwrap();
        assert_eq!(serde_json::from_str::<Sums>(&text).unwrap(), sums);
    }

    #[test]
    fn an_error_beyond_the_numbers_is_left_out() {
        let mut sums = Sums::default();
        sums.add(&score(2, f64::MAX, Some(1.0), 1.0));
        sums.add(&score(1, 1.0, Some(1.0), 1.0));
        assert_eq!(sums.score().map(|score| score.mae), Some(1.0));
    }
}
