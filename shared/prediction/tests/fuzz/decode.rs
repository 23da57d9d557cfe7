//! From bytes to a history and valid options: every sequence of bytes is one, and a small change of it is a small change
//! of them. A fuzzer that is guided by coverage can use this file as it is.
//!
//! First come single bytes: backend, step, start, horizon, seasons, bounds, probabilities, and what else there is to choose,
//! each of the last four followed by what it announces. The rest writes the history, operation by operation: the lower
//! three bits of a byte say which one, the upper five how often.

use prediction::calendar_effects::Regressor;
use prediction::{Backend, Bounds, LocalTime, Options, Step};

use crate::bytes::Reader;

/// A history is no longer.
const MOST_VALUES: usize = 2_200;

const MINUTE: i64 = 60_000;
const STEPS: [Step; 12] = [
    Step::Millis(1),
    Step::Millis(10_000),
    Step::Millis(MINUTE),
    Step::Millis(5 * MINUTE),
    Step::Millis(60 * MINUTE),
    Step::Millis(1_440 * MINUTE),
    Step::Millis(10_080 * MINUTE),
    Step::Millis(i64::MAX),
    Step::Months(1),
    Step::Months(3),
    Step::Months(12),
    Step::Months(5),
];
const STARTS: [i64; 5] = [0, 1_700_000_000_000, -1, i64::MIN, i64::MAX];
const SPECIAL: [f64; 14] = [
    f64::NAN,
    0.0,
    -0.0,
    1.0,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::MAX,
    f64::MIN,
    f64::MIN_POSITIVE,
    5e-324,
    1e300,
    -1e300,
    1e-300,
    1e15,
];

/// What bytes stand for.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) start: i64,
    pub(crate) step: Step,
    pub(crate) values: Vec<f64>,
    pub(crate) options: Options,
}

pub(crate) fn decode(bytes: &[u8]) -> Case {
    let mut reader = Reader(bytes);
    let backend = reader.of(&Backend::ALL);
    let step = reader.of(&STEPS);
    let start = reader.of(&STARTS);
    let horizon = 1 + usize::from(reader.byte()) / 2;
    let seasons = match reader.byte() % 5 {
        0 => None,
        count => Some((1..count).map(|_| 2 + usize::from(reader.byte())).collect()),
    };
    let bounds = match reader.byte() % 4 {
        0 => Bounds::History,
        1 => Bounds::NONE,
        kind => {
            let (a, b) = (reader.number(), reader.number());
            let finite = |value: f64| value.is_finite().then_some(value);
            let (lower, upper) = if a <= b { (a, b) } else { (b, a) };
            Bounds::Fixed {
                lower: finite(lower),
                upper: if kind == 2 { None } else { finite(upper) },
            }
        }
    };
    let probabilities = (0..reader.byte() % 20)
        .map(|_| (f64::from(reader.byte()) + 0.5) / 256.0)
        .collect();
    let choices = reader.byte();
    let options = Options {
        backend,
        seasons,
        bounds,
        probabilities,
        clean: choices & 1 == 0,
        calendar: (choices & 2 != 0).then(|| LocalTime {
            offset: 15 * i32::from(reader.byte().cast_signed()),
        }),
        regressors: (0..choices >> 2 & 3).map(|_| regressor(&mut reader)).collect(),
        further_seasons: (0..choices >> 4 & 3).map(|_| 2 + usize::from(reader.byte())).collect(),
        ..Options::new(horizon)
    };
    let mut values = Vec::new();
    while !reader.0.is_empty() && values.len() < MOST_VALUES {
        extend(&mut values, &mut reader);
    }
    values.truncate(MOST_VALUES);
    Case {
        start,
        step,
        values,
        options,
    }
}

/// What comes again after a while.
fn regressor(reader: &mut Reader<'_>) -> Regressor {
    let (first, distance) = (usize::from(reader.byte()), 1 + usize::from(reader.byte()));
    Regressor {
        name: format!("{first} and each {distance}"),
        steps: (first..MOST_VALUES).step_by(distance).collect(),
    }
}

/// One operation on the history so far.
fn extend(values: &mut Vec<f64>, reader: &mut Reader<'_>) {
    let operation = reader.byte();
    let count = usize::from(operation >> 3) + 1;
    let last = values.last().copied().unwrap_or_default();
    match operation & 7 {
        0 => values.push(reader.number()),
        1 => values.push(reader.of(&SPECIAL)),
        2 => values.extend(std::iter::repeat_n(last, count)),
        // a line
        3 => {
            let slope = reader.signed() / 4.0;
            values.extend((1..=count).map(|t| last + slope * t as f64));
        }
        // noise around the last value
        4 => {
            let size = reader.signed();
            let place = values.len() as u64;
            values.extend((place..).take(count).map(|t| {
                let mixed = (t + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                last + size * (((mixed ^ (mixed >> 29)) >> 40) as f64 / f64::from(1 << 24) - 0.5)
            }));
        }
        // the last values again and again: a season
        5 => {
            let cycle = values.split_off(values.len().saturating_sub(usize::from(reader.byte()) + 1));
            values.extend(cycle.repeat(count + 1));
        }
        // rare demand
        6 => {
            let (distance, size) = (2 + usize::from(reader.byte() % 16), reader.signed());
            values.extend((0..4 * count).map(|t| if t % distance == 0 { size } else { 0.0 }));
        }
        _ => {
            let factor = (8.0 * reader.signed()).exp2();
            values.iter_mut().for_each(|value| *value *= factor);
        }
    }
}
