//! IntentVision in one process: every handler behind one port with a ticking schedule, a demo, and
//! the command line.
//!
//! The same routers and runs as the deployed functions, on a libSQL file or a remote database.

mod cli;
mod commands;
mod database;
mod demo;
mod failure;
mod jobs;
mod output;
mod parallel;
mod routes;
mod schedule;
mod secret_key;
mod series_files;
mod server;

pub use cli::Cli;
pub use failure::Failure;
pub use routes::routes;

use std::process::ExitCode;

/// Runs one command, prints what went wrong, and says how it ended: see [`Failure::exit_code`].
#[must_use]
pub fn run(cli: Cli) -> ExitCode {
    let json = cli.json;
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return Failure::Failed(format!("no runtime: {error}")).report(json),
    };
    match runtime.block_on(commands::run(cli)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(json),
    }
}
