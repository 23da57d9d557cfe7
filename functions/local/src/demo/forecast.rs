use super::chart::{Column, draw};
use super::data::{Flights, STEP};
use super::rules::RUSH;
use super::story::{Story, check, clock_time};
use super::world::World;
use crate::Failure;
use intentvision::clock::{HOUR, Millis};
use intentvision::time;
use serde_json::{Value, json};

/// Hours of the past that the chart shows.
const PAST: i64 = 12;
/// Hours of the future.
const FUTURE: usize = 24;
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

    // each value counts an hour, so those at full hours tell everything once
    let atlanta = flights.find("flights.departures", "ATL");
    let seen = atlanta
        .into_iter()
        .flat_map(|series| series.between(begin - PAST * HOUR, begin));
    let past = seen
        .filter(|(at, _)| at % HOUR == 0)
        .map(|(_, value)| Column::Seen(value));
    let future = expected.iter().filter(|step| step.at % HOUR == 0).map(Expected::column);
    let past: Vec<Column> = past.collect();
    let axis = 2 * past.len();
    let columns: Vec<Column> = past.into_iter().chain(future).collect();
    story.say(&format!(
        "departures an hour in Atlanta: {PAST} h seen, {FUTURE} h expected (━ mean, ▒ 80 %, ░ 95 %), a line at {RUSH}"
    ))?;
    story.say(&draw(&columns, RUSH, 12))?;
    story.say(&format!("{:7}{:axis$}^ {}", "", "", clock_time(begin)))?;
    story.say(&about(&forecast["model_info"]))
}

/// How the forecast came about, in a line.
fn about(info: &Value) -> String {
    let list = |name: &str| info[name].as_array().map(Vec::as_slice).unwrap_or_default();
    let member = |member: &Value| {
        let weight = member["weight"].as_f64().unwrap_or_default();
        format!(
            "{:.0} % {}",
            100.0 * weight,
            member["model"].as_str().unwrap_or_default()
        )
    };
    let season = |season: &Value| time::span(season.as_i64().unwrap_or_default() * STEP);
    let members: Vec<String> = list("members").iter().map(member).collect();
    let seasons: Vec<String> = list("seasons").iter().map(season).collect();
    let error = info["rolling_origin_error"].as_f64().map_or_else(String::new, |error| {
        format!(", past errors {error:.2} of those of seasonal naive")
    });
    format!("chosen: {}; seasons: {}{error}", members.join(", "), seasons.join(", "))
}

/// One predicted step.
struct Expected {
    at: Millis,
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
            at: time::parse(prediction["timestamp"].as_str()?)?,
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

    fn column(&self) -> Column {
        Column::Expected {
            mean: self.mean,
            inner: self.inner,
            outer: self.outer,
        }
    }
}
