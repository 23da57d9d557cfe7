//! The kinds of columns that are measured, the same numbers on every machine.

use intentvision::series::{Point, SeriesId};
use std::f64::consts::{PI, TAU};

/// 5 minutes.
const STEP: i64 = 300_000;
const START: i64 = 1_795_392_000_000;
/// Steps of a day.
const DAY: f64 = 288.0;

/// `SplitMix64`.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to 1.
    fn uniform(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Around 0, of variance 1.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }
}

/// Values of a series, of which there are as many as anybody asks for.
pub(crate) struct Values {
    pub(crate) name: &'static str,
    make: fn(&mut Noise, usize) -> Vec<f64>,
}

impl Values {
    pub(crate) fn of(&self, series: u64, count: usize) -> Vec<f64> {
        (self.make)(&mut Noise(series), count)
    }
}

pub(crate) const VALUES: [Values; 11] = [
    Values {
        name: "2 decimals, daily cycle and noise",
        make: |noise, count| decimals(noise, count, 100.0),
    },
    Values {
        name: "2 decimals, a random walk",
        make: |noise, count| {
            let mut level = 500.0;
            repeat(count, |_| {
                level += noise.normal() * 0.7;
                rounded(level, 100.0)
            })
        },
    },
    Values {
        name: "cpu percent, 1 decimal",
        make: |noise, count| {
            let mut level = 30.0;
            repeat(count, |_| {
                level += (30.0 - level) * 0.1 + noise.normal() * 3.0;
                rounded(level.clamp(0.0, 100.0), 10.0)
            })
        },
    },
    Values {
        name: "counter, integers",
        make: |noise, count| {
            let mut total = 0.0;
            repeat(count, |_| {
                total += (noise.uniform() * 60.0).floor();
                total
            })
        },
    },
    Values {
        name: "intermittent integers, 90 % zero",
        make: |noise, count| {
            repeat(count, |_| {
                if noise.uniform() < 0.9 {
                    0.0
                } else {
                    (noise.uniform() * 50.0).ceil()
                }
            })
        },
    },
    Values {
        name: "constant",
        make: |_, count| vec![42.5; count],
    },
    Values {
        name: "2 decimals, 1 % spikes of 50 times",
        make: |noise, count| {
            let values = decimals(noise, count, 100.0);
            values
                .into_iter()
                .map(|value| {
                    if noise.uniform() < 0.01 {
                        rounded(value * 50.0, 100.0)
                    } else {
                        value
                    }
                })
                .collect()
        },
    },
    Values {
        name: "2 decimals, 5 % means of three",
        make: |noise, count| {
            let values = decimals(noise, count, 100.0);
            values
                .into_iter()
                .map(|value| {
                    if noise.uniform() < 0.05 {
                        (value + 0.01) / 3.0
                    } else {
                        value
                    }
                })
                .collect()
        },
    },
    Values {
        name: "decimals times pi",
        make: |noise, count| {
            let values = decimals(noise, count, 100.0);
            values.into_iter().map(|value| value * PI).collect()
        },
    },
    Values {
        name: "full doubles",
        make: |noise, count| repeat(count, |at| smooth(noise, at) + noise.uniform()),
    },
    Values {
        name: "f32 widened",
        make: |noise, count| repeat(count, |at| f64::from(smooth(noise, at) as f32)),
    },
];

fn repeat(count: usize, make: impl FnMut(usize) -> f64) -> Vec<f64> {
    (0..count).map(make).collect()
}

fn smooth(noise: &mut Noise, at: usize) -> f64 {
    500.0 + 100.0 * (at as f64 / DAY * TAU).sin() + noise.normal()
}

fn rounded(value: f64, power: f64) -> f64 {
    (value * power).round() / power
}

fn decimals(noise: &mut Noise, count: usize, power: f64) -> Vec<f64> {
    repeat(count, |at| rounded(smooth(noise, at), power))
}

/// Timestamps of a series, ascending.
pub(crate) struct Times {
    pub(crate) name: &'static str,
    make: fn(&mut Noise, usize) -> Vec<i64>,
}

impl Times {
    pub(crate) fn of(&self, series: u64, count: usize) -> Vec<i64> {
        (self.make)(&mut Noise(series), count)
    }
}

pub(crate) const TIMES: [Times; 4] = [
    Times {
        name: "regular",
        make: |_, count| (0..count as i64).map(|at| START + at * STEP).collect(),
    },
    Times {
        name: "regular, 5 % missing",
        make: |noise, count| {
            let mut at = START;
            (0..count)
                .map(|_| {
                    at += STEP;
                    while noise.uniform() < 0.05 {
                        at += STEP;
                    }
                    at
                })
                .collect()
        },
    },
    Times {
        name: "jittered by 50 ms",
        make: |noise, count| {
            (0..count as i64)
                .map(|at| START + at * STEP + (noise.uniform() * 50.0) as i64)
                .collect()
        },
    },
    Times {
        name: "events, exponential gaps",
        make: |noise, count| {
            let mut at = START;
            (0..count)
                .map(|_| {
                    at += 1 + (-(1.0 - noise.uniform()).ln() * STEP as f64) as i64;
                    at
                })
                .collect()
        },
    },
];

/// Ids as they are, hashes; ascending.
pub(crate) fn ids(seed: u64, count: usize) -> Vec<SeriesId> {
    let mut noise = Noise(seed);
    let mut ids: Vec<SeriesId> = (0..count)
        .filter_map(|_| SeriesId::from_raw((noise.next() >> 1).cast_signed()))
        .collect();
    ids.sort_unstable();
    ids
}

/// Points of these times and values.
pub(crate) fn points(times: &[i64], values: &[f64]) -> Vec<Point> {
    times
        .iter()
        .zip(values)
        .map(|(timestamp, value)| Point {
            timestamp: *timestamp,
            value: *value,
        })
        .collect()
}
