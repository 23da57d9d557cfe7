//! Plans against a map: whatever is folded in whatever pieces, the same points are there, and
//! nothing overlaps.

use super::changes::{Changes, apply};
use super::plan::{Folded, Writes, plan, rewrite_chunk};
use crate::clock::{DAY, Millis};
use crate::series::{Point, SeriesId};
use crate::store::Sample;
use crate::store::bucket;
use crate::store::codec::batch::Entry;
use crate::store::codec::{chunk, segment};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// What the tables would hold.
#[derive(Default)]
struct Tables {
    bits: u32,
    segments: BTreeMap<(i64, Millis), (Millis, Vec<u8>)>,
    chunks: BTreeMap<(SeriesId, Millis), (Millis, Vec<Point>)>,
}

impl Tables {
    fn fold(&mut self, entries: Vec<Entry>, bits: u32) {
        self.bits = self.bits.max(bits);
        let mut changes = Changes::new();
        for entry in entries {
            apply(&mut changes, entry);
        }
        let folded = self.folded(&changes);
        let (mut writes, late) = plan(&changes, &folded, self.bits).unwrap();
        for (key, points) in &late {
            rewrite_chunk(*key, self.chunks[key].1.clone(), points, &mut writes);
        }
        self.write(writes);
        self.check();
    }

    fn folded(&self, changes: &Changes) -> Folded {
        let mut folded = Folded::default();
        let buckets: BTreeSet<i64> = changes.keys().flat_map(|id| bucket::ancestors(*id, 20)).collect();
        for ((bucket, start), (end, blob)) in &self.segments {
            if buckets.contains(bucket) {
                let runs = folded.segments.entry(*bucket).or_default();
                runs.push((*start, *end, blob.clone()));
            }
        }
        for ((id, start), (end, _)) in &self.chunks {
            folded.chunks.entry(*id).or_default().push((*start, *end));
        }
        folded
    }

    fn write(&mut self, writes: Writes) {
        self.chunks.retain(|(id, _), _| !writes.removed.contains(id));
        for key in writes.dropped_chunks {
            assert!(self.chunks.remove(&key).is_some());
        }
        for key in writes.dropped_segments {
            assert!(self.segments.remove(&key).is_some());
        }
        for (id, points) in writes.chunks {
            let points = chunk::decode(&chunk::encode(&points)).unwrap();
            let end = points.last().unwrap().timestamp;
            self.chunks.insert((id, points[0].timestamp), (end, points));
        }
        for (bucket, start, end, blob) in writes.segments {
            self.segments.insert((bucket, start), (end, blob));
        }
    }

    /// Rows of a bucket, and chunks of a series, follow each other; a series is in one bucket, and
    /// its segments follow its chunks.
    fn check(&self) {
        let mut last: Option<(i64, Millis)> = None;
        let mut seen: BTreeMap<SeriesId, (i64, Millis)> = BTreeMap::new();
        for ((bucket, start), (end, blob)) in &self.segments {
            assert!(last.is_none_or(|(before, end)| before != *bucket || end < *start));
            assert!(blob.len() <= 17 * 1024, "{}", blob.len());
            last = Some((*bucket, *end));
            let series = segment::decode(blob).unwrap();
            assert!(!series.is_empty());
            let all: Vec<Millis> = series.values().flatten().map(|point| point.timestamp).collect();
            assert_eq!((all.iter().min(), all.iter().max()), (Some(start), Some(end)));
            for (id, points) in series {
                assert!(bucket::ancestors(id, 20).any(|ancestor| ancestor == *bucket));
                let (only, _) = *seen.entry(id).or_insert((*bucket, points[0].timestamp));
                assert_eq!(only, *bucket, "a series in two buckets");
            }
        }
        let mut last: Option<(SeriesId, Millis)> = None;
        for ((id, start), (end, points)) in &self.chunks {
            assert!(points.len() <= 384);
            assert!(last.is_none_or(|(before, end)| before != *id || end < *start));
            assert!(
                seen.get(id).is_none_or(|(_, first)| first > end),
                "a segment within chunks"
            );
            last = Some((*id, *end));
        }
    }

    fn points(&self) -> BTreeMap<(SeriesId, Millis), u64> {
        let mut all = BTreeMap::new();
        let segments = self.segments.values().map(|(_, blob)| segment::decode(blob).unwrap());
        let folded = segments
            .flatten()
            .chain(self.chunks.iter().map(|((id, _), (_, points))| (*id, points.clone())));
        for (id, points) in folded {
            for point in points {
                assert!(
                    all.insert((id, point.timestamp), point.value.to_bits()).is_none(),
                    "a point twice"
                );
            }
        }
        all
    }
}

fn model(entries: &[Entry]) -> BTreeMap<(SeriesId, Millis), u64> {
    let mut all = BTreeMap::new();
    for entry in entries {
        match entry {
            Entry::Points(samples) => {
                all.extend(samples.iter().map(|s| ((s.series_id, s.timestamp), s.value.to_bits())));
            }
            Entry::Tombstone(series) => all.retain(|(id, _), _| !series.contains(id)),
        }
    }
    all
}

/// Ids all over the range, so that buckets differ.
fn series(number: i64) -> SeriesId {
    SeriesId::from_raw((number.wrapping_mul(0x1234_5678_9abc_def1)) & i64::MAX).unwrap()
}

fn samples(series_count: i64, times: impl Iterator<Item = Millis>, value: impl Fn(i64, Millis) -> f64) -> Vec<Sample> {
    times
        .flat_map(|timestamp| (0..series_count).map(move |number| (number, timestamp)))
        .map(|(number, timestamp)| Sample {
            series_id: series(number),
            timestamp,
            value: value(number, timestamp),
        })
        .collect()
}

fn entry() -> impl Strategy<Value = Entry> {
    // stretches of regular points, single late ones and deletions
    let stretch = (0i64..5, 0i64..2_000, 1i64..400, 1i64..4, -500i64..500);
    prop_oneof![
        8 => prop::collection::vec(stretch, 1..3).prop_map(|stretches| {
            let mut samples = Vec::new();
            for (number, first, count, step, base) in stretches {
                samples.extend((0..count).map(|at| Sample {
                    series_id: series(number),
                    timestamp: (first + at * step) * 60_000,
                    value: (base + at % 17) as f64 / 10.0,
                }));
            }
            Entry::Points(samples)
        }),
        4 => (0i64..5, 0i64..3_000, any::<i16>()).prop_map(|(number, minute, value)| Entry::Points(vec![Sample {
            series_id: series(number),
            timestamp: minute * 60_000,
            value: f64::from(value),
        }])),
        1 => (0i64..5).prop_map(|number| Entry::Tombstone(vec![series(number)])),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn rule_2_folds_do_not_change_what_is_there(
        entries in prop::collection::vec((entry(), any::<bool>(), 0u32..4), 1..12)
    ) {
        let mut tables = Tables::default();
        let mut waiting = Vec::new();
        let mut all = Vec::new();
        for (entry, fold, bits) in entries {
            all.push(entry.clone());
            waiting.push(entry);
            if fold {
                tables.fold(std::mem::take(&mut waiting), bits);
                prop_assert_eq!(tables.points(), model(&all));
            }
        }
        tables.fold(waiting, 0);
        prop_assert_eq!(tables.points(), model(&all));
    }
}

#[test]
fn regular_series_move_from_segments_to_chunks_and_leave_nothing_behind() {
    let mut tables = Tables::default();
    for day in 0..4 {
        for part in 0..8 {
            let first = day * DAY + part * 36 * 300_000;
            let times = (0..36).map(|at| first + at * 300_000);
            let value = |number: i64, timestamp: i64| ((number + timestamp / 300_000) % 1_000) as f64 / 100.0;
            tables.fold(vec![Entry::Points(samples(64, times, value))], 0);
        }
    }
    // 1,152 points each: four chunks of 256, and 128 in segments
    assert_eq!(tables.chunks.len(), 64 * 4);
    assert!(tables.segments.len() <= 3, "{}", tables.segments.len());
    assert_eq!(tables.points().len(), 64 * 1_152);
}

#[test]
fn a_series_that_reaches_256_points_within_one_fold_goes_straight_to_a_chunk() {
    let mut tables = Tables::default();
    tables.fold(
        vec![Entry::Points(samples(3, (0..256).map(|at| at * 1_000), |_, _| 1.5))],
        0,
    );
    assert_eq!((tables.chunks.len(), tables.segments.len()), (3, 0));
}

#[test]
fn sparse_series_cost_no_row_a_point() {
    let mut tables = Tables::default();
    for month in 0..24 {
        tables.fold(
            vec![Entry::Points(samples(500, [month * 30 * DAY].into_iter(), |n, t| {
                (n + t) as f64
            }))],
            3,
        );
    }
    assert!(tables.chunks.is_empty());
    // 12,000 points
    assert!(tables.segments.len() < 24, "{}", tables.segments.len());
}

#[test]
fn a_bucket_that_became_too_large_is_split() {
    let mut tables = Tables::default();
    tables.fold(
        vec![Entry::Points(samples(300, (0..20).map(|at| at * 60_000), |n, _| {
            n as f64
        }))],
        0,
    );
    assert!(tables.segments.keys().all(|(bucket, _)| *bucket == 1));
    let before = tables.points();
    tables.fold(vec![Entry::Points(samples(1, [0].into_iter(), |_, _| 0.0))], 3);
    assert_eq!(tables.points(), before);
    let buckets: BTreeSet<i64> = tables.segments.keys().map(|(bucket, _)| *bucket).collect();
    assert_eq!(buckets, (8..16).collect());
}

#[test]
fn a_constant_bucket_keeps_within_the_points_of_a_blob() {
    let mut tables = Tables::default();
    for part in 0..3 {
        let times = (part * 40..(part + 1) * 40).map(|at| at * 1_000);
        tables.fold(vec![Entry::Points(samples(2_000, times, |_, _| 7.0))], 5);
    }
    assert_eq!(tables.points().len(), 240_000);
}
