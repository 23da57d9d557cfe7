//! Detection of anomalies: one causal, streaming detector, which looks at each point once.
//!
//! What it knows of a series is in two values: [`Hot`], at most [`Hot::MAX_BYTES`] packed, changes with each point; [`Cold`],
//! at most [`Cold::MAX_BYTES`], is read and written only when a day of the series ends ([`Detector::roll`]). A
//! [`Stream`] holds both, for series that are replayed as a whole. The same points in the same order give the same verdicts, bit for
//! bit, wherever the state was saved and loaded in between.

mod cadence;
mod cold;
mod day;
mod evidence;
mod hot;
mod incident;
mod level;
mod mark;
mod pack;
mod push;
mod rank;
mod repeats;
mod settings;
mod silence;
mod slots;
mod stream;
mod suspicion;
mod tail;
mod tally;
mod told;
mod tolerance;
mod trend;
mod verdict;

pub use cold::Cold;
pub use hot::Hot;
pub use mark::{Mark, Past};
pub use settings::{Direction, MinimumEffect, Settings};
pub use stream::Stream;
pub use verdict::{Abnormal, Change, Ending, Finding, Kind, Learning, Member, Range, Severity, Verdict};

use tolerance::Older;

/// A packed state that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the packed state of a detector is broken")]
pub struct BadState;

/// Watches series under one set of settings; holds nothing of any series.
#[derive(Debug, Clone)]
pub struct Detector {
    settings: Settings,
}

impl Detector {
    /// A detector with these settings.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { settings }
    }

    /// Looks at what is known at time `t` (milliseconds since 1970, UTC): a value, or that none has come, which may be said as
    /// often as one likes. `forecast` takes the place of the detector's own expectation. A time not after the last value's, or beyond the year 6429,
    /// and a value that is not finite, change nothing and get the verdict of a point that is as expected.
    ///
    /// Where [`Detector::needs_cold`] says so, [`Detector::push_knowing`] is asked instead.
    pub fn push(&self, hot: &mut Hot, t: i64, value: Option<f64>, forecast: Option<&Range>) -> Verdict {
        hot.push(&self.settings, &Older::NONE, t, value, forecast)
    }

    /// [`Detector::push`], with all that users expect at hand.
    pub fn push_knowing(
        &self,
        hot: &mut Hot,
        cold: &Cold,
        t: i64,
        value: Option<f64>,
        forecast: Option<&Range>,
    ) -> Verdict {
        hot.push(&self.settings, cold.older(), t, value, forecast)
    }

    /// Whether the cold state is needed to look at what is known at `t`: a day ends, or what is abnormal may be what users
    /// expect.
    #[must_use]
    pub fn needs_cold(&self, hot: &Hot, t: i64, value: Option<f64>, forecast: Option<&Range>) -> bool {
        let tells = |mut hot: Hot| self.push(&mut hot, t, value, forecast).abnormal.is_some();
        value.is_some() && self.roll_is_due(hot, t) || hot.expects_more() && tells(*hot)
    }

    /// Whether a day of the series has ended at `t`: then [`Detector::roll`] comes before [`Detector::push`] of a value.
    #[must_use]
    pub fn roll_is_due(&self, hot: &Hot, t: i64) -> bool {
        hot.day_ended(t)
    }

    /// Folds the day that has ended into `cold`, and loads what is expected of the day of `t`.
    pub fn roll(&self, hot: &mut Hot, cold: &mut Cold, t: i64) {
        cold.roll(hot, &self.settings, t);
    }

    /// Whether users expect more of a series than its hot state holds.
    #[must_use]
    pub fn expects_more(&self, hot: &Hot) -> bool {
        hot.expects_more()
    }

    /// Takes what a user says of the time `t` in the series, or of an incident that is stored, and was told with a point
    /// at `t`; the end of the incident, if it ends by that.
    pub fn mark(&self, hot: &mut Hot, cold: &mut Cold, t: i64, about: Option<&Past>, mark: Mark) -> Option<Change> {
        hot.mark(cold.older_mut(), t, about, mark)
    }

    /// How much there is still to learn; `None` once alarms are raised.
    #[must_use]
    pub fn learning(&self, hot: &Hot) -> Option<Learning> {
        hot.learning()
    }

    /// When, at the earliest, silence becomes an anomaly, if no value comes; `None` while no interval is known.
    #[must_use]
    pub fn overdue_at(&self, hot: &Hot) -> Option<i64> {
        hot.overdue_at()
    }
}
