//! Points put into buckets of equal steps.

use super::Point;
use crate::Error;
use crate::clock::{DAY, Millis};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use prediction::Step;

/// The most buckets that one request may ask for.
pub const MAX_BUCKETS: i64 = 11_000;

/// What becomes of the points of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say what they are")]
pub enum Aggregate {
    Avg,
    Sum,
    Min,
    Max,
    Count,
    Last,
}

impl Aggregate {
    /// Reads `avg`, `sum`, `min`, `max`, `count` or `last`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "avg" => Self::Avg,
            "sum" => Self::Sum,
            "min" => Self::Min,
            "max" => Self::Max,
            "count" => Self::Count,
            "last" => Self::Last,
            _ => return None,
        })
    }

    /// Of at least one value; finite, as the largest double where the sum is beyond it.
    fn of(self, values: &[f64]) -> f64 {
        let value = match self {
            Self::Avg => values.iter().sum::<f64>() / values.len() as f64,
            Self::Sum => values.iter().sum(),
            Self::Min => values.iter().copied().fold(f64::INFINITY, f64::min),
            Self::Max => values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            Self::Count => values.len() as f64,
            Self::Last => values.last().copied().unwrap_or_default(),
        };
        value.clamp(f64::MIN, f64::MAX)
    }
}

/// One point for each bucket that has some, at the bucket's start; `points` ascend.
///
/// Buckets of a day and more begin at midnight in `time_zone` (an IANA name; UTC where it is not
/// known), weeks on Monday, months, quarters and years on their first day. Shorter ones count from
/// 1970-01-01T00:00:00Z.
///
/// # Errors
/// 400 if the points span more than [`MAX_BUCKETS`] steps.
pub fn resample(points: &[Point], step: Step, aggregate: Aggregate, time_zone: &str) -> Result<Vec<Point>, Error> {
    if let [first, .., last] = points {
        check_range(first.timestamp, last.timestamp, step)?;
    }
    let zone = TimeZone::get(time_zone).unwrap_or(TimeZone::UTC);
    let mut buckets = Vec::new();
    let mut values = Vec::new();
    let mut current = (Millis::MAX, Millis::MAX);
    for point in points {
        if !(current.0..current.1).contains(&point.timestamp) {
            flush(&mut buckets, current.0, &mut values, aggregate);
            current = bucket(point.timestamp, step, &zone);
        }
        values.push(point.value);
    }
    flush(&mut buckets, current.0, &mut values, aggregate);
    Ok(buckets)
}

fn flush(buckets: &mut Vec<Point>, timestamp: Millis, values: &mut Vec<f64>, aggregate: Aggregate) {
    if !values.is_empty() {
        let value = aggregate.of(values);
        buckets.push(Point { timestamp, value });
        values.clear();
    }
}

/// Refuses a range that would make too many buckets.
///
/// # Errors
/// 400 if the range spans more than [`MAX_BUCKETS`] steps.
pub fn check_range(from: Millis, to: Millis, step: Step) -> Result<(), Error> {
    let span = i128::from(to) - i128::from(from);
    let most = i128::from(MAX_BUCKETS) * i128::from(step.mean_millis().max(1.0) as i64);
    if span > most {
        return Err(Error::schema(format!(
            "the range has more than {MAX_BUCKETS} steps of {step}: take a longer step or a shorter range"
        )));
    }
    Ok(())
}

/// Start and end of the bucket that holds a time.
fn bucket(time: Millis, step: Step, zone: &TimeZone) -> (Millis, Millis) {
    let plain = |length: Millis| {
        let start = time.saturating_sub(time.rem_euclid(length));
        (start, start.saturating_add(length))
    };
    match step {
        Step::Millis(length) if length < DAY || length % DAY != 0 => plain(length.max(1)),
        // a time zone that is beyond its own calendar leaves plain days
        Step::Millis(length) => days(time, length / DAY, zone).unwrap_or_else(|| plain(length)),
        Step::Months(months) => self::months(time, i64::from(months.max(1)), zone).unwrap_or_else(|| plain(30 * DAY)),
    }
}

fn local_date(time: Millis, zone: &TimeZone) -> Option<Date> {
    Some(zone.to_datetime(Timestamp::from_millisecond(time).ok()?).date())
}

fn midnight(date: Date, zone: &TimeZone) -> Option<Millis> {
    // `start_of_day`, because midnight does not exist everywhere on each day
    let start = date.to_zoned_datetime(zone.clone()).ok()?.start_of_day().ok()?;
    Some(start.timestamp().as_millisecond())
}

fn days(time: Millis, count: i64, zone: &TimeZone) -> Option<(Millis, Millis)> {
    let date = local_date(time, zone)?;
    // weeks begin on Monday: 1970-01-05 was one
    let epoch = if count % 7 == 0 {
        Date::new(1970, 1, 5)
    } else {
        Date::new(1970, 1, 1)
    };
    let epoch = epoch.ok()?;
    let since = i64::from(epoch.until(date).ok()?.get_days());
    // `days` panics beyond the calendar, and a step may be that long
    let days = |count: i64| Span::new().try_days(count).ok();
    let start = epoch.checked_add(days(since - since.rem_euclid(count))?).ok()?;
    let end = start.checked_add(days(count)?).ok()?;
    Some((midnight(start, zone)?, midnight(end, zone)?))
}

fn months(time: Millis, count: i64, zone: &TimeZone) -> Option<(Millis, Millis)> {
    let date = local_date(time, zone)?;
    let number = i64::from(date.year()) * 12 + i64::from(date.month()) - 1;
    let start = number - number.rem_euclid(count);
    let first = |number: i64| {
        let year = i16::try_from(number.div_euclid(12)).ok()?;
        let month = i8::try_from(number.rem_euclid(12) + 1).ok()?;
        midnight(Date::new(year, month, 1).ok()?, zone)
    };
    Some((first(start)?, first(start + count)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{format, parse};

    fn at(text: &str, value: f64) -> Point {
        Point {
            timestamp: parse(text).unwrap(),
            value,
        }
    }

    fn starts(points: &[Point], step: &str, zone: &str) -> Vec<String> {
        let step = step.parse().unwrap();
        let buckets = resample(points, step, Aggregate::Avg, zone).unwrap();
        buckets.iter().map(|bucket| format(bucket.timestamp)).collect()
    }

    #[test]
    fn every_aggregate_of_a_bucket() {
        let points = [1.0, 4.0, 2.5].map(|value| at("2026-11-23T10:01:00Z", value));
        for (name, expected) in [
            ("avg", 2.5),
            ("sum", 7.5),
            ("min", 1.0),
            ("max", 4.0),
            ("count", 3.0),
            ("last", 2.5),
        ] {
            let aggregate = Aggregate::parse(name).unwrap();
            let buckets = resample(&points, "5m".parse().unwrap(), aggregate, "UTC").unwrap();
            assert_eq!(buckets, [at("2026-11-23T10:00:00Z", expected)], "{name}");
        }
        assert_eq!(Aggregate::parse("median"), None);
    }

    #[test]
    fn days_and_more_follow_the_time_zone() {
        // the clocks of Berlin went back on 25 October 2026
        let points = [
            "2026-10-24T21:59:00Z",
            "2026-10-24T22:00:00Z",
            "2026-10-25T22:59:00Z",
            "2026-10-25T23:00:00Z",
        ]
        .map(|text| at(text, 1.0));
        assert_eq!(
            starts(&points, "1d", "Europe/Berlin"),
            ["2026-10-23T22:00:00Z", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"]
        );
        assert_eq!(
            starts(&points, "1w", "Europe/Berlin"),
            ["2026-10-18T22:00:00Z", "2026-10-25T23:00:00Z"]
        );
        assert_eq!(starts(&points, "1M", "UTC"), ["2026-10-01T00:00:00Z"]);
        assert_eq!(starts(&points, "1q", "UTC"), ["2026-10-01T00:00:00Z"]);
        assert_eq!(starts(&points, "1y", "Europe/Berlin"), ["2025-12-31T23:00:00Z"]);
        assert_eq!(starts(&points, "1h", "Europe/Berlin").len(), 4);
    }

    #[test]
    fn times_before_1970_have_their_buckets() {
        assert_eq!(
            starts(&[at("1969-12-31T23:59:30Z", 1.0)], "1m", "UTC"),
            ["1969-12-31T23:59:00Z"]
        );
        assert_eq!(
            starts(&[at("1969-12-31T23:59:30Z", 1.0)], "7d", "UTC"),
            ["1969-12-29T00:00:00Z"]
        );
        assert_eq!(
            starts(&[at("0001-01-01T00:00:00Z", 1.0)], "1y", "UTC"),
            ["0001-01-01T00:00:00Z"]
        );
    }

    #[test]
    fn a_step_beyond_the_calendar_is_one_bucket() {
        let points = ["1960-01-01T00:00:00Z", "2026-11-23T10:00:00Z"].map(|text| at(text, 1.0));
        for step in ["10000000d", "100000000d", "4294967295M", "9223372036854775807ms"] {
            assert!(!starts(&points, step, "Europe/Berlin").is_empty(), "{step}");
            assert!(!starts(&points[..1], step, "UTC").is_empty(), "{step}");
        }
    }

    #[test]
    fn a_range_of_too_many_steps_is_refused() {
        let minute: Step = "1m".parse().unwrap();
        assert!(check_range(0, MAX_BUCKETS * 60_000, minute).is_ok());
        assert!(check_range(0, MAX_BUCKETS * 60_000 + 1, minute).is_err());
        assert!(check_range(i64::MIN, i64::MAX, minute).is_err());
    }

    #[test]
    fn sums_beyond_the_largest_double_stay_finite() {
        let points = [f64::MAX, f64::MAX].map(|value| at("2026-11-23T10:01:00Z", value));
        let buckets = resample(&points, "5m".parse().unwrap(), Aggregate::Sum, "UTC").unwrap();
        assert_eq!(buckets[0].value, f64::MAX);
    }
}
