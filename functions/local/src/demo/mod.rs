//! The demo: real data, the real service, two days in a minute, and a check of each step.

mod chart;
mod client;
mod data;
mod detection;
mod fault;
mod feed;
mod forecast;
mod history;
mod receiver;
mod rules;
mod story;
mod two_days;
mod world;

use crate::Failure;
use crate::output::line;
use crate::server::Stop;
use data::Flights;
use fault::Fault;
use intentvision::clock::{DAY, MINUTE, Millis};
use intentvision::keys::ApiKey;
use serde::Serialize;
use std::path::Path;
use story::Story;
use world::World;

pub(crate) use feed::feed;
pub(crate) use world::config;

/// What a demo leaves behind.
pub(crate) struct Outcome {
    /// the key of its database
    pub(crate) key: ApiKey,
    /// its data, which reaches beyond now
    pub(crate) flights: Flights,
    /// up to when it was fed
    pub(crate) fed: Millis,
    pub(crate) figures: Figures,
}

/// What it found, for programs.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Figures {
    points: usize,
    bytes_per_point: f64,
    ticks: usize,
    notifications: usize,
    anomalies: usize,
    /// how long before the value crossed its limit the forecast alert fired
    lead_minutes: i64,
}

/// Tells the whole story of the two days before `now`, with a database in this file, which must not be there yet.
///
/// # Errors
/// The first step that did not really happen, by its name.
pub(crate) async fn tell(now: Millis, database: &Path, silent: bool, of_receiver: Stop) -> Result<Outcome, Failure> {
    let mut story = Story::new(silent);
    let told = chapters(&mut story, now, database, of_receiver).await;
    told.map_err(|failure| story.failed(&failure))
}

async fn chapters(story: &mut Story, now: Millis, database: &Path, of_receiver: Stop) -> Result<Outcome, Failure> {
    let now = now - now.rem_euclid(MINUTE);
    let begin = now - 2 * DAY;
    let flights = data::ending_at(now)?;
    let mut figures = Figures::default();

    story.step("A fresh database, a server, an API key")?;
    let world = World::at(begin, database, of_receiver).await?;
    story.say(&format!(
        "{}, key {}... with all scopes; the server believes that it is {}, two days ago",
        database.display(),
        world.key.display(),
        story::clock_time(begin)
    ))?;

    story.step("History over HTTP")?;
    story.say(&format!(
        "flights at six US airports, {} series at 15 minutes, of spring 2001, moved by {} weeks to end now",
        flights.series.len(),
        flights.weeks
    ))?;
    history::import(story, &world, &flights, begin, &mut figures).await?;

    story.step("A forecast")?;
    forecast::show(story, &world, &flights, begin).await?;

    story.step("Detection of anomalies")?;
    detection::switch_on(story, &world).await?;

    story.step("Four rules and a webhook")?;
    let rules = two_days::prepare(story, &world).await?;

    story.step("Two days, minute by minute")?;
    let fault = Fault::after(begin);
    let log = two_days::live(story, &world, &flights, fault, begin..now, &mut figures).await?;

    story.step("What was told, and when")?;
    two_days::verify(story, &world, &flights, &rules, &log, now, &mut figures).await?;

    story.step("What was found")?;
    detection::verify(story, &world, fault, &mut figures).await?;

    let key = world.key.clone();
    world.end().await;
    Ok(Outcome {
        key,
        flights,
        fed: now,
        figures,
    })
}

/// The last words of a demo that ends.
pub(crate) fn farewell(json: bool, figures: &Figures) -> Result<(), Failure> {
    if json {
        let figures = serde_json::to_string(figures).map_err(|error| Failure::Failed(error.to_string()))?;
        return line(&figures);
    }
    line("\nEvery step was checked, and happened.")
}
