//! Drives the `intentvision` binary as its users do: arguments, environment, exit codes, signals.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by a panic")]

mod backtest;
mod demo;
mod detect;
mod doctor;
mod export;
mod forecast;
mod import;
mod inspect;
mod keys;
mod maintain;
mod room;
mod schema;
mod serve;
