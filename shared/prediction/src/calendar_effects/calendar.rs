//! The dates of the steps of a grid.

use crate::Step;
use crate::calendar::{Civil, DAY};

/// Days at each end of a month that count as its turn.
const TURN: i64 = 3;

/// Where the steps of a grid lie in local time.
///
/// Only for a grid whose timestamps are real ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Calendar {
    /// Time of step 0, epoch milliseconds UTC.
    pub start: i64,
    /// The distance between neighbours.
    pub step: Step,
    /// How far local time is ahead of UTC, in minutes. An hour of summer time does not matter.
    pub offset: i32,
}

impl Calendar {
    pub(super) fn is_daily(&self) -> bool {
        self.step == Step::Millis(DAY)
    }

    /// Months, quarters and what else is no longer than a year.
    pub(super) fn is_monthly(&self) -> bool {
        matches!(self.step, Step::Months(1..=12))
    }

    /// The local time half a day into a step: on the same date even if a summer time comes or goes.
    fn noon(&self, step: usize) -> i64 {
        let time = self.step.add(self.start, i64::try_from(step).unwrap_or(i64::MAX));
        time.saturating_add(i64::from(self.offset) * 60_000)
            .saturating_add(DAY / 2)
    }

    fn date(&self, step: usize) -> Civil {
        Civil::of_time(self.noon(step))
    }

    /// Days since 1970-01-01 of the first day of a step and of the next step.
    fn days(&self, step: usize) -> (i64, i64) {
        (
            self.noon(step).div_euclid(DAY),
            self.noon(step.saturating_add(1)).div_euclid(DAY),
        )
    }

    /// 0 for the first day of a month.
    pub(super) fn day_of_month(&self, step: usize) -> usize {
        usize::try_from(self.date(step).day - 1).unwrap_or_default()
    }

    /// 0 to 2 for the first days of a month, 3 to 5 for the last ones, counted from the end.
    pub(super) fn month_turn(&self, step: usize) -> Option<usize> {
        let date = self.date(step);
        let left = date.days_in_month() - date.day;
        let place = if date.day <= TURN {
            date.day - 1
        } else if left < TURN {
            TURN + left
        } else {
            return None;
        };
        usize::try_from(place).ok()
    }

    /// Months since that of step 0.
    pub(super) fn month(&self, step: usize) -> usize {
        usize::try_from(self.date(step).month_number() - self.date(0).month_number()).unwrap_or_default()
    }

    /// Years since that of step 0.
    pub(super) fn year(&self, step: usize) -> usize {
        usize::try_from(self.date(step).year - self.date(0).year).unwrap_or_default()
    }

    /// The days from Monday to Friday of a step less 5/2 of the other days: 0 for whole weeks.
    pub(super) fn trading_days(&self, step: usize) -> f64 {
        let (first, next) = self.days(step);
        // whole weeks cancel; 1970-01-01 was a Thursday, so Monday is where (day + 3) is a multiple of 7
        let rest = (next - first).rem_euclid(7);
        let weekend = (first..first + rest).filter(|day| (day + 3).rem_euclid(7) >= 5).count() as f64;
        rest as f64 - 3.5 * weekend
    }

    /// For a step with the end of a February: how many 29 Februaries it has more than on average.
    pub(super) fn leap_day(&self, step: usize) -> Option<f64> {
        let (first, next) = self.days(step);
        let date = self.date(step);
        (date.year..=date.year + 1)
            .map(|year| Civil {
                year,
                month: 2,
                day: 28,
            })
            .find(|february| (first..next).contains(&february.days()))
            .map(|february| if february.days_in_month() == 29 { 0.75 } else { -0.25 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The time of a date, epoch milliseconds.
    fn time(year: i64, month: i64, day: i64) -> i64 {
        Civil { year, month, day }.days() * DAY
    }

    fn daily(start: i64, offset: i32) -> Calendar {
        Calendar {
            start,
            step: Step::Millis(DAY),
            offset,
        }
    }

    fn monthly(months: u32) -> Calendar {
        Calendar {
            start: time(2023, 1, 1),
            step: Step::Months(months),
            offset: 0,
        }
    }

    #[test]
    fn days_are_those_of_local_time() {
        let calendar = daily(time(2024, 2, 26), 0);
        let turns: Vec<Option<usize>> = (0..8).map(|step| calendar.month_turn(step)).collect();
        assert_eq!(
            turns,
            [None, Some(5), Some(4), Some(3), Some(0), Some(1), Some(2), None]
        );
        assert_eq!((calendar.day_of_month(3), calendar.day_of_month(4)), (28, 0));
        assert_eq!((calendar.month(3), calendar.month(4), calendar.year(400)), (0, 1, 1));
        // midnight in Berlin is 23:00 or 22:00 UTC, in New York 5:00 or 4:00
        for (minutes, offset) in [(-60, 60), (-120, 60), (-60, 120), (300, -300), (240, -300)] {
            let calendar = daily(time(2024, 3, 1) + minutes * 60_000, offset);
            assert_eq!(calendar.day_of_month(0), 0, "{minutes} {offset}");
        }
    }

    #[test]
    fn trading_days_are_counted() {
        // weekdays and other days of January, February, March, April 2023
        let known = [(22.0, 9.0), (20.0, 8.0), (23.0, 8.0), (20.0, 10.0)];
        for (step, (week, rest)) in known.into_iter().enumerate() {
            assert_eq!(monthly(1).trading_days(step), week - 2.5 * rest);
        }
        // and of the first quarter
        assert_eq!(monthly(3).trading_days(0), 65.0 - 2.5 * 25.0);
    }

    #[test]
    fn leap_days_are_found() {
        let months: Vec<usize> = (0..36).filter(|step| monthly(1).leap_day(*step).is_some()).collect();
        assert_eq!(months, [1, 13, 25]);
        assert_eq!(monthly(1).leap_day(13), Some(0.75));
        assert_eq!(monthly(1).leap_day(1), Some(-0.25));
        assert_eq!(monthly(3).leap_day(4), Some(0.75));
        assert_eq!(monthly(3).leap_day(5), None);
        assert_eq!(monthly(12).leap_day(1), Some(0.75));
    }

    #[test]
    fn no_time_is_too_far() {
        for start in [i64::MIN, -1, 0, i64::MAX] {
            for step in [
                Step::Millis(DAY),
                Step::Millis(i64::MAX),
                Step::Months(1),
                Step::Months(u32::MAX),
            ] {
                let calendar = Calendar {
                    start,
                    step,
                    offset: i32::MIN,
                };
                for step in [0, 1, usize::MAX] {
                    assert!(calendar.day_of_month(step) < 31);
                    assert!(calendar.month_turn(step).is_none_or(|place| place < 6));
                    assert!(calendar.trading_days(step).abs() < 10.0);
                    calendar.leap_day(step);
                    calendar.month(step);
                    calendar.year(step);
                }
            }
        }
    }
}
