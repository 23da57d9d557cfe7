//! What a tick takes of a processor: [`cost`] in one process on a file, [`workers`] over the queue on a real server.

mod organization;
pub mod workers;

use std::time::{Duration, Instant};

use intentvision::clock::{Clock, MINUTE, Millis};
use intentvision::config::Config;

use crate::load::process::cpu_of_this_process;
use crate::product::{Backend, Product};
use organization::{Organization, Story};

/// 2026-11-23T10:00:00Z.
const START: Millis = 1_795_428_000_000;
const STEP: Millis = 5 * MINUTE;

/// What one tick came to.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    /// of all threads of the process
    pub cpu: Duration,
    /// from its begin to its end
    pub wall: Duration,
    /// changes of alerts
    pub transitions: usize,
}

/// Ticks so many times over so many series in all, of organizations that have as many each: three rules and a new point each.
///
/// The forecasts of the third rule are all fresh by then. In the last tick but two every series breaks a rule.
///
/// # Panics
/// If it cannot be measured.
pub async fn cost(series: usize, organizations: usize, ticks: usize) -> Vec<Cost> {
    let clock = Clock::at(START);
    let product = Product::start_with(Backend::Embedded, clock.clone(), Config::default()).await;
    let all = Organization::several(&product, START, series, organizations).await;
    let story = Story { start: START, ticks };
    let mut costs = Vec::new();
    // the first tick meets the series and makes their forecasts
    for tick in 0..=ticks {
        let minute = story.tell(tick, &all, &clock).await;
        // what is late is made up for, so that the ticks after it are alike
        let (cpu, begun) = (cpu_of_this_process(), Instant::now());
        let summary = product.tick(minute).await;
        if tick > 0 {
            costs.push(Cost {
                cpu: cpu_of_this_process().saturating_sub(cpu),
                wall: begun.elapsed(),
                transitions: summary.transitions,
            });
        }
    }
    for organization in &all {
        organization.expect_nothing_open(&product).await;
    }
    costs
}
