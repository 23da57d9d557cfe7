//! A column of values: decimals as scaled integers where that is exact bit for bit, else doubles as
//! they are.
//!
//! The first byte is the form. `SCALED` and the exponent k: each value is its integer divided by
//! 10^k. `PATCHED` is the same with a list of the values that are no such decimals (-0.0, thirds,
//! subnormals). `RAW`: 8 bytes each, little-endian. `SCALED_PCO` and `RAW_PCO` only in chunks.

use super::bytes::{Reader, put_varint};
use super::{CodecError, integers, packed};
use pco::ModeSpec;

const RAW: u8 = 0;
const SCALED: u8 = 1;
const PATCHED: u8 = 2;
const SCALED_PCO: u8 = 3;
const RAW_PCO: u8 = 4;

/// From so many values on more is tried: such a chunk is written at most daily.
const LONG: usize = 1_024;

/// More decimals than anybody sends on purpose.
const MAX_EXPONENT: usize = 9;
const POWERS: [f64; MAX_EXPONENT + 1] = [1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];
/// Integers up to here are exact as doubles.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// A column as integers, with what does not fit.
struct Scaled {
    exponent: usize,
    integers: Vec<i64>,
    /// position and value
    patches: Vec<(usize, f64)>,
}

fn scale(value: f64, exponent: usize) -> Option<i64> {
    let nearest = (value * POWERS[exponent]).round();
    if nearest.abs() > EXACT {
        return None;
    }
    // through the integer and back: its bits also tell -0.0 and NaN
    let integer = nearest as i64;
    (unscale(integer, POWERS[exponent]).to_bits() == value.to_bits()).then_some(integer)
}

fn unscale(integer: i64, power: f64) -> f64 {
    integer as f64 / power
}

impl Scaled {
    /// `None` where more than a quarter of the values would be patches.
    fn of(values: &[f64]) -> Option<Self> {
        let allowed = values.len() / 4;
        let mut misfits = 0;
        let mut exponent = 0;
        for value in values {
            match (exponent..=MAX_EXPONENT).find(|candidate| scale(*value, *candidate).is_some()) {
                Some(found) => exponent = found,
                None => misfits += 1,
            }
            if misfits > allowed {
                return None;
            }
        }
        let mut scaled = Self {
            exponent,
            integers: Vec::with_capacity(values.len()),
            patches: Vec::new(),
        };
        let mut previous = None;
        for (at, value) in values.iter().enumerate() {
            let integer = scale(*value, exponent);
            if integer.is_none() {
                scaled.patches.push((at, *value));
            }
            // a patch repeats its neighbour, which costs the least
            previous = integer.or(previous);
            scaled.integers.push(previous.unwrap_or(0));
        }
        (scaled.patches.len() <= allowed).then_some(scaled)
    }

    fn put(&self, out: &mut Vec<u8>) {
        out.push(if self.patches.is_empty() { SCALED } else { PATCHED });
        out.push(self.exponent as u8);
        integers::put(out, &self.integers);
        if !self.patches.is_empty() {
            put_varint(out, self.patches.len() as u64);
            for (at, value) in &self.patches {
                put_varint(out, *at as u64);
                out.extend_from_slice(&value.to_bits().to_le_bytes());
            }
        }
    }

    /// Whether the integers are rather to be written themselves than as differences: now and then something
    /// else than usual, and not a level that moves.
    fn keeps_closer_to_its_median_than_to_its_neighbours(&self) -> bool {
        let bits = |distance: i64| u64::from(64 - distance.unsigned_abs().leading_zeros());
        let mut sorted = self.integers.clone();
        let middle = sorted.len() / 2;
        let median = *sorted.select_nth_unstable(middle).1;
        let from_median = self.integers.iter().map(|integer| bits(integer.wrapping_sub(median)));
        let pairs = self.integers.windows(2);
        let from_neighbours = pairs.map(|pair| bits(pair[1].wrapping_sub(pair[0])));
        from_median.sum::<u64>() <= from_neighbours.sum()
    }

    /// The integers in `pco`, without the patches.
    fn packed(&self) -> Option<Vec<u8>> {
        let ways = if self.integers.len() >= LONG {
            packed::EITHER
        } else if self.keeps_closer_to_its_median_than_to_its_neighbours() {
            packed::THEMSELVES
        } else {
            packed::DIFFERENCES
        };
        let column = packed::column(&self.integers, &ModeSpec::Classic, ways)?;
        Some([&[SCALED_PCO, self.exponent as u8], &column[..]].concat())
    }
}

/// Writes a column in the quick form: for batches and segments.
pub(super) fn put(out: &mut Vec<u8>, values: &[f64]) {
    if values.is_empty() {
        return;
    }
    match Scaled::of(values) {
        Some(scaled) => scaled.put(out),
        None => put_raw(out, values),
    }
}

fn put_raw(out: &mut Vec<u8>, values: &[f64]) {
    out.push(RAW);
    for value in values {
        out.extend_from_slice(&value.to_bits().to_le_bytes());
    }
}

/// Writes a column in the smaller of the quick form and `pco`: for chunks, which stay.
pub(super) fn put_smallest(out: &mut Vec<u8>, values: &[f64]) {
    if values.is_empty() {
        return;
    }
    let start = out.len();
    let packed = match Scaled::of(values) {
        Some(scaled) => {
            scaled.put(out);
            if scaled.patches.is_empty() {
                scaled.packed()
            } else {
                raw_packed(values)
            }
        }
        None => {
            put_raw(out, values);
            raw_packed(values)
        }
    };
    if let Some(mut packed) = packed.filter(|packed| packed.len() < out.len() - start) {
        out.truncate(start);
        out.append(&mut packed);
    }
}

fn raw_packed(values: &[f64]) -> Option<Vec<u8>> {
    let ways = if values.len() >= LONG {
        packed::EITHER
    } else {
        packed::DIFFERENCES
    };
    let column = packed::column(values, &ModeSpec::Auto, ways)?;
    Some([&[RAW_PCO], &column[..]].concat())
}

/// Reads a column of `count` values; the caller has bounded `count`.
pub(super) fn read(reader: &mut Reader<'_>, count: usize) -> Result<Vec<f64>, CodecError> {
    if count == 0 {
        return Ok(Vec::new());
    }
    match reader.u8()? {
        RAW => Ok(reader
            .take(count * 8)?
            .chunks_exact(8)
            .map(|bytes| {
                let mut double = [0; 8];
                double.copy_from_slice(bytes);
                f64::from_bits(u64::from_le_bytes(double))
            })
            .collect()),
        SCALED => {
            let power = power(reader)?;
            Ok(unscale_all(&integers::read(reader, count)?, power))
        }
        PATCHED => {
            let power = power(reader)?;
            let mut values = unscale_all(&integers::read(reader, count)?, power);
            for _ in 0..reader.count(count)? {
                let at = reader.count(count)?;
                let bits = reader.take(8)?;
                let mut double = [0; 8];
                double.copy_from_slice(bits);
                *values
                    .get_mut(at)
                    .ok_or(CodecError::Invalid("a patch beyond the end"))? = f64::from_bits(u64::from_le_bytes(double));
            }
            Ok(values)
        }
        SCALED_PCO => {
            let power = power(reader)?;
            Ok(unscale_all(&packed::read(reader, count)?, power))
        }
        RAW_PCO => packed::read(reader, count),
        _ => Err(CodecError::Invalid("an unknown form of values")),
    }
}

fn power(reader: &mut Reader<'_>) -> Result<f64, CodecError> {
    let exponent = usize::from(reader.u8()?);
    POWERS
        .get(exponent)
        .copied()
        .ok_or(CodecError::Invalid("an exponent beyond 9"))
}

fn unscale_all(integers: &[i64], power: f64) -> Vec<f64> {
    integers.iter().map(|integer| unscale(*integer, power)).collect()
}

/// How a column is written, for people.
pub(super) fn form(column: &[u8]) -> String {
    let exponent = column.get(1).copied().unwrap_or(0);
    match column.first() {
        Some(&RAW) => "doubles".into(),
        Some(&SCALED) => format!("decimals, times 10^{exponent}"),
        Some(&PATCHED) => format!("decimals, times 10^{exponent}, with others among them"),
        Some(&SCALED_PCO) => format!("decimals, times 10^{exponent}, pco"),
        Some(&RAW_PCO) => "doubles, pco".into(),
        Some(other) => format!("form {other}"),
        None => "empty".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bits(values: &[f64]) -> Vec<u64> {
        values.iter().map(|value| value.to_bits()).collect()
    }

    fn round_trip(values: &[f64]) -> [usize; 2] {
        [put, put_smallest].map(|put| {
            let mut out = Vec::new();
            put(&mut out, values);
            let mut reader = Reader::new(&out);
            assert_eq!(bits(&read(&mut reader, values.len()).unwrap()), bits(values));
            reader.finish().unwrap();
            out.len()
        })
    }

    fn decimal() -> impl Strategy<Value = f64> {
        (-1_000_000i64..1_000_000, 0usize..4).prop_map(|(i, k)| i as f64 / POWERS[k])
    }

    proptest! {
        #[test]
        fn every_double_round_trips_bit_for_bit(values in prop::collection::vec(any::<u64>().prop_map(f64::from_bits), 0..300)) {
            round_trip(&values);
        }

        #[test]
        fn decimals_among_others_round_trip(values in prop::collection::vec(
            prop_oneof![20 => decimal(), 1 => prop::num::f64::ANY], 0..300)) {
            round_trip(&values);
        }
    }

    #[test]
    fn minus_zero_subnormals_and_the_largest_stay_what_they_are() {
        round_trip(&[
            -0.0,
            0.0,
            f64::from_bits(1),
            -f64::MIN_POSITIVE,
            f64::MAX,
            f64::MIN,
            0.1,
            1.0 / 3.0,
        ]);
        let mut mostly_decimal = vec![1.25; 100];
        mostly_decimal[7] = -0.0;
        mostly_decimal[90] = f64::from_bits(3);
        let [quick, smallest] = round_trip(&mostly_decimal);
        assert!(quick < 40 && smallest <= quick);
    }

    #[test]
    fn a_chunk_takes_the_way_of_pco_that_fits() {
        let size = |value: fn(u32) -> f64| round_trip(&(0..256).map(value).collect::<Vec<_>>())[1];
        // differences would see each spike twice
        assert!(size(|at| if at % 23 == 5 { f64::from(at % 7) } else { 0.0 }) < 64);
        // a few spikes do not make the level that moves into noise around a median
        assert!(
            size(|at| if at % 61 == 17 {
                9e6
            } else {
                f64::from(at * 50 + at * at % 97) / 100.0
            }) < 400
        );
    }

    #[test]
    fn two_decimals_take_two_bytes_and_a_chunk_never_takes_more_than_the_quick_form() {
        let values: Vec<f64> = (0..256)
            .map(|i| ((f64::from(i) / 40.0).sin() * 10_000.0).round() / 100.0)
            .collect();
        let [quick, smallest] = round_trip(&values);
        assert!(quick < 512 && smallest <= quick, "{quick} {smallest}");
    }
}
