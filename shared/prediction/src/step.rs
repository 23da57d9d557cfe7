//! The distance between two neighbours of a grid.

use std::fmt;
use std::str::FromStr;

use crate::Error;
use crate::calendar::{self, Civil, DAY};

/// The distance between two neighbours of a grid.
///
/// Months, quarters and years are calendar steps: their length in milliseconds differs from one to the next.
/// Written as a number and a unit: `s`, `m` (minute), `h`, `d`, `w`, `M` (month), `q`, `y`; lengths that are no whole
/// number of seconds use `ms`.
///
/// ```
/// use prediction::Step;
/// let quarter: Step = "1q".parse()?;
/// assert_eq!(quarter, Step::Months(3));
/// assert_eq!(quarter.to_string(), "1q");
/// # Ok::<(), prediction::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// A fixed number of milliseconds; 1 or more.
    Millis(i64),
    /// A number of calendar months in UTC; 1 or more.
    Months(u32),
}

/// Units of fixed length, longest first, in milliseconds.
const UNITS: [(&str, i64); 6] = [
    ("w", 7 * DAY),
    ("d", DAY),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

impl Step {
    /// The step that a season of `season` steps makes likely, for series of which only that is known.
    ///
    /// 12 are months, 4 quarters, 7 days, 24 hours, 52 weeks, other even ones parts of a day; none (1) are years in a
    /// series of up to 60 values, and weeks in a longer one.
    pub fn usual(season: usize, length: usize) -> Self {
        match season {
            4 => Step::Months(3),
            12 => Step::Months(1),
            7 => Step::Millis(DAY),
            52 => Step::Millis(7 * DAY),
            0 | 1 if length <= 60 => Step::Months(12),
            0 | 1 => Step::Millis(7 * DAY),
            _ => i64::try_from(season)
                .ok()
                .filter(|m| DAY % m == 0)
                .map_or(Step::Millis(1), |m| Step::Millis(DAY / m)),
        }
    }

    /// `time` moved by `count` steps, both in either direction; saturates at the ends of `i64`.
    ///
    /// Months keep the day of the month of `time`, or take the last one of a shorter month. Timestamps of a grid
    /// are therefore to be computed from its start, not one from another: 31 January plus one month is
    /// 28 February, plus two months is 31 March.
    pub fn add(self, time: i64, count: i64) -> i64 {
        match self {
            Step::Millis(length) => time.saturating_add(length.saturating_mul(count)),
            Step::Months(months) => calendar::add_months(time, i64::from(months).saturating_mul(count)),
        }
    }

    /// How many whole steps lie between `start` and `time`: the largest `n` with `add(start, n) <= time`.
    ///
    /// A step that is not valid (see [`Step::check`]) counts as one of length 1.
    pub fn count(self, start: i64, time: i64) -> i64 {
        match self {
            Step::Millis(length) => {
                let cells = (i128::from(time) - i128::from(start)).div_euclid(i128::from(length.max(1)));
                i64::try_from(cells).unwrap_or(if cells < 0 { i64::MIN } else { i64::MAX })
            }
            Step::Months(months) => {
                let between = Civil::of_time(time).month_number() - Civil::of_time(start).month_number();
                let count = between.div_euclid(i64::from(months.max(1)));
                // the day or the time of the day may not be reached yet in the last month
                if self.add(start, count) > time {
                    count - 1
                } else {
                    count
                }
            }
        }
    }

    /// The step itself, if its length is positive.
    ///
    /// # Errors
    /// [`Error::StepLength`] for a length of zero or below.
    pub fn check(self) -> Result<Self, Error> {
        match self {
            Step::Millis(length) if length < 1 => Err(Error::StepLength),
            Step::Months(0) => Err(Error::StepLength),
            step => Ok(step),
        }
    }

    /// The mean length in milliseconds; a month counts as a twelfth of 365.2425 days.
    pub fn mean_millis(self) -> f64 {
        match self {
            Step::Millis(length) => length as f64,
            Step::Months(months) => f64::from(months) * 365.2425 * DAY as f64 / 12.0,
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Step::Millis(length) => {
                let (unit, size) = UNITS
                    .into_iter()
                    .find(|(_, size)| length % size == 0)
                    .unwrap_or(("ms", 1));
                write!(f, "{}{unit}", length / size)
            }
            Step::Months(months) if months % 12 == 0 => write!(f, "{}y", months / 12),
            Step::Months(months) if months % 3 == 0 => write!(f, "{}q", months / 3),
            Step::Months(months) => write!(f, "{months}M"),
        }
    }
}

impl FromStr for Step {
    type Err = Error;

    /// Reads what [`Display`](fmt::Display) writes: a number without sign or leading blank, and a unit.
    fn from_str(text: &str) -> Result<Self, Error> {
        let invalid = || Error::Step(text.chars().take(32).collect());
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let number: i64 = number.parse().map_err(|_| invalid())?;
        let months = |size: i64| {
            number
                .checked_mul(size)
                .and_then(|n| u32::try_from(n).ok())
                .map(Step::Months)
        };
        let step = match unit {
            "M" => months(1),
            "q" => months(3),
            "y" => months(12),
            _ => {
                let fixed = UNITS.into_iter().find(|(name, _)| *name == unit);
                fixed.and_then(|(_, size)| number.checked_mul(size)).map(Step::Millis)
            }
        };
        step.and_then(|step| step.check().ok()).ok_or_else(invalid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_and_read() {
        for (text, step) in [
            ("5m", Step::Millis(300_000)),
            ("1h", Step::Millis(3_600_000)),
            ("1d", Step::Millis(DAY)),
            ("1w", Step::Millis(7 * DAY)),
            ("90s", Step::Millis(90_000)),
            ("250ms", Step::Millis(250)),
            ("1M", Step::Months(1)),
            ("1q", Step::Months(3)),
            ("1y", Step::Months(12)),
            ("5M", Step::Months(5)),
        ] {
            assert_eq!(text.parse(), Ok(step));
            assert_eq!(step.to_string(), text);
        }
        assert_eq!("12M".parse::<Step>().map(|s| s.to_string()), Ok("1y".to_owned()));
    }

    #[test]
    fn refused() {
        for text in [
            "",
            "m",
            "0m",
            "-1m",
            "+1m",
            "1",
            "1x",
            " 1m",
            "1 m",
            "99999999999999999999m",
            "9999999999y",
            "1é",
        ] {
            assert_eq!(text.parse::<Step>(), Err(Error::Step(text.to_owned())), "{text}");
        }
        assert_eq!(Step::Millis(0).check(), Err(Error::StepLength));
    }

    #[test]
    fn counting_is_the_inverse_of_adding() {
        for step in [Step::Millis(7), Step::Months(1), Step::Months(3), Step::Months(12)] {
            for start in [0, 1_706_659_200_000, -5_000_000_000] {
                for n in -30..30 {
                    let time = step.add(start, n);
                    assert_eq!(step.count(start, time), n, "{step} {start} {n}");
                    assert_eq!(step.count(start, time - 1), n - 1, "{step} {start} {n}");
                }
            }
        }
        assert_eq!(Step::Millis(1).count(i64::MIN, i64::MAX), i64::MAX);
        assert_eq!(Step::Millis(i64::MAX).add(5, 2), i64::MAX);
    }
}
