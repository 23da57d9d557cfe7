use super::Figures;
use super::data::STEP;
use super::fault::Fault;
use super::story::{Story, check, clock_time};
use super::world::World;
use crate::Failure;
use intentvision::clock::{MINUTE, Millis};
use intentvision::time;
use serde_json::{Value, json};

/// Within how long the fault must be found: the second of its values at the latest.
const LATEST: Millis = STEP + 2 * MINUTE;
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

/// That the fault was found, and what else was.
pub(super) async fn verify(story: &Story, world: &World, fault: Fault, figures: &mut Figures) -> Result<(), Failure> {
    let list = world.api.get("/v1/anomalies?limit=10000").await?;
    let anomalies = items(&list);
    figures.anomalies = anomalies.len();
    let of_fault = anomalies.iter().find(|anomaly| {
        let airport = anomaly["dimensions"]["airport"].as_str().unwrap_or_default();
        let began = anomaly["timestamp"].as_str().and_then(time::parse);
        Fault::hits(anomaly["metric_key"].as_str().unwrap_or_default(), airport)
            && anomaly["direction"] == "up"
            && began.is_some_and(|began| (fault.from..fault.to).contains(&began))
    });
    let found = of_fault.ok_or_else(|| Failure::Failed(format!("the fault was not found: {list}")))?;
    let detected = found["detected_at"].as_str().and_then(time::parse).unwrap_or_default();
    check((fault.from..fault.from + LATEST).contains(&detected), || {
        format!("the fault was found late: {found}")
    })?;
    story.say(&format!(
        "{} in all; the fault was found in the minute {}. The newest of GET /v1/anomalies:",
        anomalies.len(),
        clock_time(detected)
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
