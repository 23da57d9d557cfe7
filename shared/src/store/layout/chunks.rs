//! How points of one series are cut into chunks.
//!
//! A row of a WITHOUT ROWID table keeps up to 1,002 bytes in its b-tree page. A larger one keeps 489 to
//! 1,002 of them, whichever leaves whole overflow pages, and the tail of the last page is lost
//! (SQLite's file format, section 1.6). So a chunk is either small enough to stay in the page, or as
//! long as fills its overflow page (docs/decisions/0008-chunks-that-fill-pages.md).

use super::super::codec::chunk;
use super::Header;
use crate::clock::{DAY, Millis};
use crate::series::Point;
use std::collections::BTreeMap;

/// So many points of a series leave the segments,
pub(in super::super) const CLOSE: usize = 256;
/// or fewer that span so much,
const SPAN: Millis = 31 * DAY;
/// but not fewer than a point a day: a sparse series must not cost a row a point.
const SPARSE: usize = 31;
/// However well they pack: a reader decodes a chunk as a whole.
const MOST_POINTS: usize = 8_192;

/// A chunk with room for fewer points than this counts as full.
const LEAST_ROOM: usize = 64;

/// Bytes of a row of `metrics` beside its blob: record header, organization, series, start, end, count.
const ROW: usize = 72;
/// Bytes of a row that may stay in a page of 4,096,
const INLINE: usize = 1_002;
/// that stay at least once there are overflow pages,
const LEAST_INLINE: usize = 489;
/// and that an overflow page holds.
const OVERFLOW: usize = 4_092;
/// A last overflow page counts as full when no more than this is lost (15 %).
const MAY_BE_LOST: usize = OVERFLOW * 15 / 100;
/// The blob that fills one overflow page and some of what may stay in the b-tree page.
const FULL_BLOB: usize = OVERFLOW + (LEAST_INLINE + INLINE) / 2 - ROW;

/// How a blob of a chunk lies in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fit {
    /// wholly within a page of the b-tree
    Inline,
    /// in overflow pages of which at least 85 % are used
    Full,
    /// in overflow pages that are not worth it
    Wasteful,
}

fn fit(blob: usize) -> Fit {
    let row = blob + ROW;
    if row <= INLINE {
        return Fit::Inline;
    }
    let tail = (row - LEAST_INLINE) % OVERFLOW;
    if tail <= INLINE - LEAST_INLINE || OVERFLOW - tail <= MAY_BE_LOST {
        Fit::Full
    } else {
        Fit::Wasteful
    }
}

/// A chunk as it is written.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) struct Packed {
    pub(in super::super) start: Millis,
    pub(in super::super) end: Millis,
    pub(in super::super) points: usize,
    pub(in super::super) blob: Vec<u8>,
}

impl Packed {
    /// `points` ascend and are not empty.
    fn of(points: &[Point]) -> Self {
        Self {
            start: points.first().map_or(0, |point| point.timestamp),
            end: points.last().map_or(0, |point| point.timestamp),
            points: points.len(),
            blob: chunk::encode(points),
        }
    }
}

/// Points of a series that leave its segments.
#[derive(Debug, Default, PartialEq)]
pub(in super::super) struct Leaving {
    /// to be packed together with the newest chunk
    pub(in super::super) join: Vec<Point>,
    /// to be chunks of their own
    pub(in super::super) alone: Vec<Point>,
}

/// Takes what is to leave the segments from the points of a series that are newer than its chunks,
/// ascending; the rest stays.
///
/// They wait until they fill the page of the newest chunk, where it has room, and else for a lot of [`CLOSE`].
pub(in super::super) fn leave(newest: Option<&Header>, points: &mut Vec<Point>) -> Leaving {
    let mut leaving = Leaving::default();
    let room = newest.map_or(0, room);
    if newest.is_some_and(|newest| is_small(newest) && joined(newest, points.len() / CLOSE * CLOSE) >= FULL_BLOB) {
        leaving.join = close(points);
    } else if room >= LEAST_ROOM {
        let lot = if room < 2 * CLOSE {
            room
        } else {
            room.min(points.len() / CLOSE * CLOSE).max(CLOSE)
        };
        if points.len() >= lot {
            let rest = points.split_off(lot);
            leaving.join = std::mem::replace(points, rest);
            leaving.alone = close(points);
        } else if is_sparse(points) {
            leaving.join = std::mem::take(points);
        }
    } else {
        leaving.alone = close(points);
    }
    leaving
}

/// Takes whole lots of [`CLOSE`] points, and all of a sparse series. The rest stays.
pub(in super::super) fn close(points: &mut Vec<Point>) -> Vec<Point> {
    let mut rest = points.split_off(points.len() / CLOSE * CLOSE);
    if is_sparse(&rest) {
        points.append(&mut rest);
    }
    std::mem::replace(points, rest)
}

fn is_sparse(points: &[Point]) -> bool {
    let span = match points {
        [first, .., last] => last.timestamp.saturating_sub(first.timestamp),
        _ => 0,
    };
    points.len() >= SPARSE && span >= SPAN
}

/// Cuts points, ascending, into chunks: such as fill a page, and for what is left at the end such
/// as stay within one.
pub(in super::super) fn pack(points: &[Point]) -> Vec<Packed> {
    let mut packed = Vec::new();
    let mut left = points;
    while !left.is_empty() {
        let (next, taken) = first_chunk(left);
        left = &left[taken..];
        packed.extend(next);
    }
    packed
}

/// The chunk or chunks that the first points make, and how many points those are.
fn first_chunk(points: &[Point]) -> (Vec<Packed>, usize) {
    let all = &points[..points.len().min(MOST_POINTS)];
    let mut best = Packed::of(all);
    if best.blob.len() < FULL_BLOB - MAY_BE_LOST && best.points == points.len() {
        return (in_pages(all, best), all.len());
    }
    // the number of points that fills a page, guessed from how these pack; blobs are as good as
    // proportional, so that a second guess is rare
    for _ in 0..3 {
        if fit(best.blob.len()) == Fit::Full && best.blob.len() < FULL_BLOB + OVERFLOW / 2 {
            break;
        }
        let guess = (best.points * FULL_BLOB / best.blob.len()).clamp(1, all.len());
        if guess == best.points {
            break;
        }
        best = Packed::of(&all[..guess]);
    }
    let taken = best.points;
    (vec![best], taken)
}

/// Too little for an overflow page: pieces that fill the b-tree page, and what is left at the end. They have
/// no fewer than [`CLOSE`] points: values that do not pack cost bytes rather than rows.
fn in_pages(points: &[Point], whole: Packed) -> Vec<Packed> {
    if fit(whole.blob.len()) != Fit::Wasteful {
        return vec![whole];
    }
    let mut pieces = Vec::new();
    let mut left = points;
    let mut guess = fitting(&whole);
    while !left.is_empty() {
        let mut piece = Packed::of(&left[..guess.clamp(1, left.len())]);
        // points differ in how they pack, and few pack worse than many
        while fit(piece.blob.len()) != Fit::Inline && piece.points > CLOSE {
            piece = Packed::of(&left[..fitting(&piece).min(piece.points - 1)]);
        }
        guess = piece.points;
        left = &left[piece.points..];
        pieces.push(piece);
    }
    pieces
}

/// How many points of a chunk stay in a page, if they pack as the others, but no fewer than [`CLOSE`].
fn fitting(packed: &Packed) -> usize {
    (packed.points * (INLINE - ROW) / packed.blob.len().max(1) * 49 / 50).max(CLOSE)
}

/// Bytes of a chunk's blob with so many more points, if they pack as well.
fn joined(chunk: &Header, adding: usize) -> usize {
    chunk.bytes + chunk.bytes * adding / chunk.points.max(1)
}

/// How many points a chunk that stays in its page has room for.
fn room(chunk: &Header) -> usize {
    // they may pack a little worse, and two half-empty pages are worse than one that is not quite full
    let bytes = (INLINE - ROW).saturating_sub(chunk.bytes) * 24 / 25;
    bytes * chunk.points / chunk.bytes.max(1)
}

/// Whether `adding` more points should be packed together with the newest chunk: where the two stay
/// in the page, or fill one.
pub(in super::super) fn joins(newest: &Header, adding: usize) -> bool {
    let together = joined(newest, adding);
    is_small(newest) && (fit(together) == Fit::Inline || together >= FULL_BLOB)
}

/// Whether `adding` more points fill the page of the newest chunk, as far as a page is to be filled.
pub(in super::super) fn fills(newest: &Header, adding: usize) -> bool {
    let row = joined(newest, adding) + ROW;
    adding > 0 && is_small(newest) && (INLINE * 85 / 100..=INLINE).contains(&row)
}

/// Whether a chunk may still be merged with its neighbours.
fn is_small(chunk: &Header) -> bool {
    chunk.bytes < FULL_BLOB - MAY_BE_LOST && chunk.points < MOST_POINTS
}

/// The stretches of chunks, ascending, that together fill a page and should become one.
pub(in super::super) fn mergeable(chunks: &[Header]) -> Vec<std::ops::Range<usize>> {
    let mut found = Vec::new();
    let mut start = 0;
    while start < chunks.len() {
        let run = chunks[start..].iter().take_while(|chunk| is_small(chunk)).count();
        let within = &chunks[start..start + run];
        let bytes: usize = within.iter().map(|chunk| chunk.bytes).sum();
        let points: usize = within.iter().map(|chunk| chunk.points).sum();
        if run > 1 && (bytes >= FULL_BLOB || points >= MOST_POINTS) {
            found.push(start..start + run);
        }
        start += run.max(1);
    }
    found
}

/// Which of the chunks (ascending) takes a point when it is late: the one before whose successor it
/// lies; the first for what is older than all; none for what is newer than all.
pub(in super::super) fn owner(chunks: &[Header], timestamp: Millis) -> Option<usize> {
    let newest = chunks.last()?;
    (timestamp <= newest.end).then(|| {
        chunks
            .partition_point(|chunk| chunk.start <= timestamp)
            .saturating_sub(1)
    })
}

/// Points (ascending) with others that win over them; `None` if those say nothing new.
pub(in super::super) fn merge(points: &[Point], over: &BTreeMap<Millis, f64>) -> Option<Vec<Point>> {
    let mut merged: BTreeMap<Millis, f64> = points.iter().map(|point| (point.timestamp, point.value)).collect();
    let mut changed = false;
    for (timestamp, value) in over {
        let before = merged.insert(*timestamp, *value);
        changed |= before.map(f64::to_bits) != Some(value.to_bits());
    }
    let point = |(timestamp, value)| Point { timestamp, value };
    changed.then(|| merged.into_iter().map(point).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of which each takes about as many bits as said.
    fn points(count: usize, step: Millis, bits: u32) -> Vec<Point> {
        let mut state = 7u64;
        (0..count as i64)
            .map(|at| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                Point {
                    timestamp: at * step,
                    value: (state >> 33) as f64 % f64::from(1 << bits),
                }
            })
            .collect()
    }

    fn lengths(chunks: &[Packed]) -> Vec<usize> {
        chunks.iter().map(|chunk| chunk.points).collect()
    }

    fn closed(mut points: Vec<Point>) -> (usize, usize) {
        let closed = close(&mut points);
        (closed.len(), points.len())
    }

    #[test]
    fn chunks_close_at_256_points_or_31_days() {
        assert_eq!(closed(points(255, 1_000, 4)), (0, 255));
        assert_eq!(closed(points(600, 1_000, 4)), (512, 88));
        assert_eq!(closed(points(32, DAY, 4)), (32, 0));
        assert_eq!(closed(points(31, DAY, 4)), (0, 31));
        assert_eq!(closed(points(5, 365 * DAY, 4)), (0, 5));
    }

    #[test]
    fn a_row_is_in_its_page_or_fills_its_overflow_page() {
        assert_eq!(fit(INLINE - ROW), Fit::Inline);
        assert_eq!(fit(INLINE - ROW + 1), Fit::Wasteful);
        assert_eq!(fit(3_000), Fit::Wasteful);
        assert_eq!(fit(FULL_BLOB), Fit::Full);
        assert_eq!(fit(FULL_BLOB + OVERFLOW), Fit::Full);
        assert_eq!(fit(FULL_BLOB + OVERFLOW / 3), Fit::Wasteful);
    }

    #[test]
    fn points_wait_until_they_fill_the_page_of_the_newest_chunk() {
        let newest = header(0, 400);
        let leaving = |count: usize| {
            let mut left = points(count, 1_000, 4);
            let leaving = leave(Some(&newest), &mut left);
            (leaving.join.len(), leaving.alone.len(), left.len())
        };
        let room = room(&newest);
        assert!((300..350).contains(&room), "{room}");
        assert_eq!(leaving(room - 1), (0, 0, room - 1));
        assert_eq!(leaving(room + 5), (room, 0, 5));
        assert_eq!(leaving(room + 300), (room, 256, 44));
        assert_eq!(
            leaving(4_000),
            (3_840, 0, 160),
            "so many fill a page of their own with it"
        );
        assert_eq!(
            leave(Some(&header(0, 900)), &mut points(256, 1_000, 4)).alone.len(),
            256
        );
    }

    #[test]
    fn long_histories_fill_pages_and_the_rest_stays_in_its_page() {
        for bits in [2, 9, 13, 20] {
            let packed = pack(&points(20_000, 60_000, bits));
            assert_eq!(lengths(&packed).iter().sum::<usize>(), 20_000);
            let full = packed.iter().filter(|chunk| fit(chunk.blob.len()) == Fit::Full).count();
            assert!(full + 5 >= packed.len(), "{bits} bits: {full} of {}", packed.len());
            assert!(packed.iter().all(|chunk| chunk.blob.len() < 8_000));
        }
    }

    /// One byte too much costs a whole page.
    #[test]
    fn what_is_left_stays_in_its_pages_however_unevenly_it_packs() {
        let mut uneven = points(700, 60_000, 3);
        uneven.extend(points(2_000, 60_000, 12).into_iter().skip(700));
        let packed = pack(&uneven);
        assert_eq!(lengths(&packed).iter().sum::<usize>(), 2_000);
        for chunk in packed {
            assert!(
                fit(chunk.blob.len()) == Fit::Inline,
                "{} points of {} bytes",
                chunk.points,
                chunk.blob.len()
            );
        }
    }

    #[test]
    fn a_constant_series_has_chunks_that_a_reader_can_take() {
        let constant: Vec<Point> = points(20_000, 60_000, 0);
        assert_eq!(lengths(&pack(&constant)), [8_192, 8_192, 3_616]);
    }

    #[test]
    fn values_that_do_not_pack_cost_bytes_rather_than_rows() {
        let mut hard = points(256, 1_000, 20);
        for (at, point) in hard.iter_mut().enumerate() {
            point.value = (at as f64 + 0.7).sqrt();
        }
        assert_eq!(lengths(&pack(&hard)), [256]);
    }

    fn header(start: Millis, bytes: usize) -> Header {
        Header {
            start,
            end: start + 9,
            points: 256,
            bytes,
        }
    }

    #[test]
    fn a_chunk_is_joined_while_both_stay_in_the_page_or_fill_one() {
        assert!(joins(&header(0, 400), 256));
        assert!(!joins(&header(0, 500), 256));
        assert!(joins(&header(0, 500), 3_000));
        assert!(!joins(&header(0, 4_700), 3_000), "a full one is left alone");
    }

    #[test]
    fn small_chunks_merge_once_they_fill_a_page() {
        let chunks: Vec<Header> = (0..8).map(|at| header(at * 10, 900)).collect();
        assert_eq!(mergeable(&chunks).first(), Some(&(0..8)));
        assert!(mergeable(&chunks[..4]).is_empty());
        let with_full: Vec<Header> = [&chunks[..3], &[header(30, 4_700)], &chunks[3..]].concat();
        assert!(
            mergeable(&with_full).is_empty(),
            "on either side of a full one there is too little"
        );
    }

    #[test]
    fn every_late_point_has_one_owner() {
        let chunks = [header(10, 1), header(30, 1)];
        assert_eq!(owner(&chunks, 5), Some(0));
        assert_eq!(owner(&chunks, 25), Some(0));
        assert_eq!(owner(&chunks, 30), Some(1));
        assert_eq!(owner(&chunks, 39), Some(1));
        assert_eq!(owner(&chunks, 40), None);
        assert_eq!(owner(&[], 40), None);
    }

    #[test]
    fn what_is_known_already_says_nothing_new() {
        let known = points(10, 1_000, 4);
        let same = BTreeMap::from([(known[5].timestamp, known[5].value)]);
        assert!(merge(&known, &same).is_none());
        let other = BTreeMap::from([(known[5].timestamp, 99.0), (3, 1.0)]);
        assert_eq!(merge(&known, &other).unwrap().len(), 11);
    }
}
