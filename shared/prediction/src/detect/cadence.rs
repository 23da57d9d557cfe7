//! When the values of a series come, and what that says: the gate before everything else.

use super::Learning;
use super::pack::{Instant, Short, packed};

const DAY: u32 = 86_400_000;
/// A silence of so many intervals, and a day, parts two series.
const BREAK: f64 = 20.0;
/// Usual is a value each so many milliseconds.
const SEVERAL_MINUTES: f64 = 5.0 * 60_000.0;
/// Nobody is told of a silence shorter than this.
const LEAST_SILENCE: f64 = 15.0 * 60_000.0;

packed! {
    /// How often values come. Spans are in milliseconds.
    pub(super) struct Cadence {
        last: Instant,
        /// from the first value to the last; it ends at 49 days
        span: u32,
        /// values; it ends at 65,535
        seen: u16,
        /// the usual distance of two values
        interval: Short,
        /// the longest silence that is usual
        longest: Short,
    }
}

impl Cadence {
    const POINTS_NEEDED: u16 = 20;
    const SPAN_NEEDED: u32 = DAY;
    /// The noise of a series is not known before this many values.
    const POINTS_TO_SEE_NOISE: u16 = 20;

    pub(super) const EMPTY: Self = Self {
        last: Instant::ZERO,
        span: 0,
        seen: 0,
        interval: Short::ZERO,
        longest: Short::ZERO,
    };

    pub(super) fn is_empty(&self) -> bool {
        self.seen == 0
    }

    pub(super) fn last(&self) -> i64 {
        self.last.get()
    }

    /// Whether a value at `t` is newer than all before, at a time that can be kept.
    pub(super) fn is_new(&self, t: i64) -> bool {
        Instant::new(t).get() == t && (self.seen == 0 || t > self.last.get())
    }

    /// Counts a value that [is new](Self::is_new).
    pub(super) fn count(&mut self, t: i64) {
        let t = Instant::new(t);
        let distance = (t.get() - self.last.get()) as f64;
        let usual = self.interval.get();
        if self.learning().is_some() && self.seen > 0 && self.breaks(distance) {
            // what came long before is no beginning
            *self = Self::EMPTY;
        }
        if self.seen > 0 {
            self.span = self.span.saturating_add(distance.min(f64::from(u32::MAX)) as u32);
            let next = match self.seen {
                1 => distance,
                2..=4 => usual.min(distance),
                _ => usual + 0.1 * (distance.min(2.0 * usual) - usual),
            };
            let patience = if self.learning().is_some() {
                distance
            } else {
                self.patience()
            };
            self.longest = Short::new(self.longest.get().max(distance.min(patience)));
            self.interval = Short::new(next.max(1.0));
        }
        self.last = t;
        self.seen = self.seen.saturating_add(1);
    }

    /// Whether a silence while learning is so long that learning begins anew.
    fn breaks(&self, distance: f64) -> bool {
        distance > f64::from(DAY) && (self.seen < 2 || distance > BREAK * self.interval.get())
    }

    /// A day has passed: a long silence is forgotten slowly.
    pub(super) fn forget(&mut self) {
        self.longest = Short::new(self.longest.get() * 0.97);
    }

    /// How long a silence is usual.
    fn patience(&self) -> f64 {
        (3.0 * self.interval.get())
            .max(1.5 * self.longest.get())
            .max(LEAST_SILENCE)
    }

    pub(super) fn overdue_at(&self) -> Option<i64> {
        (self.seen >= 2).then(|| self.last.get().saturating_add(self.patience() as i64))
    }

    /// How many values come in `span` milliseconds.
    pub(super) fn points_in(&self, span: f64) -> f64 {
        span / self.interval.get().max(1.0)
    }

    /// By how many orders of magnitude values come more often than each five minutes.
    pub(super) fn more_often(&self) -> f64 {
        self.points_in(SEVERAL_MINUTES).max(1.0).log10()
    }

    /// From the first value to the last; it ends at 49 days.
    pub(super) fn span(&self) -> f64 {
        f64::from(self.span)
    }

    /// Values seen, for means that start as plain means.
    pub(super) fn seen(&self) -> f64 {
        f64::from(self.seen)
    }

    pub(super) fn noise_is_known(&self) -> bool {
        self.seen > Self::POINTS_TO_SEE_NOISE
    }

    pub(super) fn learning(&self) -> Option<Learning> {
        (self.seen < Self::POINTS_NEEDED || self.span < Self::SPAN_NEEDED).then(|| Learning {
            points: u32::from(self.seen),
            points_needed: u32::from(Self::POINTS_NEEDED),
            span: i64::from(self.span),
            span_needed: i64::from(Self::SPAN_NEEDED),
        })
    }
}
