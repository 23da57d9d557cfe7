use super::day::SLOT;
use super::level::Level;
use super::pack::{Pack, Short, packed};
use super::slots::{SLOTS, Slots};
use super::trend::Trend;
use super::{BadState, Hot, Settings};

const WEEK: usize = 7;
const DAY: i64 = 86_400_000;
/// A day counts for the profile as one of at most so many.
const DAYS: u8 = 8;
/// The same for days of the week.
const WEEKS: u8 = 50;
/// A day of the week counts half when it has been seen so many times.
const WEEKS_FOR_HALF: f64 = 6.0;
/// A day moves the profile by at most this many times its usual deviation.
const WINSOR: f64 = 3.0;
/// The slots at the end of a day over which the profile and the level are kept together.
const SEAM: usize = 4;

/// What is known of a series beyond the day: rewritten when a day ends, and rebuilt by a replay if it is lost.
#[derive(Debug, Clone, PartialEq)]
pub struct Cold {
    profile: Box<Profile>,
}

packed! {
    /// What is usual for each half-hour of local time.
    pub(super) struct Profile {
        value: [f32; SLOTS],
        /// how far days are off, on average
        deviation: [Short; SLOTS],
        /// days seen
        days: [u8; SLOTS],
        /// how days of the week differ
        weekday: [Short; SLOTS * WEEK],
        weeks: [u8; SLOTS * WEEK],
        trend: Trend,
    }
}

impl Default for Cold {
    fn default() -> Self {
        Self {
            profile: Box::new(Profile {
                value: [0.0; SLOTS],
                deviation: [Short::ZERO; SLOTS],
                days: [0; SLOTS],
                weekday: [Short::ZERO; SLOTS * WEEK],
                weeks: [0; SLOTS * WEEK],
                trend: Trend::EMPTY,
            }),
        }
    }
}

/// A half-hour of a day in local time.
#[derive(Clone, Copy)]
struct Half {
    slot: usize,
    /// in the arrays of the days of the week
    of_week: usize,
}

impl Half {
    /// The one that begins at `t`.
    fn at(settings: &Settings, t: i64) -> Self {
        let local = t.saturating_add(i64::from(settings.local.offset) * 60_000);
        let slot = (local.rem_euclid(DAY) / SLOT) as usize;
        let weekday = local.div_euclid(DAY).rem_euclid(WEEK as i64) as usize;
        Self {
            slot,
            of_week: weekday * SLOTS + slot,
        }
    }
}

impl Profile {
    fn expected(&self, half: Half) -> Option<f64> {
        let Half { slot, of_week } = half;
        let weeks = f64::from(self.weeks[of_week]);
        let shrunk = self.weekday[of_week].get() * weeks / (weeks + WEEKS_FOR_HALF);
        (self.days[slot] > 0).then(|| f64::from(self.value[slot]) + shrunk)
    }

    /// What is usual at any time.
    fn usual(&self) -> Option<f64> {
        let known = (0..SLOTS).filter(|slot| self.days[*slot] > 0);
        let (sum, count) = known.fold((0.0, 0.0), |(sum, count), slot| {
            (sum + f64::from(self.value[slot]), count + 1.0)
        });
        (count > 0.0).then(|| sum / count)
    }

    /// Takes the mean of a half-hour into account: by how much the profile moves there, or nothing if it was unknown.
    fn learn(&mut self, half: Half, mean: f64, level: &Level) -> Option<f64> {
        let Half { slot, of_week } = half;
        let before = f64::from(self.value[slot]);
        let off = mean - before;
        let deviation = self.deviation[slot].get();
        let days = self.days[slot].saturating_add(1).min(DAYS);
        let step = match days {
            1 => off,
            2 => off / 2.0,
            _ => {
                let limit = WINSOR * deviation.max(level.unit() * 0.4);
                off.clamp(-limit, limit) / f64::from(days)
            }
        };
        if days > 1 {
            let weight = if days == 2 { 1.0 } else { 1.0 / f64::from(days.min(4)) };
            let seen = if days == 2 {
                off.abs()
            } else {
                off.abs().min(2.0 * WINSOR * deviation.max(level.unit() * 0.4))
            };
            self.deviation[slot] = Short::new(deviation + weight * (seen - deviation));
        }
        let after = before + step;
        self.value[slot] = after as f32;
        let known = self.days[slot] > 0;
        self.days[slot] = days;
        let weeks = self.weeks[of_week].saturating_add(1).min(WEEKS);
        let rest = self.weekday[of_week].get();
        self.weekday[of_week] = Short::new(rest + (mean - after - rest) / f64::from(weeks));
        self.weeks[of_week] = weeks;
        known.then_some(step)
    }
}

impl Cold {
    /// The most bytes that [`Cold::encode`] makes.
    pub const MAX_BYTES: usize = 8 * 1024;
    const VERSION: u8 = 1;

    /// Learns from the day that has ended, and loads what is expected of the day of `t`.
    pub(super) fn roll(&mut self, hot: &mut Hot, settings: &Settings, t: i64) {
        let profile = &mut *self.profile;
        let before = profile.usual().unwrap_or(0.0);
        let level = hot.level;
        let mut moves = Vec::with_capacity(SLOTS);
        let (mut off, mut slots) = (0.0, 0.0);
        for (at, mean) in hot.close_day() {
            let Some(mean) = mean else { continue };
            let half = Half::at(settings, at);
            off += mean - profile.expected(half).unwrap_or(before);
            slots += 1.0;
            let moved = profile.learn(half, mean, &level);
            // where nothing was known, the mean of all was expected
            moves.push(moved.unwrap_or_else(|| f64::from(profile.value[half.slot]) - before));
        }
        let seam = &moves[moves.len().saturating_sub(SEAM)..];
        let moved = if seam.is_empty() {
            0.0
        } else {
            seam.iter().sum::<f64>() / seam.len() as f64
        };
        let drift = (slots > 0.0)
            .then(|| profile.trend.push(before + off / slots, level.unit()))
            .flatten();
        hot.begin_day(settings, t, moved, drift);
        self.load(hot, settings, t);
    }

    /// What is expected of the day that has just begun.
    fn load(&self, hot: &mut Hot, settings: &Settings, t: i64) {
        let profile = &*self.profile;
        let place = hot.day.place(t);
        let at = |slot: i64| {
            let begin = hot.day.slot_at(place, 0);
            profile.expected(Half::at(settings, begin.saturating_add(slot * SLOT)))
        };
        let values: Vec<f64> = (-1..=SLOTS as i64).filter_map(at).collect();
        let Some(usual) = profile.usual() else { return };
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let margin = ((high - low) / 4.0).max(8.0 * hot.level.unit());
        let mut slots = Slots::in_range(low - margin, high + margin);
        for slot in place.slot..SLOTS {
            slots.set(slot, at(slot as i64));
        }
        slots.set_before(at(place.slot as i64 - 1));
        slots.set_after(at(SLOTS as i64));
        hot.day.expect(slots, usual);
    }

    /// Appends the packed state.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(Self::VERSION);
        self.profile.pack(out);
    }

    /// Reads it back, exactly.
    ///
    /// # Errors
    /// [`BadState`] if it is not one.
    pub fn decode(bytes: &[u8]) -> Result<Self, BadState> {
        match bytes {
            [Self::VERSION, rest @ ..] => {
                let mut rest = rest;
                let profile = Box::new(Profile::unpack(&mut rest)?);
                if rest.is_empty() {
                    Ok(Self { profile })
                } else {
                    Err(BadState)
                }
            }
            _ => Err(BadState),
        }
    }
}
