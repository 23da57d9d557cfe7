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

/// A column of fewer numbers is packed at a level that takes half as long for next to no more bytes: it will be packed again
/// when its chunk grows (`cargo bench -p intentvision --bench codec`).
const LONG: usize = 1_024;
const QUICK: usize = 4;
const THOROUGH: usize = 8;

/// The mode of `pco`, in the low bits of a chunk's first byte, whose dictionary may claim 2^25 entries, for
/// which it takes memory before it sees one. It is not written here.
const DICTIONARY: u8 = 4;
/// What `pco` writes: the numbers themselves, or
pub(super) const THEMSELVES: &[DeltaSpec] = &[DeltaSpec::NoOp];
/// the difference of each from the one before,
pub(super) const DIFFERENCES: &[DeltaSpec] = &[DeltaSpec::TryConsecutive(1)];
/// or the smaller of both, which takes twice as long to find.
pub(super) const EITHER: &[DeltaSpec] = &[DeltaSpec::TryConsecutive(1), DeltaSpec::NoOp];

/// A column of numbers in the smallest of these ways; `None` if `pco` refuses them.
pub(super) fn column<T: Number>(numbers: &[T], mode: &ModeSpec, ways: &[DeltaSpec]) -> Option<Vec<u8>> {
    ways.iter()
        .filter_map(|way| compress(numbers, mode, way).ok())
        .min_by_key(Vec::len)
        .map(with_checksum)
}

fn with_checksum(payload: Vec<u8>) -> Vec<u8> {
    let mut column = Vec::with_capacity(payload.len() + 8);
    put_varint(&mut column, payload.len() as u64);
    column.extend_from_slice(&crc32fast::hash(&payload).to_le_bytes());
    column.extend_from_slice(&payload);
    column
}

fn compress<T: Number>(numbers: &[T], mode: &ModeSpec, way: &DeltaSpec) -> pco::errors::PcoResult<Vec<u8>> {
    let level = if numbers.len() < LONG { QUICK } else { THOROUGH };
    let config = ChunkConfig::default()
        .with_compression_level(level)
        .with_mode_spec(mode.clone())
        .with_delta_spec(way.clone())
        .with_paging_spec(PagingSpec::Exact(vec![numbers.len()]));
    let file = FileCompressor::default();
    let mut payload = Vec::new();
    file.write_header(&mut payload)?;
    let mut chunk = file.chunk_compressor(numbers, &config)?;
    chunk.write_meta(&mut payload)?;
    chunk.write_page(0, &mut payload)?;
    Ok(payload)
}

/// Reads `count` numbers; the caller has bounded `count`.
pub(super) fn read<T: Number + Default>(reader: &mut Reader<'_>, count: usize) -> Result<Vec<T>, CodecError> {
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
    if rest.first().is_some_and(|first| first & 0x0f == DICTIONARY) {
        return Ok(Vec::new());
    }
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

    #[test]
    fn rule_7_a_dictionary_is_refused_before_memory_is_taken_for_it() {
        let numbers: Vec<i64> = (0..256).map(|i| i % 3 * 1_000_003).collect();
        let payload = compress(&numbers, &ModeSpec::TryDict, &DeltaSpec::NoOp).unwrap();
        assert_eq!(payload[2] & 0x0f, DICTIONARY);
        let blob = with_checksum(payload);
        let refused = CodecError::Invalid("a column that pco refuses");
        assert_eq!(read::<i64>(&mut Reader::new(&blob), 256), Err(refused));
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
                compress(&numbers, &ModeSpec::Auto, &DeltaSpec::TryConsecutive(1)).unwrap()
            } else {
                let numbers: Vec<i64> = (0..256).map(|i| i * i % 97).collect();
                compress(&numbers, &ModeSpec::Classic, &DeltaSpec::TryConsecutive(1)).unwrap()
            };
            let at = at.index(payload.len());
            payload[at] = byte;
            let blob = with_checksum(payload);
            let _ = read::<i64>(&mut Reader::new(&blob), count);
            let _ = read::<f64>(&mut Reader::new(&blob), count);
        }

        #[test]
        fn rule_7_pco_refuses_noise(payload: Vec<u8>, count in 0usize..600) {
            let blob = with_checksum(payload);
            let _ = read::<i64>(&mut Reader::new(&blob), count);
            let _ = read::<f64>(&mut Reader::new(&blob), count);
        }
    }
}
