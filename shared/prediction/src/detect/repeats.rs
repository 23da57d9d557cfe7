//! The same value again and again, in a series that does not do that: a sensor that is stuck.

use super::cadence::Cadence;
use super::pack::{Short, narrow, packed};

const RATE: f64 = 0.002;
/// Series that repeat themselves more often are not watched for it.
const MOST_REPEATS: f64 = 0.3;
const LEAST_RUN: u16 = 8;
const LEAST_TIME: f64 = 45.0 * 60_000.0;

packed! {
    pub(super) struct Repeats {
        value: f32,
        /// how many times the value has come again
        run: u16,
        longest: u16,
        /// the share of values that repeat the one before
        share: Short,
    }
}

impl Repeats {
    pub(super) const NONE: Self = Self {
        value: f32::MAX,
        run: 0,
        longest: 0,
        share: Short::ZERO,
    };

    /// How far a value is from the one before; 0 for the first.
    pub(super) fn step(&self, value: f64) -> f64 {
        if self.value < f32::MAX {
            f64::from(narrow(value)) - f64::from(self.value)
        } else {
            0.0
        }
    }

    /// Takes a value into account; -log10 of the probability of such a run.
    pub(super) fn push(&mut self, value: f64, cadence: &Cadence) -> f64 {
        let again = narrow(value) == self.value;
        let share = self.share.get();
        if again {
            self.run = self.run.saturating_add(1);
        } else {
            // a run that was an alarm is known after it has come a few times, not at once
            let most = if cadence.learning().is_some() {
                u16::MAX
            } else {
                self.longest.saturating_mul(2).saturating_add(LEAST_RUN)
            };
            self.longest = self.longest.max(self.run.min(most));
            (self.value, self.run) = (narrow(value), 0);
        }
        if self.is_stuck(cadence) {
            -f64::from(self.run - self.longest) * (share + 1.0 / (cadence.seen() + 1.0)).min(0.9).log10()
        } else {
            let rate = RATE.max(1.0 / cadence.seen().max(1.0));
            self.share = Short::new(share + rate * (f64::from(u8::from(again)) - share));
            0.0
        }
    }

    fn is_stuck(&self, cadence: &Cadence) -> bool {
        self.run >= LEAST_RUN
            && self.run > self.longest.saturating_mul(2)
            && self.share.get() < MOST_REPEATS
            && f64::from(self.run) >= cadence.points_in(LEAST_TIME)
    }
}
