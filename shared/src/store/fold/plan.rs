//! What a fold writes, given what the log says and what is folded already. No I/O.

use super::super::layout::chunks::{self, CLOSE};
use super::super::layout::{Buckets, Header, Stored, Summary, Writes, overlaid};
use super::changes::Change;
use crate::Error;
use crate::clock::Millis;
use crate::series::{Point, SeriesId};
use std::collections::{BTreeMap, BTreeSet};

/// Points that leave the segments and shall be packed together with their series' newest chunk, by
/// its start. It must be read yet.
pub(in super::super) type Joins = BTreeMap<(SeriesId, Millis), Vec<Point>>;

/// Plans a fold, with buckets of `bits` bits for what is new. The series in `unknown` have no summary yet.
///
/// # Errors
/// 503 for a segment that cannot be decoded.
pub(in super::super) fn plan(
    changes: &[(SeriesId, Change)],
    stored: &Stored,
    bits: u32,
    unknown: &BTreeSet<SeriesId>,
) -> Result<(Writes, Joins), Error> {
    let mut writes = Writes::default();
    let mut joins = Joins::new();
    let mut buckets = Buckets::load(stored, bits, &mut writes)?;
    for (id, change) in changes {
        let bucket = buckets.of(*id);
        if change.deleted {
            writes.removed.push(*id);
            bucket.remove(*id);
        }
        let chunks = match stored.chunks.get(id) {
            Some(chunks) if !change.deleted => chunks.as_slice(),
            _ => &[],
        };
        let points = overlaid(bucket.get(*id), &change.points);
        let mut parted = Parted::of(points, chunks, change);
        let resolution = resolution(&parted.newer);
        let leaving = chunks::leave(chunks.last(), &mut parted.newer);
        if unknown.contains(id) {
            writes.summaries.push(parted.summary(*id, resolution));
        }
        if leaving.join.is_empty() && leaving.alone.is_empty() && parted.lots.is_empty() {
            bucket.add(*id, &change.points);
        } else {
            bucket.remove(*id);
            bucket.add(*id, &parted.rest());
        }
        for lot in parted.lots {
            writes.replace(*id, std::iter::empty(), chunks::pack(&lot));
        }
        writes.replace(*id, std::iter::empty(), chunks::pack(&leaving.alone));
        if let Some(newest) = chunks.last().filter(|_| !leaving.join.is_empty()) {
            joins.insert((*id, newest.start), leaving.join);
        }
    }
    buckets.finish(&mut writes);
    Ok((writes, joins))
}

/// Packs points together with the newest chunk of their series, as it was read.
pub(in super::super) fn join(
    (id, start): (SeriesId, Millis),
    mut chunk: Vec<Point>,
    closed: &[Point],
    writes: &mut Writes,
) {
    chunk.extend_from_slice(closed);
    writes.replace(id, std::iter::once(start), chunks::pack(&chunk));
}

/// The points of a series that are not in chunks, by where they lie.
struct Parted {
    /// newer than all chunks
    newer: Vec<Point>,
    /// enough of them between two chunks, or before the first: chunks of their own
    lots: Vec<Vec<Point>>,
    /// late ones that wait for the daily tidy, so that no chunk is rewritten for each of them
    late: Vec<Point>,
}

impl Parted {
    /// `chunks` are those from the first on that a point of `change` may fall into.
    fn of(points: Vec<Point>, chunks: &[Header], change: &Change) -> Self {
        let mut parted = Self {
            newer: Vec::new(),
            lots: Vec::new(),
            late: Vec::new(),
        };
        // if a chunk begins before the change, there may be others that were not read
        let first = chunks.first().map_or(Millis::MAX, |chunk| chunk.start);
        let oldest = change.points.first().map_or(Millis::MIN, |point| point.timestamp);
        let seen_from = if first <= oldest { first } else { Millis::MIN };
        let newest = chunks.last().map(|chunk| chunk.end);
        if newest.is_none_or(|end| points.first().is_none_or(|first| first.timestamp > end)) {
            parted.newer = points;
            return parted;
        }
        let mut gaps: BTreeMap<usize, Vec<Point>> = BTreeMap::new();
        for point in points {
            let timestamp = point.timestamp;
            let next = chunks.partition_point(|chunk| chunk.start <= timestamp);
            let within = next > 0 && timestamp <= chunks[next - 1].end;
            if within || timestamp < seen_from {
                parted.late.push(point);
            } else if next == chunks.len() {
                parted.newer.push(point);
            } else {
                gaps.entry(next).or_default().push(point);
            }
        }
        for lot in gaps.into_values() {
            if lot.len() >= CLOSE {
                parted.lots.push(lot);
            } else {
                parted.late.extend(lot);
            }
        }
        parted.late.sort_unstable_by_key(|point| point.timestamp);
        parted
    }

    /// Once what closes is out: that is counted with the chunks.
    fn summary(&self, series: SeriesId, resolution: Option<Millis>) -> Summary {
        let newer = self.newer.first().map(|point| point.timestamp);
        Summary {
            series,
            points: self.newer.len() + self.late.len(),
            first: self.late.first().map(|point| point.timestamp).or(newer),
            resolution,
        }
    }

    /// What stays in segments.
    fn rest(&self) -> Vec<Point> {
        [&self.late[..], &self.newer].concat()
    }
}

/// The median step of the newest points.
pub(in super::super) fn resolution(points: &[Point]) -> Option<Millis> {
    let newest = &points[points.len().saturating_sub(64)..];
    let mut steps: Vec<Millis> = newest
        .windows(2)
        .map(|pair| pair[1].timestamp.saturating_sub(pair[0].timestamp))
        .collect();
    steps.sort_unstable();
    steps.get(steps.len() / 2).copied()
}
