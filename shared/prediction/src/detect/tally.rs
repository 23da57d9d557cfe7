//! How many incidents a series has had this month.

use super::day::DAY;
use super::pack::packed;
use super::{Direction, Settings};

packed! {
    /// How many incidents there were in a calendar month.
    pub(super) struct Tally {
        /// months since 1970
        month: u16,
        up: u8,
        down: u8,
        /// silence, scatter, runs of one value
        other: u8,
    }
}

impl Tally {
    pub(super) const EMPTY: Self = Self {
        month: 0,
        up: 0,
        down: 0,
        other: 0,
    };

    /// Which one the last in a direction was.
    pub(super) fn current(&self, direction: Direction) -> u32 {
        u32::from(match direction {
            Direction::Up => self.up,
            Direction::Down => self.down,
            Direction::Both => self.other,
        })
    }

    /// Counts an incident: which one it is in its direction.
    pub(super) fn count(&mut self, settings: &Settings, t: i64, direction: Direction) -> u32 {
        let month = month(t.saturating_add(i64::from(settings.local.offset) * 60_000));
        if month != self.month {
            *self = Self { month, ..Self::EMPTY };
        }
        let count = match direction {
            Direction::Up => &mut self.up,
            Direction::Down => &mut self.down,
            Direction::Both => &mut self.other,
        };
        *count = count.saturating_add(1);
        u32::from(*count)
    }
}

/// The month of a time, since 1970; the algorithm is Howard Hinnant's `civil_from_days`.
fn month(t: i64) -> u16 {
    let days = t.div_euclid(DAY) + 719_468;
    let era = days.div_euclid(146_097);
    let day = days.rem_euclid(146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let from_march = (5 * (day - (365 * year + year / 4 - year / 100)) + 2) / 153;
    // March of year 0 is two months into it
    ((era * 400 + year - 1970) * 12 + from_march + 2) as u16
}
