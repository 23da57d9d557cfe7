//! What a series remembers of its incidents: how many there were this month, and which of them users expect.

use super::day::{DAY, SLOT};
use super::pack::{Pack, Short, packed};
use super::{BadState, Direction, Settings};

/// An incident that is expected may be this many times as large the next time.
const LARGER: f64 = 1.5;
/// It may come so many half-hours earlier or later.
const EARLIER_OR_LATER: i64 = 3;
const NO_SLOT: u8 = u8::MAX;

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

packed! {
    /// An incident that a user has called expected.
    pub(super) struct Tolerance {
        /// the half-hour of the day, UTC, at which it began
        slot: u8,
        direction: Direction,
        /// how far the values were off
        size: Short,
    }
}

impl Tolerance {
    pub(super) const NONE: Self = Self {
        slot: NO_SLOT,
        direction: Direction::Both,
        size: Short::ZERO,
    };

    fn slot_of(t: i64) -> i64 {
        t.rem_euclid(DAY) / SLOT
    }

    pub(super) fn of(t: i64, direction: Direction, off: f64) -> Self {
        Self {
            slot: Self::slot_of(t) as u8,
            direction,
            size: Short::new(off.abs()),
        }
    }

    /// Whether a value that is `off` in `direction` at `t` is such an incident; `Both` is the scatter that it makes.
    pub(super) fn covers(&self, t: i64, direction: Direction, off: f64) -> bool {
        if self.slot == NO_SLOT {
            return false;
        }
        let like =
            direction == Direction::Both || (self.direction == direction && off.abs() <= LARGER * self.size.get());
        let apart = (Self::slot_of(t) - i64::from(self.slot)).rem_euclid(DAY / SLOT);
        like && apart.min(DAY / SLOT - apart) <= EARLIER_OR_LATER
    }
}

impl Pack for Direction {
    const SIZE: usize = 1;

    fn pack(&self, out: &mut Vec<u8>) {
        out.push(*self as u8);
    }

    fn unpack(bytes: &mut &[u8]) -> Result<Self, BadState> {
        let index = u8::unpack(bytes)?;
        Self::ALL.get(usize::from(index)).copied().ok_or(BadState)
    }
}
