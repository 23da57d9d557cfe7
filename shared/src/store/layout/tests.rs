//! Plans against a map: whatever is folded and tidied in whatever pieces, the same points are
//! there, and nothing overlaps that may not.

use super::{Header, LayoutState, Stored, Writes};
use crate::clock::{DAY, Millis};
use crate::series::{Point, SeriesId};
use crate::store::Sample;
use crate::store::bucket;
use crate::store::codec::batch::Entry;
use crate::store::codec::{chunk, segment};
use crate::store::fold::changes::Changes;
use crate::store::fold::plan::{join, plan};
use crate::store::tidy;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What the tables would hold.
#[derive(Default)]
struct Tables {
    bits: u32,
    segments: BTreeMap<(i64, Millis), (Millis, Vec<u8>)>,
    chunks: BTreeMap<(SeriesId, Millis), (Header, Vec<Point>)>,
    /// how often each chunk was written, by its start
    written: HashMap<(SeriesId, Millis), usize>,
}

impl Tables {
    fn fold(&mut self, entries: Vec<Entry>, bits: u32) {
        self.bits = self.bits.max(bits);
        let mut changes = Changes::default();
        for entry in entries {
            changes.apply(entry);
        }
        let changes = changes.by_series();
        let wanted: Vec<_> = changes
            .iter()
            .map(|(id, change)| {
                (
                    *id,
                    change
                        .points
                        .first()
                        .map(|point| point.timestamp)
                        .filter(|_| !change.deleted),
                )
            })
            .collect();
        let stored = self.stored(&wanted);
        let (mut writes, joins) = plan(&changes, &stored, self.bits, &BTreeSet::new()).unwrap();
        for (key, closed) in &joins {
            join(*key, self.chunks[key].1.clone(), closed, &mut writes);
        }
        self.write(writes);
        self.check();
    }

    fn tidy(&mut self, kept_from: Option<Millis>) {
        let in_segments = self
            .segments
            .values()
            .flat_map(|(_, blob)| segment::decode(blob).unwrap().into_keys());
        let mut ids: BTreeSet<SeriesId> = in_segments.collect();
        ids.extend(self.chunks.keys().map(|(id, _)| *id));
        let mut left: Vec<SeriesId> = ids.into_iter().collect();
        while !left.is_empty() {
            let group = self.group(&left, kept_from);
            let mut plan = tidy::plan::plan(&group).unwrap();
            left.drain(..plan.taken);
            let points = plan
                .wanted()
                .into_iter()
                .map(|key| (key, self.chunks[&key].1.clone()))
                .collect();
            plan.rewrite(points);
            self.write(plan.writes);
            self.check();
        }
        assert!(self.overlaid().is_empty(), "late points are in their chunks");
    }

    fn group(&self, ids: &[SeriesId], kept_from: Option<Millis>) -> tidy::read::Group {
        let known = |id: &SeriesId| tidy::read::Known {
            id: *id,
            point_count: None,
            start: None,
        };
        let wanted: Vec<_> = ids.iter().map(|id| (*id, Some(Millis::MIN))).collect();
        tidy::read::Group {
            before: LayoutState {
                compacted: 0,
                version: 0,
                bits: self.bits,
            },
            series: ids.iter().map(known).collect(),
            next: None,
            stored: self.stored(&wanted),
            kept_from,
        }
    }

    /// As `stored` reads it from the tables.
    fn stored(&self, wanted: &[(SeriesId, Option<Millis>)]) -> Stored {
        let mut stored = Stored::default();
        let buckets: BTreeSet<i64> = wanted.iter().flat_map(|(id, _)| bucket::ancestors(*id, 20)).collect();
        for ((bucket, start), (end, blob)) in &self.segments {
            if buckets.contains(bucket) {
                let runs = stored.segments.entry(*bucket).or_default();
                runs.push((*start, *end, blob.clone()));
            }
        }
        for (id, from) in wanted {
            let Some(from) = from else { continue };
            let all: Vec<Header> = self
                .chunks
                .range((*id, Millis::MIN)..=(*id, Millis::MAX))
                .map(|(_, (h, _))| *h)
                .collect();
            let first = all.partition_point(|chunk| chunk.start <= *from).saturating_sub(1);
            if !all.is_empty() {
                stored.chunks.insert(*id, all[first..].to_vec());
            }
        }
        stored
    }

    fn write(&mut self, writes: Writes) {
        self.chunks.retain(|(id, _), _| !writes.removed.contains(id));
        for key in writes.dropped_chunks {
            assert!(self.chunks.remove(&key).is_some());
        }
        for key in writes.dropped_segments {
            assert!(self.segments.remove(&key).is_some());
        }
        for (id, packed) in writes.chunks {
            let points = chunk::decode(&packed.blob).unwrap();
            let header = Header {
                start: packed.start,
                end: packed.end,
                points: packed.points,
                bytes: packed.blob.len(),
            };
            assert_eq!(
                (points[0].timestamp, points[points.len() - 1].timestamp),
                (packed.start, packed.end)
            );
            assert_eq!(points.len(), packed.points);
            *self.written.entry((id, packed.start)).or_default() += 1;
            self.chunks.insert((id, packed.start), (header, points));
        }
        for (bucket, start, end, blob) in writes.segments {
            self.segments.insert((bucket, start), (end, blob));
        }
    }

    /// Rows of a bucket, and chunks of a series, follow each other; a series is in one bucket.
    fn check(&self) {
        let mut last: Option<(i64, Millis)> = None;
        let mut seen: BTreeMap<SeriesId, i64> = BTreeMap::new();
        for ((bucket, start), (end, blob)) in &self.segments {
            assert!(last.is_none_or(|(before, end)| before != *bucket || end < *start));
            assert!(blob.len() <= 17 * 1024, "{}", blob.len());
            last = Some((*bucket, *end));
            let series = segment::decode(blob).unwrap();
            assert!(!series.is_empty());
            let all: Vec<Millis> = series.values().flatten().map(|point| point.timestamp).collect();
            assert_eq!((all.iter().min(), all.iter().max()), (Some(start), Some(end)));
            for id in series.into_keys() {
                assert!(bucket::ancestors(id, 20).any(|ancestor| ancestor == *bucket));
                assert_eq!(*seen.entry(id).or_insert(*bucket), *bucket, "a series in two buckets");
            }
        }
        let mut last: Option<(SeriesId, Millis)> = None;
        for ((id, start), (header, _)) in &self.chunks {
            assert!(last.is_none_or(|(before, end)| before != *id || end < *start));
            last = Some((*id, header.end));
        }
    }

    /// Points in segments that are not newer than the chunks of their series.
    fn overlaid(&self) -> Vec<(SeriesId, Millis)> {
        let all = self
            .segments
            .values()
            .flat_map(|(_, blob)| segment::decode(blob).unwrap());
        let newest = |id| {
            self.chunks
                .range((id, Millis::MIN)..=(id, Millis::MAX))
                .next_back()
                .map(|(_, (h, _))| h.end)
        };
        let keys = all.flat_map(|(id, points)| points.into_iter().map(move |point| (id, point.timestamp)));
        keys.filter(|(id, timestamp)| newest(*id).is_some_and(|end| *timestamp <= end))
            .collect()
    }

    /// What a reader sees: a segment wins over a chunk.
    fn points(&self) -> BTreeMap<(SeriesId, Millis), u64> {
        let in_chunks = self.chunks.iter().map(|((id, _), (_, points))| (*id, points.clone()));
        let mut all: BTreeMap<(SeriesId, Millis), u64> = BTreeMap::new();
        for (id, points) in in_chunks {
            all.extend(
                points
                    .into_iter()
                    .map(|point| ((id, point.timestamp), point.value.to_bits())),
            );
        }
        let mut young = BTreeMap::new();
        for (id, points) in self
            .segments
            .values()
            .flat_map(|(_, blob)| segment::decode(blob).unwrap())
        {
            for point in points {
                let twice = young.insert((id, point.timestamp), point.value.to_bits());
                assert!(twice.is_none(), "a point in two segments");
            }
        }
        all.extend(young);
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
    #![proptest_config(ProptestConfig::with_cases(160))]

    #[test]
    fn rule_2_neither_folds_nor_the_tidy_change_what_is_there(
        entries in prop::collection::vec((entry(), 0u32..4, 0u32..4), 1..14)
    ) {
        let mut tables = Tables::default();
        let mut waiting = Vec::new();
        let mut all = Vec::new();
        for (entry, act, bits) in entries {
            all.push(entry.clone());
            waiting.push(entry);
            if act > 0 {
                tables.fold(std::mem::take(&mut waiting), bits);
                prop_assert_eq!(tables.points(), model(&all));
            }
            if act == 2 {
                tables.tidy(None);
                prop_assert_eq!(tables.points(), model(&all));
            }
        }
        tables.fold(waiting, 0);
        prop_assert_eq!(tables.points(), model(&all));
        tables.tidy(None);
        prop_assert_eq!(tables.points(), model(&all));
    }

    #[test]
    fn what_retention_lets_go_goes_and_nothing_else(
        entries in prop::collection::vec(entry(), 1..8), cut in 0i64..3_000
    ) {
        let mut tables = Tables::default();
        tables.fold(entries.clone(), 0);
        let cut = cut * 60_000;
        tables.tidy(Some(cut));
        let kept = |points: BTreeMap<(SeriesId, Millis), u64>| -> BTreeMap<(SeriesId, Millis), u64> {
            points.into_iter().filter(|((_, timestamp), _)| *timestamp >= cut).collect()
        };
        prop_assert_eq!(kept(tables.points()), kept(model(&entries)));
        for (header, _) in tables.chunks.values() {
            prop_assert!(header.end >= cut);
        }
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
    // 1,152 points each: 1,024 pack so well that they stay in a page, and 128 are in segments
    assert_eq!(tables.chunks.len(), 64);
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

#[test]
fn small_chunks_become_one_that_fills_its_page() {
    let mut tables = Tables::default();
    for part in 0..16 {
        let times = (part * 256..(part + 1) * 256).map(|at| at * 300_000);
        let value = |number: i64, t: Millis| {
            let mut noise = (number + t).cast_unsigned().wrapping_mul(0x9e37_79b9_7f4a_7c15);
            noise = (noise ^ (noise >> 31)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            (noise >> 53) as f64 / 100.0
        };
        tables.fold(vec![Entry::Points(samples(2, times, value))], 0);
    }
    let before = (tables.points(), tables.chunks.len());
    tables.tidy(None);
    assert_eq!(tables.points(), before.0);
    assert!(
        tables.chunks.len() * 3 <= before.1,
        "{} of {}",
        tables.chunks.len(),
        before.1
    );
    let first = tables.chunks.values().next().unwrap().0;
    assert!((4_300..=5_100).contains(&first.bytes), "{first:?}");
    // what waited may fill the last one
    tables.tidy(None);
    let written = tables.written.clone();
    tables.tidy(None);
    assert_eq!(tables.written, written, "what is merged is left alone");
}

/// However often late points come, the chunk that they fall into is written once, by the tidy.
#[test]
fn late_points_rewrite_a_closed_chunk_once() {
    let mut tables = Tables::default();
    tables.fold(
        vec![Entry::Points(samples(1, (0..256).map(|at| at * 60_000), |_, _| 1.0))],
        0,
    );
    for at in 0..40 {
        tables.fold(
            vec![Entry::Points(samples(1, [at * 60_000 + 5].into_iter(), |_, _| 2.0))],
            0,
        );
    }
    assert_eq!(tables.written.values().sum::<usize>(), 1);
    tables.tidy(None);
    assert_eq!(tables.written.values().sum::<usize>(), 2);
    assert_eq!(tables.points().len(), 296);
    assert!(tables.segments.is_empty());
}

/// A history that is sent backwards, or into a hole, needs no chunk rewritten.
#[test]
fn many_late_points_in_a_gap_are_chunks_of_their_own() {
    let mut tables = Tables::default();
    for part in [8, 6, 7, 2] {
        let times = (part * 256..(part + 1) * 256).map(|at| at * 60_000);
        tables.fold(vec![Entry::Points(samples(1, times, |_, t| t as f64))], 0);
    }
    assert!(tables.segments.is_empty());
    assert_eq!(tables.points().len(), 4 * 256);
    assert!(tables.written.values().all(|times| *times == 1));
}

/// Points before the first chunk and points within it wait together, in the order of time.
#[test]
fn late_points_of_all_kinds_wait_in_order() {
    let mut tables = Tables::default();
    tables.fold(
        vec![Entry::Points(samples(1, (100..356).map(|at| at * 60_000), |_, _| 1.0))],
        0,
    );
    let before = samples(1, (0..80).map(|at| at * 60_000), |_, _| 2.0);
    let within_and_after = samples(1, (150..700).map(|at| at * 60_000 + 5), |_, _| 3.0);
    let entries = [before, within_and_after].map(Entry::Points).to_vec();
    tables.fold(entries.clone(), 0);
    assert_eq!(tables.points().len(), 256 + 80 + 550);
    tables.tidy(None);
    assert_eq!(tables.points().len(), 256 + 80 + 550);
}
