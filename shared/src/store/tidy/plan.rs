//! What the tidy does to a group of series. No I/O.

use super::super::fold::plan::resolution;
use super::super::layout::{Buckets, Header, Summary, Writes, chunks};
use super::read::{Group, Known};
use crate::Error;
use crate::clock::Millis;
use crate::series::{Point, SeriesId};
use std::collections::{BTreeMap, HashMap};

/// Bytes of chunks that one group rewrites, so that a batch stays small. The group ends before the
/// series that would pass it.
const REWRITTEN_BYTES: usize = 1024 * 1024;

/// Chunks that follow each other and become one, or some; late points go into them.
#[derive(Debug)]
struct Rewrite {
    series: SeriesId,
    starts: Vec<Millis>,
    late: BTreeMap<Millis, f64>,
    /// rather than only late points to take in
    merges: bool,
}

/// The plan for a group.
#[derive(Debug, Default)]
pub(in super::super) struct Plan {
    /// how many series of the group it is for
    pub(in super::super) taken: usize,
    pub(in super::super) writes: Writes,
    /// series of which nothing is folded any more
    pub(in super::super) expired: Vec<SeriesId>,
    rewrites: Vec<Rewrite>,
}

/// Plans for as many series of the group as fit into one batch, at least one.
///
/// # Errors
/// 503 for a segment that cannot be decoded.
pub(in super::super) fn plan(group: &Group) -> Result<Plan, Error> {
    let mut plan = Plan::default();
    let mut buckets = Buckets::load(&group.stored, group.before.bits, &mut plan.writes)?;
    let mut bytes = 0;
    for series in &group.series {
        let headers = group.stored.chunks.get(&series.id).map_or(&[][..], Vec::as_slice);
        let rewrites = plan.series(series, headers, &mut buckets, group.kept_from);
        plan.taken += 1;
        bytes += rewrites;
        if bytes > REWRITTEN_BYTES {
            break;
        }
    }
    buckets.finish(&mut plan.writes);
    Ok(plan)
}

impl Plan {
    /// The bytes of the chunks that must be read.
    fn series(
        &mut self,
        series: &Known,
        headers: &[Header],
        buckets: &mut Buckets,
        kept_from: Option<Millis>,
    ) -> usize {
        let kept_from = kept_from.unwrap_or(Millis::MIN);
        let id = series.id;
        let gone = headers.partition_point(|chunk| chunk.end < kept_from);
        let (gone, headers) = headers.split_at(gone);
        self.writes
            .dropped_chunks
            .extend(gone.iter().map(|chunk| (id, chunk.start)));
        let bucket = buckets.of(id);
        if let Some(before) = kept_from.checked_sub(1) {
            bucket.take_until(id, before);
        }
        let late = match headers.last() {
            Some(newest) if chunks::fills(newest, bucket.get(id).len()) => bucket.take_until(id, Millis::MAX),
            Some(newest) => bucket.take_until(id, newest.end),
            None => BTreeMap::new(),
        };
        let left = bucket.get(id);
        let late_count = late.len();
        let oldest = late.keys().next().copied();
        let bytes = self.rewrites_of(id, headers, late);

        let starts = [
            headers.first().map(|chunk| chunk.start),
            oldest,
            left.first().map(|point| point.timestamp),
        ];
        let start = starts.into_iter().flatten().min();
        let points = headers.iter().map(|chunk| chunk.points).sum::<usize>() + late_count + left.len();
        if points == 0 {
            if gone.len() + usize::from(series.point_count.is_some()) > 0 {
                self.expired.push(id);
            }
        } else if late_count > 0 || series.point_count != i64::try_from(points).ok() || series.start != start {
            self.writes.summaries.push(Summary {
                series: id,
                points: left.len(),
                first: left.first().map(|point| point.timestamp),
                resolution: resolution(&left),
            });
        }
        bytes
    }

    fn rewrites_of(&mut self, series: SeriesId, headers: &[Header], late: BTreeMap<Millis, f64>) -> usize {
        let mut by_chunk: BTreeMap<usize, BTreeMap<Millis, f64>> = BTreeMap::new();
        for (timestamp, value) in late {
            if let Some(at) = chunks::owner(headers, timestamp).or(headers.len().checked_sub(1)) {
                by_chunk.entry(at).or_default().insert(timestamp, value);
            }
        }
        let mut bytes = 0;
        let mut add = |range: std::ops::Range<usize>, late, merges| {
            let within = &headers[range];
            bytes += within.iter().map(|chunk| chunk.bytes).sum::<usize>();
            self.rewrites.push(Rewrite {
                series,
                starts: within.iter().map(|chunk| chunk.start).collect(),
                late,
                merges,
            });
        };
        for range in chunks::mergeable(headers) {
            let mut late = BTreeMap::new();
            for at in range.clone() {
                late.extend(by_chunk.remove(&at).unwrap_or_default());
            }
            add(range, late, true);
        }
        for (at, late) in by_chunk {
            add(at..at + 1, late, false);
        }
        bytes
    }

    /// The chunks that must be read.
    pub(in super::super) fn wanted(&self) -> Vec<(SeriesId, Millis)> {
        let keys =
            |rewrite: &Rewrite| -> Vec<_> { rewrite.starts.iter().map(|start| (rewrite.series, *start)).collect() };
        self.rewrites.iter().flat_map(keys).collect()
    }

    /// Plans what becomes of the chunks that were read.
    pub(in super::super) fn rewrite(&mut self, mut read: HashMap<(SeriesId, Millis), Vec<Point>>) {
        for rewrite in std::mem::take(&mut self.rewrites) {
            let series = rewrite.series;
            let chunks = rewrite
                .starts
                .iter()
                .map(|start| read.remove(&(series, *start)).unwrap_or_default());
            let points: Vec<Point> = chunks.flatten().collect();
            let points = match chunks::merge(&points, &rewrite.late) {
                Some(merged) => merged,
                None if rewrite.merges => points,
                // all of it was known
                None => continue,
            };
            self.writes
                .replace(series, rewrite.starts.into_iter(), chunks::pack(&points));
        }
    }
}
