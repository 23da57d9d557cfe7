//! Bytes a point, and nanoseconds a point to encode and decode, of each kind of column, beside what
//! libraries and the literature offer: `cargo bench -p intentvision --bench codec [-- WORD]` prints
//! them, all or those whose name has the word. docs/decisions/0007-codec-per-column.md says what
//! follows.
//!
//! Ours are measured as whole blobs, less the bytes of the other column. Every round trip is
//! checked bit for bit.

mod gorilla;
mod kinds;
mod others;

use intentvision::series::{Point, SeriesId};
use intentvision::store::Sample;
use intentvision::store::codec::batch::{self, Entry};
use intentvision::store::codec::{chunk, segment};
use pco::{DeltaSpec, ModeSpec};
use std::hint::black_box;
use std::time::{Duration, Instant};

const LENGTHS: [usize; 5] = [12, 64, 256, 3_000, 10_000];
/// Points of a line of the table, in as many series as it takes.
const POINTS: usize = 12_000;

fn main() {
    let only = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let wanted = |name: &str| only.as_ref().is_none_or(|word| name.contains(word.as_str()));
    println!("| column | points | codec | bytes a point | encode ns | decode ns |");
    println!("|---|---|---|---|---|---|");
    for kind in &kinds::VALUES {
        for length in LENGTHS {
            if wanted(kind.name) {
                values(kind, length);
            }
        }
    }
    for kind in &kinds::TIMES {
        for length in LENGTHS {
            if wanted(kind.name) {
                times(kind, length);
            }
        }
    }
    if wanted("ids") {
        for length in [64, 500] {
            ids(length);
        }
    }
}

/// A line of the table: one codec on columns of one kind and length.
struct Line<'a, C> {
    kind: &'a str,
    columns: &'a [C],
    length: usize,
}

impl<C> Line<'_, C> {
    /// Measures a codec; nothing is printed if it refuses a column. `fixed` bytes of each blob are not
    /// of the column.
    fn print(
        &self,
        codec: &str,
        fixed: usize,
        encode: impl Fn(&C) -> Option<Vec<u8>>,
        decode: impl Fn(&[u8]) -> Vec<u64>,
        expected: impl Fn(&C) -> Vec<u64>,
    ) {
        let Some(blobs) = self.columns.iter().map(&encode).collect::<Option<Vec<_>>>() else {
            return;
        };
        for (blob, column) in blobs.iter().zip(self.columns) {
            assert!(decode(blob) == expected(column), "{codec} loses {}", self.kind);
        }
        let points = (self.columns.len() * self.length) as f64;
        let bytes: usize = blobs.iter().map(|blob| blob.len() - fixed).sum();
        let to = nanoseconds(|| {
            for column in self.columns {
                black_box(encode(black_box(column)));
            }
        });
        let back = nanoseconds(|| {
            for blob in &blobs {
                black_box(decode(black_box(blob)));
            }
        });
        println!(
            "| {} | {} | {codec} | {:.3} | {:.1} | {:.1} |",
            self.kind,
            self.length,
            bytes as f64 / points,
            to / points,
            back / points
        );
    }
}

/// The least of several runs.
fn nanoseconds(run: impl Fn()) -> f64 {
    let start = Instant::now();
    let mut least = Duration::MAX;
    for _ in 0..100 {
        let before = Instant::now();
        run();
        least = least.min(before.elapsed());
        if start.elapsed() > Duration::from_millis(30) {
            break;
        }
    }
    least.as_nanos() as f64
}

/// A column in the forms in which the codecs take it.
struct Column {
    numbers: Vec<f64>,
    times: Vec<i64>,
    points: Vec<Point>,
    segment: segment::Series,
}

impl Column {
    fn new(times: Vec<i64>, numbers: Vec<f64>) -> Self {
        let points: Vec<Point> = times
            .iter()
            .zip(&numbers)
            .map(|(timestamp, value)| Point {
                timestamp: *timestamp,
                value: *value,
            })
            .collect();
        let segment = SeriesId::from_raw(1)
            .map(|id| (id, points.clone()))
            .into_iter()
            .collect();
        Self {
            numbers,
            times,
            points,
            segment,
        }
    }

    fn bits(&self) -> Vec<u64> {
        self.numbers.iter().map(|value| value.to_bits()).collect()
    }

    fn moments(&self) -> Vec<u64> {
        self.times.iter().map(|time| time.cast_unsigned()).collect()
    }
}

fn columns(length: usize, make: impl Fn(u64) -> Column) -> Vec<Column> {
    (0..(POINTS / length).max(1) as u64).map(make).collect()
}

/// A column of equal values: its form, its exponent, and three bytes of its integers.
const ZEROS: usize = 5;

fn values(kind: &kinds::Values, length: usize) {
    let grid = kinds::TIMES[0].of(0, length);
    let columns = columns(length, |series| Column::new(grid.clone(), kind.of(series, length)));
    let zeros = Column::new(grid, vec![0.0; length]);
    let line = Line {
        kind: kind.name,
        columns: &columns,
        length,
    };
    line.print(
        "ours, segment",
        segment::encode(&zeros.segment).len() - ZEROS,
        |column| Some(segment::encode(&column.segment)),
        |blob| from_segment(blob, value),
        Column::bits,
    );
    line.print(
        "ours, chunk",
        chunk::encode(&zeros.points).len() - ZEROS,
        |column| Some(chunk::encode(&column.points)),
        |blob| from_chunk(blob, value),
        Column::bits,
    );
    let bits = |numbers: Vec<f64>| numbers.into_iter().map(f64::to_bits).collect();
    for (codec, delta) in [
        ("pco of doubles", DeltaSpec::Auto),
        ("pco of doubles, differences", DeltaSpec::TryConsecutive(1)),
        ("pco of doubles, no differences", DeltaSpec::NoOp),
    ] {
        line.print(
            codec,
            0,
            |column| others::pco_encode(&column.numbers, 8, ModeSpec::Auto, delta.clone()),
            |blob| bits(others::pco_decode(blob, length).unwrap_or_default()),
            Column::bits,
        );
    }
    for (codec, level, mode, delta) in [
        ("pco of scaled", 8, ModeSpec::Classic, DeltaSpec::Auto),
        ("pco of scaled, any mode", 8, ModeSpec::Auto, DeltaSpec::Auto),
        ("pco of scaled, no differences", 8, ModeSpec::Classic, DeltaSpec::NoOp),
        (
            "pco of scaled, differences",
            8,
            ModeSpec::Classic,
            DeltaSpec::TryConsecutive(1),
        ),
        (
            "pco of scaled, differences twice",
            8,
            ModeSpec::Classic,
            DeltaSpec::TryConsecutive(2),
        ),
        (
            "pco of scaled, differences, level 4",
            4,
            ModeSpec::Classic,
            DeltaSpec::TryConsecutive(1),
        ),
        (
            "pco of scaled, differences, level 12",
            12,
            ModeSpec::Classic,
            DeltaSpec::TryConsecutive(1),
        ),
    ] {
        line.print(
            codec,
            0,
            |column| {
                let (exponent, integers) = others::scale(&column.numbers)?;
                let mut out = others::pco_encode(&integers, level, mode.clone(), delta.clone())?;
                out.push(exponent);
                Some(out)
            },
            |blob| {
                let Some((exponent, rest)) = blob.split_last() else {
                    return Vec::new();
                };
                bits(others::unscale(
                    *exponent,
                    &others::pco_decode(rest, length).unwrap_or_default(),
                ))
            },
            Column::bits,
        );
    }
    for order in [1, 2, 4, 8, 16] {
        line.print(
            &format!("pco of scaled, 32 bits, predicted {order}"),
            0,
            |column| {
                let (exponent, integers) = others::scale(&column.numbers)?;
                let integers: Vec<i32> = integers
                    .into_iter()
                    .map(|integer| i32::try_from(integer).ok())
                    .collect::<Option<_>>()?;
                let mut out = others::pco_encode(&integers, 8, ModeSpec::Classic, DeltaSpec::TryConv1(order))?;
                out.push(exponent);
                Some(out)
            },
            |blob| {
                let Some((exponent, rest)) = blob.split_last() else {
                    return Vec::new();
                };
                let integers: Vec<i32> = others::pco_decode(rest, length).unwrap_or_default();
                let integers: Vec<i64> = integers.into_iter().map(i64::from).collect();
                bits(others::unscale(*exponent, &integers))
            },
            Column::bits,
        );
    }
    line.print(
        "pco of f32",
        0,
        |column| {
            let numbers: Option<Vec<f32>> = column
                .numbers
                .iter()
                .map(|value| (f64::from(*value as f32).to_bits() == value.to_bits()).then_some(*value as f32))
                .collect();
            others::pco_encode(&numbers?, 8, ModeSpec::Auto, DeltaSpec::TryConsecutive(1))
        },
        |blob| {
            let numbers: Vec<f32> = others::pco_decode(blob, length).unwrap_or_default();
            numbers.into_iter().map(|value| f64::from(value).to_bits()).collect()
        },
        Column::bits,
    );
    line.print(
        "Gorilla",
        0,
        |column| Some(gorilla::encode(&column.numbers)),
        |blob| bits(gorilla::decode(blob, length)),
        Column::bits,
    );
    line.print(
        "zstd of doubles",
        0,
        |column| others::zstd_encode(&others::raw_encode(&column.bits())),
        |blob| others::raw_decode(&others::zstd_decode(blob, length * 8).unwrap_or_default()),
        Column::bits,
    );
    line.print(
        "zstd of scaled differences",
        0,
        |column| {
            let (exponent, integers) = others::scale(&column.numbers)?;
            let mut out = others::zstd_encode(&others::varint_encode(&integers))?;
            out.push(exponent);
            Some(out)
        },
        |blob| {
            let Some((exponent, rest)) = blob.split_last() else {
                return Vec::new();
            };
            let bytes = others::zstd_decode(rest, length * 10).unwrap_or_default();
            bits(others::unscale(*exponent, &others::varint_decode(&bytes)))
        },
        Column::bits,
    );
}

fn times(kind: &kinds::Times, length: usize) {
    let columns = columns(length, |series| Column::new(kind.of(series, length), vec![0.0; length]));
    let line = Line {
        kind: kind.name,
        columns: &columns,
        length,
    };
    let count = if length < 128 { 1 } else { 2 };
    line.print(
        "ours",
        2 + count + ZEROS,
        |column| Some(chunk::encode(&column.points)),
        |blob| from_chunk(blob, moment),
        Column::moments,
    );
    let bits = |numbers: Vec<i64>| numbers.into_iter().map(i64::cast_unsigned).collect();
    for (codec, delta) in [
        ("pco", DeltaSpec::Auto),
        ("pco, differences", DeltaSpec::TryConsecutive(1)),
        ("pco, differences twice", DeltaSpec::TryConsecutive(2)),
    ] {
        line.print(
            codec,
            0,
            |column| others::pco_encode(&column.times, 8, ModeSpec::Classic, delta.clone()),
            |blob| bits(others::pco_decode(blob, length).unwrap_or_default()),
            Column::moments,
        );
    }
    line.print(
        "zstd",
        0,
        |column| others::zstd_encode(&others::raw_encode(&column.moments())),
        |blob| others::raw_decode(&others::zstd_decode(blob, length * 8).unwrap_or_default()),
        Column::moments,
    );
    line.print(
        "zstd of differences",
        0,
        |column| others::zstd_encode(&others::varint_encode(&column.times)),
        |blob| {
            bits(others::varint_decode(
                &others::zstd_decode(blob, length * 10).unwrap_or_default(),
            ))
        },
        Column::moments,
    );
}

fn ids(length: usize) {
    let columns = [kinds::ids(length)];
    let line = Line {
        kind: "ids",
        columns: &columns,
        length,
    };
    let raw = |ids: &Vec<SeriesId>| ids.iter().map(|id| id.raw().cast_unsigned()).collect();
    let integers = |ids: &Vec<SeriesId>| ids.iter().map(|id| id.raw()).collect::<Vec<i64>>();
    // kind, version and all the other columns, every one of which is constant
    let rest = batch::encode(&one_each(&columns[0])).len() - 4 - 8 * length;
    line.print(
        "ours, batch",
        rest,
        |ids| Some(batch::encode(&one_each(ids))),
        |blob| match batch::decode(blob) {
            Ok(Entry::Points(samples)) => samples.iter().map(|s| s.series_id.raw().cast_unsigned()).collect(),
            _ => Vec::new(),
        },
        raw,
    );
    line.print(
        "pco",
        0,
        |ids| others::pco_encode(&integers(ids), 8, ModeSpec::Classic, DeltaSpec::TryConsecutive(1)),
        |blob| {
            let ids: Vec<i64> = others::pco_decode(blob, length).unwrap_or_default();
            ids.into_iter().map(i64::cast_unsigned).collect()
        },
        raw,
    );
    line.print(
        "zstd of differences",
        0,
        |ids| others::zstd_encode(&others::varint_encode(&integers(ids))),
        |blob| {
            let bytes = others::zstd_decode(blob, length * 10).unwrap_or_default();
            others::varint_decode(&bytes)
                .into_iter()
                .map(i64::cast_unsigned)
                .collect()
        },
        raw,
    );
}

fn one_each(ids: &[SeriesId]) -> Vec<Sample> {
    ids.iter()
        .map(|id| Sample {
            series_id: *id,
            timestamp: 0,
            value: 0.0,
        })
        .collect()
}

fn value(point: &Point) -> u64 {
    point.value.to_bits()
}

fn moment(point: &Point) -> u64 {
    point.timestamp.cast_unsigned()
}

fn from_chunk(blob: &[u8], what: fn(&Point) -> u64) -> Vec<u64> {
    chunk::decode(blob).unwrap_or_default().iter().map(what).collect()
}

fn from_segment(blob: &[u8], what: fn(&Point) -> u64) -> Vec<u64> {
    let series = segment::decode(blob).unwrap_or_default();
    series.values().flatten().map(what).collect()
}
