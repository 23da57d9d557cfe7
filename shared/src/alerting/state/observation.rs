use crate::clock::{MINUTE, Millis};
use crate::series::Point;

/// The least age up to which a point is fresh.
const FRESH: Millis = 15 * MINUTE;
/// No interval is taken to be longer: a pause is not a rhythm.
const MAX_INTERVAL: Millis = 400 * crate::clock::DAY;

/// A point as the log carries it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Arrival {
    /// the point
    pub point: Point,
    /// when it was received
    pub received_at: Millis,
    /// whether it came as history
    pub backfill: bool,
}

/// The last value that rules may go by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Last {
    /// its point
    pub point: Point,
    /// the minute in which it was seen
    pub minute: Millis,
}

/// What is known of a series' points.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Observed {
    /// the newest timestamp, fresh or not
    pub newest: Option<Millis>,
    /// the usual distance between points; 0 while it is not known
    pub interval: Millis,
    /// the last fresh point
    pub last: Option<Last>,
}

/// Up to which age a point of a series with this interval is fresh.
#[must_use]
pub fn fresh_for(interval: Millis) -> Millis {
    FRESH.max(interval.saturating_mul(3))
}

impl Observed {
    /// Takes a point that was seen in `minute`. History, and what is not newer than the newest, teaches nothing; what is
    /// late teaches the rhythm and is not evaluated. Returns whether rules and detectors may go by it.
    pub fn observe(&mut self, minute: Millis, arrival: &Arrival) -> bool {
        let Arrival {
            point,
            received_at,
            backfill,
        } = *arrival;
        if backfill || self.newest.is_some_and(|newest| point.timestamp <= newest) {
            return false;
        }
        let usual = self.interval;
        if let Some(newest) = self.newest {
            self.interval = learn(usual, point.timestamp.saturating_sub(newest));
        }
        self.newest = Some(point.timestamp);
        // by the rhythm of the points before it: one distance is no rhythm, and a late point must not make itself fresh
        let fresh = received_at.saturating_sub(point.timestamp) <= fresh_for(usual);
        if fresh {
            self.last = Some(Last { point, minute });
        }
        fresh
    }

    /// What the store knows of a series that a new rule meets, if it is still fresh at `minute`.
    #[must_use]
    pub fn of_history(minute: Millis, point: Point, previous: Option<Millis>) -> Option<Self> {
        let interval = previous.map_or(0, |previous| learn(0, point.timestamp.saturating_sub(previous)));
        let seen = point
            .timestamp
            .saturating_add(MINUTE - 1)
            .div_euclid(MINUTE)
            .saturating_mul(MINUTE);
        (minute.saturating_sub(point.timestamp) <= fresh_for(interval)).then_some(Self {
            newest: Some(point.timestamp),
            interval,
            last: Some(Last {
                point,
                minute: seen.min(minute),
            }),
        })
    }
}

/// Moves an interval a quarter of the way; a single distance counts at most twice and at least half of what is usual, so
/// that one gap does not make old points fresh.
fn learn(usual: Millis, distance: Millis) -> Millis {
    let distance = distance.clamp(1, MAX_INTERVAL);
    if usual == 0 {
        return distance;
    }
    (3 * usual + distance.clamp((usual / 2).max(1), usual * 2)) / 4
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{DAY, HOUR};

    fn arrival(timestamp: Millis, received_at: Millis) -> Arrival {
        Arrival {
            point: Point { timestamp, value: 1.0 },
            received_at,
            backfill: false,
        }
    }

    #[test]
    fn a_point_is_fresh_up_to_its_limit() {
        for (age, fresh) in [(0, true), (15 * MINUTE, true), (15 * MINUTE + 1, false)] {
            let mut observed = Observed::default();
            observed.observe(DAY, &arrival(DAY - age, DAY));
            assert_eq!(observed.last.is_some(), fresh, "{age}");
            assert_eq!(observed.newest, Some(DAY - age));
        }
    }

    #[test]
    fn slow_series_may_be_three_intervals_late() {
        let mut observed = Observed::default();
        for hour in 1..5 {
            observed.observe(hour * HOUR, &arrival(hour * HOUR, hour * HOUR));
        }
        observed.observe(8 * HOUR, &arrival(5 * HOUR, 8 * HOUR));
        assert_eq!(observed.last.unwrap().point.timestamp, 5 * HOUR);
        observed.observe(9 * HOUR + 1, &arrival(6 * HOUR, 9 * HOUR + 1));
        assert_eq!(observed.last.unwrap().point.timestamp, 5 * HOUR);
    }

    #[test]
    fn a_late_point_does_not_make_itself_fresh() {
        let mut observed = Observed::default();
        observed.observe(DAY, &arrival(DAY - 10 * HOUR, DAY));
        observed.observe(DAY + 1, &arrival(DAY - 5 * HOUR, DAY + 1));
        assert_eq!(observed.last, None);
        // the third of a slow series is in its rhythm
        observed.observe(DAY + 2, &arrival(DAY, DAY + 2));
        assert_eq!(observed.last.map(|last| last.point.timestamp), Some(DAY));
    }

    #[test]
    fn backfill_and_older_points_teach_nothing() {
        let mut observed = Observed::default();
        observed.observe(DAY, &arrival(DAY, DAY));
        let before = observed;
        observed.observe(DAY, &arrival(DAY - 1, DAY));
        observed.observe(DAY, &arrival(DAY, DAY));
        observed.observe(
            DAY,
            &Arrival {
                backfill: true,
                ..arrival(DAY + 1, DAY + 1)
            },
        );
        assert_eq!(observed, before);
    }

    #[test]
    fn a_gap_does_not_make_old_points_fresh() {
        let mut observed = Observed::default();
        for minute in 0..10 {
            observed.observe(minute * MINUTE, &arrival(minute * MINUTE, minute * MINUTE));
        }
        observed.observe(DAY, &arrival(DAY, DAY));
        assert!(fresh_for(observed.interval) == 15 * MINUTE, "{}", observed.interval);
    }

    #[test]
    fn history_counts_while_it_is_fresh() {
        let point = Point {
            timestamp: DAY,
            value: 2.0,
        };
        assert!(Observed::of_history(DAY + 15 * MINUTE, point, None).is_some());
        assert!(Observed::of_history(DAY + 16 * MINUTE, point, None).is_none());
        assert!(Observed::of_history(DAY + 3 * HOUR, point, Some(DAY - HOUR)).is_some());
        let odd = Point {
            timestamp: DAY + 1,
            value: 2.0,
        };
        assert_eq!(
            Observed::of_history(DAY + MINUTE, odd, None)
                .unwrap()
                .last
                .unwrap()
                .minute,
            DAY + MINUTE
        );
    }

    #[test]
    fn extreme_times_do_not_overflow() {
        let mut observed = Observed::default();
        observed.observe(0, &arrival(i64::MIN, i64::MAX));
        observed.observe(0, &arrival(i64::MAX, i64::MIN));
        let _ = Observed::of_history(
            i64::MIN,
            Point {
                timestamp: i64::MAX,
                value: 0.0,
            },
            Some(i64::MIN),
        );
    }
}
