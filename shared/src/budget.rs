//! How much of the work that is due one run of a scheduled function takes on: the rest waits for the next.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What a run may spend.
pub trait Budget: Send {
    /// Whether there is room for one more.
    fn another(&mut self) -> bool;
}

/// Everything that is due.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unlimited;

impl Budget for Unlimited {
    fn another(&mut self) -> bool {
        true
    }
}

/// So many, and no more.
#[derive(Debug, Clone, Copy)]
pub struct Count(pub usize);

impl Budget for Count {
    fn another(&mut self) -> bool {
        let room = self.0 > 0;
        self.0 = self.0.saturating_sub(1);
        room
    }
}

/// As many as fit into a time, counted from the first one on.
#[derive(Debug, Clone)]
pub struct Within {
    limit: Duration,
    began: Option<Instant>,
}

impl Within {
    /// As many as fit into `limit`.
    #[must_use]
    pub fn new(limit: Duration) -> Self {
        Self { limit, began: None }
    }
}

impl Budget for Within {
    fn another(&mut self) -> bool {
        self.began.get_or_insert_with(Instant::now).elapsed() < self.limit
    }
}

/// One budget for work that is done side by side.
impl Budget for &Mutex<&mut dyn Budget> {
    fn another(&mut self) -> bool {
        self.lock().unwrap_or_else(PoisonError::into_inner).another()
    }
}
