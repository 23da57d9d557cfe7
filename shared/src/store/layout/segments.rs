//! The runs of one bucket: segments that follow each other in time and never overlap.

use super::super::codec::segment::{self, Series};
use super::{Writes, overlaid};
use crate::clock::Millis;
use crate::series::{Point, SeriesId};
use std::collections::BTreeMap;

/// A run is closed at about so many bytes,
const CLOSE_BYTES: usize = 12 * 1024;
/// may grow to so many by late points,
const LARGEST_BYTES: usize = 16 * 1024;
/// and holds no more points than this, however well they pack.
const MOST_POINTS: usize = 16_384;

/// One segment as it is stored.
#[derive(Debug)]
pub(super) struct Run {
    start: Millis,
    bytes: usize,
    series: Series,
    changed: bool,
}

/// A bucket on its way through a fold.
#[derive(Debug)]
pub(in super::super) struct Bucket {
    bucket: i64,
    /// ascending
    runs: Vec<Run>,
    /// after which everything is new
    newest_end: Option<Millis>,
    fresh: Series,
}

impl Bucket {
    /// A bucket without rows.
    pub(super) fn new(bucket: i64) -> Self {
        Self {
            bucket,
            runs: Vec::new(),
            newest_end: None,
            fresh: Series::new(),
        }
    }

    /// A bucket with these segments (start, end, blob), ascending.
    pub(super) fn load(bucket: i64, stored: &[(Millis, Millis, Vec<u8>)]) -> Result<Self, crate::Error> {
        let mut runs = Vec::with_capacity(stored.len());
        for (start, _, blob) in stored {
            runs.push(Run {
                start: *start,
                bytes: blob.len(),
                series: segment::decode(blob)?,
                changed: false,
            });
        }
        Ok(Self {
            runs,
            newest_end: stored.last().map(|(_, end, _)| *end),
            ..Self::new(bucket)
        })
    }

    /// The series that have points here.
    pub(in super::super) fn series(&self) -> Vec<SeriesId> {
        let mut all: Vec<SeriesId> = self.runs.iter().flat_map(|run| run.series.keys().copied()).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// The points of a series, ascending.
    pub(in super::super) fn get(&self, id: SeriesId) -> Vec<Point> {
        self.runs
            .iter()
            .map(|run| &run.series)
            .chain([&self.fresh])
            .filter_map(|series| series.get(&id))
            .flatten()
            .copied()
            .collect()
    }

    /// Takes the points of a series up to and including a time out, ascending.
    pub(in super::super) fn take_until(&mut self, id: SeriesId, last: Millis) -> BTreeMap<Millis, f64> {
        let mut taken = BTreeMap::new();
        let mut take = |series: &mut Series| {
            let Some(points) = series.get_mut(&id) else {
                return false;
            };
            let end = points.partition_point(|point| point.timestamp <= last);
            taken.extend(points.drain(..end).map(|point| (point.timestamp, point.value)));
            if points.is_empty() {
                series.remove(&id);
            }
            end > 0
        };
        for run in self.runs.iter_mut().take_while(|run| run.start <= last) {
            run.changed |= take(&mut run.series);
        }
        take(&mut self.fresh);
        taken
    }

    /// Removes a series.
    pub(in super::super) fn remove(&mut self, id: SeriesId) {
        for run in &mut self.runs {
            run.changed |= run.series.remove(&id).is_some();
        }
        self.fresh.remove(&id);
    }

    /// Adds points of a series, ascending; what is there already gives way.
    pub(in super::super) fn add(&mut self, id: SeriesId, points: &[Point]) {
        let old = self
            .newest_end
            .map_or(0, |end| points.partition_point(|point| point.timestamp <= end));
        let (old, new) = points.split_at(old);
        for point in old {
            let at = self
                .runs
                .partition_point(|run| run.start <= point.timestamp)
                .saturating_sub(1);
            if let Some(run) = self.runs.get_mut(at) {
                insert(run.series.entry(id).or_default(), *point);
                run.changed = true;
            }
        }
        if !new.is_empty() {
            let fresh = self.fresh.entry(id).or_default();
            *fresh = overlaid(std::mem::take(fresh), new);
        }
    }

    /// Takes all rows of this bucket away: its points go to smaller ones.
    pub(super) fn drop_all(&self, writes: &mut Writes) {
        let keys = self.runs.iter().map(|run| (self.bucket, run.start));
        writes.dropped_segments.extend(keys);
    }

    /// What has to be written.
    pub(super) fn finish(mut self, writes: &mut Writes) {
        if !self.fresh.is_empty() {
            self.runs.push(Run {
                start: Millis::MAX,
                bytes: 0,
                series: std::mem::take(&mut self.fresh),
                changed: true,
            });
        }
        let mut old = Vec::new();
        let mut runs: Vec<Run> = Vec::with_capacity(self.runs.len());
        for mut run in self.runs {
            if run.changed {
                old.push(run.start);
                if run.series.is_empty() {
                    continue;
                }
                run.bytes = estimate(&run.series);
            }
            // a small neighbour joins, so that what promotion leaves behind does not pile up
            match runs.last_mut() {
                Some(before) if (before.changed || run.changed) && fit_together(before, &run) => {
                    if !before.changed {
                        old.push(before.start);
                    }
                    if !run.changed {
                        old.push(run.start);
                    }
                    for (id, mut points) in run.series {
                        before.series.entry(id).or_default().append(&mut points);
                    }
                    before.bytes += run.bytes;
                    before.changed = true;
                }
                _ => runs.push(run),
            }
        }
        let mut written = Vec::new();
        for run in runs.into_iter().filter(|run| run.changed) {
            for (part, blob) in cut(run.series) {
                let (start, end) = bounds(&part);
                written.push(start);
                writes.segments.push((self.bucket, start, end, blob));
            }
        }
        old.retain(|start| *start != Millis::MAX && !written.contains(start));
        writes
            .dropped_segments
            .extend(old.into_iter().map(|start| (self.bucket, start)));
    }
}

fn insert(points: &mut Vec<Point>, point: Point) {
    match points.binary_search_by_key(&point.timestamp, |point| point.timestamp) {
        Ok(at) => points[at] = point,
        Err(at) => points.insert(at, point),
    }
}

fn count(series: &Series) -> usize {
    series.values().map(Vec::len).sum()
}

fn fit_together(a: &Run, b: &Run) -> bool {
    a.bytes + b.bytes <= CLOSE_BYTES && count(&a.series) + count(&b.series) <= MOST_POINTS
}

/// First and last timestamp.
fn bounds(series: &Series) -> (Millis, Millis) {
    let all = || series.values().flatten().map(|point| point.timestamp);
    (all().min().unwrap_or(0), all().max().unwrap_or(0))
}

/// About how many bytes a run takes, to see which ones fit together; [`cut`] sees to those that do not.
fn estimate(series: &Series) -> usize {
    10 * series.len() + 2 * count(series)
}

/// The blob of a run; of one that is too large, of parts that follow each other in time.
fn cut(series: Series) -> Vec<(Series, Vec<u8>)> {
    let blob = segment::encode(&series);
    let bytes = blob.len();
    let points = count(&series);
    let parts = if bytes <= LARGEST_BYTES {
        1
    } else {
        bytes.div_ceil(CLOSE_BYTES)
    }
    .max(points.div_ceil(MOST_POINTS));
    if parts <= 1 {
        return vec![(series, blob)];
    }
    let mut times: Vec<Millis> = series.values().flatten().map(|point| point.timestamp).collect();
    times.sort_unstable();
    // part n ends before the timestamp of its successor's first point: no timestamp is in two parts
    let mut starts: Vec<Millis> = (1..parts).map(|part| times[part * points / parts]).collect();
    starts.dedup();
    let mut cut: Vec<Series> = vec![Series::new(); starts.len() + 1];
    for (id, points) in series {
        for point in points {
            let part = starts.partition_point(|start| *start <= point.timestamp);
            cut[part].entry(id).or_default().push(point);
        }
    }
    cut.retain(|part| !part.is_empty());
    let with_blob = |part: Series| {
        let blob = segment::encode(&part);
        (part, blob)
    };
    cut.into_iter().map(with_blob).collect()
}
