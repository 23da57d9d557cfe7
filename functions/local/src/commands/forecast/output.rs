//! Writes forecasts as CSV, `series_id,step,mean,lower_80,...`, or as one JSON object a series.

use super::predict::Prediction;
use crate::Failure;
use prediction::Interval;
use serde_json::{Map, Value, json};

pub(super) fn render(predictions: &[Prediction], levels: &[String], json: bool) -> Result<String, Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::Failed(error.to_string());
    let mut table = csv::WriterBuilder::new()
        .terminator(csv::Terminator::Any(b'\n'))
        .from_writer(Vec::new());
    let mut lines = String::new();
    let header = ["series_id", "step", "mean"].map(str::to_owned).into_iter();
    let bounds = levels
        .iter()
        .flat_map(|level| [format!("lower_{level}"), format!("upper_{level}")]);
    table
        .write_record(header.chain(bounds))
        .map_err(|error| failed(&error))?;
    for prediction in predictions {
        let intervals = intervals(prediction, levels)?;
        if json {
            lines.push_str(&object(prediction, levels, &intervals).to_string());
            lines.push('\n');
            continue;
        }
        for (index, mean) in prediction.forecast.mean.iter().enumerate() {
            let ends = intervals
                .iter()
                .flat_map(|interval| [at(&interval.lower, index), at(&interval.upper, index)]);
            let numbers = std::iter::once(*mean).chain(ends).map(|number| number.to_string());
            let row = [prediction.id.clone(), (index + 1).to_string()]
                .into_iter()
                .chain(numbers);
            table.write_record(row).map_err(|error| failed(&error))?;
        }
    }
    if json {
        return Ok(lines);
    }
    let bytes = table.into_inner().map_err(|error| failed(&error))?;
    String::from_utf8(bytes).map_err(|error| failed(&error))
}

fn intervals(prediction: &Prediction, levels: &[String]) -> Result<Vec<Interval>, Failure> {
    let missing = |level: &str| Failure::Failed(format!("the forecast holds no interval of {level}"));
    levels
        .iter()
        .map(|level| {
            let number = level.parse().map_err(|_| missing(level))?;
            let interval = prediction.forecast.quantiles.interval(number).ok().flatten();
            interval.ok_or_else(|| missing(level))
        })
        .collect()
}

fn at(values: &[f64], index: usize) -> f64 {
    values.get(index).copied().unwrap_or(f64::NAN)
}

fn object(prediction: &Prediction, levels: &[String], intervals: &[Interval]) -> Value {
    let steps: Vec<Value> = prediction
        .forecast
        .mean
        .iter()
        .enumerate()
        .map(|(index, mean)| {
            let pairs: Map<String, Value> = levels
                .iter()
                .zip(intervals)
                .map(|(level, interval)| {
                    let ends = json!({"lower": at(&interval.lower, index), "upper": at(&interval.upper, index)});
                    (level.clone(), ends)
                })
                .collect();
            json!({"step": index + 1, "mean": mean, "intervals": pairs})
        })
        .collect();
    json!({"series_id": prediction.id, "predictions": steps})
}
