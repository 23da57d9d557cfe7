//! The levels of the last days: whether they drift.

use super::pack::{Short, packed};

const KEPT: usize = 6;
/// A drift is told once in so many days.
const TOLD_ONCE_IN: u8 = 6;
const DAYS_NEEDED: u8 = 7;
/// A drift is at least so many times the noise of a single value, and so many times what a random walk of the usual steps would make.
const LEAST_OF_NOISE: f64 = 4.0;
const LEAST_OF_WALK: f64 = 4.0;
const MEMORY: f64 = 14.0;

packed! {
    pub(super) struct Trend {
        /// of the last days, the newest first
        levels: [Short; KEPT],
        /// the mean absolute difference of two days
        usual: Short,
        days: u8,
        /// days for which no drift is told, as one has been
        told: u8,
    }
}

impl Trend {
    pub(super) const EMPTY: Self = Self {
        levels: [Short::ZERO; KEPT],
        usual: Short::ZERO,
        days: 0,
        told: 0,
    };

    /// Takes the level of a day into account: by how much the levels have drifted, if they have. `noise` is the standard
    /// deviation of single values.
    pub(super) fn push(&mut self, level: f64, noise: f64) -> Option<f64> {
        let step = level - self.levels[0].get();
        self.levels.rotate_right(1);
        self.levels[0] = Short::new(level);
        self.days = self.days.saturating_add(1);
        let drift = self.drift(noise).filter(|_| self.told == 0);
        self.told = if drift.is_some() {
            TOLD_ONCE_IN
        } else {
            self.told.saturating_sub(1)
        };
        if self.days > 1 {
            let usual = self.usual.get();
            let size = if self.days > 4 {
                step.abs().min(3.0 * usual.max(noise * 0.1))
            } else {
                step.abs()
            };
            let weight = (1.0 / f64::from(self.days - 1)).max(1.0 / MEMORY);
            self.usual = Short::new(usual + weight * (size - usual));
        }
        drift
    }

    fn drift(&self, noise: f64) -> Option<f64> {
        if self.days <= DAYS_NEEDED {
            return None;
        }
        (2..KEPT).rev().find_map(|days| {
            let total = self.levels[0].get() - self.levels[days].get();
            let count = days as f64;
            let steady = (0..days).all(|day| {
                let step = self.levels[day].get() - self.levels[day + 1].get();
                step * total > 0.0 && step.abs() >= total.abs() / count / 2.0
            });
            let far =
                total.abs() >= LEAST_OF_NOISE * noise && total.abs() >= LEAST_OF_WALK * self.usual.get() * count.sqrt();
            (steady && far).then_some(total)
        })
    }
}
