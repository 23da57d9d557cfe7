//! `intentvision maintain`: the maintenance that `serve` runs each minute, once and now.

use crate::Failure;
use crate::database::{self, Place};
use crate::output::show;
use clap::Args;
use intentvision::config::Config;
use maintain::Summary;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Fold and tidy everything, due or not
    #[arg(long)]
    force: bool,
}

pub(crate) async fn run(arguments: &Arguments, json: bool) -> Result<(), Failure> {
    let config = Config::from_env()?;
    let place = Place::of(&config)?;
    place.must_exist()?;
    let app = database::open(config, &place)?;
    database::prepare(&app, &place).await?;
    let summary = if arguments.force {
        maintain::run_everything(&app).await?
    } else {
        maintain::run(&app).await?
    };
    show(json, &summary, text)?;
    match summary.failed {
        0 => Ok(()),
        failed => Err(Failure::Failed(format!("maintenance of {failed} organizations failed"))),
    }
}

fn text(summary: &Summary) -> String {
    let mut text = format!(
        "{} requests folded, {} series tidied, {} requests left the log, {} forecasts scored, {} idempotency keys expired",
        summary.folded, summary.tidied, summary.trimmed, summary.scored, summary.expired_keys
    );
    if summary.busy > 0 {
        text += &format!(
            "\n{} organizations were left alone: somebody else folds, tidies or imports there; try again in two minutes",
            summary.busy
        );
    }
    text
}
