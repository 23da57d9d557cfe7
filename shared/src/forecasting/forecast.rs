use super::packed::PackedForecast;
use super::request::ForecastRequest;
use crate::clock::Millis;
use crate::series::Point;
use crate::{Code, Error, time};
use prediction::{Options, Report, Step};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The fewest points that a forecast over HTTP is made from.
pub const MIN_POINTS: usize = 8;
/// The most intervals of one forecast, steps times levels: a reply must fit into the 6 MB that Lambda lets through.
const MAX_INTERVALS: usize = 40_000;

/// A forecast that was just made.
#[derive(Debug, Clone)]
pub struct Forecast {
    /// its numbers
    pub packed: PackedForecast,
    /// how it came about: members, weights, seasons, error at past origins
    pub model_info: Value,
    /// the last observation that it knew
    pub origin: Millis,
    /// the name of the model that was asked for
    pub backend: String,
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

/// Forecasts the points of a series, oldest first.
///
/// # Errors
/// 422 `INSUFFICIENT_DATA` below [`MIN_POINTS`]; 400 for a horizon of too many steps.
pub fn make(points: &[Point], request: &ForecastRequest) -> Result<Forecast, Error> {
    if points.len() < MIN_POINTS {
        return Err(insufficient(format!(
            "the series has {} points, a forecast needs at least {MIN_POINTS}",
            points.len()
        )));
    }
    let pairs: Vec<(i64, f64)> = points.iter().map(|point| (point.timestamp, point.value)).collect();
    let regular = prediction::regularise(&pairs, request.frequency).map_err(|error| insufficient(error.to_string()))?;
    let mut options = Options::new(request.horizon.steps(regular.step)?);
    options.backend = request.backend;
    options.probabilities =
        prediction::probabilities_of_levels(request.levels()).map_err(|error| Error::schema(error.to_string()))?;
    let intervals = options.horizon * request.levels().len();
    if intervals > MAX_INTERVALS {
        return Err(Error::schema(format!(
            "{} steps with {} levels are {intervals} intervals; at most {MAX_INTERVALS} are possible",
            options.horizon,
            request.levels().len()
        )));
    }
    let made = prediction::forecast(&regular.grid(), &options).map_err(|error| insufficient(error.to_string()))?;
    let grid = regular.grid();
    Ok(Forecast {
        packed: PackedForecast {
            start: grid.time(grid.values.len()),
            step: regular.step,
            mean: made.mean,
            quantiles: made.quantiles,
        },
        model_info: model_info(&made.report),
        origin: points.last().map_or(0, |point| point.timestamp),
        backend: request.backend.to_string(),
    })
}

fn insufficient(message: String) -> Error {
    Error::Unprocessable {
        code: Code::InsufficientData,
        message,
    }
}

fn model_info(report: &Report) -> Value {
    let members: Vec<Value> = report
        .members
        .iter()
        .map(|member| json!({"model": member.model.to_string(), "weight": member.weight}))
        .collect();
    json!({
        "members": members,
        "seasons": report.seasons,
        "rolling_origin_error": report.error,
        "rolling_origins": report.origins,
        "observations": report.observations,
        "fitted": report.fitted,
    })
}

impl PackedForecast {
    /// The steps as replies show them, with every interval whose two quantiles are there.
    #[must_use]
    pub fn predictions(&self, actuals: &[Point]) -> Vec<Prediction> {
        let columns = &self.quantiles.probabilities;
        let pairs: Vec<(String, usize, usize)> = columns
            .iter()
            .enumerate()
            .filter(|(_, p)| **p < 0.5)
            .filter_map(|(lower, p)| {
                let upper = columns.iter().position(|q| (q + p - 1.0).abs() < 1e-9)?;
                Some((level_name(100.0 * (1.0 - 2.0 * p)), lower, upper))
            })
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
                    .map(|(name, lower, upper)| {
                        (
                            name.clone(),
                            IntervalBounds {
                                lower: row[*lower],
                                upper: row[*upper],
                            },
                        )
                    })
                    .collect(),
                actual: known[index],
            })
            .collect()
    }

    /// The mean of the points of each step: those nearer to it than to a neighbour.
    fn actual_by_step(&self, actuals: &[Point]) -> Vec<Option<f64>> {
        let mut sums = vec![(0.0, 0.0); self.mean.len()];
        let half = match self.step {
            Step::Millis(length) => length / 2,
            Step::Months(_) => 0,
        };
        for point in actuals {
            let index = self.step.count(self.start.saturating_sub(half), point.timestamp);
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

/// `80`, `95`, `99.5`: without the noise of 100 * (1 - 2 * 0.025).
fn level_name(level: f64) -> String {
    ((level * 1e6).round() / 1e6).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hourly(count: usize) -> Vec<Point> {
        (0..count)
            .map(|hour| {
                let daily = if hour % 24 > 8 { 30.0 } else { 0.0 };
                let noise = f64::from(u32::try_from(hour * 7919 % 13).unwrap()) / 13.0;
                Point {
                    timestamp: 1_795_428_000_000 + 3_600_000 * i64::try_from(hour).unwrap(),
                    value: 100.0 + daily + noise,
                }
            })
            .collect()
    }

    fn request(more: &str) -> ForecastRequest {
        ForecastRequest::parse(format!(r#"{{"metric_key":"a","horizon":24{more}}}"#).as_bytes()).unwrap()
    }

    #[test]
    fn intervals_are_named_by_level_and_nested() {
        let made = make(&hourly(24 * 14), &request(r#","levels":[80,95,99.5]"#)).unwrap();
        let predictions = made.packed.predictions(&[]);
        assert_eq!(predictions.len(), 24);
        assert_eq!(predictions[0].timestamp, 1_795_428_000_000 + 3_600_000 * 24 * 14);
        for prediction in predictions {
            let names: Vec<_> = prediction.intervals.keys().map(String::as_str).collect();
            assert_eq!(names, ["80", "95", "99.5"]);
            let [narrow, wide] = [&prediction.intervals["80"], &prediction.intervals["95"]];
            assert!(wide.lower <= narrow.lower && narrow.lower <= prediction.value);
            assert!(prediction.value <= narrow.upper && narrow.upper <= wide.upper);
        }
    }

    #[test]
    fn too_little_history_names_both_numbers() {
        let error = make(&hourly(7), &request("")).unwrap_err();
        assert_eq!((error.code(), error.status().as_u16()), (Code::InsufficientData, 422));
        assert_eq!(
            error.to_string(),
            "the series has 7 points, a forecast needs at least 8"
        );
        assert!(make(&hourly(8), &request("")).is_ok());
    }

    #[test]
    fn a_reply_has_an_end() {
        let ask = |horizon: usize, levels: &str| {
            let body = format!(r#"{{"metric_key":"a","horizon":{horizon},"levels":[{levels}]}}"#);
            make(&hourly(24), &ForecastRequest::parse(body.as_bytes()).unwrap())
        };
        let longest = ask(10_000, "50,80,90,95").unwrap().packed.predictions(&[]);
        assert!(serde_json::to_string(&longest).unwrap().len() < 5_000_000);
        assert_eq!(ask(10_000, "50,60,80,90,95").unwrap_err().status(), 400);
    }

    #[test]
    fn actuals_find_their_step_even_a_little_off_the_grid() {
        let made = make(&hourly(48), &request("")).unwrap();
        let first = made.packed.start;
        let actual = |timestamp, value| Point { timestamp, value };
        let shown = made
            .packed
            .predictions(&[actual(first + 60_000, 5.0), actual(first + 3_600_000 - 60_000, 7.0)]);
        assert_eq!(
            (shown[0].actual, shown[1].actual, shown[2].actual),
            (Some(5.0), Some(7.0), None)
        );
    }
}
