//! The blob of a segment: points of neighbouring series that have too few for chunks of their own.
//!
//! Kind, version, the ids, the distinct lists of timestamps (most series of a bucket
//! are scraped together, so one list serves many), which list each series has, and each series'
//! values.

use super::bytes::{Reader, put_varint};
use super::{CodecError, Kind, MAX_POINTS, ascending, ids, integers, timestamps, values};
use crate::clock::Millis;
use crate::series::{Point, SeriesId};
use std::collections::{BTreeMap, HashMap};

const VERSION: u8 = 1;

/// What a segment holds: each series' points, ascending in time, none empty.
pub type Series = BTreeMap<SeriesId, Vec<Point>>;

/// The blob of these series; at most [`MAX_POINTS`] points in all.
#[must_use]
pub fn encode(series: &Series) -> Vec<u8> {
    debug_assert!(series.values().map(Vec::len).sum::<usize>() <= MAX_POINTS);
    let mut out = vec![Kind::Segment as u8, VERSION];
    ids::put(&mut out, &series.keys().copied().collect::<Vec<_>>());
    let mut known: HashMap<Vec<Millis>, i64> = HashMap::new();
    let mut lists: Vec<Vec<Millis>> = Vec::new();
    let mut which: Vec<i64> = Vec::with_capacity(series.len());
    for points in series.values() {
        let times: Vec<Millis> = points.iter().map(|point| point.timestamp).collect();
        which.push(*known.entry(times).or_insert_with_key(|times| {
            lists.push(times.clone());
            lists.len() as i64 - 1
        }));
    }
    put_varint(&mut out, lists.len() as u64);
    for list in &lists {
        put_varint(&mut out, list.len() as u64);
        timestamps::put(&mut out, list);
    }
    integers::put(&mut out, &which);
    for points in series.values() {
        let numbers: Vec<f64> = points.iter().map(|point| point.value).collect();
        values::put(&mut out, &numbers);
    }
    out
}

/// Reads a segment.
///
/// # Errors
/// [`CodecError`] for anything that [`encode`] never wrote.
pub fn decode(blob: &[u8]) -> Result<Series, CodecError> {
    let mut reader = Reader::new(blob);
    Kind::Segment.expect(&mut reader, VERSION..=VERSION)?;
    let ids = ids::read(&mut reader)?;
    let mut room = MAX_POINTS;
    let lists = reader.count(ids.len())?;
    let mut known: Vec<Vec<Millis>> = Vec::with_capacity(lists);
    for _ in 0..lists {
        let count = reader.count(room)?;
        room -= count;
        let list = timestamps::read(&mut reader, count)?;
        ascending(&list)?;
        known.push(list);
    }
    let which = integers::read(&mut reader, ids.len())?;
    let mut room = MAX_POINTS;
    let mut series = Series::new();
    for (id, list) in ids.iter().zip(which) {
        let list = usize::try_from(list)
            .ok()
            .and_then(|list| known.get(list))
            .ok_or(CodecError::Invalid("a list of timestamps that is not there"))?;
        room = room
            .checked_sub(list.len())
            .ok_or(CodecError::Invalid("a count beyond the limit"))?;
        let numbers = values::read(&mut reader, list.len())?;
        series.insert(*id, super::zip(list, &numbers));
    }
    reader.finish()?;
    Ok(series)
}
