//! When points of one series become chunks, and how chunks take in late points.

use crate::clock::{DAY, Millis};
use crate::series::Point;
use std::collections::BTreeMap;

/// A chunk is closed at so many points,
pub(in super::super) const CLOSE: usize = 256;
/// or when it spans so much,
const SPAN: Millis = 31 * DAY;
/// but not with fewer than a point a day: a sparse series must not cost a row a point.
const SPARSE: usize = 31;
/// Late points may fill a closed chunk up to here.
const LARGEST: usize = 384;

/// Cuts the points of a series, ascending, into chunks that are closed and a rest that is not.
pub(super) fn close(mut points: Vec<Point>) -> (Vec<Vec<Point>>, Vec<Point>) {
    let full = points.len() / CLOSE * CLOSE;
    let rest = points.split_off(full);
    let mut closed: Vec<Vec<Point>> = points.chunks(CLOSE).map(<[Point]>::to_vec).collect();
    let span = match rest[..] {
        [first, .., last] => last.timestamp.saturating_sub(first.timestamp),
        _ => 0,
    };
    if rest.len() >= SPARSE && span >= SPAN {
        closed.push(rest);
        return (closed, Vec::new());
    }
    (closed, rest)
}

/// A closed chunk with late points: itself, or even parts where it becomes too large. `None` if the
/// late points say nothing new.
pub(super) fn rewrite(chunk: Vec<Point>, late: &BTreeMap<Millis, f64>) -> Option<Vec<Vec<Point>>> {
    let mut merged: BTreeMap<Millis, f64> = chunk.iter().map(|point| (point.timestamp, point.value)).collect();
    let mut changed = false;
    for (timestamp, value) in late {
        let before = merged.insert(*timestamp, *value);
        changed |= before.map(f64::to_bits) != Some(value.to_bits());
    }
    if !changed {
        return None;
    }
    let points: Vec<Point> = merged
        .into_iter()
        .map(|(timestamp, value)| Point { timestamp, value })
        .collect();
    let parts = if points.len() <= LARGEST {
        1
    } else {
        points.len().div_ceil(CLOSE)
    };
    let each = points.len().div_ceil(parts);
    Some(points.chunks(each).map(<[Point]>::to_vec).collect())
}

/// Which of the chunks (start and end, ascending) takes a point: the one before whose successor it
/// lies; the first for what is older than all; none for what is newer than all.
pub(super) fn owner(chunks: &[(Millis, Millis)], timestamp: Millis) -> Option<usize> {
    let (_, newest_end) = chunks.last()?;
    (timestamp <= *newest_end).then(|| {
        chunks
            .partition_point(|(start, _)| *start <= timestamp)
            .saturating_sub(1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(count: usize, step: Millis) -> Vec<Point> {
        (0..count as i64)
            .map(|at| Point {
                timestamp: at * step,
                value: 1.0,
            })
            .collect()
    }

    fn lengths(chunks: &[Vec<Point>]) -> Vec<usize> {
        chunks.iter().map(Vec::len).collect()
    }

    #[test]
    fn chunks_close_at_256_points_or_31_days() {
        let (closed, rest) = close(points(255, 1_000));
        assert_eq!((lengths(&closed), rest.len()), (vec![], 255));
        let (closed, rest) = close(points(600, 1_000));
        assert_eq!((lengths(&closed), rest.len()), (vec![256, 256], 88));
        let (closed, rest) = close(points(32, DAY));
        assert_eq!((lengths(&closed), rest.len()), (vec![32], 0));
        let (closed, rest) = close(points(31, DAY));
        assert_eq!((lengths(&closed), rest.len()), (vec![], 31));
        let (closed, rest) = close(points(5, 365 * DAY));
        assert_eq!((lengths(&closed), rest.len()), (vec![], 5));
    }

    #[test]
    fn a_chunk_that_grows_too_large_falls_into_even_parts() {
        let late = |count: i64| (0..count).map(|at| (at * 1_000 + 500, 2.0)).collect();
        assert_eq!(lengths(&rewrite(points(256, 1_000), &late(128)).unwrap()), [384]);
        assert_eq!(lengths(&rewrite(points(256, 1_000), &late(129)).unwrap()), [193, 192]);
    }

    #[test]
    fn what_is_known_already_rewrites_nothing() {
        assert!(rewrite(points(256, 1_000), &BTreeMap::from([(5_000, 1.0)])).is_none());
        assert!(rewrite(points(256, 1_000), &BTreeMap::from([(5_000, 1.5)])).is_some());
    }

    #[test]
    fn every_late_point_has_one_owner() {
        let chunks = [(10, 19), (30, 39)];
        assert_eq!(owner(&chunks, 5), Some(0));
        assert_eq!(owner(&chunks, 25), Some(0));
        assert_eq!(owner(&chunks, 30), Some(1));
        assert_eq!(owner(&chunks, 39), Some(1));
        assert_eq!(owner(&chunks, 40), None);
        assert_eq!(owner(&[], 40), None);
    }
}
