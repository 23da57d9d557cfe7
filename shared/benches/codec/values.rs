//! Columns of values.

use crate::{Columns, gorilla, kinds, others};
use intentvision::series::{Point, SeriesId};
use intentvision::store::codec::{chunk, segment};
use pco::{DeltaSpec, ModeSpec};

/// A column of equal values: its form, its exponent, and three bytes of its integers.
pub(crate) const ZEROS: usize = 5;

/// A column in the forms in which the codecs take it.
struct Column {
    numbers: Vec<f64>,
    points: Vec<Point>,
    segment: segment::Series,
}

impl Column {
    fn new(numbers: Vec<f64>) -> Self {
        let points = kinds::points(&kinds::TIMES[0].of(0, numbers.len()), &numbers);
        let segment = SeriesId::from_raw(1)
            .map(|id| (id, points.clone()))
            .into_iter()
            .collect();
        Self {
            numbers,
            points,
            segment,
        }
    }

    fn bits(&self) -> Vec<u64> {
        bits(&self.numbers)
    }
}

fn bits(numbers: &[f64]) -> Vec<u64> {
    numbers.iter().map(|value| value.to_bits()).collect()
}

/// Prints the lines of a kind of values.
pub(crate) fn print(kind: &kinds::Values, length: usize) {
    let columns = Columns::new(kind.name, length, |series| Column::new(kind.of(series, length)));
    ours(&columns);
    pco_of_doubles(&columns);
    pco_of_scaled(&columns);
    columns.print(
        "Gorilla",
        0,
        |column| Some(gorilla::encode(&column.numbers)),
        |blob| Some(bits(&gorilla::decode(blob, length))),
        Column::bits,
    );
    columns.print(
        "zstd of doubles",
        0,
        |column| others::zstd_encode(&others::raw_encode(&column.bits())),
        |blob| Some(others::raw_decode(&others::zstd_decode(blob, length * 8)?)),
        Column::bits,
    );
    columns.print(
        "zstd of scaled differences",
        0,
        |column| scaled(column, |integers| others::zstd_encode(&others::varint_encode(integers))),
        |blob| {
            unscaled(blob, |rest| {
                Some(others::varint_decode(&others::zstd_decode(rest, length * 10)?))
            })
        },
        Column::bits,
    );
}

fn ours(columns: &Columns<'_, Column>) {
    let zeros = Column::new(vec![0.0; columns.length]);
    columns.print(
        "ours, segment",
        segment::encode(&zeros.segment).len() - ZEROS,
        |column| Some(segment::encode(&column.segment)),
        |blob| {
            let series = segment::decode(blob).ok()?;
            Some(series.values().flatten().map(|point| point.value.to_bits()).collect())
        },
        Column::bits,
    );
    columns.print(
        "ours, chunk",
        chunk::encode(&zeros.points).len() - ZEROS,
        |column| Some(chunk::encode(&column.points)),
        |blob| {
            let points = chunk::decode(blob).ok()?;
            Some(points.iter().map(|point| point.value.to_bits()).collect())
        },
        Column::bits,
    );
}

fn pco_of_doubles(columns: &Columns<'_, Column>) {
    for (codec, delta) in [
        ("pco", DeltaSpec::Auto),
        ("pco, differences", DeltaSpec::TryConsecutive(1)),
        ("pco, no differences", DeltaSpec::NoOp),
    ] {
        columns.print(
            codec,
            0,
            |column| others::pco_encode(&column.numbers, 8, ModeSpec::Auto, delta.clone()),
            |blob| Some(bits(&others::pco_decode(blob, columns.length)?)),
            Column::bits,
        );
    }
    columns.print(
        "pco of f32, differences",
        0,
        |column| {
            let narrow = |value: &f64| {
                let narrow = *value as f32;
                (f64::from(narrow).to_bits() == value.to_bits()).then_some(narrow)
            };
            let numbers: Vec<f32> = column.numbers.iter().map(narrow).collect::<Option<_>>()?;
            others::pco_encode(&numbers, 8, ModeSpec::Auto, DeltaSpec::TryConsecutive(1))
        },
        |blob| {
            let numbers: Vec<f32> = others::pco_decode(blob, columns.length)?;
            Some(numbers.into_iter().map(|value| f64::from(value).to_bits()).collect())
        },
        Column::bits,
    );
}

fn pco_of_scaled(columns: &Columns<'_, Column>) {
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
        columns.print(
            codec,
            0,
            |column| {
                scaled(column, |integers| {
                    others::pco_encode(integers, level, mode.clone(), delta.clone())
                })
            },
            |blob| unscaled(blob, |rest| others::pco_decode(rest, columns.length)),
            Column::bits,
        );
    }
    // pco 1.1 panics where fewer numbers than it predicts from are left after its batches of 512
    if (1..16).contains(&(columns.length % 512)) {
        return;
    }
    columns.print(
        "pco of scaled, 32 bits, predicted",
        0,
        |column| {
            scaled(column, |integers| {
                let small: Vec<i32> = integers
                    .iter()
                    .map(|integer| i32::try_from(*integer).ok())
                    .collect::<Option<_>>()?;
                others::pco_encode(&small, 8, ModeSpec::Classic, DeltaSpec::TryConv1(16))
            })
        },
        |blob| {
            unscaled(blob, |rest| {
                let small: Vec<i32> = others::pco_decode(rest, columns.length)?;
                Some(small.into_iter().map(i64::from).collect())
            })
        },
        Column::bits,
    );
}

/// The integers of a column as a codec writes them, and their exponent.
fn scaled(column: &Column, encode: impl Fn(&[i64]) -> Option<Vec<u8>>) -> Option<Vec<u8>> {
    let (exponent, integers) = others::scale(&column.numbers)?;
    let mut out = encode(&integers)?;
    out.push(exponent);
    Some(out)
}

fn unscaled(blob: &[u8], decode: impl Fn(&[u8]) -> Option<Vec<i64>>) -> Option<Vec<u64>> {
    let (exponent, rest) = blob.split_last()?;
    Some(bits(&others::unscale(*exponent, &decode(rest)?)))
}
