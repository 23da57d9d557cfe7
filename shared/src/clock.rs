//! Where time comes from.
//!
//! There are two clocks. *Wall time* (leases, expiry, retries, signatures) is the database's own,
//! read in SQL by [`db::wall_ms!`] and moved only by tests. *Product time* (default timestamps,
//! `received_at`, the minutes of the tick) is the same, unless a demo or a test sets it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970-01-01T00:00:00Z.
pub type Millis = i64;

/// One minute in milliseconds: the grain of the tick.
pub const MINUTE: Millis = 60_000;
/// One hour in milliseconds.
pub const HOUR: Millis = 60 * MINUTE;
/// One day in milliseconds.
pub const DAY: Millis = 24 * HOUR;

/// The one source of time.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    product: Option<Arc<AtomicI64>>,
    wall_offset: Arc<AtomicI64>,
}

impl Clock {
    /// The real clock.
    #[must_use]
    pub fn system() -> Self {
        Self::default()
    }

    /// Product time stands at `now` until [`Clock::set`] moves it; wall time is real.
    #[must_use]
    pub fn at(now: Millis) -> Self {
        Self {
            product: Some(Arc::new(AtomicI64::new(now))),
            ..Self::default()
        }
    }

    /// The same clock with the database's wall time moved by `offset`, for tests of expiry.
    #[must_use]
    pub fn with_wall_offset(mut self, offset: Millis) -> Self {
        self.wall_offset = Arc::new(AtomicI64::new(offset));
        self
    }

    /// Moves wall time on, for whoever holds this clock already: tests of what must end in time.
    pub fn advance_wall(&self, by: Millis) {
        self.wall_offset.fetch_add(by, Ordering::SeqCst);
    }

    /// Moves product time; without effect on the real clock.
    pub fn set(&self, now: Millis) {
        if let Some(product) = &self.product {
            product.store(now, Ordering::SeqCst);
        }
    }

    /// Product time as this process sees it.
    #[must_use]
    pub fn now(&self) -> Millis {
        self.product_override().unwrap_or_else(|| self.wall())
    }

    /// Product time if it is set, to pass to SQL as NULL or a value: `coalesce(?, wall)`.
    #[must_use]
    pub fn product_override(&self) -> Option<Millis> {
        self.product.as_ref().map(|product| product.load(Ordering::SeqCst))
    }

    /// This process' own wall time, for what never meets the database (a signature's timestamp, the
    /// age of a cached secret). By the system clock and not a monotonic one, which may stand still
    /// while a function is frozen.
    #[must_use]
    pub fn wall(&self) -> Millis {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis())
            .unwrap_or(i64::MAX)
            .saturating_add(self.wall_offset())
    }

    /// What tests add to the database's wall clock: the argument of [`db::wall_ms!`].
    #[must_use]
    pub fn wall_offset(&self) -> Millis {
        self.wall_offset.load(Ordering::SeqCst)
    }
}
