//! What rules remember of the last points of a series, so that none of them reads the store again.

mod codec;

use crate::alerting::state::Arrival;
use crate::clock::{MINUTE, Millis};
use crate::series::Point;
use std::collections::BTreeSet;

/// What a rule must remember of the last points of a series. Rules that need the same share it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Need {
    /// how old a point must be before the rule sees it
    pub delay: Millis,
    /// what it keeps of those that it sees
    pub keep: Keep,
}

/// What is kept of points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Keep {
    /// the last ones, at most so many
    Points(u8),
    /// what those of a window of this length come to
    Window(Summary, Millis),
    /// only whether the series is as old as this
    Age(Millis),
}

/// What the points of a part of a window come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Summary {
    /// how many they are
    Count,
    /// how many they are, and their sum
    Sum,
    /// the least
    Min,
    /// the largest
    Max,
    /// the first, and the last of all: what the value was at a time
    Value,
}

/// The parts of a window, at most. Up to an hour they are minutes, and so the window is exact; a longer one begins at a
/// whole part, up to a sixtieth too late.
const PARTS: Millis = 60;
/// How many points wait for their delay, at most: an hour of one each ten seconds. Of more, the oldest are seen before it is over.
const WAITING: usize = 360;

/// The last points of a series as rules with one [`Need`] see them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Recent {
    /// from where on a window is complete: the oldest point that was seen; not kept where nothing asks for it
    first: Option<Millis>,
    /// ascending; of [`Keep::Points`] each is one point
    cells: Vec<Cell>,
    /// points that are too young to be seen, ascending
    waiting: Vec<Point>,
}

/// The points of a part of a window.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Cell {
    /// the time of the last one
    time: Millis,
    count: u32,
    value: f64,
}

/// What a window says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Windowed {
    /// the series is younger than the window
    NotYet,
    /// there is no point in it
    Nothing,
    /// what its points come to
    Points {
        /// how many they are, where that is kept
        count: u32,
        /// their sum, or whatever else is kept
        value: f64,
    },
}

impl Recent {
    /// The most points of [`Keep::Points`].
    pub const POINTS: u8 = 60;

    /// What is remembered of stored points, ascending, in the minute `minute`.
    #[must_use]
    pub fn of_history(need: Need, minute: Millis, points: &[Point]) -> Self {
        let mut recent = Self::default();
        let until = minute.saturating_sub(need.delay);
        for point in points {
            if need.delay > 0 && point.timestamp > until {
                recent.wait(*point);
            } else {
                recent.see(need.keep, until, *point);
            }
        }
        recent.advance(need.keep, until);
        // however far back the history goes that was read: the window is complete, or it is not
        if let Keep::Window(_, length) | Keep::Age(length) = need.keep {
            let from = until.saturating_sub(length);
            recent.first = recent.first.map(|first| first.max(from));
        }
        recent
    }

    /// How far back a [`Need`] looks from a minute, and how many points that are of a series with this interval, with those of
    /// `later` that are not looked at: so much more than the window that there is an older point if the series is older.
    #[must_use]
    pub fn reach(need: Need, interval: Millis, later: Millis) -> (Millis, usize) {
        let interval = if interval > 0 { interval.max(1_000) } else { MINUTE };
        let points = |length: Millis| usize::try_from(length / interval).unwrap_or(usize::MAX);
        match need.keep {
            Keep::Points(of) => (
                Millis::MAX,
                points(need.delay.saturating_add(later)).saturating_add(usize::from(of) + 8),
            ),
            Keep::Window(_, length) | Keep::Age(length) => {
                let older = length.max(interval.saturating_mul(3));
                let back = length.saturating_add(older).saturating_add(need.delay);
                (back, points(back.saturating_add(later)).saturating_add(16))
            }
        }
    }

    /// Takes a point that waits for its delay, also one that corrects another or comes between others.
    fn wait(&mut self, point: Point) {
        if self.cells.last().is_some_and(|seen| point.timestamp <= seen.time) {
            return;
        }
        match self
            .waiting
            .binary_search_by_key(&point.timestamp, |known| known.timestamp)
        {
            Ok(at) => self.waiting[at] = point,
            Err(at) => self.waiting.insert(at, point),
        }
    }

    /// Sees what is old enough by now.
    fn advance(&mut self, keep: Keep, until: Millis) {
        let ripe = self.waiting.partition_point(|point| point.timestamp <= until);
        let ripe = ripe.max(self.waiting.len().saturating_sub(WAITING));
        for point in self.waiting.drain(..ripe).collect::<Vec<_>>() {
            self.see(keep, until, point);
        }
    }

    /// Takes a point that is newer than all before it; `until` is where windows end now.
    fn see(&mut self, keep: Keep, until: Millis, point: Point) {
        let cell = Cell {
            time: point.timestamp,
            count: 1,
            value: point.value,
        };
        let (summary, length) = match keep {
            Keep::Points(of) => {
                self.cells.push(cell);
                self.cells.drain(..self.cells.len().saturating_sub(usize::from(of)));
                return;
            }
            Keep::Window(summary, length) => (summary, length),
            Keep::Age(_) => {
                self.first.get_or_insert(point.timestamp);
                return;
            }
        };
        if summary != Summary::Value {
            self.first.get_or_insert(point.timestamp);
        }
        let part = |time| part(time, length);
        let same_part = |one: &Cell, other: &Cell| part(one.time) == part(other.time);
        match (summary, self.cells.as_mut_slice()) {
            // the first of each part, and the last of all
            (Summary::Value, [.., before, last]) if same_part(before, last) => *last = cell,
            (Summary::Value, _) => self.cells.push(cell),
            (_, [.., last]) if same_part(last, &cell) => last.add(summary, &cell),
            (Summary::Count, _) => self.cells.push(Cell { value: 0.0, ..cell }),
            _ => self.cells.push(cell),
        }
        let from = point.timestamp.min(until).saturating_sub(length);
        let over = match summary {
            // the newest that is a window old is still asked for
            Summary::Value => self.cells.partition_point(|cell| cell.time <= from).saturating_sub(1),
            _ => self.cells.partition_point(|cell| part(cell.time) <= part(from)),
        };
        self.cells.drain(..over);
    }

    /// The last values, the oldest first.
    pub fn values(&self) -> impl Iterator<Item = f64> {
        self.cells.iter().map(|cell| cell.value)
    }

    /// The last point.
    #[must_use]
    pub fn last(&self) -> Option<Point> {
        self.cells.last().map(Cell::point)
    }

    /// The newest point that is at least so much older than the last one, but for the length of a part, and the last one.
    #[must_use]
    pub fn ends(&self, window: Millis) -> Option<(Point, Point)> {
        let now = self.last()?;
        let before = self
            .cells
            .partition_point(|cell| cell.time <= now.timestamp.saturating_sub(window));
        let then = self.cells.get(before.checked_sub(1)?)?;
        Some((then.point(), now))
    }

    /// What the window comes to that ends at `minute`, or as much before it as the rule waits. A series with this usual
    /// interval is as old as the window if its first point lies at most that much after the beginning.
    #[must_use]
    pub fn window(&self, need: Need, minute: Millis, interval: Millis) -> Windowed {
        let Keep::Window(summary, length) = need.keep else {
            return Windowed::NotYet;
        };
        let from = minute.saturating_sub(need.delay).saturating_sub(length);
        if summary == Summary::Value {
            let last = self.cells.last().filter(|cell| cell.time > from);
            return last.map_or(Windowed::Nothing, |cell| Windowed::Points {
                count: cell.count,
                value: cell.value,
            });
        }
        let slack = interval.max(width(length));
        if self.first.is_none_or(|first| first.saturating_sub(slack) > from) {
            return Windowed::NotYet;
        }
        let first = self
            .cells
            .partition_point(|cell| part(cell.time, length) <= part(from, length));
        // what was seen too early lies behind the end
        let until = part(minute.saturating_sub(need.delay), length);
        let inside = self.cells.iter().skip(first);
        let mut inside = inside.take_while(|cell| part(cell.time, length) <= until).copied();
        match inside.next() {
            None => Windowed::Nothing,
            Some(mut whole) => {
                for cell in inside {
                    whole.add(summary, &cell);
                }
                Windowed::Points {
                    count: whole.count,
                    value: whole.value,
                }
            }
        }
    }

    /// Whether a point was seen that is so much older than `minute`.
    #[must_use]
    pub fn is_as_old_as(&self, length: Millis, minute: Millis) -> bool {
        self.first.is_some_and(|first| first <= minute.saturating_sub(length))
    }

    /// About how many bytes it takes, packed, on the high side.
    #[must_use]
    pub fn bytes(&self) -> usize {
        40 + 16 * (self.cells.len() + self.waiting.len())
    }
}

impl Cell {
    fn add(&mut self, summary: Summary, later: &Self) {
        self.time = later.time;
        if matches!(summary, Summary::Count | Summary::Sum) {
            self.count = self.count.saturating_add(later.count);
        }
        self.value = match summary {
            Summary::Count | Summary::Value => self.value,
            Summary::Sum => self.value + later.value,
            Summary::Min => self.value.min(later.value),
            Summary::Max => self.value.max(later.value),
        };
    }

    fn point(&self) -> Point {
        Point {
            timestamp: self.time,
            value: self.value,
        }
    }
}

/// The length of a part of a window: whole minutes.
fn width(length: Millis) -> Millis {
    let minutes = length.div_euclid(MINUTE).max(1);
    (minutes + PARTS - 1) / PARTS * MINUTE
}

/// The part that a time lies in; a part ends with, and does not begin with, a multiple of its length.
fn part(time: Millis, length: Millis) -> Millis {
    let width = width(length);
    time.saturating_add(width - 1).div_euclid(width)
}

/// All that rules remember of the last points of a series.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Recents(Vec<(Need, Recent)>);

impl Recents {
    /// What rules with this need see; `None` until their history was read.
    #[must_use]
    pub fn get(&self, need: Need) -> Option<&Recent> {
        let at = self.0.binary_search_by_key(&need, |(known, _)| *known).ok()?;
        self.0.get(at).map(|(_, recent)| recent)
    }

    /// Keeps what was read of a history.
    pub fn insert(&mut self, need: Need, recent: Recent) {
        if let Err(at) = self.0.binary_search_by_key(&need, |(known, _)| *known) {
            self.0.insert(at, (need, recent));
        }
    }

    /// Forgets what no rule needs.
    pub fn retain(&mut self, needs: &BTreeSet<Need>) {
        self.0.retain(|(need, _)| needs.contains(need));
    }

    /// The series is gone with all of its points.
    pub fn clear(&mut self) {
        for (_, recent) in &mut self.0 {
            *recent = Recent::default();
        }
    }

    /// Takes a point that came in `minute`. Without a delay only one that is the `newest` and fresh is seen; with one, also
    /// a point that comes between others or corrects one, as long as it is no older than its delay, or `fresh_for`.
    pub fn take(&mut self, minute: Millis, arrival: &Arrival, newest: bool, fresh_for: Millis) {
        let age = arrival.received_at.saturating_sub(arrival.point.timestamp);
        for (need, recent) in &mut self.0 {
            if need.delay == 0 {
                if newest {
                    recent.see(need.keep, minute, arrival.point);
                }
            } else if !arrival.backfill && age <= fresh_for.max(need.delay) {
                recent.wait(arrival.point);
            }
        }
    }

    /// Sees what is old enough in `minute`.
    pub fn advance(&mut self, minute: Millis) {
        for (need, recent) in &mut self.0 {
            recent.advance(need.keep, minute.saturating_sub(need.delay));
        }
    }

    /// Whether nothing is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// About how many bytes they take, packed, on the high side.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.0.iter().map(|(_, recent)| 16 + recent.bytes()).sum()
    }
}

#[cfg(test)]
mod tests;
