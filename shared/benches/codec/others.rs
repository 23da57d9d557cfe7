//! What libraries and the literature offer for the same columns.

use pco::data_types::Number;
use pco::wrapped::{FileCompressor, FileDecompressor};
use pco::{ChunkConfig, DeltaSpec, ModeSpec, PagingSpec};

/// Decimals as integers, the exponent in front; nothing if a value is no decimal.
pub(crate) fn scale(values: &[f64]) -> Option<(u8, Vec<i64>)> {
    (0..=9).find_map(|exponent| {
        let power = 10f64.powi(exponent);
        let integers: Option<Vec<i64>> = values
            .iter()
            .map(|value| {
                let integer = (value * power).round() as i64;
                (integer.abs() < 1 << 53 && (integer as f64 / power).to_bits() == value.to_bits()).then_some(integer)
            })
            .collect();
        Some((exponent as u8, integers?))
    })
}

/// The values of integers that were scaled.
pub(crate) fn unscale(exponent: u8, integers: &[i64]) -> Vec<f64> {
    let power = 10f64.powi(i32::from(exponent));
    integers.iter().map(|integer| *integer as f64 / power).collect()
}

/// One page of `pco` without the envelope of its files.
pub(crate) fn pco_encode<T: Number>(numbers: &[T], level: usize, mode: ModeSpec, delta: DeltaSpec) -> Option<Vec<u8>> {
    let config = ChunkConfig::default()
        .with_compression_level(level)
        .with_mode_spec(mode)
        .with_delta_spec(delta)
        .with_paging_spec(PagingSpec::Exact(vec![numbers.len()]));
    let file = FileCompressor::default();
    let mut out = Vec::new();
    file.write_header(&mut out).ok()?;
    let mut chunk = file.chunk_compressor(numbers, &config).ok()?;
    chunk.write_meta(&mut out).ok()?;
    chunk.write_page(0, &mut out).ok()?;
    Some(out)
}

pub(crate) fn pco_decode<T: Number + Default>(bytes: &[u8], count: usize) -> Option<Vec<T>> {
    let (file, rest) = FileDecompressor::new(bytes).ok()?;
    let (mut chunk, rest) = file.chunk_decompressor::<T, _>(rest).ok()?;
    let mut numbers = vec![T::default(); count];
    chunk.page_decompressor(rest, count).ok()?.read(&mut numbers).ok()?;
    Some(numbers)
}

/// Differences in 7-bit groups, the first from 0.
pub(crate) fn varint_encode(integers: &[i64]) -> Vec<u8> {
    let mut out = Vec::with_capacity(integers.len() * 2);
    let mut previous = 0i64;
    for integer in integers {
        let difference = integer.wrapping_sub(previous);
        previous = *integer;
        let mut left = ((difference << 1) ^ (difference >> 63)).cast_unsigned();
        while left >= 0x80 {
            out.push(left as u8 | 0x80);
            left >>= 7;
        }
        out.push(left as u8);
    }
    out
}

pub(crate) fn varint_decode(bytes: &[u8]) -> Vec<i64> {
    let (mut out, mut previous, mut value, mut shift) = (Vec::new(), 0i64, 0u64, 0);
    for byte in bytes {
        value |= u64::from(byte & 0x7f) << shift;
        shift += 7;
        if *byte < 0x80 {
            previous = previous.wrapping_add((value >> 1).cast_signed() ^ -(value & 1).cast_signed());
            out.push(previous);
            (value, shift) = (0, 0);
        }
    }
    out
}

pub(crate) fn raw_encode(bits: &[u64]) -> Vec<u8> {
    bits.iter().flat_map(|bits| bits.to_le_bytes()).collect()
}

pub(crate) fn raw_decode(bytes: &[u8]) -> Vec<u64> {
    bytes
        .chunks_exact(8)
        .map(|chunk| chunk.iter().rev().fold(0, |bits, byte| bits << 8 | u64::from(*byte)))
        .collect()
}

/// `zstd` at its default level.
pub(crate) fn zstd_encode(bytes: &[u8]) -> Option<Vec<u8>> {
    zstd::bulk::compress(bytes, 3).ok()
}

pub(crate) fn zstd_decode(bytes: &[u8], most: usize) -> Option<Vec<u8>> {
    zstd::bulk::decompress(bytes, most).ok()
}
