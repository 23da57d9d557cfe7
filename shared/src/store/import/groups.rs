//! How history is cut into groups that are written as a whole.

use super::super::Sample;
use crate::clock::Millis;
use crate::series::SeriesId;
use std::collections::VecDeque;

/// The most points of a group: together with what they fall into below [`super::plan::MOST_BYTES`], as a rule,
const POINTS: usize = 100_000;
/// and the most series, each of which is a row or more.
const SERIES: usize = 1_000;

/// Sorts by series and time, keeps the last of equals, and cuts. There is one group at least.
pub(super) fn cut(mut samples: Vec<Sample>) -> VecDeque<Vec<Sample>> {
    // stable, so that the last of equals stands last
    samples.sort_by_key(key);
    let mut groups = VecDeque::new();
    let mut group: Vec<Sample> = Vec::new();
    let mut series = 0;
    for sample in samples {
        match group.last_mut() {
            Some(last) if key(last) == key(&sample) => {
                *last = sample;
                continue;
            }
            Some(last) if last.series_id == sample.series_id => {}
            _ => series += 1,
        }
        if group.len() == POINTS || series > SERIES {
            groups.push_back(std::mem::take(&mut group));
            series = 1;
        }
        group.push(sample);
    }
    groups.push_back(group);
    groups
}

/// Takes the second half off: other series than the first, unless there is one alone.
pub(super) fn halve(group: &mut Vec<Sample>) -> Vec<Sample> {
    let middle = group.len() / 2;
    let id = group.get(middle).map(|sample| sample.series_id);
    let start = group.partition_point(|sample| Some(sample.series_id) < id);
    let end = group.partition_point(|sample| Some(sample.series_id) <= id);
    let at = match (start, end) {
        (0, end) if end == group.len() => middle,
        (0, end) => end,
        (start, _) => start,
    };
    group.split_off(at)
}

/// Each series of a sorted group with its first timestamp.
pub(super) fn firsts(group: &[Sample]) -> Vec<(SeriesId, Option<Millis>)> {
    let series = group.chunk_by(|a, b| a.series_id == b.series_id);
    series
        .filter_map(|samples| samples.first())
        .map(|first| (first.series_id, Some(first.timestamp)))
        .collect()
}

fn key(sample: &Sample) -> (SeriesId, Millis) {
    (sample.series_id, sample.timestamp)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(series: i64, timestamp: Millis, value: f64) -> Sample {
        Sample {
            series_id: SeriesId::from_raw(series).unwrap(),
            timestamp,
            value,
        }
    }

    #[test]
    fn groups_are_sorted_and_the_last_of_equals_stays() {
        let groups = cut(vec![
            sample(2, 5, 1.0),
            sample(1, 9, 2.0),
            sample(2, 5, 3.0),
            sample(1, 4, 4.0),
        ]);
        assert_eq!(groups, [[sample(1, 4, 4.0), sample(1, 9, 2.0), sample(2, 5, 3.0)]]);
        assert_eq!(cut(Vec::new()), [[]]);
    }

    #[test]
    fn groups_end_at_so_many_points_or_series() {
        let points = cut((0..POINTS as i64 + 1).map(|at| sample(1, at, 0.0)).collect());
        assert_eq!(points.iter().map(Vec::len).collect::<Vec<_>>(), [POINTS, 1]);
        let series = cut((0..SERIES as i64 * 2 + 1).map(|at| sample(at / 2, at, 0.0)).collect());
        assert_eq!(series.iter().map(Vec::len).collect::<Vec<_>>(), [SERIES * 2, 1]);
    }

    #[test]
    fn halves_are_of_different_series_if_there_are_two() {
        let halves = |series: &[i64]| {
            let mut first: Vec<Sample> = (0..).zip(series).map(|(at, id)| sample(*id, at, 0.0)).collect();
            let second = halve(&mut first);
            (first.len(), second.len())
        };
        assert_eq!(halves(&[1, 2, 2, 2]), (1, 3));
        assert_eq!(halves(&[1, 1, 1, 2]), (3, 1));
        assert_eq!(halves(&[1, 1, 2, 2, 3, 3]), (2, 4));
        assert_eq!(halves(&[1, 1, 1, 1]), (2, 2));
        assert_eq!(halves(&[1, 1]), (1, 1));
    }
}
