//! A column of integers: frame of reference, plain or over differences, whichever is smaller.
//!
//! Plain: `0`, the least value, a bit width, and each value's distance from the least in that many
//! bits. Differences: `1`, the first value, then blocks of 64 differences, each block with its own
//! least and width. All arithmetic wraps, so that every `i64` round-trips.

use super::CodecError;
use super::bytes::{Reader, put_zigzag, zigzag_len};

const BLOCK: usize = 64;
const PLAIN: u8 = 0;
const DIFFERENCES: u8 = 1;

/// The frame of a run of integers.
#[derive(Clone, Copy)]
struct Frame {
    least: i64,
    width: u32,
}

impl Frame {
    fn of(values: &[i64]) -> Self {
        let least = values.iter().copied().min().unwrap_or(0);
        let most = values.iter().copied().max().unwrap_or(0);
        let span = most.wrapping_sub(least).cast_unsigned();
        Self {
            least,
            width: 64 - span.leading_zeros(),
        }
    }

    fn len(self, count: usize) -> usize {
        zigzag_len(self.least) + 1 + (count * self.width as usize).div_ceil(8)
    }

    fn put(self, out: &mut Vec<u8>, values: &[i64]) {
        put_zigzag(out, self.least);
        out.push(self.width as u8);
        let (mut word, mut bits) = (0u128, 0u32);
        for value in values {
            word |= u128::from(value.wrapping_sub(self.least).cast_unsigned()) << bits;
            bits += self.width;
            while bits >= 8 {
                out.push(word as u8);
                word >>= 8;
                bits -= 8;
            }
        }
        if bits > 0 {
            out.push(word as u8);
        }
    }

    fn read(reader: &mut Reader<'_>, count: usize, values: &mut Vec<i64>) -> Result<(), CodecError> {
        let least = reader.zigzag()?;
        let width = u32::from(reader.u8()?);
        if width > 64 {
            return Err(CodecError::Invalid("a bit width beyond 64"));
        }
        let bytes = reader.take((count * width as usize).div_ceil(8))?;
        let mask = u64::MAX.checked_shr(64 - width).unwrap_or(0);
        let (mut word, mut bits) = (0u128, 0u32);
        let mut bytes = bytes.iter();
        for _ in 0..count {
            while bits < width {
                word |= u128::from(bytes.next().copied().unwrap_or(0)) << bits;
                bits += 8;
            }
            values.push(least.wrapping_add((word as u64 & mask).cast_signed()));
            word >>= width;
            bits -= width;
        }
        Ok(())
    }
}

/// Writes a column.
pub(super) fn put(out: &mut Vec<u8>, values: &[i64]) {
    let Some(first) = values.first() else { return };
    let plain = Frame::of(values);
    let plain_len = plain.len(values.len());
    let differences: Vec<i64> = values.windows(2).map(|pair| pair[1].wrapping_sub(pair[0])).collect();
    let frames: Vec<Frame> = differences.chunks(BLOCK).map(Frame::of).collect();
    let differences_len = zigzag_len(*first)
        + frames
            .iter()
            .zip(differences.chunks(BLOCK))
            .map(|(frame, block)| frame.len(block.len()))
            .sum::<usize>();
    if plain_len <= differences_len {
        out.push(PLAIN);
        plain.put(out, values);
    } else {
        out.push(DIFFERENCES);
        put_zigzag(out, *first);
        for (frame, block) in frames.iter().zip(differences.chunks(BLOCK)) {
            frame.put(out, block);
        }
    }
}

/// Reads a column of `count` integers; the caller has bounded `count`.
pub(super) fn read(reader: &mut Reader<'_>, count: usize) -> Result<Vec<i64>, CodecError> {
    let mut values = Vec::with_capacity(count);
    if count == 0 {
        return Ok(values);
    }
    match reader.u8()? {
        PLAIN => Frame::read(reader, count, &mut values)?,
        DIFFERENCES => {
            values.push(reader.zigzag()?);
            while values.len() < count {
                let block = BLOCK.min(count - values.len());
                Frame::read(reader, block, &mut values)?;
            }
            let mut running = values[0];
            for value in &mut values[1..] {
                running = running.wrapping_add(*value);
                *value = running;
            }
        }
        _ => return Err(CodecError::Invalid("an unknown form of integers")),
    }
    Ok(values)
}

/// How a column is written, for people.
pub(super) fn form(column: &[u8]) -> String {
    match column.first() {
        Some(&PLAIN) => "frame of reference".into(),
        Some(&DIFFERENCES) => "differences, frame of reference".into(),
        _ => "empty".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn round_trip(values: &[i64]) -> usize {
        let mut out = Vec::new();
        put(&mut out, values);
        let mut reader = Reader::new(&out);
        assert_eq!(read(&mut reader, values.len()).unwrap(), values);
        reader.finish().unwrap();
        out.len()
    }

    proptest! {
        #[test]
        fn every_column_round_trips(values in prop::collection::vec(any::<i64>(), 0..200)) {
            round_trip(&values);
        }

        #[test]
        fn small_columns_round_trip(values in prop::collection::vec(-300i64..300, 0..200)) {
            round_trip(&values);
        }
    }

    #[test]
    fn a_constant_takes_no_bits_and_a_line_next_to_none() {
        assert_eq!(round_trip(&[7; 1_000]), 3);
        assert!(round_trip(&(0..1_000).map(|i| i * 300).collect::<Vec<_>>()) < 70);
        round_trip(&[i64::MIN, i64::MAX, 0, -1]);
    }
}
