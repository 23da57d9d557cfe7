//! 48 half-hours, and their neighbours at both ends, in 9 bits each.

use super::BadState;
use super::pack::{Pack, Short, take};

pub(super) const SLOTS: usize = 48;
/// The slots of the day, then what was expected before the present one, then the first of the day after.
const CODES: usize = SLOTS + 2;
const BEFORE: usize = SLOTS;
const AFTER: usize = SLOTS + 1;
const BITS: usize = 9;
const BYTES: usize = (CODES * BITS).div_ceil(8);
/// The most that a code says; one more stands for nothing.
const TOP: u16 = (1 << BITS) - 2;
const NOTHING: u16 = TOP + 1;

/// Values on a scale that they share. It is widened where a value is outside, at the price of precision.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Slots {
    low: Short,
    step: Short,
    codes: [u16; CODES],
}

impl Slots {
    pub(super) const EMPTY: Self = Self {
        low: Short::ZERO,
        step: Short::ZERO,
        codes: [NOTHING; CODES],
    };

    /// Without values, on a scale that reaches over `low..=high`.
    pub(super) fn in_range(low: f64, high: f64) -> Self {
        let low = low - (high - low) * 1e-3;
        Self {
            low: Short::new(low),
            step: Short::new((high - low) * 1.001 / f64::from(TOP)),
            ..Self::EMPTY
        }
    }

    fn high(&self) -> f64 {
        self.low.get() + self.step.get() * f64::from(TOP)
    }

    fn value(&self, index: usize) -> Option<f64> {
        let code = self.codes[index];
        (code <= TOP).then(|| self.low.get() + self.step.get() * f64::from(code))
    }

    fn code(&self, value: f64) -> u16 {
        let steps = (value - self.low.get()) / self.step.get();
        if steps > 0.0 {
            steps.round().min(f64::from(TOP)) as u16
        } else {
            0
        }
    }

    pub(super) fn get(&self, slot: usize) -> Option<f64> {
        self.value(slot)
    }

    /// What was expected of the slot before, while `present` is the slot that runs.
    pub(super) fn before(&self, slot: usize, present: usize) -> Option<f64> {
        self.value(if slot > present { slot - 1 } else { BEFORE })
    }

    /// What is expected of the slot that follows.
    pub(super) fn after(&self, slot: usize) -> Option<f64> {
        self.value(if slot + 1 < SLOTS { slot + 1 } else { AFTER })
    }

    /// Keeps what is expected of a slot before its mean takes the place.
    pub(super) fn copy_expected_before(&mut self, slot: usize) {
        self.codes[BEFORE] = self.codes[slot];
    }

    pub(super) fn set_before(&mut self, value: Option<f64>) {
        self.put(BEFORE, value);
    }

    pub(super) fn set_after(&mut self, value: Option<f64>) {
        self.put(AFTER, value);
    }

    pub(super) fn set(&mut self, slot: usize, value: Option<f64>) {
        self.put(slot, value);
    }

    fn put(&mut self, index: usize, value: Option<f64>) {
        let Some(value) = value else {
            self.codes[index] = NOTHING;
            return;
        };
        if value < self.low.get() || value > self.high() {
            self.widen(value);
        }
        self.codes[index] = self.code(value);
    }

    fn widen(&mut self, value: f64) {
        let blank = self.codes.iter().all(|code| *code == NOTHING);
        let (low, high) = if blank {
            (value, value)
        } else {
            (self.low.get().min(value), self.high().max(value))
        };
        let margin = (high - low) / 4.0;
        let mut wider = Self::in_range(low - margin, high + margin);
        for index in 0..CODES {
            if let Some(value) = self.value(index) {
                wider.codes[index] = wider.code(value);
            }
        }
        *self = wider;
    }
}

impl Pack for Slots {
    const SIZE: usize = 2 * Short::SIZE + BYTES;

    fn pack(&self, out: &mut Vec<u8>) {
        self.low.pack(out);
        self.step.pack(out);
        let mut bytes = [0; BYTES];
        for (index, code) in self.codes.iter().enumerate() {
            let (byte, shift) = (index * BITS / 8, index * BITS % 8);
            let [low, high] = (code << shift).to_le_bytes();
            bytes[byte] |= low;
            bytes[byte + 1] |= high;
        }
        out.extend(bytes);
    }

    fn unpack(bytes: &mut &[u8]) -> Result<Self, BadState> {
        let (low, step) = (Short::unpack(bytes)?, Short::unpack(bytes)?);
        if step.get() < 0.0 {
            return Err(BadState);
        }
        let packed = take::<BYTES>(bytes)?;
        let codes = std::array::from_fn(|index| {
            let (byte, shift) = (index * BITS / 8, index * BITS % 8);
            (u16::from_le_bytes([packed[byte], packed[byte + 1]]) >> shift) & NOTHING
        });
        Ok(Self { low, step, codes })
    }
}
