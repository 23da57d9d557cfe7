use super::chart::{Column, draw};
use super::data::{Flights, STEP};
use super::rules::RUSH;
use super::story::{Story, check, clock_time};
use super::world::World;
use crate::Failure;
use intentvision::clock::{HOUR, Millis};
use serde_json::{Value, json};

/// Hours of the past that the chart shows.
const PAST: i64 = 12;
/// Hours of the future.
const FUTURE: usize = 24;
/// Values of one column of the chart.
const PER_COLUMN: usize = 2;

/// Asks for a forecast over HTTP and draws it.
pub(super) async fn show(story: &Story, world: &World, flights: &Flights, begin: Millis) -> Result<(), Failure> {
    let request = json!({
        "metric_key": "flights.departures", "dimensions": {"airport": "ATL"}, "horizon": format!("{FUTURE}h"), "levels": [80, 95],
    });
    let forecast = world.api.create("/v1/forecasts", &request).await?;
    let predictions = forecast["predictions"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let steps = FUTURE * usize::try_from(HOUR / STEP).unwrap_or(0);
    check(predictions.len() == steps, || {
        format!("{} predictions came for {steps} steps", predictions.len())
    })?;
    let expected: Vec<Expected> = predictions
        .iter()
        .map(Expected::read)
        .collect::<Option<_>>()
        .ok_or_else(|| {
            Failure::Failed(format!(
                "a prediction lacks a number: {}",
                predictions.first().unwrap_or(&Value::Null)
            ))
        })?;
    check(expected.iter().all(Expected::is_nested), || {
        "an interval of 80 % leaves the one of 95 %".into()
    })?;

    let atlanta = flights.find("flights.departures", "ATL");
    let seen: Vec<f64> = atlanta
        .into_iter()
        .flat_map(|series| series.between(begin - PAST * HOUR, begin))
        .map(|(_, value)| value)
        .collect();
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let past = seen.chunks(PER_COLUMN).map(|values| Column::Seen(mean(values)));
    let future = expected.chunks(PER_COLUMN).map(Expected::column);
    let columns: Vec<Column> = past.chain(future).collect();
    story.say(&format!(
        "departures an hour in Atlanta: {PAST} h seen, {FUTURE} h expected (● mean, ▒ 80 %, ░ 95 %), line at {RUSH}"
    ))?;
    story.say(&draw(&columns, RUSH, 12))?;
    let axis = seen.chunks(PER_COLUMN).count();
    story.say(&format!("{}{}^ {}", " ".repeat(7), " ".repeat(axis), clock_time(begin)))?;
    story.say(&format!(
        "backend {}: {}",
        forecast["backend"].as_str().unwrap_or_default(),
        forecast["model_info"]
    ))
}

/// One predicted step.
struct Expected {
    mean: f64,
    inner: (f64, f64),
    outer: (f64, f64),
}

impl Expected {
    fn read(prediction: &Value) -> Option<Self> {
        let ends = |level: &str| {
            let interval = &prediction["intervals"][level];
            Some((interval["lower"].as_f64()?, interval["upper"].as_f64()?))
        };
        Some(Self {
            mean: prediction["value"].as_f64()?,
            inner: ends("80")?,
            outer: ends("95")?,
        })
    }

    fn is_nested(&self) -> bool {
        self.outer.0 <= self.inner.0
            && self.inner.0 <= self.mean
            && self.mean <= self.inner.1
            && self.inner.1 <= self.outer.1
    }

    /// Several steps as one.
    fn column(steps: &[Self]) -> Column {
        let mean = |of: fn(&Self) -> f64| steps.iter().map(of).sum::<f64>() / steps.len() as f64;
        Column::Expected {
            mean: mean(|step| step.mean),
            inner: (mean(|step| step.inner.0), mean(|step| step.inner.1)),
            outer: (mean(|step| step.outer.0), mean(|step| step.outer.1)),
        }
    }
}
