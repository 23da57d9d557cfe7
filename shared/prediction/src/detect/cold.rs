use super::day::{DAY, SLOT};
use super::level::Level;
use super::pack::{Pack, Short, narrow, packed};
use super::slots::{SLOTS, Slots};
use super::tolerance::Older;
use super::trend::Trend;
use super::{BadState, Hot, Settings};

const WEEK: usize = 7;
/// A day counts for the profile as one of at most so many.
const DAYS: u8 = 8;
/// A week of which most days differ by so many times the noise has moved.
const MOVED: f64 = 6.0;
/// A half-hour is known after so many.
const DAYS_TO_KNOW: u8 = 2;
/// A day moves the profile by at most this many times its usual deviation.
const WINSOR: f64 = 3.0;
/// The slots at the end of a day over which the profile and the level are kept together.
const SEAM: usize = 4;
/// The standard deviation of normal noise over its mean absolute deviation.
const DEVIATION: f64 = 1.25;

/// What is known of a series beyond the day: rewritten when a day ends, and rebuilt by a replay if it is lost.
#[derive(Debug, Clone, PartialEq)]
pub struct Cold {
    profile: Box<Profile>,
    /// what users expect, but for what they said last
    older: Older,
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
        /// 1 where `latest` is known
        seen: [u8; SLOTS * WEEK],
        /// how the last such day of the week differed
        latest: [Short; SLOTS * WEEK],
        /// how the last seven days differed from any day
        offs: [Short; WEEK],
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
                seen: [0; SLOTS * WEEK],
                latest: [Short::ZERO; SLOTS * WEEK],
                offs: [Short::ZERO; WEEK],
                trend: Trend::EMPTY,
            }),
            older: Older::NONE,
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

/// What a profile says, without what is chance in it.
struct Pattern<'a> {
    profile: &'a Profile,
    usual: f64,
    significance: f64,
}

impl Pattern<'_> {
    /// What is expected of a half-hour on any day.
    fn on_any_day(&self, slot: usize) -> Option<f64> {
        let value = f64::from(self.profile.value[slot]);
        (self.profile.days[slot] > 0).then_some(self.usual + self.significance * (value - self.usual))
    }

    fn expected(&self, half: Half) -> Option<f64> {
        let rest = self.profile.weekday[half.of_week].get();
        self.on_any_day(half.slot).map(|value| value + rest)
    }
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    (count > 0.0).then(|| sum / count)
}

impl Profile {
    fn known(&self) -> impl Iterator<Item = usize> {
        (0..SLOTS).filter(|slot| self.days[*slot] > 0)
    }

    /// What is usual at any time.
    fn usual(&self) -> Option<f64> {
        mean(self.known().map(|slot| f64::from(self.value[slot])))
    }

    /// How much of the differences between half-hours is more than chance, from 0 to 1: the factor of James and Stein (1961).
    fn significance(&self, usual: f64) -> f64 {
        let between = mean(self.known().map(|slot| (f64::from(self.value[slot]) - usual).powi(2)));
        let chance = mean(self.known().map(|slot| {
            let deviation = DEVIATION * self.deviation[slot].get();
            deviation * deviation / f64::from(self.days[slot])
        }));
        match (between, chance) {
            (Some(between), Some(chance)) if between > 0.0 => (1.0 - chance / between).max(0.0),
            _ => 1.0,
        }
    }

    fn pattern(&self) -> Option<Pattern<'_>> {
        let usual = self.usual()?;
        Some(Pattern {
            profile: self,
            usual,
            significance: self.significance(usual),
        })
    }

    /// Takes the mean of a half-hour into account.
    fn learn(&mut self, half: Half, mean: f64, level: &Level) {
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
        self.value[slot] = narrow(after);
        self.days[slot] = days;
        self.learn_weekday(of_week, mean - after, level.unit());
    }

    /// A day of the week differs by what two weeks in a row agree on: one incident is no pattern. `off` is how it differs from any day; what the whole week
    /// differs is not its own, and where that is much, the level has moved, and there is nothing to learn until the profile has followed.
    fn learn_weekday(&mut self, of_week: usize, off: f64, noise: f64) {
        let mut week = self.offs.map(Short::get);
        let usual = week.iter().sum::<f64>() / WEEK as f64;
        week.sort_by(f64::total_cmp);
        if week[WEEK / 2].abs() > MOVED * noise {
            return;
        }
        let (now, last) = (off - usual, self.latest[of_week].get());
        let agreed = if self.seen[of_week] == 0 || now * last <= 0.0 {
            0.0
        } else if now.abs() < last.abs() {
            now
        } else {
            last
        };
        self.latest[of_week] = Short::new(now);
        self.weekday[of_week] = Short::new(agreed);
        self.seen[of_week] = 1;
    }

    /// Takes into account how a whole day differed from any day.
    fn learn_day(&mut self, off: Option<f64>) {
        if let Some(off) = off {
            self.offs.rotate_right(1);
            self.offs[0] = Short::new(off);
        }
    }
}

impl Cold {
    /// The most bytes that [`Cold::encode`] makes.
    pub const MAX_BYTES: usize = 8 * 1024;
    const VERSION: u8 = 2;

    pub(super) fn older(&self) -> &Older {
        &self.older
    }

    pub(super) fn older_mut(&mut self) -> &mut Older {
        &mut self.older
    }

    /// Learns from the day that has ended, and loads what is expected of the day of `t`.
    pub(super) fn roll(&mut self, hot: &mut Hot, settings: &Settings, t: i64) {
        let profile = &mut *self.profile;
        let (level, unknown) = (hot.level, hot.usual());
        let means = hot.close_day();
        let before = *profile;
        let whole = before.pattern().and_then(|pattern| {
            mean(
                means
                    .iter()
                    .filter_map(|(at, mean)| Some((*mean)? - pattern.on_any_day(Half::at(settings, *at).slot)?)),
            )
        });
        profile.learn_day(whole);
        for (at, mean) in means {
            let half = Half::at(settings, at);
            // values that have moved say little of the time of day, but more than nothing
            let counts = !hot.has_moved_by(at.saturating_add(SLOT)) || profile.days[half.slot] < DAYS_TO_KNOW;
            if let Some(mean) = mean.filter(|_| counts) {
                profile.learn(half, mean, &level);
            }
        }
        let (before, after) = (before.pattern(), profile.pattern());
        let usual = before.as_ref().map_or(unknown, |before| before.usual);
        let seen = || {
            means
                .iter()
                .filter_map(|(at, mean)| Some((Half::at(settings, *at), (*mean)?)))
        };
        // where nothing was known, what is usual was expected
        let off = mean(seen().map(|(half, mean)| {
            mean - before
                .as_ref()
                .and_then(|before| before.expected(half))
                .unwrap_or(usual)
        }));
        let moves: Vec<f64> = seen()
            .filter_map(|(half, _)| {
                let before = before
                    .as_ref()
                    .and_then(|before| before.on_any_day(half.slot))
                    .unwrap_or(usual);
                Some(after.as_ref()?.on_any_day(half.slot)? - before)
            })
            .collect();
        let moved = mean(moves.iter().rev().take(SEAM).copied()).unwrap_or(0.0);
        let gap = t.saturating_sub(hot.last().unwrap_or(t));
        // a shift is no drift, though it may look like two steps
        if gap > DAY || hot.take_new_normal() {
            profile.trend = Trend::EMPTY;
        }
        // an incident is no drift
        let drift = off
            .filter(|_| !hot.has_incident())
            .and_then(|off| profile.trend.push(usual, off, level.unit()));
        hot.begin_day(settings, t, moved, drift);
        self.load(hot, settings, t);
    }

    /// What is expected of the day that has just begun.
    fn load(&self, hot: &mut Hot, settings: &Settings, t: i64) {
        let Some(pattern) = self.profile.pattern() else { return };
        let place = hot.day.place(t);
        let at = |slot: i64| {
            let begin = hot.day.slot_at(place, 0);
            pattern.expected(Half::at(settings, begin.saturating_add(slot * SLOT)))
        };
        let values: Vec<f64> = (-1..=SLOTS as i64).filter_map(at).collect();
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let margin = ((high - low) / 4.0).max(8.0 * hot.level.unit());
        let mut slots = Slots::in_range(low - margin, high + margin);
        for slot in place.slot..SLOTS {
            slots.set(slot, at(slot as i64));
        }
        slots.set_before(at(place.slot as i64 - 1));
        slots.set_after(at(SLOTS as i64));
        hot.day.expect(slots, pattern.usual);
    }

    /// Appends the packed state.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(Self::VERSION);
        self.profile.pack(out);
        self.older.pack(out);
    }

    /// Reads it back, exactly.
    ///
    /// # Errors
    /// [`BadState`] if it is not one.
    pub fn decode(bytes: &[u8]) -> Result<Self, BadState> {
        let (version, rest) = bytes.split_first().ok_or(BadState)?;
        let mut packed = rest.to_vec();
        match *version {
            1 => {
                packed.extend([0; Trend::NEW_IN_2]);
                Older::NONE.pack(&mut packed);
            }
            Self::VERSION => {}
            _ => return Err(BadState),
        }
        let mut rest = &packed[..];
        let cold = Self {
            profile: Box::new(Profile::unpack(&mut rest)?),
            older: Older::unpack(&mut rest)?,
        };
        if rest.is_empty() { Ok(cold) } else { Err(BadState) }
    }
}
