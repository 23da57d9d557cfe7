//! One blob of each kind, version and form ever shipped, in `golden/`, and what it holds: a version that
//! was shipped is read forever, so files may be added and never changed (rule 7 of the store).

use super::batch::{self, Entry};
use super::{CodecError, chunk, segment};
use crate::series::{Point, SeriesId};
use crate::store::Sample;
use std::collections::BTreeMap;

macro_rules! golden {
    ($name:literal) => {
        include_str!(concat!("golden/", $name, ".hex")).trim_ascii()
    };
}

const POINTS_1: &str = golden!("points-1");
const TOMBSTONE_1: &str = golden!("tombstone-1");
const SEGMENT_1: &str = golden!("segment-1");

/// A blob in hex, and what it holds.
type Golden = (&'static str, fn() -> Vec<Point>);

/// Chunks of old versions.
const OLD_CHUNKS: [Golden; 2] = [
    (golden!("chunk-1"), || points(4, |at| f64::from(at) / 4.0)),
    (golden!("chunk-1-pco"), || points(256, spiky)),
];

/// Chunks as they are written now: one with each form of its columns.
const CHUNKS: [Golden; 5] = [
    (golden!("chunk-2"), || points(4, |at| f64::from(at) / 4.0)),
    (golden!("chunk-2-patched"), || {
        irregular(8, |at| if at == 5 { -0.0 } else { f64::from(at * at) / 4.0 })
    }),
    (golden!("chunk-2-units-pco"), || irregular(600, |_| 0.0)),
    (golden!("chunk-2-scaled-pco"), || points(256, spiky)),
    (golden!("chunk-2-raw-pco"), || points(40, |at| f64::from(at).sqrt())),
];

fn series(raw: i64) -> SeriesId {
    SeriesId::from_raw(raw).unwrap()
}

fn samples() -> Vec<Sample> {
    [
        (5, 1_795_428_000_000, 1.25),
        (5, 1_795_428_060_000, -0.0),
        (5, 1_795_428_120_000, 1.5),
        (5, 1_795_428_180_000, 1.75),
        (i64::MAX, 1_795_428_000_000, 99.5),
    ]
    .into_iter()
    .map(|(id, timestamp, value)| Sample {
        series_id: series(id),
        timestamp,
        value,
    })
    .collect()
}

fn points(count: i32, value: impl Fn(i32) -> f64) -> Vec<Point> {
    (0..count)
        .map(|at| Point {
            timestamp: 1_795_428_000_000 + i64::from(at) * 300_000,
            value: value(at),
        })
        .collect()
}

/// With a gap now and then.
fn irregular(count: i32, value: impl Fn(i32) -> f64) -> Vec<Point> {
    let gaps = |at: i64| at / 7 + at / 31;
    let mut points = points(count, value);
    for (point, at) in points.iter_mut().zip(0..) {
        point.timestamp += gaps(at) * 300_000;
    }
    points
}

/// Nearly always zero, with a spike: what `pco` is better at.
fn spiky(at: i32) -> f64 {
    if at % 61 == 17 { f64::from(at * 1_000) } else { 0.0 }
}

fn segment_of_three() -> segment::Series {
    BTreeMap::from([
        (series(1), points(3, |at| f64::from(at) / 4.0)),
        (series(2), points(3, |at| f64::from(at) / 3.0)),
        (series(9), points(1, |_| 7.0)),
    ])
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn rule_7_every_version_ever_shipped_is_read() {
    assert_eq!(batch::decode(&bytes(POINTS_1)).unwrap(), Entry::Points(samples()));
    let Entry::Points(read) = batch::decode(&bytes(POINTS_1)).unwrap() else {
        panic!("points expected")
    };
    assert_eq!(read[1].value.to_bits(), (-0.0f64).to_bits());
    assert_eq!(
        batch::decode(&bytes(TOMBSTONE_1)).unwrap(),
        Entry::Tombstone(vec![series(5), series(9)])
    );
    assert_eq!(segment::decode(&bytes(SEGMENT_1)).unwrap(), segment_of_three());
    for (blob, points) in OLD_CHUNKS.into_iter().chain(CHUNKS) {
        assert_eq!(chunk::decode(&bytes(blob)).unwrap(), points());
    }
}

#[test]
fn what_is_written_now_is_the_newest_version() {
    assert_eq!(hex(&batch::encode(&samples())), POINTS_1);
    assert_eq!(
        hex(&batch::encode_tombstone(&[series(9), series(5), series(9)])),
        TOMBSTONE_1
    );
    assert_eq!(hex(&segment::encode(&segment_of_three())), SEGMENT_1);
    for (blob, points) in CHUNKS {
        assert_eq!(hex(&chunk::encode(&points())), blob);
    }
}

#[test]
fn rule_7_a_blob_begins_with_its_kind_and_its_version() {
    let newest = [
        (POINTS_1, 1, 1),
        (TOMBSTONE_1, 2, 1),
        (SEGMENT_1, 3, 1),
        (CHUNKS[0].0, 4, 2),
    ];
    for (blob, kind, version) in newest {
        let mut blob = bytes(blob);
        assert_eq!(blob[..2], [kind, version]);
        blob[1] += 1;
        let newer = CodecError::UnknownVersion {
            kind,
            version: version + 1,
        };
        match kind {
            3 => assert_eq!(segment::decode(&blob).unwrap_err(), newer),
            4 => assert_eq!(chunk::decode(&blob).unwrap_err(), newer),
            _ => assert_eq!(batch::decode(&blob).unwrap_err(), newer),
        }
        blob[0] = 200;
        assert_eq!(batch::decode(&blob).unwrap_err(), CodecError::UnknownKind(200));
        assert_eq!(segment::decode(&blob).unwrap_err(), CodecError::UnknownKind(200));
        assert_eq!(chunk::decode(&blob).unwrap_err(), CodecError::UnknownKind(200));
    }
}

#[test]
fn series_stand_where_sql_finds_them() {
    let blob = batch::encode(&samples());
    let at = blob
        .windows(8)
        .position(|window| window == i64::MAX.to_be_bytes())
        .unwrap();
    assert_eq!((at - 6) % 8, 0);
    assert_eq!(blob[2..6], 2u32.to_be_bytes());
}

#[test]
fn rule_2_within_a_request_the_last_entry_wins() {
    let mut twice = samples();
    twice.insert(0, Sample { value: 4.0, ..twice[3] });
    twice.push(Sample { value: 5.0, ..twice[1] });
    twice.push(Sample { value: 6.0, ..twice[1] });
    let Entry::Points(read) = batch::decode(&batch::encode(&twice)).unwrap() else {
        panic!("points expected")
    };
    let mut expected = samples();
    expected[0].value = 6.0;
    assert_eq!(read, expected);
}
