//! The blob of a chunk: points of one series. Kind, version, count, timestamps, values.
//!
//! Version 2 may have its timestamps in `pco`; else the versions are alike.

use super::bytes::{Reader, put_varint};
use super::{CodecError, Kind, MAX_POINTS, ascending, timestamps, values};
use crate::series::Point;
use std::ops::RangeInclusive;

const VERSION: u8 = 2;
const READABLE: RangeInclusive<u8> = 1..=VERSION;

/// The blob of points that ascend in time, at most [`MAX_POINTS`].
#[must_use]
pub fn encode(points: &[Point]) -> Vec<u8> {
    debug_assert!(points.len() <= MAX_POINTS);
    let mut out = vec![Kind::Chunk as u8, VERSION];
    put_varint(&mut out, points.len() as u64);
    let times: Vec<i64> = points.iter().map(|point| point.timestamp).collect();
    timestamps::put_smallest(&mut out, &times);
    let numbers: Vec<f64> = points.iter().map(|point| point.value).collect();
    values::put_smallest(&mut out, &numbers);
    out
}

/// Reads a chunk.
///
/// # Errors
/// [`CodecError`] for anything that [`encode`] never wrote.
pub fn decode(blob: &[u8]) -> Result<Vec<Point>, CodecError> {
    let mut reader = Reader::new(blob);
    Kind::Chunk.expect(&mut reader, READABLE)?;
    let count = reader.count(MAX_POINTS)?;
    let times = timestamps::read(&mut reader, count)?;
    ascending(&times)?;
    let numbers = values::read(&mut reader, count)?;
    reader.finish()?;
    Ok(super::zip(&times, &numbers))
}
