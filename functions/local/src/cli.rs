use crate::commands::{backtest, demo, detect, export, forecast, import, inspect, keys, maintain, serve};
use clap::{Parser, Subcommand};

const AFTER_HELP: &str = "\
Environment:
  INTENTVISION_DB_URL         file:PATH (default file:intentvision.db), libsql://, https:// or http://
  INTENTVISION_DB_AUTH_TOKEN  token of a remote database
  INTENTVISION_SECRET_KEY     32 bytes in base64 that seal secrets; a file database makes its own key file
  INTENTVISION_RETENTION_DAYS  how long points are kept; for ever if not set
  INTENTVISION_LOG            what to log on stderr: error, warn, info (default), debug

Exit codes: 0 done, 1 failed, 2 wrong command line, 3 wrong input, 4 database not available";

/// Stores metrics, forecasts them, and tells the right person before a limit is crossed.
#[derive(Debug, Parser)]
#[command(name = "intentvision", version, after_help = AFTER_HELP)]
pub struct Cli {
    /// Print JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve HTTP and run the schedule until SIGINT or SIGTERM
    Serve(serve::Arguments),
    /// Show everything on real data, with no set-up
    Demo(demo::Arguments),
    /// Apply what is missing of the database's schema
    Migrate,
    /// Show each migration and when it was applied
    Status,
    /// Make, list, revoke and rotate API keys
    #[command(subcommand)]
    Keys(keys::Command),
    /// Fold, tidy and trim the store and score forecasts as `serve` does each minute, once and now
    Maintain(maintain::Arguments),
    /// Store the history in a file; run again after it was killed, it goes on where it was
    Import(import::Arguments),
    /// Write all points, or some, to a file that `import` takes
    Export(export::Arguments),
    /// Show where the points of a series lie, and what a stored blob consists of
    Inspect(inspect::Arguments),
    /// Forecast series in files, without a database
    Forecast(forecast::Arguments),
    /// Find anomalies of series in files, without a database
    Detect(detect::Arguments),
    /// Show how good the forecasts of series in files would have been, backend by backend, without a database
    Backtest(backtest::Arguments),
    /// Check configuration, database, clock and keys, and say what to do
    Doctor,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
