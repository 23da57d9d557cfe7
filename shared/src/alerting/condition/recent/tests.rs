use super::*;
use crate::alerting::condition::{Aggregation, Condition};
use crate::alerting::state::bytes::Reader;
use crate::clock::HOUR;
use proptest::prelude::*;
use serde_json::json;

const AGGREGATIONS: [(Aggregation, Summary); 6] = [
    (Aggregation::Avg, Summary::Sum),
    (Aggregation::Sum, Summary::Sum),
    (Aggregation::Min, Summary::Min),
    (Aggregation::Max, Summary::Max),
    (Aggregation::Count, Summary::Count),
    (Aggregation::Last, Summary::Value),
];

/// What a window comes to, from all points that ever were.
fn naive(aggregation: Aggregation, points: &[Point], from: Millis) -> Option<f64> {
    let inside: Vec<f64> = points
        .iter()
        .filter(|point| point.timestamp > from)
        .map(|point| point.value)
        .collect();
    let sum: f64 = inside.iter().sum();
    #[expect(clippy::cast_precision_loss, reason = "few points")]
    let count = inside.len() as f64;
    match aggregation {
        Aggregation::Count => Some(count),
        _ if inside.is_empty() => None,
        Aggregation::Avg => Some(sum / count),
        Aggregation::Sum => Some(sum),
        Aggregation::Min => inside.into_iter().reduce(f64::min),
        Aggregation::Max => inside.into_iter().reduce(f64::max),
        Aggregation::Last => inside.last().copied(),
    }
}

/// Points at growing times, from an hour before the minute 0 on.
fn points() -> impl Strategy<Value = Vec<Point>> {
    proptest::collection::vec((1..600_i64, -50..50_i16), 1..200).prop_map(|steps| {
        let mut time = -HOUR;
        let next = |(seconds, value): (i64, i16)| {
            time += seconds * 1_000;
            Point {
                timestamp: time,
                value: f64::from(value),
            }
        };
        steps.into_iter().map(next).collect()
    })
}

fn repacked(recents: &Recents) -> Recents {
    let mut blob = Vec::new();
    recents.encode(&mut blob);
    let mut reader = Reader(&blob);
    let read = Recents::decode(&mut reader).unwrap();
    reader.end().unwrap();
    read
}

fn arrival(point: Point) -> Arrival {
    Arrival {
        point,
        received_at: point.timestamp,
        backfill: false,
    }
}

proptest! {
    /// Minute by minute, packed and read back between them, each aggregation is that of all points of its window: to the
    /// minute up to an hour, from a whole sixtieth of it on beyond that.
    #[test]
    fn a_window_is_what_its_points_come_to(
        points in points(), minutes in 1..300_i64, which in 0..AGGREGATIONS.len(), every in 1..9_i64,
    ) {
        let (aggregation, summary) = AGGREGATIONS[which];
        let length = minutes * MINUTE;
        let need = Need { delay: 0, keep: Keep::Window(summary, length) };
        let mut recents = Recents::default();
        recents.insert(need, Recent::default());
        let end = points.last().unwrap().timestamp + length + HOUR;
        let mut left = points.iter().peekable();
        for minute in (-HOUR..end).step_by(usize::try_from(every * MINUTE).unwrap()) {
            while let Some(point) = left.next_if(|point| point.timestamp <= minute) {
                recents.take(minute, &arrival(*point), true, HOUR);
            }
            recents = repacked(&recents);
            let seen: Vec<Point> = points.iter().copied().filter(|point| point.timestamp <= minute).collect();
            let width = width(length);
            let from = (minute - length + width - 1).div_euclid(width) * width;
            let found = recents.get(need).unwrap().window(need, minute, 0);
            let covered = seen.first().is_some_and(|first| first.timestamp - width <= minute - length);
            if covered || summary == Summary::Value {
                // of whole numbers every sum is exact
                let from = if summary == Summary::Value { minute - length } else { from };
                prop_assert_eq!(aggregation.of(found), naive(aggregation, &seen, from), "{:?}", found);
            } else {
                prop_assert_eq!(found, Windowed::NotYet);
            }
            if minutes <= 60 {
                prop_assert_eq!(from, minute - length);
            }
        }
    }

    /// What was read of the store is what would have been kept.
    #[test]
    fn a_history_leaves_what_its_points_would_have(points in points(), minutes in 1..300_i64, which in 0..AGGREGATIONS.len(), delay in 0..7_i64) {
        let minute = points.last().unwrap().timestamp.div_euclid(MINUTE) * MINUTE + MINUTE;
        for keep in [Keep::Window(AGGREGATIONS[which].1, minutes * MINUTE), Keep::Points(5)] {
            let need = Need { delay: delay * 10 * MINUTE, keep };
            let mut live = Recents::default();
            live.insert(need, Recent::default());
            for point in &points {
                let minute = point.timestamp.div_euclid(MINUTE) * MINUTE + MINUTE;
                live.take(minute, &arrival(*point), true, HOUR);
                live.advance(minute);
            }
            live.advance(minute);
            let (live, read) = (live.get(need).unwrap(), Recent::of_history(need, minute, &points));
            prop_assert_eq!(live.window(need, minute, MINUTE), read.window(need, minute, MINUTE));
            prop_assert_eq!(live.values().last(), read.values().last());
            prop_assert_eq!(live.ends(minutes * MINUTE), read.ends(minutes * MINUTE));
        }
    }

    /// The earlier point of a change is the newest that is old enough, but for the length of a part.
    #[test]
    fn a_change_looks_back_one_window(points in points(), minutes in 1..300_i64) {
        let length = minutes * MINUTE;
        let need = Need { delay: 0, keep: Keep::Window(Summary::Value, length) };
        let mut recents = Recents::default();
        recents.insert(need, Recent::default());
        for (index, point) in points.iter().enumerate() {
            recents.take(point.timestamp, &arrival(*point), true, HOUR);
            let target = point.timestamp - length;
            let newest = points[..=index].iter().rev().find(|earlier| earlier.timestamp <= target);
            match (recents.get(need).unwrap().ends(length), newest) {
                (None, None) => (),
                (Some((then, now)), Some(newest)) => {
                    prop_assert_eq!(now, *point);
                    prop_assert!(then.timestamp <= target && newest.timestamp - then.timestamp < width(length));
                }
                (found, newest) => prop_assert!(false, "{:?} {:?}", found, newest),
            }
        }
    }

    /// However many points come, what is kept is bounded.
    #[test]
    fn it_stays_small(points in points(), minutes in 1..300_i64, which in 0..AGGREGATIONS.len(), delay in 0..3_i64) {
        let need = Need { delay: delay * 10 * MINUTE, keep: Keep::Window(AGGREGATIONS[which].1, minutes * MINUTE) };
        let mut recents = Recents::default();
        recents.insert(need, Recent::default());
        for point in &points {
            recents.take(point.timestamp, &arrival(*point), true, HOUR);
            recents.advance(point.timestamp);
        }
        let mut blob = Vec::new();
        recents.encode(&mut blob);
        prop_assert!(blob.len() <= recents.bytes());
        let recent = recents.get(need).unwrap();
        prop_assert!(recent.cells.len() <= 64 && recent.waiting.len() <= WAITING, "{}", recent.cells.len());
    }
}

/// More points waited than are kept: a window of five minutes summed those of an hour, and a history forgot them.
#[test]
fn a_window_ends_where_its_delay_says_however_many_points_wait() {
    let need = Need {
        delay: 30 * MINUTE,
        keep: Keep::Window(Summary::Count, 5 * MINUTE),
    };
    let points: Vec<Point> = (0..7_200)
        .map(|second| Point {
            timestamp: second * 1_000,
            value: 1.0,
        })
        .collect();
    let mut live = Recents::default();
    live.insert(need, Recent::default());
    for point in &points {
        live.take(point.timestamp, &arrival(*point), true, HOUR);
        live.advance(point.timestamp);
    }
    let end = 2 * HOUR;
    live.advance(end);
    let of_five_minutes = Windowed::Points { count: 300, value: 0.0 };
    assert_eq!(live.get(need).unwrap().window(need, end, 1_000), of_five_minutes);
    assert_eq!(
        Recent::of_history(need, end, &points).window(need, end, 1_000),
        of_five_minutes
    );
}

/// The figure of the design is 512 bytes, read and written, for the state of a point.
#[test]
fn what_is_kept_in_bytes() {
    let bytes = |every: Millis, keep| {
        let need = Need { delay: 0, keep };
        let points: Vec<Point> = (0..4_000)
            .map(|index| Point {
                timestamp: index * every,
                value: 0.1,
            })
            .collect();
        let mut recents = Recents::default();
        recents.insert(need, Recent::of_history(need, 4_000 * every, &points));
        let mut blob = Vec::new();
        recents.encode(&mut blob);
        blob.len()
    };
    let five = 5 * MINUTE;
    assert!(bytes(five, Keep::Points(5)) <= 64);
    assert!(bytes(five, Keep::Window(Summary::Sum, HOUR)) <= 160);
    assert!(bytes(five, Keep::Window(Summary::Value, HOUR)) <= 160);
    assert!(bytes(five, Keep::Window(Summary::Count, 24 * HOUR)) <= 256);
    assert!(bytes(five, Keep::Window(Summary::Sum, 24 * HOUR)) <= 720);
    assert!(bytes(MINUTE, Keep::Window(Summary::Max, 15 * MINUTE)) <= 192);
}

#[test]
fn with_a_delay_corrections_and_late_points_count() {
    let need = Need {
        delay: 5 * MINUTE,
        keep: Keep::Window(Summary::Sum, 10 * MINUTE),
    };
    let mut recents = Recents::default();
    recents.insert(need, Recent::default());
    let take = |recents: &mut Recents, minute: Millis, at: Millis, value: f64| {
        let point = Point {
            timestamp: at * MINUTE,
            value,
        };
        let arrival = Arrival {
            received_at: minute * MINUTE,
            ..arrival(point)
        };
        recents.take(minute * MINUTE, &arrival, false, 15 * MINUTE);
    };
    let sum = |recents: &mut Recents, minute: Millis| {
        recents.advance(minute * MINUTE);
        recents.get(need).unwrap().window(need, minute * MINUTE, MINUTE)
    };
    take(&mut recents, 1, 1, 10.0);
    take(&mut recents, 3, 3, 30.0);
    assert_eq!(sum(&mut recents, 3), Windowed::NotYet);
    // one between two others, and a correction, while they wait
    take(&mut recents, 5, 2, 20.0);
    take(&mut recents, 6, 3, 3.0);
    let of = |count, value| Windowed::Points { count, value };
    assert_eq!(sum(&mut recents, 15), of(3, 33.0));
    // too late: what was seen stands
    take(&mut recents, 15, 2, 99.0);
    assert_eq!(sum(&mut recents, 16), of(2, 23.0));
    let history = Arrival {
        backfill: true,
        ..arrival(Point {
            timestamp: 14 * MINUTE,
            value: 1.0,
        })
    };
    recents.take(16 * MINUTE, &history, false, HOUR);
    assert_eq!(sum(&mut recents, 25), Windowed::Nothing);
}

#[test]
fn rules_that_need_the_same_share_it() {
    let keeps = |condition| Condition::parse(condition).unwrap().keeps();
    let window = |aggregation| json!({"type": "threshold", "operator": "gt", "value": 1, "aggregation": aggregation, "window": "1h"});
    assert_eq!(keeps(window("avg")), keeps(window("sum")));
    assert_eq!(
        keeps(window("last")),
        keeps(json!({"type": "rate_of_change", "window": "1h", "operator": "gt", "value": 1}))
    );
    assert_ne!(keeps(window("min")), keeps(window("max")));
    assert_eq!(keeps(json!({"type": "threshold", "operator": "gt", "value": 1})), None);
}
