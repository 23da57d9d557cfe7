//! A column of timestamps: a grid (first and step) where they are regular, else distances from the
//! first in the largest unit that divides them all.
//!
//! The first byte is the form. `GRID`: first and step. `UNITS`: first, unit, and the distances as a column of
//! integers. `UNITS_PCO`, only in chunks: the same with the distances in `pco`.

use super::CodecError;
use super::bytes::{Reader, put_varint, put_zigzag};
use super::{integers, packed};
use crate::clock::Millis;
use pco::ModeSpec;

const GRID: u8 = 0;
const UNITS: u8 = 1;
const UNITS_PCO: u8 = 2;

/// Writes a column in the quick form: for batches and segments.
pub(super) fn put(out: &mut Vec<u8>, timestamps: &[Millis]) {
    if let Some(units) = put_grid(out, timestamps) {
        units.put(out);
    }
}

/// Writes a column in the smaller of the quick form and `pco`: for chunks, which stay.
pub(super) fn put_smallest(out: &mut Vec<u8>, timestamps: &[Millis]) {
    let Some(units) = put_grid(out, timestamps) else {
        return;
    };
    let start = out.len();
    units.put(out);
    if let Some(mut packed) = units.packed().filter(|packed| packed.len() < out.len() - start) {
        out.truncate(start);
        out.append(&mut packed);
    }
}

/// Writes a grid if the timestamps are one; else returns them in the largest unit.
fn put_grid(out: &mut Vec<u8>, timestamps: &[Millis]) -> Option<Units> {
    let first = *timestamps.first()?;
    let step = timestamps.get(1).map_or(0, |second| second.wrapping_sub(first));
    if timestamps.windows(2).any(|pair| pair[1].wrapping_sub(pair[0]) != step) {
        return Some(Units::of(first, timestamps));
    }
    out.push(GRID);
    put_zigzag(out, first);
    put_zigzag(out, step);
    None
}

/// Timestamps as a first one and distances from it.
struct Units {
    first: Millis,
    unit: i64,
    distances: Vec<i64>,
}

impl Units {
    fn of(first: Millis, timestamps: &[Millis]) -> Self {
        // a distance that wraps is a multiple of 1 alone
        let distances = timestamps
            .iter()
            .map(|timestamp| timestamp.checked_sub(first).map_or(1, i64::unsigned_abs));
        let unit = distances.fold(0, gcd);
        let unit = i64::try_from(unit).unwrap_or(1).max(1);
        Self {
            first,
            unit,
            distances: timestamps
                .iter()
                .map(|timestamp| timestamp.wrapping_sub(first).wrapping_div(unit))
                .collect(),
        }
    }

    fn put_head(&self, out: &mut Vec<u8>, form: u8) {
        out.push(form);
        put_zigzag(out, self.first);
        put_varint(out, self.unit.cast_unsigned());
    }

    fn put(&self, out: &mut Vec<u8>) {
        self.put_head(out, UNITS);
        integers::put(out, &self.distances);
    }

    /// `None` if `pco` refuses the distances.
    fn packed(&self) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        self.put_head(&mut out, UNITS_PCO);
        out.extend(packed::column(
            &self.distances,
            &ModeSpec::Classic,
            packed::DIFFERENCES,
        )?);
        Some(out)
    }
}

fn gcd(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// Reads a column of `count` timestamps; the caller has bounded `count`.
pub(super) fn read(reader: &mut Reader<'_>, count: usize) -> Result<Vec<Millis>, CodecError> {
    if count == 0 {
        return Ok(Vec::new());
    }
    let form = reader.u8()?;
    let first = reader.zigzag()?;
    let mut steps: Vec<i64> = match form {
        GRID => {
            let step = reader.zigzag()?;
            (0..count as i64).map(|at| at.wrapping_mul(step)).collect()
        }
        UNITS | UNITS_PCO => {
            let unit = reader.varint()?.cast_signed();
            let mut steps = if form == UNITS {
                integers::read(reader, count)?
            } else {
                packed::read(reader, count)?
            };
            for step in &mut steps {
                *step = step.wrapping_mul(unit);
            }
            steps
        }
        _ => return Err(CodecError::Invalid("an unknown form of timestamps")),
    };
    for step in &mut steps {
        *step = step.wrapping_add(first);
    }
    Ok(steps)
}

/// How a column is written, for people.
pub(super) fn form(column: &[u8]) -> String {
    match column.first() {
        Some(&GRID) => "grid".into(),
        Some(&UNITS) => "units".into(),
        Some(&UNITS_PCO) => "units, pco".into(),
        Some(other) => format!("form {other}"),
        None => "empty".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn round_trip(timestamps: &[Millis]) -> [usize; 2] {
        [put, put_smallest].map(|put| {
            let mut out = Vec::new();
            put(&mut out, timestamps);
            let mut reader = Reader::new(&out);
            assert_eq!(read(&mut reader, timestamps.len()).unwrap(), timestamps);
            reader.finish().unwrap();
            out.len()
        })
    }

    proptest! {
        #[test]
        fn every_column_round_trips(timestamps in prop::collection::vec(
            prop_oneof![any::<i64>(), -62_135_596_800_000i64..=253_402_300_799_999], 0..200)) {
            round_trip(&timestamps);
        }
    }

    #[test]
    fn a_grid_is_a_header_and_gaps_in_it_cost_bits_not_bytes() {
        let start = 1_795_428_000_000;
        let grid: Vec<i64> = (0..288).map(|i| start + i * 300_000).collect();
        assert!(round_trip(&grid).into_iter().all(|bytes| bytes <= 11));
        let gaps: Vec<i64> = grid
            .iter()
            .copied()
            .enumerate()
            .filter(|(i, _)| i % 7 != 0)
            .map(|(_, at)| at)
            .collect();
        assert!(round_trip(&gaps).into_iter().all(|bytes| bytes < 70));
    }

    #[test]
    fn timestamps_that_are_further_apart_than_any_distance_stay_what_they_are() {
        let first = -9_000_000_000_000_000_000;
        round_trip(&[
            first,
            first + 3,
            0,
            8_999_999_999_999_999_997,
            9_000_000_000_000_000_000,
        ]);
        round_trip(&[i64::MIN, 0]);
    }

    #[test]
    fn in_a_chunk_rare_gaps_cost_less() {
        let start = 1_795_428_000_000;
        let mut at = start;
        let gaps: Vec<i64> = (0..3_000)
            .map(|i| {
                at += if i * i % 23 == 2 { 600_000 } else { 300_000 };
                at
            })
            .collect();
        let [quick, smallest] = round_trip(&gaps);
        assert!(smallest < quick / 2, "{quick} {smallest}");
    }
}
