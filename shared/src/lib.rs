//! IntentVision's common crate: everything that more than one function needs, and all SQL, each
//! statement next to its domain.
//!
//! `ingest -> normalise -> store -> forecast -> detect -> evaluate rules -> notify`, each step in
//! the module of its name. Functions hold no SQL and no rule of the domain; this crate takes a
//! `dyn Db` and links no backend.

#![warn(missing_docs)]

pub mod alerting;
pub mod app;
pub mod auth;
pub mod budget;
pub mod clock;
pub mod config;
pub mod detection;
pub mod error;
pub mod forecasting;
pub mod http;
pub mod id;
pub mod idempotency;
pub mod ingest;
pub mod keys;
pub mod lease;
mod listed;
pub mod migrations;
pub mod notify;
pub mod schedule;
pub mod secrets;
pub mod series;
pub mod store;
pub mod telemetry;
pub mod tenancy;
pub mod time;

pub use app::App;
pub use error::{Code, Error};
