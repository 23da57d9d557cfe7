//! Columns compressed by `pco`, for chunks. Each has its length and a CRC-32 in front, so that what
//! was damaged is refused before the library takes memory for it.

use super::CodecError;
use super::bytes::{Reader, bounded, put_varint};
use pco::data_types::Number;
use pco::metadata::DeltaEncoding;
use pco::wrapped::{FileCompressor, FileDecompressor};
use pco::{ChunkConfig, DeltaSpec, ModeSpec, PagingSpec};

/// More than any chunk may hold.
const MAX_BYTES: usize = 16 * super::MAX_POINTS;

/// Appends integers; nothing if `pco` refuses them.
pub(super) fn put_integers(out: &mut Vec<u8>, integers: &[i64]) {
    put(out, integers, ModeSpec::Classic);
}

/// Appends doubles; nothing if `pco` refuses them.
pub(super) fn put_doubles(out: &mut Vec<u8>, doubles: &[f64]) {
    put(out, doubles, ModeSpec::Auto);
}

fn put<T: Number>(out: &mut Vec<u8>, numbers: &[T], mode: ModeSpec) {
    let Ok(payload) = compress(numbers, mode) else { return };
    put_varint(out, payload.len() as u64);
    out.extend_from_slice(&crc32fast::hash(&payload).to_le_bytes());
    out.extend_from_slice(&payload);
}

fn compress<T: Number>(numbers: &[T], mode: ModeSpec) -> pco::errors::PcoResult<Vec<u8>> {
    // a fixed order of differences: `Auto` takes four times as long for next to nothing
    let config = ChunkConfig::default()
        .with_mode_spec(mode)
        .with_delta_spec(DeltaSpec::TryConsecutive(1))
        .with_paging_spec(PagingSpec::Exact(vec![numbers.len()]));
    let file = FileCompressor::default();
    let mut payload = Vec::new();
    file.write_header(&mut payload)?;
    let mut chunk = file.chunk_compressor(numbers, &config)?;
    chunk.write_meta(&mut payload)?;
    chunk.write_page(0, &mut payload)?;
    Ok(payload)
}

/// Reads `count` integers; the caller has bounded `count`.
pub(super) fn read_integers(reader: &mut Reader<'_>, count: usize) -> Result<Vec<i64>, CodecError> {
    read(reader, count)
}

/// Reads `count` doubles; the caller has bounded `count`.
pub(super) fn read_doubles(reader: &mut Reader<'_>, count: usize) -> Result<Vec<f64>, CodecError> {
    read(reader, count)
}

fn read<T: Number + Default>(reader: &mut Reader<'_>, count: usize) -> Result<Vec<T>, CodecError> {
    let length = bounded(reader.varint()?, MAX_BYTES)?;
    let sum = reader.take(4)?;
    let payload = reader.take(length)?;
    if crc32fast::hash(payload).to_le_bytes() != sum {
        return Err(CodecError::Invalid("a checksum that does not hold"));
    }
    let refused = CodecError::Invalid("a column that pco refuses");
    let numbers = decompress(payload, count).map_err(|_| refused)?;
    if numbers.len() == count {
        Ok(numbers)
    } else {
        Err(refused)
    }
}

fn decompress<T: Number + Default>(payload: &[u8], count: usize) -> pco::errors::PcoResult<Vec<T>> {
    let (file, rest) = FileDecompressor::new(payload)?;
    let (mut chunk, rest) = file.chunk_decompressor::<T, _>(rest)?;
    // the other encodings may ask for windows of many megabytes, and none of them is written here
    if !matches!(
        chunk.meta().delta_encoding,
        DeltaEncoding::NoOp | DeltaEncoding::Consecutive { .. }
    ) {
        return Ok(Vec::new());
    }
    let mut numbers = vec![T::default(); count];
    let mut page = chunk.page_decompressor(rest, count)?;
    page.read(&mut numbers)?;
    Ok(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn with_checksum(payload: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        put_varint(&mut out, payload.len() as u64);
        out.extend_from_slice(&crc32fast::hash(payload).to_le_bytes());
        out.extend_from_slice(payload);
        out
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        /// Damage that the checksum does not see: nothing but an error may come of it.
        #[test]
        fn rule_7_pco_refuses_what_it_did_not_write(
            at: prop::sample::Index, byte: u8, doubles: bool, count in 0usize..600
        ) {
            let mut payload = if doubles {
                let numbers: Vec<f64> = (0..256).map(|i| f64::from(i) * 0.1).collect();
                compress(&numbers, ModeSpec::Auto).unwrap()
            } else {
                let numbers: Vec<i64> = (0..256).map(|i| i * i % 97).collect();
                compress(&numbers, ModeSpec::Classic).unwrap()
            };
            let at = at.index(payload.len());
            payload[at] = byte;
            let blob = with_checksum(&payload);
            let _ = read_integers(&mut Reader::new(&blob), count);
            let _ = read_doubles(&mut Reader::new(&blob), count);
        }

        #[test]
        fn rule_7_pco_refuses_noise(payload: Vec<u8>, count in 0usize..600) {
            let blob = with_checksum(&payload);
            let _ = read_integers(&mut Reader::new(&blob), count);
            let _ = read_doubles(&mut Reader::new(&blob), count);
        }
    }
}
