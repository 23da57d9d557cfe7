use intentvision::alerting::tick::Budget;
use std::time::{Duration, Instant};

/// As many forecasts as fit into a time, counted from the first one on.
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

impl Default for Within {
    /// 200 ms.
    fn default() -> Self {
        Self::new(Duration::from_millis(200))
    }
}

impl Budget for Within {
    fn another(&mut self) -> bool {
        self.began.get_or_insert_with(Instant::now).elapsed() < self.limit
    }
}
