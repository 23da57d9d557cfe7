//! What the end-to-end tests share: a real database server, a counting proxy, tokens, the function
//! programs and an emulator of what runs them.

#![warn(missing_docs)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a harness that cannot work fails its test"
)]

pub mod anomalies;
pub mod binaries;
pub mod chaos;
pub mod cost;
pub mod detection_cost;
pub mod events;
pub mod extension;
pub mod forecast_jobs;
pub mod http;
pub mod install;
pub mod load;
pub mod many_series;
pub mod points;
pub mod postbox;
pub mod powerloss;
pub mod product;
pub mod proxy;
pub mod python;
pub mod queue;
pub mod receiver;
pub mod runtime_api;
pub mod schema;
pub mod served;
pub mod server;
pub mod smtp_sink;
pub mod sqld;
pub mod standin;
pub mod store_figures;
pub mod template;
pub mod tick_cost;
pub mod timegpt;
pub mod token;
pub mod traffic;
pub mod worker;
pub mod workspace;
