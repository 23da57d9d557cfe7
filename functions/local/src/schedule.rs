//! What AWS schedules as functions, in one process: the tick, deliveries and maintenance.

use crate::server::Stop;
use intentvision::clock::Millis;
use intentvision::{App, Error};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};

/// How often the outbox is looked at besides right after a tick: retries are due at any second.
const DELIVER: Duration = Duration::from_secs(1);
/// How often maintenance runs.
const MAINTAIN: Duration = Duration::from_secs(60);

/// The running schedule.
#[derive(Debug)]
pub(crate) struct Schedule(JoinSet<()>);

impl Schedule {
    /// Waits for its end, after its [`Stop`].
    pub(crate) async fn ended(mut self) {
        while self.0.join_next().await.is_some() {}
    }
}
