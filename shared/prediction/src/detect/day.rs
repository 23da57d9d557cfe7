//! What is expected of the day that runs, half-hour by half-hour, and what has come of it so far.

use super::Settings;
use super::pack::{Short, narrow, packed};
use super::slots::{SLOTS, Slots};

pub(super) const SLOT: i64 = 1_800_000;
pub(super) const DAY: i64 = 86_400_000;
const MINUTE: i64 = 60_000;
/// A mean over a slot gives new values at least this weight.
const MOST_IN_A_SLOT: u8 = 250;

packed! {
    /// The day of a series begins at a half-hour of local time of its own ([`Settings::day_offset`]), and its slots count from there. Slots that are over
    /// hold the mean of what came; the present one and those to come hold what is expected. All values are relative to the origin of the series.
    pub(super) struct Day {
        /// days since 1970, its last 16 bits
        number: u16,
        /// minutes from the beginning of the day to midnight UTC
        begin: u16,
        /// the slot that runs
        slot: u8,
        slots: Slots,
        /// what is expected where nothing else is known
        usual: Short,
        /// of the present slot, so far
        mean: f32,
        count: u8,
    }
}

/// A place in the day.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) day: i64,
    pub(super) slot: usize,
    /// how much of the slot has passed, from 0 to 1
    passed: f64,
}

/// What is expected of a time, without the level of the day.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected {
    pub(super) middle: f64,
    pub(super) low: f64,
    pub(super) high: f64,
    /// how far the half-hour is from the line between its neighbours
    pub(super) bend: f64,
}

impl Expected {
    fn at(value: f64) -> Self {
        Self {
            middle: value,
            low: value,
            high: value,
            bend: 0.0,
        }
    }
}

/// When a day begins, as [`Day::begin`] has it.
fn begin(settings: &Settings) -> u16 {
    let offset = settings.day_offset.rem_euclid(DAY) / SLOT * SLOT;
    let local = i64::from(settings.local.offset) * MINUTE;
    ((local - offset).rem_euclid(DAY) / MINUTE) as u16
}

impl Day {
    pub(super) const EMPTY: Self = Self {
        number: 0,
        begin: 0,
        slot: 0,
        slots: Slots::EMPTY,
        usual: Short::ZERO,
        mean: 0.0,
        count: 0,
    };

    pub(super) fn place(&self, t: i64) -> Place {
        let shifted = t.saturating_add(i64::from(self.begin) * MINUTE);
        let within = shifted.rem_euclid(DAY);
        Place {
            day: shifted.div_euclid(DAY),
            slot: (within / SLOT) as usize,
            passed: (within % SLOT) as f64 / SLOT as f64,
        }
    }

    /// Whether `t` is on another day.
    pub(super) fn has_ended(&self, t: i64) -> bool {
        self.place(t).day as u16 != self.number
    }

    /// Begins the day of `t`, of which nothing is expected yet.
    pub(super) fn start(&mut self, settings: &Settings, t: i64) {
        *self = Self {
            begin: begin(settings),
            usual: self.usual,
            ..Self::EMPTY
        };
        let place = self.place(t);
        (self.number, self.slot) = (place.day as u16, place.slot as u8);
    }

    /// Sets what is expected of it.
    pub(super) fn expect(&mut self, slots: Slots, usual: f64) {
        self.slots = slots;
        self.usual = Short::new(usual);
    }

    /// UTC at the beginning of a slot of the day that `t` is on.
    pub(super) fn slot_at(&self, place: Place, slot: usize) -> i64 {
        place.day * DAY + slot as i64 * SLOT - i64::from(self.begin) * MINUTE
    }

    /// Goes to the slot of `t`: the day of `t` is the present one, or counts as if it were. By how much the expectation moves because something is known
    /// of the slot, and nothing was of the one before, or the other way round.
    pub(super) fn advance(&mut self, t: i64) -> f64 {
        let place = self.place(t);
        if usize::from(self.slot) >= place.slot {
            return 0.0;
        }
        let before = self.of_slot();
        while usize::from(self.slot) < place.slot {
            self.close_slot();
            self.slot += 1;
        }
        let (usual, after) = (self.usual.get(), self.of_slot());
        if before.is_some() == after.is_some() {
            0.0
        } else {
            after.unwrap_or(usual) - before.unwrap_or(usual)
        }
    }

    /// What is expected of the present slot, if anything.
    fn of_slot(&self) -> Option<f64> {
        self.slots.get(usize::from(self.slot))
    }

    fn close_slot(&mut self) {
        let slot = usize::from(self.slot);
        self.slots.copy_expected_before(slot);
        self.slots.set(slot, (self.count > 0).then(|| f64::from(self.mean)));
        (self.mean, self.count) = (0.0, 0);
    }

    /// What is expected at `t`: on a line between the middles of the slots, but it may be anything between what is expected of the slot and of its
    /// neighbours, since a day may have edges.
    pub(super) fn expected(&self, t: i64) -> Expected {
        let Place { day, slot, passed } = self.place(t);
        let present = usize::from(self.slot);
        if day as u16 != self.number || slot < present {
            return Expected::at(self.usual.get());
        }
        let Some(here) = self.slots.get(slot) else {
            return Expected::at(self.usual.get());
        };
        let before = self.slots.before(slot, present).unwrap_or(here);
        let after = self.slots.after(slot).unwrap_or(here);
        let (there, weight) = if passed < 0.5 {
            (before, 0.5 - passed)
        } else {
            (after, passed - 0.5)
        };
        Expected {
            middle: here + weight * (there - here),
            low: here.min(before).min(after),
            high: here.max(before).max(after),
            bend: (here - f64::midpoint(before, after)).abs(),
        }
    }

    /// Whether it can be gone on with.
    pub(super) fn is_sound(&self) -> bool {
        usize::from(self.slot) < SLOTS
    }

    pub(super) fn usual(&self) -> f64 {
        self.usual.get()
    }

    /// Takes a value of the present slot into account.
    pub(super) fn observe(&mut self, value: f64) {
        self.count = (self.count + 1).min(MOST_IN_A_SLOT);
        let mean = f64::from(self.mean);
        self.mean = narrow(mean + (value - mean) / f64::from(self.count));
    }

    /// Ends the day: when its slots began, and their means.
    pub(super) fn close(&mut self, last: i64) -> [(i64, Option<f64>); SLOTS] {
        let (running, place) = (usize::from(self.slot), self.place(last));
        self.close_slot();
        std::array::from_fn(|slot| {
            let mean = self.slots.get(slot).filter(|_| slot <= running);
            (self.slot_at(place, slot), mean)
        })
    }
}
