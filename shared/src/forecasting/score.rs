//! How a forecast did against what came true.

use super::packed::PackedForecast;
use crate::series::Point;
use prediction::{accuracy, drift};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The error of a forecast and the coverage of its intervals, over the steps of which the actual value is known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// how many steps that are
    pub steps: usize,
    /// mean absolute error, in the unit of the series
    pub mae: f64,
    /// mean absolute scaled error: `mae` over that of seasonal naive within the history that the forecast knew
    pub mase: Option<f64>,
    /// by level in percent: the share of actual values within the interval, 0 to 1
    pub coverage: BTreeMap<String, f64>,
}

/// Scores a forecast over the actual values so far; `None` while there is none. `levels` name the intervals to look at, in
/// percent; `naive_error` is the scale of `mase`.
#[must_use]
pub fn score(forecast: &PackedForecast, levels: &[f64], naive_error: Option<f64>, actuals: &[Point]) -> Option<Score> {
    let actual = actual_values(forecast, actuals);
    let steps = actual.iter().filter(|value| value.is_finite()).count();
    // the sum of errors near the largest number may not be one
    let mae = accuracy::mae(&actual, &forecast.mean)
        .ok()
        .filter(|mae| mae.is_finite())?;
    let coverage = forecast.pairs(levels).into_iter().filter_map(|(level, lower, upper)| {
        let [lower, upper] = [column(forecast, lower), column(forecast, upper)];
        Some((level.to_string(), accuracy::coverage(&actual, &lower, &upper).ok()?))
    });
    Some(Score {
        steps,
        mae,
        mase: naive_error.map(|scale| mae / scale).filter(|mase| mase.is_finite()),
        coverage: coverage.collect(),
    })
}

/// The log of the error of a forecast over the one that its intervals led one to expect.
///
/// It is what the history of a series' errors is made of ([`drift`]): forecasts of any horizon compare by it. `None`
/// without an actual value or an interval.
#[must_use]
pub fn surprise(forecast: &PackedForecast, levels: &[f64], actuals: &[Point]) -> Option<f64> {
    let actual = actual_values(forecast, actuals);
    let mae = accuracy::mae(&actual, &forecast.mean)
        .ok()
        .filter(|mae| mae.is_finite())?;
    // the middle of the distribution tells most about the usual error: the level nearest to 80 %
    let pairs = forecast.pairs(levels);
    let (level, lower, upper) = pairs
        .into_iter()
        .min_by(|a, b| (a.0 - 80.0).abs().total_cmp(&(b.0 - 80.0).abs()))?;
    let width = accuracy::mae(&blank(&column(forecast, upper), &actual), &column(forecast, lower)).ok()?;
    let size = accuracy::mae(&actual, &vec![0.0; actual.len()]).ok()?;
    Some(drift::surprise(mae, drift::expected_error(width, level), size))
}

/// One value a step, NaN where nothing is known.
fn actual_values(forecast: &PackedForecast, actuals: &[Point]) -> Vec<f64> {
    let known = forecast.actual_by_step(actuals);
    known.into_iter().map(|value| value.unwrap_or(f64::NAN)).collect()
}

fn column(forecast: &PackedForecast, place: usize) -> Vec<f64> {
    forecast.quantiles.values.iter().map(|row| row[place]).collect()
}

/// The values of the steps of which the actual value is known.
fn blank(values: &[f64], actual: &[f64]) -> Vec<f64> {
    let known = values.iter().zip(actual);
    known
        .map(|(value, actual)| if actual.is_finite() { *value } else { f64::NAN })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use prediction::{Quantiles, Step};

    /// 10 at each of four hours, with an 80 % interval of 9 to 11 and a 95 % interval of 8 to 12.
    fn forecast() -> PackedForecast {
        PackedForecast {
            start: 0,
            step: Step::Millis(3_600_000),
            mean: vec![10.0; 4],
            quantiles: Quantiles {
                probabilities: vec![0.025, 0.1, 0.9, 0.975],
                values: vec![vec![8.0, 9.0, 11.0, 12.0]; 4],
            },
        }
    }

    fn actuals(values: &[(i64, f64)]) -> Vec<Point> {
        let point = |(hour, value): &(i64, f64)| Point {
            timestamp: hour * 3_600_000,
            value: *value,
        };
        values.iter().map(point).collect()
    }

    #[test]
    fn the_steps_known_are_scored() {
        // 11.5 twice in the second hour, nothing in the third
        let known = actuals(&[(0, 10.0), (1, 11.0), (1, 12.0), (3, 14.5), (4, 99.0)]);
        let found = score(&forecast(), &[80.0, 95.0, 50.0], Some(4.0), &known).unwrap();
        assert_eq!((found.steps, found.mae, found.mase), (3, 2.0, Some(0.5)));
        assert_eq!(found.coverage.keys().collect::<Vec<_>>(), ["80", "95"]);
        assert!((found.coverage["80"] - 1.0 / 3.0).abs() < 1e-12);
        assert!((found.coverage["95"] - 2.0 / 3.0).abs() < 1e-12);
        assert_eq!(
            serde_json::from_str::<Score>(&serde_json::to_string(&found).unwrap()).unwrap(),
            found
        );
    }

    #[test]
    fn nothing_known_is_no_score() {
        assert_eq!(score(&forecast(), &[80.0], Some(1.0), &[]), None);
        assert_eq!(
            score(&forecast(), &[80.0], Some(1.0), &actuals(&[(-1, 1.0), (4, 1.0)])),
            None
        );
        assert_eq!(surprise(&forecast(), &[80.0], &[]), None);
        assert_eq!(
            score(&forecast(), &[80.0], None, &actuals(&[(0, 9.0)])).unwrap().mase,
            None
        );
        let huge = actuals(&[(0, f64::MAX), (1, -f64::MAX)]);
        assert_eq!(score(&forecast(), &[80.0], Some(1.0), &huge), None);
    }

    #[test]
    fn an_error_as_large_as_expected_is_no_surprise() {
        // half the width over the normal quantile, times the mean of |z|
        let expected = 1.0 / 1.281_552 * 0.797_885;
        let of = |error: f64| {
            surprise(
                &forecast(),
                &[95.0, 80.0],
                &actuals(&[(0, 10.0 + error), (2, 10.0 - error)]),
            )
        };
        assert!(of(expected).unwrap().abs() < 1e-5);
        assert!((of(2.0 * expected).unwrap() - 2.0_f64.ln()).abs() < 1e-5);
        assert_eq!(surprise(&forecast(), &[50.0], &actuals(&[(0, 1.0)])), None);
    }
}
