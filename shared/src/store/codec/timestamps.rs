//! A column of timestamps: a grid (first and step) where they are regular, else integers in the
//! largest unit that divides them all.

use super::CodecError;
use super::bytes::{Reader, put_varint, put_zigzag};
use super::integers;
use crate::clock::Millis;

const GRID: u8 = 0;
const UNITS: u8 = 1;

/// Writes a column.
pub(super) fn put(out: &mut Vec<u8>, timestamps: &[Millis]) {
    let Some(first) = timestamps.first().copied() else {
        return;
    };
    let step = timestamps.get(1).map_or(0, |second| second.wrapping_sub(first));
    if timestamps.windows(2).all(|pair| pair[1].wrapping_sub(pair[0]) == step) {
        out.push(GRID);
        put_zigzag(out, first);
        put_zigzag(out, step);
        return;
    }
    let unit = timestamps
        .iter()
        .fold(0, |unit, timestamp| gcd(unit, timestamp.abs_diff(first)));
    let unit_signed = i64::try_from(unit).unwrap_or(1).max(1);
    out.push(UNITS);
    put_zigzag(out, first);
    put_varint(out, unit_signed.cast_unsigned());
    let steps: Vec<i64> = timestamps
        .iter()
        .map(|timestamp| timestamp.wrapping_sub(first).wrapping_div(unit_signed))
        .collect();
    integers::put(out, &steps);
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
    let mut steps = match form {
        GRID => {
            let step = reader.zigzag()?;
            (0..count as i64).map(|at| at.wrapping_mul(step)).collect()
        }
        UNITS => {
            let unit = reader.varint()?.cast_signed();
            let mut steps = integers::read(reader, count)?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn round_trip(timestamps: &[Millis]) -> usize {
        let mut out = Vec::new();
        put(&mut out, timestamps);
        let mut reader = Reader::new(&out);
        assert_eq!(read(&mut reader, timestamps.len()).unwrap(), timestamps);
        reader.finish().unwrap();
        out.len()
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
        assert!(round_trip(&(0..288).map(|i| start + i * 300_000).collect::<Vec<_>>()) <= 11);
        let gaps: Vec<i64> = (0..288).filter(|i| i % 7 != 0).map(|i| start + i * 300_000).collect();
        assert!(round_trip(&gaps) < 70);
    }
}
