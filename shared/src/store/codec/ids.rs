//! The column of series at the head of a blob: a count in 4 bytes, then each id in 8 bytes,
//! big-endian, ascending. It begins at the third byte of the blob, so that SQL can look for an id
//! with `instr`; only a hit at offset 6 + 8 n is one, and decoding decides.

use super::bytes::Reader;
use super::{CodecError, MAX_POINTS};
use crate::series::SeriesId;

/// Writes the column; `ids` ascend, none twice.
pub(super) fn put(out: &mut Vec<u8>, ids: &[SeriesId]) {
    out.extend_from_slice(&u32::try_from(ids.len()).unwrap_or(u32::MAX).to_be_bytes());
    for id in ids {
        out.extend_from_slice(&id.raw().to_be_bytes());
    }
}

/// Reads the column.
pub(super) fn read(reader: &mut Reader<'_>) -> Result<Vec<SeriesId>, CodecError> {
    let count = super::bytes::bounded(u64::from(reader.u32_be()?), MAX_POINTS)?;
    let bytes = reader.take(count * 8)?;
    let mut ids: Vec<SeriesId> = Vec::with_capacity(count);
    for bytes in bytes.chunks_exact(8) {
        let mut raw = [0; 8];
        raw.copy_from_slice(bytes);
        let id = SeriesId::from_raw(i64::from_be_bytes(raw)).ok_or(CodecError::Invalid("a negative series id"))?;
        if ids.last().is_some_and(|last| *last >= id) {
            return Err(CodecError::Invalid("series out of order"));
        }
        ids.push(id);
    }
    Ok(ids)
}
