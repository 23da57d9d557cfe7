use super::data::{Flights, STEP};
use super::story::{Story, check, thousands};
use super::world::World;
use super::{Figures, feed};
use crate::Failure;
use intentvision::clock::Millis;
use std::time::Instant;

/// Times of one request: eight series make 9,600 points of the 10,000 that one may hold.
const TIMES: i64 = 1_200;

/// Sends everything up to `begin` and sees that it is there, once.
pub(super) async fn import(
    story: &Story,
    world: &World,
    flights: &Flights,
    begin: Millis,
    figures: &mut Figures,
) -> Result<(), Failure> {
    let before = world.footprint().await?;
    let started = Instant::now();
    let first = flights.start();
    let mut from = first - 1;
    let mut requests: u32 = 0;
    let mut points = 0;
    while from < begin {
        let to = (from + TIMES * STEP).min(begin);
        let batch = flights.between(from, to);
        if batch.is_empty() {
            break;
        }
        let key = format!("history-{requests}");
        let reply = feed::send(&world.api, &batch, &key).await?;
        check(!reply.replayed, || {
            format!("request {key} was answered as a repetition")
        })?;
        if requests == 0 {
            let again = feed::send(&world.api, &batch, &key).await?;
            check(again.replayed && again.body == reply.body, || {
                format!("request {key} was sent twice and not recognised: {}", again.body)
            })?;
        }
        points += batch.len();
        requests += 1;
        from = to;
    }
    let seconds = started.elapsed().as_secs_f64();
    world.settle().await?;
    stored(world, flights, begin).await?;
    figures.points = points;
    figures.bytes_per_point = (world.footprint().await? - before) as f64 / points as f64;
    story.say(&format!(
        "{} points in {requests} requests and {seconds:.1} s; the first was sent twice and counted once\n\
         all read back as sent; {:.1} bytes a point on disk, everything included",
        thousands(points),
        figures.bytes_per_point
    ))
}

/// That every series is there with each of its points.
async fn stored(world: &World, flights: &Flights, until: Millis) -> Result<(), Failure> {
    let list = world.api.get("/v1/series").await?;
    let items = list["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    check(items.len() == flights.series.len(), || {
        format!("{} series were sent, {} are listed", flights.series.len(), items.len())
    })?;
    for item in items {
        let text = |name: &str| item[name].as_str().unwrap_or_default();
        let airport = item["dimensions"]["airport"].as_str().unwrap_or_default();
        let series = flights.find(text("metric_key"), airport);
        let series = series.ok_or_else(|| Failure::Failed(format!("a series that nobody sent is listed: {item}")))?;
        let sent: Vec<f64> = series.between(i64::MIN, until).map(|(_, value)| value).collect();
        let page = world
            .api
            .get(&format!("/v1/series/{}/points?limit=10000", text("series_id")))
            .await?;
        let found = page["items"].as_array().map(Vec::as_slice).unwrap_or_default();
        let found: Vec<f64> = found.iter().filter_map(|point| point["value"].as_f64()).collect();
        check(found == sent, || {
            format!(
                "{} {airport}: {} points were sent, {} others came back",
                text("metric_key"),
                sent.len(),
                found.len()
            )
        })?;
    }
    Ok(())
}
