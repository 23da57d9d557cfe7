use super::Figures;
use super::data::STEP;
use super::storm::{AIRPORT, Storm};
use super::story::{Story, check, clock_time};
use super::world::World;
use crate::Failure;
use intentvision::clock::{HOUR, MINUTE, Millis};
use intentvision::time;
use serde_json::{Value, json};

/// How many anomalies are told.
const TOLD: usize = 8;

/// Switches detection on, and sees that every series is ready a minute later.
pub(super) async fn switch_on(story: &Story, world: &World) -> Result<(), Failure> {
    world.api.replace("/v1/detection", &json!({"enabled": true})).await?;
    world.set(world.now() + MINUTE);
    world.tick().await?;
    let list = world.api.get("/v1/series").await?;
    let series = items(&list);
    for one in series {
        let id = one["series_id"].as_str().unwrap_or_default();
        let status = world.api.get(&format!("/v1/series/{id}/detection")).await?;
        check(status["state"] == "ready", || format!("not ready to detect: {status}"))?;
    }
    story.say(&format!(
        "for all {} series, with at most one false alarm each in a month; they are ready with the next\n\
         tick, because it replays their history",
        series.len()
    ))
}

/// That the storm was found, and what else was.
pub(super) async fn verify(story: &Story, world: &World, storm: Storm, figures: &mut Figures) -> Result<(), Failure> {
    let list = world.api.get("/v1/anomalies?limit=10000").await?;
    let anomalies = items(&list);
    figures.anomalies = anomalies.len();
    let of_storm = anomalies.iter().find(|anomaly| {
        let began = anomaly["timestamp"].as_str().and_then(time::parse).unwrap_or_default();
        anomaly["dimensions"]["airport"] == AIRPORT
            && anomaly["metric_key"] == "flights.departures"
            && anomaly["direction"] == "down"
            && (storm.from - STEP..storm.to).contains(&began)
    });
    let found = of_storm.ok_or_else(|| Failure::Failed(format!("the storm was not found: {list}")))?;
    let detected = found["detected_at"].as_str().and_then(time::parse).unwrap_or_default();
    check((storm.from..storm.from + HOUR).contains(&detected), || {
        format!("the storm was found late: {found}")
    })?;
    story.say(&format!(
        "{} anomalies; the storm was found {} after it began. The newest of GET /v1/anomalies:",
        anomalies.len(),
        time::span(detected - storm.from)
    ))?;
    anomalies
        .iter()
        .take(TOLD)
        .try_for_each(|anomaly| story.say(&told(anomaly)))
}

/// One anomaly in one line.
fn told(anomaly: &Value) -> String {
    let text = |name: &str| anomaly[name].as_str().unwrap_or_default();
    let airport = anomaly["dimensions"]["airport"].as_str().unwrap_or_default();
    let at: Millis = time::parse(text("at")).unwrap_or_default();
    format!(
        "{}  {:8}  {airport:3}  {}",
        clock_time(at),
        text("severity"),
        text("reason")
    )
}

fn items(list: &Value) -> &[Value] {
    list["items"].as_array().map(Vec::as_slice).unwrap_or_default()
}
