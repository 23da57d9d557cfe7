//! The blob of a row of the log: points of many series, or the tombstone of some.
//!
//! Points: kind, version, the ids, how many points each series has, all timestamps
//! and all values, by series and time. Tombstone: kind, version, the ids.

use super::bytes::Reader;
use super::{CodecError, Kind, MAX_POINTS, ids, integers, timestamps, values};
use crate::series::SeriesId;
use crate::store::Sample;

const POINTS_VERSION: u8 = 1;
const TOMBSTONE_VERSION: u8 = 1;

/// What a row of the log says.
#[derive(Debug, Clone, PartialEq)]
pub enum Entry {
    /// these points were accepted; by series and time, none twice
    Points(Vec<Sample>),
    /// everything of these series up to here is gone; ascending
    Tombstone(Vec<SeriesId>),
}

/// The blob of one accepted request: at most [`MAX_POINTS`] samples in the order
/// of the request. Of several for the same series and timestamp the last wins.
#[must_use]
pub fn encode(samples: &[Sample]) -> Vec<u8> {
    debug_assert!(samples.len() <= MAX_POINTS);
    // by value, so that the sort reads memory in a row; the place decides among equals
    let mut order: Vec<(SeriesId, i64, u32)> = samples
        .iter()
        .zip(0..)
        .map(|(sample, place)| (sample.series_id, sample.timestamp, place))
        .collect();
    order.sort_unstable();
    let mut series: Vec<SeriesId> = Vec::new();
    let mut counts: Vec<i64> = Vec::new();
    let mut times: Vec<i64> = Vec::with_capacity(order.len());
    let mut numbers: Vec<f64> = Vec::with_capacity(order.len());
    for (at, (series_id, timestamp, place)) in order.iter().enumerate() {
        let same = |next: &(SeriesId, i64, u32)| next.0 == *series_id && next.1 == *timestamp;
        if order.get(at + 1).is_some_and(same) {
            continue;
        }
        match counts.last_mut() {
            Some(count) if series.last() == Some(series_id) => *count += 1,
            _ => {
                series.push(*series_id);
                counts.push(1);
            }
        }
        times.push(*timestamp);
        numbers.push(samples[*place as usize].value);
    }
    let mut out = Vec::with_capacity(16 + 8 * series.len() + 4 * times.len());
    out.extend([Kind::Points as u8, POINTS_VERSION]);
    ids::put(&mut out, &series);
    integers::put(&mut out, &counts);
    timestamps::put(&mut out, &times);
    values::put(&mut out, &numbers);
    out
}

/// The blob of a deletion of these series.
#[must_use]
pub fn encode_tombstone(series: &[SeriesId]) -> Vec<u8> {
    let mut series = series.to_vec();
    series.sort_unstable();
    series.dedup();
    let mut out = vec![Kind::Tombstone as u8, TOMBSTONE_VERSION];
    ids::put(&mut out, &series);
    out
}

/// Reads a row of the log.
///
/// # Errors
/// [`CodecError`] for anything that [`encode`] and [`encode_tombstone`] never wrote.
pub fn decode(blob: &[u8]) -> Result<Entry, CodecError> {
    let mut reader = Reader::new(blob);
    let kind = reader.u8()?;
    let version = reader.u8()?;
    let entry = match (Kind::of(kind)?, version) {
        (Kind::Points, POINTS_VERSION) => Entry::Points(points(&mut reader)?),
        (Kind::Tombstone, TOMBSTONE_VERSION) => Entry::Tombstone(ids::read(&mut reader)?),
        (Kind::Points | Kind::Tombstone, _) => return Err(CodecError::UnknownVersion { kind, version }),
        _ => return Err(CodecError::UnknownKind(kind)),
    };
    reader.finish()?;
    Ok(entry)
}

fn points(reader: &mut Reader<'_>) -> Result<Vec<Sample>, CodecError> {
    let series = ids::read(reader)?;
    let counts = integers::read(reader, series.len())?;
    let total = counts.iter().try_fold(0usize, |total, count| {
        let count = usize::try_from(*count)
            .ok()
            .filter(|count| (1..=MAX_POINTS).contains(count))?;
        Some(total + count).filter(|total| *total <= MAX_POINTS)
    });
    let total = total.ok_or(CodecError::Invalid("a count beyond the limit"))?;
    let times = timestamps::read(reader, total)?;
    let numbers = values::read(reader, total)?;
    let mut samples: Vec<Sample> = Vec::with_capacity(total);
    let each = series
        .iter()
        .zip(&counts)
        .flat_map(|(id, count)| std::iter::repeat_n(*id, usize::try_from(*count).unwrap_or(0)));
    for ((series_id, timestamp), value) in each.zip(times).zip(numbers) {
        if samples
            .last()
            .is_some_and(|last| last.series_id == series_id && last.timestamp >= timestamp)
        {
            return Err(CodecError::Invalid("points out of order"));
        }
        samples.push(Sample {
            series_id,
            timestamp,
            value,
        });
    }
    Ok(samples)
}
