//! One blob of each kind and version ever shipped, and what it holds: a version that was shipped
//! is read forever, so lines may be added here and never changed (rule 7 of the store).

use super::batch::{self, Entry};
use super::{CodecError, chunk, segment};
use crate::series::{Point, SeriesId};
use crate::store::Sample;
use proptest::prelude::*;
use std::collections::BTreeMap;

const POINTS_1: &str = "01010000000200000000000000057fffffffffffffff00020203018084c9fdc068e0d403000002e400020201fa01000e0040069001bc9801010000000000000080";
const TOMBSTONE_1: &str = "02010000000200000000000000050000000000000009";
const SEGMENT_1: &str = "0301000000030000000000000001000000000000000200000000000000090203008084c9fdc068c0cf2401008084c9fdc0680000000104010201003200000000000000000000555555555555d53f555555555555e53f0100010e";
const CHUNK_1: &str = "040104008084c9fdc068c0cf24010201003200";
const CHUNK_1_PCO: &str = "04018002008084c9fdc068c0cf240300485641ff0204011061030000589effffffffff4fd20300000000000000020034210000000000400900000000000000802943e8be265b13b309cb020080ad2c923b90dc417287e40eb6b2000000";

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
    assert_eq!(
        chunk::decode(&bytes(CHUNK_1)).unwrap(),
        points(4, |at| f64::from(at) / 4.0)
    );
    assert_eq!(chunk::decode(&bytes(CHUNK_1_PCO)).unwrap(), points(256, spiky));
}

#[test]
fn what_is_written_now_is_the_newest_version() {
    assert_eq!(hex(&batch::encode(&samples())), POINTS_1);
    assert_eq!(
        hex(&batch::encode_tombstone(&[series(9), series(5), series(9)])),
        TOMBSTONE_1
    );
    assert_eq!(hex(&segment::encode(&segment_of_three())), SEGMENT_1);
    assert_eq!(hex(&chunk::encode(&points(4, |at| f64::from(at) / 4.0))), CHUNK_1);
    assert_eq!(hex(&chunk::encode(&points(256, spiky))), CHUNK_1_PCO);
}

#[test]
fn rule_7_a_blob_begins_with_its_kind_and_its_version() {
    for (blob, kind) in [(POINTS_1, 1), (TOMBSTONE_1, 2), (SEGMENT_1, 3), (CHUNK_1, 4)] {
        let mut blob = bytes(blob);
        assert_eq!(blob[..2], [kind, 1]);
        blob[1] = 2;
        let newer = CodecError::UnknownVersion { kind, version: 2 };
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

fn everything_decodes_without_a_panic(blob: &[u8]) {
    // whatever is read must be within the limits; a panic or a huge allocation fails the test
    if let Ok(Entry::Points(read)) = batch::decode(blob) {
        assert!(read.len() <= super::MAX_POINTS);
    }
    let _ = segment::decode(blob);
    let _ = chunk::decode(blob);
}

proptest! {
    #[test]
    fn rule_7_no_bytes_make_a_decoder_panic(kind in 0u8..6, rest: Vec<u8>) {
        everything_decodes_without_a_panic(&rest);
        everything_decodes_without_a_panic(&[&[kind, 1], &rest[..]].concat());
    }

    #[test]
    fn rule_7_no_damage_makes_a_decoder_panic(which in 0usize..5, at: prop::sample::Index, byte: u8, cut: prop::sample::Index) {
        let mut blob = bytes([POINTS_1, TOMBSTONE_1, SEGMENT_1, CHUNK_1, CHUNK_1_PCO][which]);
        let at = at.index(blob.len());
        blob[at] = byte;
        everything_decodes_without_a_panic(&blob);
        blob.truncate(cut.index(blob.len()));
        everything_decodes_without_a_panic(&blob);
    }

    #[test]
    fn batches_round_trip(entries in prop::collection::vec((0i64..6, 0i64..40, any::<u64>()), 0..200)) {
        let samples: Vec<Sample> = entries.iter().map(|(id, minute, bits)| Sample {
            series_id: series(*id),
            timestamp: minute * 60_000,
            value: f64::from_bits(*bits),
        }).collect();
        let mut expected = BTreeMap::new();
        for sample in &samples {
            expected.insert((sample.series_id, sample.timestamp), sample.value.to_bits());
        }
        let Entry::Points(read) = batch::decode(&batch::encode(&samples)).unwrap() else { panic!("points expected") };
        let read: Vec<_> = read.iter().map(|s| ((s.series_id, s.timestamp), s.value.to_bits())).collect();
        prop_assert_eq!(read, expected.into_iter().collect::<Vec<_>>());
    }

    #[test]
    fn segments_and_chunks_round_trip(
        each in prop::collection::btree_map(0i64..50, prop::collection::btree_map(0i64..500, -1_000i64..1_000, 1..60), 0..20)
    ) {
        let segment: segment::Series = each.iter().map(|(id, points)| {
            let points = points.iter().map(|(minute, value)| Point {
                timestamp: minute * 60_000,
                value: *value as f64 / 100.0,
            });
            (series(*id), points.collect())
        }).collect();
        prop_assert_eq!(&segment::decode(&segment::encode(&segment)).unwrap(), &segment);
        for points in segment.values() {
            prop_assert_eq!(&chunk::decode(&chunk::encode(points)).unwrap(), points);
        }
    }
}
