//! What users expect of a series: incidents like these are not told.

use super::day::{DAY, SLOT};
use super::pack::{Pack, Short, packed};
use super::{BadState, Direction};

/// An incident that is expected may be this many times as large the next time.
const LARGER: f64 = 1.5;
/// It may come so many half-hours earlier or later.
const EARLIER_OR_LATER: i64 = 3;
const NO_SLOT: u8 = u8::MAX;
/// How many are remembered beside the newest.
const OLDER: usize = 7;
/// Set in the byte of the newest's slot, if there are others.
const OTHERS: u8 = 0x40;

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

impl Default for Tolerance {
    fn default() -> Self {
        Self::NONE
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

    fn is_some(&self) -> bool {
        self.slot != NO_SLOT
    }

    /// Whether a value that is `off` in `direction` at `t` is such an incident; `Both` is the scatter that it makes.
    pub(super) fn covers(&self, t: i64, direction: Direction, off: f64) -> bool {
        let like =
            direction == Direction::Both || (self.direction == direction && off.abs() <= LARGER * self.size.get());
        like && self.is_near(Self::slot_of(t))
    }

    fn covers_silence(&self, t: i64) -> bool {
        self.direction == Direction::Both && self.is_near(Self::slot_of(t))
    }

    fn is_near(&self, slot: i64) -> bool {
        let apart = (slot - i64::from(self.slot)).rem_euclid(DAY / SLOT);
        self.is_some() && apart.min(DAY / SLOT - apart) <= EARLIER_OR_LATER
    }

    /// Whether an incident is one that it was made of, or that it covers.
    fn is_of(&self, other: &Self) -> bool {
        self.direction == other.direction
            && self.is_near(i64::from(other.slot))
            && other.size.get() <= LARGER * self.size.get()
    }
}

/// The newest, which a state keeps at hand, and whether there are [`Older`] ones.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Newest {
    tolerance: Tolerance,
    others: bool,
}

packed! {
    /// Those before the newest, the newest of them first.
    pub(super) struct Older {
        tolerances: [Tolerance; OLDER],
    }
}

impl Older {
    pub(super) const NONE: Self = Self {
        tolerances: [Tolerance::NONE; OLDER],
    };

    pub(super) fn cover(&self, t: i64, direction: Direction, off: f64) -> bool {
        self.tolerances.iter().any(|one| one.covers(t, direction, off))
    }

    pub(super) fn cover_silence(&self, t: i64) -> bool {
        self.tolerances.iter().any(|one| one.covers_silence(t))
    }
}

impl Newest {
    pub(super) const NONE: Self = Self {
        tolerance: Tolerance::NONE,
        others: false,
    };

    pub(super) fn covers(&self, t: i64, direction: Direction, off: f64) -> bool {
        self.tolerance.covers(t, direction, off)
    }

    pub(super) fn covers_silence(&self, t: i64) -> bool {
        self.tolerance.covers_silence(t)
    }

    pub(super) fn has_others(&self) -> bool {
        self.others
    }

    /// Takes one in. What it is like is replaced; of too many, the oldest is forgotten.
    pub(super) fn put(&mut self, older: &mut Older, new: Tolerance) {
        let mut all = self.all(older);
        all.retain(|one| !new.is_of(one));
        all.insert(0, new);
        self.set(older, &all);
    }

    /// Takes back all that cover an incident.
    pub(super) fn take_back(&mut self, older: &mut Older, incident: &Tolerance) {
        let mut all = self.all(older);
        all.retain(|one| !one.is_of(incident));
        self.set(older, &all);
    }

    fn all(&self, older: &Older) -> Vec<Tolerance> {
        let all = std::iter::once(self.tolerance).chain(older.tolerances);
        all.filter(Tolerance::is_some).collect()
    }

    fn set(&mut self, older: &mut Older, newest_first: &[Tolerance]) {
        let mut all = newest_first.iter().copied();
        self.tolerance = all.next().unwrap_or_default();
        older.tolerances = std::array::from_fn(|_| all.next().unwrap_or_default());
        self.others = newest_first.len() > 1;
    }
}

/// As a tolerance alone, whose slot has a bit to spare.
impl Pack for Newest {
    const SIZE: usize = <Tolerance as Pack>::SIZE;

    fn pack(&self, out: &mut Vec<u8>) {
        let others = if self.others { OTHERS } else { 0 };
        let slot = self.tolerance.slot | others;
        Tolerance { slot, ..self.tolerance }.pack(out);
    }

    fn unpack(bytes: &mut &[u8]) -> Result<Self, BadState> {
        let mut tolerance = Tolerance::unpack(bytes)?;
        let others = tolerance.is_some() && tolerance.slot & OTHERS != 0;
        if others {
            tolerance.slot &= !OTHERS;
        }
        Ok(Self { tolerance, others })
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
