//! The integration tests, one binary.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by a panic")]

mod alerting;
mod architecture;
mod chaos;
mod db;
mod detection;
mod document;
mod forecast_jobs;
mod forecasts;
mod history;
mod ingest;
mod keys;
mod lambda;
mod matrix;
mod migrations;
mod notify;
mod pages;
mod query;
mod service;
mod store;
mod timegpt;
