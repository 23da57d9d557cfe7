//! The `intentvision` binary: see the library beside it.

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    local::run(local::Cli::parse())
}
