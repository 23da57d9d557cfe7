//! The levels of the last days: whether they drift.

use super::pack::{Pack, Short, packed};

const KEPT: usize = 6;
/// A drift is told once in so many days.
const TOLD_ONCE_IN: u8 = 6;
const DAYS_NEEDED: u8 = 7;
/// A drift is at least so many times the noise of a single value, and so many times what a random walk of the usual steps would make.
const LEAST_OF_NOISE: f64 = 4.0;
const LEAST_OF_WALK: f64 = 4.0;
const MEMORY: f64 = 14.0;
const WEEK: usize = 7;

packed! {
    pub(super) struct Trend {
        /// of the last days, the newest first
        levels: [Short; KEPT],
        /// the mean absolute difference of two days
        usual: Short,
        days: u8,
        /// days for which no drift is told, as one has been
        told: u8,
        /// the same levels, if what is usual were the mean of its last week
        of_weeks: [Short; KEPT],
        /// what was usual at any time, the newest first
        usuals: [Short; WEEK],
        usuals_known: u8,
    }
}

impl Trend {
    /// The packed size of what version 1 did not have.
    pub(super) const NEW_IN_2: usize = (KEPT + WEEK) * <Short as Pack>::SIZE + 1;

    pub(super) const EMPTY: Self = Self {
        levels: [Short::ZERO; KEPT],
        usual: Short::ZERO,
        days: 0,
        told: 0,
        of_weeks: [Short::ZERO; KEPT],
        usuals: [Short::ZERO; WEEK],
        usuals_known: 0,
    };

    /// Takes a day into account, whose values were `off` from what was expected: by how much the levels have drifted, if they
    /// have. `noise` is the standard deviation of single values.
    pub(super) fn push(&mut self, usual: f64, off: f64, noise: f64) -> Option<f64> {
        let level = usual + off;
        let step = level - self.levels[0].get();
        push_front(&mut self.levels, level);
        push_front(&mut self.usuals, usual);
        self.usuals_known = (self.usuals_known + 1).min(WEEK as u8);
        let week = &self.usuals[..usize::from(self.usuals_known)];
        let of_week = week.iter().map(|usual| usual.get()).sum::<f64>() / week.len() as f64;
        push_front(&mut self.of_weeks, of_week + off);
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

    /// What is usual goes down with each weekend that is lower, and up again in the week; and after a shift it follows for
    /// weeks. Neither is a drift, which both kinds of levels show.
    fn drift(&self, noise: f64) -> Option<f64> {
        if self.days <= DAYS_NEEDED {
            return None;
        }
        (2..KEPT).rev().find_map(|days| {
            let total = drifted(&self.levels, days, LEAST_OF_NOISE * noise)?;
            let of_weeks = drifted(&self.of_weeks, days, LEAST_OF_NOISE * noise)?;
            let far = total.abs() >= LEAST_OF_WALK * self.usual.get() * (days as f64).sqrt();
            (far && total * of_weeks > 0.0).then_some(total)
        })
    }
}

fn push_front<const N: usize>(newest_first: &mut [Short; N], value: f64) {
    newest_first.rotate_right(1);
    newest_first[0] = Short::new(value);
}

/// By how much levels have gone one way day by day, if it is `least` or more.
fn drifted(levels: &[Short; KEPT], days: usize, least: f64) -> Option<f64> {
    let total = levels[0].get() - levels[days].get();
    let steady = (0..days).all(|day| {
        let step = levels[day].get() - levels[day + 1].get();
        step * total > 0.0 && step.abs() >= total.abs() / days as f64 / 2.0
    });
    (steady && total.abs() >= least).then_some(total)
}
