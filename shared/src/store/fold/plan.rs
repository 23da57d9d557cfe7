//! What a fold writes, given what the log says and what is folded already. No I/O.

use super::super::bucket;
use super::changes::{Change, Changes};
use super::chunks;
use super::segments::Bucket;
use crate::Error;
use crate::clock::Millis;
use crate::series::{Point, SeriesId};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What is folded already of the series that the log touches.
#[derive(Debug, Default)]
pub(super) struct Folded {
    /// segments of the buckets that may hold them: start, end and blob, ascending
    pub(super) segments: BTreeMap<i64, Vec<(Millis, Millis, Vec<u8>)>>,
    /// start and end of their chunks from the first that a point may fall into, ascending
    pub(super) chunks: HashMap<SeriesId, Vec<(Millis, Millis)>>,
    /// those whose row in `time_series` is older than a day
    pub(super) due: BTreeSet<SeriesId>,
}

/// Late points that fall into a closed chunk, by the chunk's start.
pub(super) type Late = BTreeMap<(SeriesId, Millis), BTreeMap<Millis, f64>>;

/// What maintenance knows of a series beyond its chunks.
#[derive(Debug, PartialEq)]
pub(super) struct Summary {
    pub(super) series: SeriesId,
    /// how many points it has in segments
    pub(super) points: usize,
    /// the first of those
    pub(super) first: Option<Millis>,
    /// median step of its newest points
    pub(super) resolution: Option<Millis>,
}

/// What is to be written. Rows are dropped before others are written.
#[derive(Debug, Default)]
pub(super) struct Writes {
    /// series whose chunks go
    pub(super) removed: Vec<SeriesId>,
    pub(super) dropped_chunks: Vec<(SeriesId, Millis)>,
    pub(super) chunks: Vec<(SeriesId, Vec<Point>)>,
    pub(super) dropped_segments: Vec<(i64, Millis)>,
    /// bucket, start, end, blob
    pub(super) segments: Vec<(i64, Millis, Millis, Vec<u8>)>,
    pub(super) summaries: Vec<Summary>,
}

/// Plans a fold, with buckets of `bits` bits for what is new. Late points are returned: their
/// chunks must be read yet.
pub(super) fn plan(changes: &Changes, folded: &Folded, bits: u32) -> Result<(Writes, Late), Error> {
    let mut writes = Writes::default();
    let mut late = Late::new();
    let mut buckets = Buckets::load(folded, bits, &mut writes)?;
    for (id, change) in changes {
        let bucket = buckets.of(*id);
        if change.deleted {
            writes.removed.push(*id);
            bucket.remove(*id);
        }
        let fresh = part_late(*id, change, folded, &mut late);
        let mut points: BTreeMap<Millis, f64> = bucket
            .get(*id)
            .into_iter()
            .map(|point| (point.timestamp, point.value))
            .collect();
        points.extend(&fresh);
        let all: Vec<Point> = points
            .into_iter()
            .map(|(timestamp, value)| Point { timestamp, value })
            .collect();
        let resolution = resolution(&all);
        let (closed, rest) = chunks::close(all);
        let summary = Summary {
            series: *id,
            points: rest.len(),
            first: rest.first().map(|point| point.timestamp),
            resolution,
        };
        if closed.is_empty() {
            bucket.add(*id, &fresh);
        } else {
            bucket.remove(*id);
            bucket.add(
                *id,
                &rest.into_iter().map(|point| (point.timestamp, point.value)).collect(),
            );
            writes.chunks.extend(closed.into_iter().map(|chunk| (*id, chunk)));
        }
        if folded.due.contains(id) {
            writes.summaries.push(summary);
        }
    }
    buckets.finish(&mut writes);
    Ok((writes, late))
}

/// Puts the points that fall into closed chunks aside and returns the others.
fn part_late(id: SeriesId, change: &Change, folded: &Folded, late: &mut Late) -> BTreeMap<Millis, f64> {
    let chunks = match folded.chunks.get(&id) {
        Some(chunks) if !change.deleted => chunks.as_slice(),
        _ => &[],
    };
    let mut fresh = BTreeMap::new();
    for (timestamp, value) in &change.points {
        match chunks::owner(chunks, *timestamp) {
            Some(at) => late.entry((id, chunks[at].0)).or_default().insert(*timestamp, *value),
            None => fresh.insert(*timestamp, *value),
        };
    }
    fresh
}

/// Takes late points into their chunks, as they were read.
pub(super) fn rewrite_chunk(
    (id, start): (SeriesId, Millis),
    chunk: Vec<Point>,
    late: &BTreeMap<Millis, f64>,
    writes: &mut Writes,
) {
    if let Some(parts) = chunks::rewrite(chunk, late) {
        if parts.first().and_then(|part| part.first()).map(|point| point.timestamp) != Some(start) {
            writes.dropped_chunks.push((id, start));
        }
        writes.chunks.extend(parts.into_iter().map(|part| (id, part)));
    }
}

/// The median step of the newest points.
fn resolution(points: &[Point]) -> Option<Millis> {
    let newest = &points[points.len().saturating_sub(64)..];
    let mut steps: Vec<Millis> = newest
        .windows(2)
        .map(|pair| pair[1].timestamp.saturating_sub(pair[0].timestamp))
        .collect();
    steps.sort_unstable();
    steps.get(steps.len() / 2).copied()
}

/// The buckets of a fold.
struct Buckets {
    bits: u32,
    open: BTreeMap<i64, Bucket>,
}

impl Buckets {
    /// Loads the buckets, and splits those that are larger than they should be: their rows go, and
    /// their points, older than what the log says, go to the smaller ones first.
    fn load(folded: &Folded, bits: u32, writes: &mut Writes) -> Result<Self, Error> {
        let mut buckets = Self {
            bits,
            open: BTreeMap::new(),
        };
        let mut split = Vec::new();
        for (bucket, stored) in &folded.segments {
            let loaded = Bucket::load(*bucket, stored)?;
            if bucket::bits_of(*bucket) < bits {
                loaded.drop_all(writes);
                split.push(loaded);
            } else {
                buckets.open.insert(*bucket, loaded);
            }
        }
        for parent in split {
            for id in parent.series() {
                let points = parent.get(id);
                let points = points.into_iter().map(|point| (point.timestamp, point.value)).collect();
                buckets.of(id).add(id, &points);
            }
        }
        Ok(buckets)
    }

    /// Where a series is, or is to be.
    fn of(&mut self, id: SeriesId) -> &mut Bucket {
        let there = bucket::ancestors(id, bucket::MAX_BITS).find(|bucket| self.open.contains_key(bucket));
        let bucket = there.unwrap_or_else(|| bucket::of(id, self.bits));
        self.open.entry(bucket).or_insert_with(|| Bucket::new(bucket))
    }

    fn finish(self, writes: &mut Writes) {
        for bucket in self.open.into_values() {
            bucket.finish(writes);
        }
    }
}
