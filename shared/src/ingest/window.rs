use crate::App;
use crate::clock::{MINUTE, Millis};

/// How far ahead of now a timestamp may be.
const MAX_AHEAD: Millis = 5 * MINUTE;

/// Which timestamps are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// product time: what a point without a timestamp gets
    pub(super) now: Millis,
    /// older points would not be kept
    kept_from: Option<Millis>,
}

impl Window {
    /// By this process' clock and the configured retention.
    #[must_use]
    pub fn of(app: &App) -> Self {
        let now = app.clock.now();
        Self {
            now,
            kept_from: app.config.retention.map(|retention| now.saturating_sub(retention)),
        }
    }

    /// At this product time, where everything is kept.
    #[cfg(test)]
    pub(super) fn at(now: Millis) -> Self {
        Self { now, kept_from: None }
    }

    /// What is wrong with a timestamp, if anything is.
    pub(super) fn refusal(&self, timestamp: Millis) -> Option<&'static str> {
        if timestamp > self.now.saturating_add(MAX_AHEAD) {
            Some("timestamp is more than 5 minutes ahead")
        } else if self.kept_from.is_some_and(|from| timestamp < from) {
            Some("timestamp is older than points are kept")
        } else {
            None
        }
    }
}
