//! Faults against evaluation and delivery.
//!
//! Processes are killed at any moment, events of the schedule get lost, doubled and late, and receivers fail, hang and cut
//! the line after they have taken a message.
//! The points are made from a seed, and a model of its own says which alerts there must be and when each begins and ends
//! (`story`). What the database holds and what the receivers were told is compared with that (`judge`).

mod drive;
mod judge;
mod receivers;
mod story;
mod work;

pub use drive::run;
pub use judge::Verdict;
pub use work::{Work, work};

use crate::product::Backend;

/// One run, on a database of its own.
#[derive(Debug, Clone, Copy)]
pub struct Alerts {
    /// what everything that is random comes from
    pub seed: u64,
    /// which kind of database
    pub backend: Backend,
    /// how many minutes are simulated
    pub minutes: i64,
}
