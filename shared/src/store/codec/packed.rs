//! Columns compressed by `pco`, for chunks. Each has its length and a CRC-32 in front, so that what
//! was damaged is refused before the library takes memory for it.

use super::CodecError;
use super::bytes::{Reader, bounded, put_varint};
use pco::data_types::Number;
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
    decompress(payload, count).map_err(|_| CodecError::Invalid("a column that pco refuses"))
}

fn decompress<T: Number + Default>(payload: &[u8], count: usize) -> pco::errors::PcoResult<Vec<T>> {
    let (file, rest) = FileDecompressor::new(payload)?;
    let (mut chunk, rest) = file.chunk_decompressor::<T, _>(rest)?;
    let mut numbers = vec![T::default(); count];
    let mut page = chunk.page_decompressor(rest, count)?;
    page.read(&mut numbers)?;
    Ok(numbers)
}
