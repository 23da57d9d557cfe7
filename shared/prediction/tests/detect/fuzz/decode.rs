//! From bytes to what is done to a series: every sequence of bytes is something. A fuzzer that is guided by coverage can use
//! this file as it is.
//!
//! First come single bytes: budget, direction, minimum effect, local time, the end of the day, start, interval. The rest is
//! done operation by operation: the lower four bits of a byte say which one, the upper four how often.

use prediction::LocalTime;
use prediction::detect::{Direction, Mark, MinimumEffect, Range, Settings};

use crate::acts::Act;
use crate::bytes::Reader;
use crate::corpus::{DAY, HOUR, MINUTE, Noise, START};

/// No more is done to one series.
const MOST: usize = 6_000;

const BUDGETS: [f64; 8] = [1.0, 0.01, 0.1, 10.0, 30.0, f64::NAN, f64::INFINITY, -1.0];
const DIRECTIONS: [Direction; 3] = [Direction::Both, Direction::Up, Direction::Down];
const EFFECTS: [Option<f64>; 6] = [None, Some(0.0), Some(5.0), Some(50.0), Some(f64::NAN), Some(-1.0)];
const STARTS: [i64; 6] = [
    START,
    0,
    -62_135_596_800_000,
    253_402_300_799_999 - 90 * DAY,
    i64::MIN,
    i64::MAX,
];
const INTERVALS: [i64; 8] = [5 * MINUTE, MINUTE, 10_000, 1, HOUR, DAY, 40 * DAY, i64::MAX / 4];
const SPECIAL: [f64; 12] = [
    0.0,
    -0.0,
    1.0,
    100.0,
    f64::NAN,
    f64::INFINITY,
    f64::MAX,
    f64::MIN,
    1e300,
    5e-324,
    1e-300,
    1e15,
];

/// A series under way.
struct Writer {
    acts: Vec<(i64, Act)>,
    t: i64,
    interval: i64,
    level: f64,
    forecast: Option<Range>,
    noise: Noise,
}

pub(super) fn decode(bytes: &[u8]) -> (Settings, Vec<(i64, Act)>) {
    let mut reader = Reader(bytes);
    let settings = Settings {
        false_alarms_a_month: reader.of(&BUDGETS),
        direction: reader.of(&DIRECTIONS),
        minimum_effect: MinimumEffect {
            absolute: reader.of(&EFFECTS),
            percent: reader.of(&EFFECTS),
        },
        local: LocalTime {
            offset: 15 * i32::from(reader.byte().cast_signed()),
        },
        day_offset: 15 * MINUTE * i64::from(reader.byte().cast_signed()),
    };
    let mut writer = Writer {
        acts: Vec::new(),
        t: reader.of(&STARTS),
        interval: reader.of(&INTERVALS),
        level: 100.0,
        forecast: None,
        noise: Noise::new(1),
    };
    while !reader.0.is_empty() && writer.acts.len() < MOST {
        writer.operation(&mut reader);
    }
    writer.acts.truncate(MOST);
    (settings, writer.acts)
}

impl Writer {
    fn value(&mut self, value: f64) {
        self.acts.push((self.t, Act::Value(value, self.forecast)));
        self.wait(1);
    }

    fn wait(&mut self, intervals: i64) {
        self.t = self.t.saturating_add(self.interval.saturating_mul(intervals));
    }

    fn operation(&mut self, reader: &mut Reader<'_>) {
        let operation = reader.byte();
        let count = usize::from(operation >> 4) + 1;
        match operation & 15 {
            0 => {
                let value = reader.number();
                self.value(value);
            }
            1 => {
                let value = reader.of(&SPECIAL);
                (0..count).for_each(|_| self.value(value));
            }
            // the level has moved
            2 => self.level += reader.signed(),
            3 => self.level *= (reader.signed() / 4.0).exp2(),
            // the same value, for up to a day and a half of five minutes
            4 => (0..28 * count).for_each(|_| self.value(self.level)),
            // noise
            5 | 6 => {
                let size = reader.signed() / 16.0;
                for _ in 0..28 * count {
                    let value = self.level + size * self.noise.normal();
                    self.value(value);
                }
            }
            // a day, with noise
            7 => {
                let size = reader.signed() / 4.0;
                for _ in 0..28 * count {
                    let phase = self.t.rem_euclid(DAY) as f64 / DAY as f64 * std::f64::consts::TAU;
                    let value = self.level + size * phase.sin() + self.noise.normal();
                    self.value(value);
                }
            }
            // rare events
            8 => {
                for _ in 0..28 * count {
                    let value = self.noise.poisson(0.1);
                    self.value(value);
                }
            }
            // a gap, or back in time
            9 => self.wait(i64::from(reader.byte().cast_signed())),
            // silence
            10 => {
                for _ in 0..count {
                    self.wait(1);
                    self.acts.push((self.t, Act::Nothing(self.forecast)));
                }
            }
            11 => self.acts.push((self.t, Act::Mark(reader.of(Mark::ALL)))),
            12 => {
                let (off, below, above) = (reader.signed(), reader.signed(), reader.signed());
                self.forecast = Some(Range {
                    expected: self.level + off,
                    lower: self.level + off - below,
                    upper: self.level + off + above,
                });
            }
            13 => self.forecast = None,
            14 => self.interval = reader.of(&INTERVALS),
            // a drift
            _ => {
                let slope = reader.signed() / 64.0;
                for _ in 0..8 * count {
                    self.level += slope;
                    let value = self.level + self.noise.normal();
                    self.value(value);
                }
            }
        }
    }
}
