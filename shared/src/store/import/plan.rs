//! What an import writes, given what is folded already of its series. No I/O.

use super::super::Sample;
use super::super::fold::plan::resolution;
use super::super::layout::{Buckets, Header, Stored, Summary, Writes, chunks};
use crate::Error;
use crate::clock::Millis;
use crate::series::{Point, SeriesId};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::RangeInclusive;

/// About so many bytes one batch may have,
pub(super) const MOST_BYTES: usize = 1_500_000;
/// of which a statement takes so many besides its blob,
const STEP_BYTES: usize = 600;
/// and so many rows.
const MOST_ROWS: usize = 2_000;

/// A stretch of a series that is packed anew: points that are imported, the chunks that they fall into
/// or join, and what the segments have within.
#[derive(Debug)]
struct Stretch {
    series: SeriesId,
    chunks: Vec<Header>,
    /// segments under what is imported
    points: BTreeMap<Millis, f64>,
}

/// The plan for a group.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) writes: Writes,
    stretches: Vec<Stretch>,
}

impl Plan {
    /// Plans for samples that are sorted by series and time; series that are not among the `known` get a
    /// summary.
    ///
    /// # Errors
    /// 503 for a segment that cannot be decoded.
    pub(super) fn new(group: &[Sample], stored: &Stored, bits: u32, known: &HashSet<SeriesId>) -> Result<Self, Error> {
        let mut plan = Self::default();
        let mut buckets = Buckets::load(stored, bits, &mut plan.writes)?;
        for samples in group.chunk_by(|a, b| a.series_id == b.series_id) {
            let id = samples[0].series_id;
            let points: Vec<Point> = samples
                .iter()
                .map(|sample| Point {
                    timestamp: sample.timestamp,
                    value: sample.value,
                })
                .collect();
            let headers = stored.chunks.get(&id).map_or(&[][..], Vec::as_slice);
            let bucket = buckets.of(id);
            let in_segments = bucket.get(id);
            let mut left = in_segments.clone();
            let mut open = Vec::new();
            for (span, chunks) in stretches(&points, headers, &in_segments) {
                let mut all = by_time(of_span(&in_segments, &span));
                all.extend(by_time(of_span(&points, &span)));
                if chunks.is_empty() && !are_enough(&all) {
                    let point = |(timestamp, value)| Point { timestamp, value };
                    open.push(all.into_iter().map(point).collect::<Vec<_>>());
                    continue;
                }
                left.retain(|point| !span.contains(&point.timestamp));
                plan.stretches.push(Stretch {
                    series: id,
                    chunks,
                    points: all,
                });
            }
            if left.len() < in_segments.len() {
                bucket.remove(id);
                bucket.add(id, &left);
            }
            for points in open {
                bucket.add(id, &points);
            }
            if !known.contains(&id) {
                let left = bucket.get(id);
                plan.writes.summaries.push(Summary {
                    series: id,
                    points: left.len(),
                    first: left.first().map(|point| point.timestamp),
                    resolution: resolution(&points),
                });
            }
        }
        buckets.finish(&mut plan.writes);
        Ok(plan)
    }

    /// The chunks that must be read.
    pub(super) fn wanted(&self) -> Vec<(SeriesId, Millis)> {
        let keys = |stretch: &Stretch| -> Vec<_> {
            let starts = stretch.chunks.iter().map(|chunk| chunk.start);
            starts.map(|start| (stretch.series, start)).collect()
        };
        self.stretches.iter().flat_map(keys).collect()
    }

    /// Plans what becomes of the chunks that were read.
    pub(super) fn merge(&mut self, mut read: HashMap<(SeriesId, Millis), Vec<Point>>) {
        for stretch in std::mem::take(&mut self.stretches) {
            let id = stretch.series;
            let old = stretch.chunks.iter().map(|chunk| chunk.start);
            let before: Vec<Point> = old
                .clone()
                .filter_map(|start| read.remove(&(id, start)))
                .flatten()
                .collect();
            if let Some(points) = chunks::merge(&before, &stretch.points) {
                self.writes.replace(id, old, chunks::pack(&points));
            }
        }
    }

    /// Whether it is more than one batch should hold; also once its chunks are known and not yet read.
    pub(super) fn is_too_large(&self) -> bool {
        let chunks = self.writes.chunks.iter().map(|(_, chunk)| chunk.blob.len());
        let segments = self.writes.segments.iter().map(|(_, _, _, blob)| blob.len());
        let unread = self
            .stretches
            .iter()
            .flat_map(|stretch| &stretch.chunks)
            .map(|chunk| chunk.bytes);
        let (rows, bytes) = chunks
            .chain(segments)
            .chain(unread)
            .fold((0, 0), |(rows, bytes), blob| {
                (rows + 1, bytes + blob.div_ceil(3) * 4 + STEP_BYTES)
            });
        rows > MOST_ROWS || bytes > MOST_BYTES
    }
}

/// Whether points are enough for a chunk of their own. Else they stay in segments, which win over chunks:
/// a sparse series must not cost a row a point.
fn are_enough(points: &BTreeMap<Millis, f64>) -> bool {
    let point = |(timestamp, value): (&Millis, &f64)| Point {
        timestamp: *timestamp,
        value: *value,
    };
    !chunks::close(&mut points.iter().map(point).collect()).is_empty()
}

/// Cuts the points of a series into stretches, each with the chunks that it takes in. Between two
/// stretches there is a chunk that stays as it is.
///
/// What the segments hold after the last chunk is taken along up to the last point: open points of a
/// series come after its chunks.
fn stretches(
    points: &[Point],
    headers: &[Header],
    in_segments: &[Point],
) -> Vec<(RangeInclusive<Millis>, Vec<Header>)> {
    let Some(last) = points.last().map(|point| point.timestamp) else {
        return Vec::new();
    };
    let begun = headers.partition_point(|chunk| chunk.start <= last);
    let closed_until = begun.checked_sub(1).map(|at| headers[at].end);
    let open = in_segments
        .iter()
        .filter(|point| closed_until.is_none_or(|end| point.timestamp > end) && point.timestamp <= last);

    // places in the order of time: the gap before the first chunk, that chunk, the gap after it, ...
    let mut places: BTreeMap<usize, Place> = BTreeMap::new();
    for timestamp in points.iter().chain(open).map(|point| point.timestamp) {
        let next = headers.partition_point(|chunk| chunk.start <= timestamp);
        let within = next > 0 && timestamp <= headers[next - 1].end;
        let place = places.entry(2 * next - usize::from(within)).or_default();
        place.points += 1;
        place.first = place.first.min(timestamp);
        place.last = place.last.max(timestamp);
    }
    let joined: Vec<usize> = places
        .iter()
        .filter(|(at, place)| *at % 2 == 0 && **at > 0 && chunks::joins(&headers[*at / 2 - 1], place.points))
        .map(|(at, _)| at - 1)
        .collect();
    for at in joined {
        places.entry(at).or_default();
    }

    let mut stretches: Vec<(RangeInclusive<Millis>, Vec<Header>)> = Vec::new();
    let mut before = None;
    for (at, place) in places {
        let chunk = (at % 2 == 1).then(|| headers[at / 2]);
        let first = chunk.map_or(place.first, |chunk| chunk.start);
        let end = chunk.map_or(place.last, |chunk| chunk.end);
        // two gaps have a chunk in between that is in neither
        let adjacent = before.is_some_and(|before| at - before == 1 || (at - before == 2 && chunk.is_some()));
        match stretches.last_mut().filter(|_| adjacent) {
            Some((span, chunks)) => {
                *span = *span.start()..=end;
                chunks.extend(chunk);
            }
            None => stretches.push((first..=end, chunk.into_iter().collect())),
        }
        before = Some(at);
    }
    stretches
}

/// What falls into a chunk or a gap.
struct Place {
    points: usize,
    first: Millis,
    last: Millis,
}

impl Default for Place {
    fn default() -> Self {
        Self {
            points: 0,
            first: Millis::MAX,
            last: Millis::MIN,
        }
    }
}

fn of_span<'p>(points: &'p [Point], span: &RangeInclusive<Millis>) -> &'p [Point] {
    let start = points.partition_point(|point| point.timestamp < *span.start());
    let end = points.partition_point(|point| point.timestamp <= *span.end());
    &points[start..end]
}

fn by_time(points: &[Point]) -> BTreeMap<Millis, f64> {
    points.iter().map(|point| (point.timestamp, point.value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(timestamps: &[Millis]) -> Vec<Point> {
        let point = |timestamp: &Millis| Point {
            timestamp: *timestamp,
            value: 1.0,
        };
        timestamps.iter().map(point).collect()
    }

    /// Large ones, which nothing joins.
    fn headers(spans: &[(Millis, Millis)]) -> Vec<Header> {
        let header = |(start, end): &(Millis, Millis)| Header {
            start: *start,
            end: *end,
            points: 8_192,
            bytes: 16_000,
        };
        spans.iter().map(header).collect()
    }

    /// Spans, and the starts of their chunks.
    fn cut(
        points: &[Millis],
        spans: &[(Millis, Millis)],
        in_segments: &[Millis],
    ) -> Vec<(Millis, Millis, Vec<Millis>)> {
        stretches(&at(points), &headers(spans), &at(in_segments))
            .into_iter()
            .map(|(span, chunks)| {
                (
                    *span.start(),
                    *span.end(),
                    chunks.iter().map(|chunk| chunk.start).collect(),
                )
            })
            .collect()
    }

    #[test]
    fn what_lies_in_a_chunk_takes_it_in_and_what_lies_in_a_gap_stands_alone() {
        let chunks = [(10, 19), (30, 39), (50, 59)];
        assert_eq!(cut(&[1, 2], &chunks, &[]), [(1, 2, vec![])]);
        assert_eq!(cut(&[12], &chunks, &[]), [(10, 19, vec![10])]);
        assert_eq!(cut(&[22, 28], &chunks, &[]), [(22, 28, vec![])]);
        assert_eq!(cut(&[70], &chunks, &[]), [(70, 70, vec![])]);
        assert_eq!(cut(&[70], &[], &[]), [(70, 70, vec![])]);
    }

    #[test]
    fn neighbours_are_one_stretch_and_a_chunk_between_parts_them() {
        let chunks = [(10, 19), (30, 39), (50, 59)];
        assert_eq!(cut(&[12, 22, 32], &chunks, &[]), [(10, 39, vec![10, 30])]);
        assert_eq!(cut(&[12, 32], &chunks, &[]), [(10, 39, vec![10, 30])]);
        assert_eq!(cut(&[5, 22], &chunks, &[]), [(5, 5, vec![]), (22, 22, vec![])]);
        assert_eq!(cut(&[12, 52], &chunks, &[]), [(10, 19, vec![10]), (50, 59, vec![50])]);
        assert_eq!(cut(&[12, 45], &chunks, &[]), [(10, 19, vec![10]), (45, 45, vec![])]);
    }

    #[test]
    fn open_points_before_the_last_one_are_taken_along() {
        assert_eq!(cut(&[70], &[(10, 19)], &[15, 25, 40, 90]), [(25, 70, vec![])]);
        assert_eq!(cut(&[70], &[], &[15, 90]), [(15, 70, vec![])]);
        assert_eq!(cut(&[5], &[(10, 19)], &[25, 40]), [(5, 5, vec![])]);
    }

    #[test]
    fn a_small_chunk_takes_in_what_follows_it() {
        let small = [Header {
            start: 10,
            end: 19,
            points: 10,
            bytes: 40,
        }];
        let found = stretches(&at(&[22, 23]), &small, &[]);
        assert_eq!(found, [(10..=23, small.to_vec())]);
    }
}
