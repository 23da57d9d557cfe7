use crate::Failure;
use crate::database::{self, Place};
use crate::output::show;
use intentvision::config::Config;
use migrate::Request;
use serde::Serialize;

#[derive(Serialize)]
struct Migrated {
    database: String,
    applied: Vec<&'static str>,
}

pub(crate) async fn run(json: bool) -> Result<(), Failure> {
    let config = Config::from_env()?;
    let place = Place::of(&config)?;
    let app = database::open(config, &place)?;
    let migrated = Migrated {
        database: place.to_string(),
        applied: migrate::run(&app, Request::Migrate).await?.applied_now,
    };
    show(json, &migrated, |migrated| match migrated.applied.as_slice() {
        [] => format!("{} is up to date", migrated.database),
        names => format!("{}: applied {}", migrated.database, names.join(", ")),
    })
}
