//! The blobs of docs/storage.md are what the program writes and reads.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

use intentvision::series::{Point, SeriesId};
use intentvision::store::Sample;
use intentvision::store::codec::batch::{self, Entry};
use intentvision::store::codec::{chunk, segment};
use intentvision::time;

const DOCUMENT: &str = include_str!("../../docs/storage.md");

/// A block of the document that begins with three back-quotes and `word`: the rest of that line, and its lines.
fn blocks(word: &str) -> Vec<(&'static str, Vec<&'static str>)> {
    let mut blocks = Vec::new();
    let mut lines = DOCUMENT.lines();
    while let Some(line) = lines.next() {
        if let Some(info) = line.strip_prefix("```") {
            let inside = lines.by_ref().take_while(|line| *line != "```").collect();
            if let Some(name) = info.strip_prefix(word) {
                blocks.push((name.trim(), inside));
            }
        }
    }
    blocks
}

/// The bytes at the beginning of each line, up to two spaces.
fn bytes(lines: &[&str]) -> Vec<u8> {
    let hex = lines
        .iter()
        .flat_map(|line| line.split("  ").next().unwrap().split(' '));
    hex.filter(|byte| !byte.is_empty())
        .map(|byte| u8::from_str_radix(byte, 16).unwrap())
        .collect()
}

/// `SERIES TIME VALUE`, or `SERIES TIME VALUE N times, every MS ms`; a tombstone has but series.
fn samples(lines: &[&str]) -> Vec<Sample> {
    let mut samples = Vec::new();
    for line in lines {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (times, step) = match words[..] {
            [_, _, _] => (1, 0),
            [_, _, _, times, "times,", "every", step, "ms"] => (times.parse().unwrap(), step.parse().unwrap()),
            _ => panic!("{line}"),
        };
        samples.extend((0..times).map(|at: i64| Sample {
            series_id: SeriesId::parse(words[0]).unwrap(),
            timestamp: time::parse_rfc3339(words[1]).unwrap() + at * step,
            value: words[2].parse().unwrap(),
        }));
    }
    samples
}

fn by_series(samples: &[Sample]) -> segment::Series {
    let mut series = segment::Series::new();
    for sample in samples {
        series.entry(sample.series_id).or_default().push(point(sample));
    }
    series
}

fn point(sample: &Sample) -> Point {
    Point {
        timestamp: sample.timestamp,
        value: sample.value,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x} ")).collect()
}

#[test]
fn the_blobs_of_the_document_are_written_and_read_as_it_says() {
    let (blobs, held) = (blocks("blob"), blocks("holds"));
    assert_eq!(blobs.len(), held.len());
    for ((name, blob), (_, held)) in blobs.iter().zip(&held) {
        let blob = bytes(blob);
        let written = match *name {
            "batch" => batch::encode(&samples(held)),
            "tombstone" => {
                let series: Vec<_> = held.iter().map(|id| SeriesId::parse(id).unwrap()).collect();
                assert_eq!(batch::decode(&blob).unwrap(), Entry::Tombstone(series.clone()));
                batch::encode_tombstone(&series)
            }
            "segment" => segment::encode(&by_series(&samples(held))),
            "chunk" => chunk::encode(&samples(held).iter().map(point).collect::<Vec<_>>()),
            other => panic!("{other}"),
        };
        assert_eq!(hex(&written), hex(&blob), "{name}");
        match *name {
            "batch" => assert_eq!(batch::decode(&blob).unwrap(), Entry::Points(samples(held))),
            "segment" => assert_eq!(segment::decode(&blob).unwrap(), by_series(&samples(held))),
            "chunk" => {
                let points: Vec<_> = samples(held).iter().map(point).collect();
                assert_eq!(chunk::decode(&blob).unwrap(), points);
            }
            _ => {}
        }
    }
}

#[test]
fn the_document_has_a_blob_of_each_kind_and_form() {
    let names: Vec<_> = blocks("blob").into_iter().map(|(name, _)| name).collect();
    for kind in ["batch", "tombstone", "segment", "chunk"] {
        assert!(names.contains(&kind), "{kind}");
    }
    let lines: Vec<_> = blocks("blob").into_iter().flat_map(|(_, lines)| lines).collect();
    for form in [
        "GRID",
        "UNITS",
        "UNITS_PCO",
        "RAW",
        "SCALED",
        "PATCHED",
        "SCALED_PCO",
        "RAW_PCO",
        "PLAIN",
        "DIFFERENCES",
    ] {
        assert!(
            lines.iter().any(|line| line.split([' ', ',']).any(|word| word == form)),
            "{form}"
        );
    }
}
