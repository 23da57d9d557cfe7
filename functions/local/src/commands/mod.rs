//! One module a command.

pub(crate) mod backtest;
pub(crate) mod demo;
pub(crate) mod detect;
mod doctor;
pub(crate) mod export;
pub(crate) mod forecast;
pub(crate) mod import;
pub(crate) mod inspect;
pub(crate) mod keys;
pub(crate) mod maintain;
mod migrate;
mod organization;
pub(crate) mod serve;
mod status;

use crate::Failure;
use crate::cli::{Cli, Command};
use prediction::Step;

pub(crate) async fn run(cli: Cli) -> Result<(), Failure> {
    let json = cli.json;
    match cli.command {
        Command::Serve(arguments) => serve::run(&arguments, json).await,
        Command::Demo(arguments) => demo::run(&arguments, json).await,
        Command::Migrate => migrate::run(json).await,
        Command::Status => status::run(json).await,
        Command::Keys(command) => keys::run(command, json).await,
        Command::Maintain(arguments) => maintain::run(&arguments, json).await,
        Command::Import(arguments) => import::run(&arguments, json).await,
        Command::Export(arguments) => export::run(&arguments, json).await,
        Command::Inspect(arguments) => inspect::run(&arguments, json).await,
        Command::Forecast(arguments) => forecast::run(&arguments, json),
        Command::Detect(arguments) => detect::run(&arguments, json),
        Command::Backtest(arguments) => backtest::run(&arguments, json),
        Command::Doctor => doctor::run(json).await,
    }
}

/// Reads a duration such as `60s`, `15m` or `24h` as milliseconds.
fn duration(text: &str) -> Result<i64, String> {
    if text == "0" || text == "0s" {
        return Ok(0);
    }
    match text.parse() {
        Ok(Step::Millis(ms)) => Ok(ms),
        _ => Err("a number and one of s, m, h, d, w: 60s, 15m, 24h".into()),
    }
}
