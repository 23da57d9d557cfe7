//! Columns of timestamps.

use crate::values::ZEROS;
use crate::{Columns, kinds, others};
use intentvision::series::{Point, SeriesId};
use intentvision::store::codec::{chunk, segment};
use pco::{DeltaSpec, ModeSpec};

/// A column in the forms in which the codecs take it.
struct Column {
    times: Vec<i64>,
    points: Vec<Point>,
    segment: segment::Series,
}

impl Column {
    fn new(times: Vec<i64>) -> Self {
        let points = kinds::points(&times, &vec![0.0; times.len()]);
        let segment = SeriesId::from_raw(1)
            .map(|id| (id, points.clone()))
            .into_iter()
            .collect();
        Self { times, points, segment }
    }

    fn bits(&self) -> Vec<u64> {
        bits(&self.times)
    }
}

fn bits(times: &[i64]) -> Vec<u64> {
    times.iter().map(|time| time.cast_unsigned()).collect()
}

fn moments(points: &[Point]) -> Vec<u64> {
    points.iter().map(|point| point.timestamp.cast_unsigned()).collect()
}

/// Prints the lines of a kind of timestamps.
pub(crate) fn print(kind: &kinds::Times, length: usize) {
    let columns = Columns::new(kind.name, length, |series| Column::new(kind.of(series, length)));
    // a count in 7-bit groups
    let count = if length < 128 { 1 } else { 2 };
    // kind, version, one id with its count, one list, which one
    let around = 2 + 12 + 1 + count + 2;
    columns.print(
        "ours, segment",
        around + ZEROS,
        |column| Some(segment::encode(&column.segment)),
        |blob| {
            segment::decode(blob)
                .ok()?
                .values()
                .next()
                .map(|points| moments(points))
        },
        Column::bits,
    );
    columns.print(
        "ours, chunk",
        2 + count + ZEROS,
        |column| Some(chunk::encode(&column.points)),
        |blob| Some(moments(&chunk::decode(blob).ok()?)),
        Column::bits,
    );
    for (codec, delta) in [
        ("pco", DeltaSpec::Auto),
        ("pco, differences", DeltaSpec::TryConsecutive(1)),
        ("pco, differences twice", DeltaSpec::TryConsecutive(2)),
    ] {
        columns.print(
            codec,
            0,
            |column| others::pco_encode(&column.times, 8, ModeSpec::Classic, delta.clone()),
            |blob| Some(bits(&others::pco_decode(blob, length)?)),
            Column::bits,
        );
    }
    columns.print(
        "zstd",
        0,
        |column| others::zstd_encode(&others::raw_encode(&column.bits())),
        |blob| Some(others::raw_decode(&others::zstd_decode(blob, length * 8)?)),
        Column::bits,
    );
    columns.print(
        "zstd of differences",
        0,
        |column| others::zstd_encode(&others::varint_encode(&column.times)),
        |blob| Some(bits(&others::varint_decode(&others::zstd_decode(blob, length * 10)?))),
        Column::bits,
    );
}
