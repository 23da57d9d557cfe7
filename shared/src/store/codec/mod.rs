//! How points are packed. Pure functions; no decoder panics or takes memory for a count that it
//! has not checked, whatever the bytes.
//!
//! A blob begins with its kind and its version. Readers keep accepting every version that was ever
//! shipped; `golden` holds a blob of each.

pub mod batch;
mod bytes;
pub mod chunk;
pub mod describe;
#[cfg(test)]
mod exact;
#[cfg(test)]
mod golden;
mod ids;
mod integers;
mod packed;
pub mod segment;
mod timestamps;
mod values;

use crate::clock::Millis;
use crate::series::Point;
use bytes::Reader;
use std::ops::RangeInclusive;

/// The most points of one blob: ten times what a request may carry, and 3 MiB once decoded.
pub const MAX_POINTS: usize = 131_072;

/// Bytes that are not a blob of ours, or not of a version that this program knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum CodecError {
    #[error("the blob ends too early")]
    Truncated,
    #[error("a blob of kind {0} is not expected here")]
    UnknownKind(u8),
    #[error("version {version} of blobs of kind {kind} is newer than this program")]
    UnknownVersion { kind: u8, version: u8 },
    #[error("the blob is damaged: {0}")]
    Invalid(&'static str),
}

impl From<CodecError> for crate::Error {
    fn from(error: CodecError) -> Self {
        Self::unavailable(error.to_string())
    }
}

/// The first byte of a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Kind {
    Points = 1,
    Tombstone = 2,
    Segment = 3,
    Chunk = 4,
}

impl Kind {
    fn of(byte: u8) -> Result<Self, CodecError> {
        [Self::Points, Self::Tombstone, Self::Segment, Self::Chunk]
            .into_iter()
            .find(|kind| *kind as u8 == byte)
            .ok_or(CodecError::UnknownKind(byte))
    }

    /// Reads the first two bytes, which must be this kind and one of these versions.
    fn expect(self, reader: &mut Reader<'_>, readable: RangeInclusive<u8>) -> Result<(), CodecError> {
        let (kind, version) = (reader.u8()?, reader.u8()?);
        if kind != self as u8 {
            return Err(CodecError::UnknownKind(kind));
        }
        if !readable.contains(&version) {
            return Err(CodecError::UnknownVersion { kind, version });
        }
        Ok(())
    }
}

fn ascending(times: &[Millis]) -> Result<(), CodecError> {
    if times.windows(2).all(|pair| pair[0] < pair[1]) {
        Ok(())
    } else {
        Err(CodecError::Invalid("points out of order"))
    }
}

fn zip(times: &[Millis], values: &[f64]) -> Vec<Point> {
    times
        .iter()
        .zip(values)
        .map(|(timestamp, value)| Point {
            timestamp: *timestamp,
            value: *value,
        })
        .collect()
}
