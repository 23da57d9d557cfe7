//! Every point that ingest accepts comes back bit for bit, from a batch, a segment and a chunk.

use super::batch::{self, Entry};
use super::{chunk, segment};
use crate::series::{Point, SeriesId};
use crate::store::Sample;
use proptest::collection::{btree_map, btree_set, vec};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// Any double that is finite, by its bits.
fn finite() -> impl Strategy<Value = f64> {
    any::<u64>()
        .prop_map(f64::from_bits)
        .prop_filter("finite", |value| value.is_finite())
}

/// Decimals as they are written in a request, of up to 17 digits.
fn written() -> impl Strategy<Value = f64> {
    (any::<bool>(), 0u64..100_000_000_000_000_000, 1u32..18, -20i32..6).prop_map(
        |(negative, digits, count, exponent)| {
            let sign = if negative { "-" } else { "" };
            let digits = digits % 10u64.pow(count);
            format!("{sign}{digits}e{exponent}").parse().unwrap()
        },
    )
}

/// Doubles at the edges of what there is.
fn edges() -> impl Strategy<Value = f64> {
    prop::sample::select(vec![
        0.0,
        -0.0,
        f64::MAX,
        f64::MIN,
        f64::MIN_POSITIVE,
        -f64::from_bits(1),
        f64::from_bits(1),
        f64::EPSILON,
        9_007_199_254_740_991.0,
        9_007_199_254_740_992.0,
        9_007_199_254_740_994.0,
        -9_007_199_254_740_992.0,
        9_223_372_036_854_775_807.0,
        4_294_967_295.0,
        4_294_967_296.0,
        0.1 + 0.2,
        1.0 / 3.0,
    ])
}

/// Values of one series: mostly of one kind, with some of others.
fn values(count: usize) -> impl Strategy<Value = Vec<f64>> {
    let decimals = (0i32..=9, any::<i32>()).prop_flat_map(move |(exponent, around)| {
        let near = i64::from(around) - 5_000..i64::from(around) + 5_000;
        vec(
            near.prop_map(move |integer| integer as f64 / 10f64.powi(exponent)),
            count,
        )
    });
    let odd = prop_oneof![finite(), written(), edges()];
    let kinds = prop_oneof![
        4 => decimals,
        1 => vec(finite(), count),
        1 => vec(written(), count),
        1 => vec(edges(), count),
        1 => vec(any::<f32>().prop_filter("finite", |value| value.is_finite()).prop_map(f64::from), count),
    ];
    (kinds, vec((any::<prop::sample::Index>(), odd), 0..4)).prop_map(|(mut values, odd)| {
        for (at, value) in odd {
            if !values.is_empty() {
                let at = at.index(values.len());
                values[at] = value;
            }
        }
        values
    })
}

/// The time of any point that a request may have: years 1 to 9999.
fn times(count: impl Into<prop::collection::SizeRange> + Clone) -> impl Strategy<Value = Vec<i64>> {
    let any_time = btree_set(-62_135_596_800_000i64..=253_402_300_799_999, count.clone());
    let scraped = btree_set((0i64..40_000).prop_map(|at| 1_795_428_000_000 + at * 10_000), count);
    prop_oneof![any_time, scraped].prop_map(|times| times.into_iter().collect())
}

fn points(count: impl Into<prop::collection::SizeRange> + Clone) -> impl Strategy<Value = Vec<Point>> {
    times(count)
        .prop_flat_map(|times| (values(times.len()), Just(times)))
        .prop_map(|(values, times)| super::zip(&times, &values))
}

fn bits(points: &[Point]) -> Vec<(i64, u64)> {
    points
        .iter()
        .map(|point| (point.timestamp, point.value.to_bits()))
        .collect()
}

fn series(raw: i64) -> SeriesId {
    SeriesId::from_raw(raw).unwrap()
}

proptest! {
    #[test]
    fn a_chunk_keeps_every_bit(points in points(1..300)) {
        prop_assert_eq!(bits(&chunk::decode(&chunk::encode(&points)).unwrap()), bits(&points));
    }

    #[test]
    fn a_segment_keeps_every_bit(each in btree_map(0i64..=i64::MAX, points(1..60), 0..12)) {
        let segment: segment::Series = each.into_iter().map(|(id, points)| (series(id), points)).collect();
        let read = segment::decode(&segment::encode(&segment)).unwrap();
        let all = |segment: &segment::Series| segment.iter().map(|(id, points)| (*id, bits(points))).collect::<Vec<_>>();
        prop_assert_eq!(all(&read), all(&segment));
    }

    #[test]
    fn a_batch_keeps_every_bit_and_the_last_of_each_time(
        (times, values) in vec((0i64..6, 0i64..40), 0..200).prop_flat_map(|times| { let count = times.len(); (Just(times), values(count)) })
    ) {
        let samples: Vec<Sample> = times.iter().zip(values).map(|((id, minute), value)| Sample {
            series_id: series(*id),
            timestamp: minute * 60_000,
            value,
        }).collect();
        let expected: BTreeMap<_, _> =
            samples.iter().map(|sample| ((sample.series_id, sample.timestamp), sample.value.to_bits())).collect();
        let Entry::Points(read) = batch::decode(&batch::encode(&samples)).unwrap() else { panic!("points expected") };
        let read: Vec<_> = read.iter().map(|s| ((s.series_id, s.timestamp), s.value.to_bits())).collect();
        prop_assert_eq!(read, expected.into_iter().collect::<Vec<_>>());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn a_merged_chunk_keeps_every_bit(points in points(1_100..1_300)) {
        prop_assert_eq!(bits(&chunk::decode(&chunk::encode(&points)).unwrap()), bits(&points));
    }
}
