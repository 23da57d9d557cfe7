//! A forecast as replies show it.

use super::packed::PackedForecast;
use crate::clock::Millis;
use crate::series::Point;
use crate::time;
use db::DbError;
use prediction::Step;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What is shown of the distribution of each step, as it was asked for. The numbers stored tell it no more: those of
/// quantiles that lie symmetric to each other would look like an interval.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shown {
    /// levels of intervals in percent
    pub levels: Vec<f64>,
    /// probabilities of quantiles
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quantiles: Vec<f64>,
}

impl Default for Shown {
    /// The intervals of 80 % and 95 %.
    fn default() -> Self {
        Self {
            levels: vec![80.0, 95.0],
            quantiles: Vec::new(),
        }
    }
}

impl Shown {
    /// The probabilities that it takes, ascending, without repetition.
    ///
    /// # Errors
    /// If a level is not between 0 and 100, or a probability not between 0 and 1.
    pub fn probabilities(&self) -> Result<Vec<f64>, prediction::Error> {
        let mut all = prediction::probabilities_of_levels(&self.levels)?;
        if let Some(wrong) = self.quantiles.iter().find(|p| !(**p > 0.0 && **p < 1.0)) {
            return Err(prediction::Error::Probability(*wrong));
        }
        all.extend(&self.quantiles);
        all.sort_by(f64::total_cmp);
        // 0.05 as a quantile and as an end of 90 % may differ in the last bit
        all.dedup_by(|a, b| (*a - *b).abs() < SAME);
        Ok(all)
    }

    /// What the column of a stored forecast says; null where it is older than that column.
    pub(super) fn stored(text: Option<&str>, forecast: &PackedForecast) -> Result<Self, DbError> {
        match text {
            None => Ok(Self::all_of(forecast)),
            Some(text) => {
                serde_json::from_str(text).map_err(|_| DbError::Other("a stored forecast has a wrong shown".into()))
            }
        }
    }

    /// Every interval whose two quantiles are there: for forecasts that do not say what was asked for.
    #[must_use]
    pub fn all_of(forecast: &PackedForecast) -> Self {
        let columns = &forecast.quantiles.probabilities;
        let lower = columns
            .iter()
            .filter(|p| **p < 0.5 && column(columns, 1.0 - **p).is_some());
        // 80, 95, 99.5: without the noise of 100 * (1 - 2 * 0.025)
        let mut levels: Vec<f64> = lower.map(|p| (1e8 * (1.0 - 2.0 * p)).round() / 1e6).collect();
        levels.reverse();
        Self {
            levels,
            quantiles: Vec::new(),
        }
    }
}

/// Probabilities that differ by less are the same.
const SAME: f64 = 1e-9;

/// The place of a probability.
fn column(columns: &[f64], probability: f64) -> Option<usize> {
    columns.iter().position(|p| (p - probability).abs() < SAME)
}

/// One step of a forecast, as replies show it.
#[derive(Debug, Clone, Serialize)]
pub struct Prediction {
    /// the time of the step
    #[serde(serialize_with = "time::rfc3339")]
    pub timestamp: Millis,
    /// the expected value
    pub value: f64,
    /// by level in percent
    pub intervals: BTreeMap<String, IntervalBounds>,
    /// by probability, where quantiles were asked for
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub quantiles: BTreeMap<String, f64>,
    /// what came true, where it is known
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actual: Option<f64>,
}

/// The ends of an interval.
#[derive(Debug, Clone, Copy, Serialize)]
#[expect(missing_docs, reason = "said above")]
pub struct IntervalBounds {
    pub lower: f64,
    pub upper: f64,
}

impl PackedForecast {
    /// The steps as replies show them, each with what came true.
    #[must_use]
    pub fn predictions(&self, shown: &Shown, actuals: &[Point]) -> Vec<Prediction> {
        let columns = &self.quantiles.probabilities;
        let pairs = self.pairs(&shown.levels);
        let singles: Vec<(String, usize)> = shown
            .quantiles
            .iter()
            .filter_map(|p| Some((p.to_string(), column(columns, *p)?)))
            .collect();
        let known = self.actual_by_step(actuals);
        self.mean
            .iter()
            .zip(&self.quantiles.values)
            .enumerate()
            .map(|(index, (mean, row))| Prediction {
                timestamp: self.time(index),
                value: *mean,
                intervals: pairs
                    .iter()
                    .map(|(level, lower, upper)| {
                        let (lower, upper) = (row[*lower], row[*upper]);
                        (level.to_string(), IntervalBounds { lower, upper })
                    })
                    .collect(),
                quantiles: singles
                    .iter()
                    .map(|(name, place)| (name.clone(), row[*place]))
                    .collect(),
                actual: known[index],
            })
            .collect()
    }

    /// Of each level whose interval is there: the columns of its lower and its upper end.
    pub(super) fn pairs(&self, levels: &[f64]) -> Vec<(f64, usize, usize)> {
        let columns = &self.quantiles.probabilities;
        let pair = |level: &f64| {
            let (lower, upper) = prediction::probabilities_of_level(*level).ok()?;
            Some((*level, column(columns, lower)?, column(columns, upper)?))
        };
        levels.iter().filter_map(pair).collect()
    }

    /// The mean of the points of each step, as the history was averaged: of those nearer to it than to a neighbour, or,
    /// where points lie anywhere between the steps, of those from it to the next.
    pub(super) fn actual_by_step(&self, actuals: &[Point]) -> Vec<Option<f64>> {
        let mut sums = vec![(0.0, 0.0); self.mean.len()];
        let lead = match self.step {
            Step::Millis(length) => {
                let anywhere = self.start.rem_euclid(length) == 0
                    && !prediction::share_a_phase(actuals.iter().map(|point| point.timestamp), length);
                if anywhere { 0 } else { length / 2 }
            }
            Step::Months(_) => 0,
        };
        for point in actuals {
            let index = self.step.count(self.start.saturating_sub(lead), point.timestamp);
            if let Some((mean, count)) = usize::try_from(index).ok().and_then(|index| sums.get_mut(index)) {
                *count += 1.0;
                *mean += point.value / *count - *mean / *count;
            }
        }
        sums.into_iter()
            .map(|(mean, count)| (count > 0.0).then_some(mean))
            .collect()
    }
}
