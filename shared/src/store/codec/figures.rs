//! Bytes a point of each kind of blob, on values of two decimals with a daily cycle and noise:
//! `cargo test -p intentvision --lib codec::figures -- --nocapture` prints them.

use super::{batch, chunk, segment};
use crate::series::{Point, SeriesId};
use crate::store::Sample;
use std::f64::consts::TAU;

const STEP: i64 = 300_000;
const START: i64 = 1_795_392_000_000;

/// A generator that gives the same numbers everywhere.
fn noise(state: &mut u64) -> f64 {
    *state = state
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    (*state >> 11) as f64 / (1u64 << 53) as f64 - 0.5
}

fn series(number: u64) -> SeriesId {
    SeriesId::from_raw((number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 1).cast_signed()).unwrap()
}

fn points(number: u64, count: i64) -> Vec<Point> {
    let mut state = number;
    let level = 500.0 + (noise(&mut state) * 500.0).abs();
    (0..count)
        .map(|at| {
            let day = (at as f64 / 288.0 * TAU + number as f64).sin();
            Point {
                timestamp: START + at * STEP,
                value: ((level + level * 0.2 * day + noise(&mut state) * 2.0) * 100.0).round() / 100.0,
            }
        })
        .collect()
}

fn check(what: &str, bytes: usize, points: usize, most: f64) {
    let each = bytes as f64 / points as f64;
    println!("{what}: {each:.2} bytes a point");
    assert!(each <= most, "{what}: {each:.2} bytes a point");
}

#[test]
fn bytes_a_point() {
    let one_time: Vec<Sample> = (0..500)
        .map(|number| Sample {
            series_id: series(number),
            timestamp: START,
            value: points(number, 1)[0].value,
        })
        .collect();
    check("batch, 500 series x 1", batch::encode(&one_time).len(), 500, 10.6);

    let some_times: Vec<Sample> = (0..10)
        .flat_map(|number| points(number, 50).into_iter().map(move |point| (number, point)))
        .map(|(number, point)| Sample {
            series_id: series(number),
            timestamp: point.timestamp,
            value: point.value,
        })
        .collect();
    check("batch, 10 series x 50", batch::encode(&some_times).len(), 500, 3.2);

    for (count, most) in [(12, 2.9), (64, 1.8), (200, 1.6)] {
        let segment: segment::Series = (0..64).map(|number| (series(number), points(number, count))).collect();
        let what = format!("segment, 64 series x {count}");
        check(&what, segment::encode(&segment).len(), 64 * count as usize, most);
    }

    let chunks: usize = (0..64).map(|number| chunk::encode(&points(number, 256)).len()).sum();
    check("chunk, 256 points", chunks, 64 * 256, 1.6);
    let all: Vec<usize> = (0..64)
        .map(|number| chunk::encode(&points(number, 256)).len())
        .collect();
    assert!(
        all.iter().all(|bytes| *bytes <= 900),
        "a row of more than 900 bytes spills into whole pages"
    );
}
