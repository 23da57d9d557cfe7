//! Histories by their shape: one value for each step, at any length.

use std::f64::consts::TAU;

/// A value for each step.
pub(crate) type Shape = fn(usize) -> f64;

/// Noise that repeats from run to run, in [-0.5, 0.5).
pub(crate) fn noise(t: usize) -> f64 {
    let mixed = (t as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    ((mixed ^ (mixed >> 27)) >> 11) as f64 / (1_u64 << 53) as f64 - 0.5
}

/// Shapes that real and hostile histories have.
pub(crate) const SHAPES: [(&str, Shape); 27] = [
    ("zero", |_| 0.0),
    ("negative zero", |_| -0.0),
    ("constant", |_| 7.25),
    ("negative constant", |_| -3.1),
    ("line", |t| 2.0 + 3.0 * t as f64),
    ("falling line", |t| 10.0 - t as f64),
    ("noise", noise),
    ("positive noise", |t| 100.0 + noise(t)),
    ("season", |t| 10.0 + 5.0 * (TAU * t as f64 / 7.0).sin()),
    ("season and trend", |t| t as f64 + 5.0 * (TAU * t as f64 / 4.0).sin()),
    ("exponential", |t| (t as f64).exp()),
    ("step", |t| if t < 9 { 1.0 } else { 100.0 }),
    ("intermittent", |t| if t % 4 == 3 { 5.0 + noise(t) } else { 0.0 }),
    ("one event", |t| if t == 5 { 1.0 } else { 0.0 }),
    ("counter with a reset", |t| (t % 13) as f64 * 4.0),
    ("spike", |t| if t == 8 { 1e9 } else { 1.0 }),
    ("alternating", |t| if t % 2 == 0 { 1.0 } else { -1.0 }),
    ("huge", |t| 1e300 * (1.0 + noise(t))),
    ("extremes", |t| if t % 2 == 0 { f64::MAX } else { -f64::MAX }),
    ("largest", |_| f64::MAX),
    ("tiny", |t| f64::MIN_POSITIVE * (1.0 + noise(t))),
    ("subnormal", |t| f64::from_bits(1 + t as u64)),
    ("gaps", |t| if t % 3 == 1 { f64::NAN } else { t as f64 }),
    ("mostly gaps", |t| if t % 11 == 4 { 2.0 } else { f64::NAN }),
    ("gaps at the end", |t| if t < 3 { t as f64 } else { f64::NAN }),
    ("infinities", |t| match t % 5 {
        1 => f64::INFINITY,
        3 => f64::NEG_INFINITY,
        _ => noise(t),
    }),
    ("small over large", |t| 1e15 + noise(t)),
];
