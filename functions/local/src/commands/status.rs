use crate::Failure;
use crate::database::{self, Place};
use crate::output::{show, table};
use intentvision::clock::Millis;
use intentvision::config::Config;
use intentvision::time;
use serde::Serialize;

#[derive(Serialize)]
struct Status {
    database: String,
    migrations: Vec<Migration>,
}

#[derive(Serialize)]
struct Migration {
    name: String,
    #[serde(serialize_with = "time::rfc3339_option")]
    applied_at: Option<Millis>,
}

pub(crate) async fn run(json: bool) -> Result<(), Failure> {
    let config = Config::from_env()?;
    let place = Place::of(&config)?;
    let status = database::status(config, &place).await?;
    let applied = status.applied.into_iter().map(|migration| Migration {
        name: migration.name,
        applied_at: Some(migration.applied_at),
    });
    let pending = status.pending.into_iter().map(|migration| Migration {
        name: migration.to_owned(),
        applied_at: None,
    });
    let status = Status {
        database: place.to_string(),
        migrations: applied.chain(pending).collect(),
    };
    show(json, &status, text)
}

fn text(status: &Status) -> String {
    let rows: Vec<_> = status
        .migrations
        .iter()
        .map(|migration| {
            let state = migration
                .applied_at
                .map_or_else(|| "pending".into(), |at| format!("applied {}", time::format(at)));
            [migration.name.clone(), state]
        })
        .collect();
    let pending = status
        .migrations
        .iter()
        .filter(|migration| migration.applied_at.is_none())
        .count();
    let next = match pending {
        0 => "up to date".to_owned(),
        pending => format!("{pending} pending: run `intentvision migrate`"),
    };
    format!("{}\n{}{next}", status.database, table(&rows))
}
