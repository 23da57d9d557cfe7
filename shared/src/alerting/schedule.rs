//! When nobody is told: times of the week in a time zone.

use crate::clock::{DAY, Millis};
use jiff::civil::{DateTime, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Further ahead there is no change that was not there before: a week, and a day of summer time.
const AHEAD: i64 = 9;

/// A time of the day in whole minutes; 24:00 is its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimeOfDay(i64);

impl TimeOfDay {
    fn parse(text: &str) -> Option<Self> {
        let (hours, minutes) = text.split_once(':')?;
        let number = |text: &str| {
            let plain = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
            plain.then(|| text.parse::<i64>().ok()).flatten()
        };
        let minute = number(hours)? * 60 + number(minutes)?;
        (number(minutes)? < 60 && minute <= 1_440).then_some(Self(minute))
    }
}

impl Serialize for TimeOfDay {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:02}:{:02}", self.0 / 60, self.0 % 60))
    }
}

impl<'de> Deserialize<'de> for TimeOfDay {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("a time of the day is HH:MM, at most 24:00"))
    }
}

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Day {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

impl Day {
    fn of(day: Weekday) -> Self {
        match day {
            Weekday::Monday => Self::Mon,
            Weekday::Tuesday => Self::Tue,
            Weekday::Wednesday => Self::Wed,
            Weekday::Thursday => Self::Thu,
            Weekday::Friday => Self::Fri,
            Weekday::Saturday => Self::Sat,
            Weekday::Sunday => Self::Sun,
        }
    }
}

/// A stretch of some days of the week. One that does not end after it begins goes on into the next day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stretch {
    /// the days on which it begins
    pub days: Vec<Day>,
    /// when
    pub from: TimeOfDay,
    /// until when, not included
    pub to: TimeOfDay,
}

impl Stretch {
    fn holds(&self, local: DateTime) -> bool {
        let time = TimeOfDay(i64::from(local.hour()) * 60 + i64::from(local.minute()));
        let today = self.days.contains(&Day::of(local.weekday()));
        if self.from < self.to {
            return today && self.from <= time && time < self.to;
        }
        let yesterday = self.days.contains(&Day::of(local.weekday().previous()));
        (today && self.from <= time) || (yesterday && time < self.to)
    }
}

/// Whether the stretches are the times in which nobody is told, or those in which somebody is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mutes {
    /// nobody is told during the stretches
    During,
    /// nobody is told outside of them: they are the working hours
    Outside,
}

/// The times of a schedule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Times {
    /// what the stretches mean
    pub mutes: Mutes,
    /// at least one
    pub weekly: Vec<Stretch>,
}

/// Times in their zone.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    times: Times,
    zone: TimeZone,
}

impl Schedule {
    /// A schedule; `None` if there is no such zone.
    #[must_use]
    pub fn new(times: Times, zone: &str) -> Option<Self> {
        let zone = TimeZone::get(zone).ok()?;
        Some(Self { times, zone })
    }

    /// Whether nobody is told at a time.
    #[must_use]
    pub fn mutes(&self, at: Millis) -> bool {
        let Ok(at) = Timestamp::from_millisecond(at) else {
            return false;
        };
        let local = self.zone.to_datetime(at);
        let holds = self.times.weekly.iter().any(|stretch| stretch.holds(local));
        holds == (self.times.mutes == Mutes::During)
    }

    /// The first minute after `at` in which that is different; `None` if it never is.
    #[must_use]
    pub fn next_change(&self, at: Millis) -> Option<Millis> {
        let now = self.mutes(at);
        let mut candidates = self.candidates(at);
        candidates.sort_unstable();
        candidates
            .into_iter()
            .map(super::routing::whole_minutes)
            .find(|candidate| *candidate > at && self.mutes(*candidate) != now)
    }

    /// Where a stretch may begin or end by the clocks, and where the clocks change.
    fn candidates(&self, at: Millis) -> Vec<Millis> {
        let Ok(start) = Timestamp::from_millisecond(at) else {
            return Vec::new();
        };
        let mut found = Vec::new();
        let first = self.zone.to_datetime(start).date();
        for day in -1..=AHEAD {
            let Ok(date) = first.checked_add(day.days()) else {
                continue;
            };
            for stretch in &self.times.weekly {
                for time in [stretch.from, stretch.to] {
                    let Ok(local) = date
                        .to_datetime(jiff::civil::Time::midnight())
                        .checked_add(time.0.minutes())
                    else {
                        continue;
                    };
                    let ambiguous = self.zone.to_ambiguous_timestamp(local);
                    found.extend([ambiguous.earlier(), ambiguous.later()].into_iter().flatten());
                }
            }
        }
        let end = at.saturating_add(AHEAD * DAY);
        let shifts = self.zone.following(start).map(|shift| shift.timestamp());
        found.extend(shifts.take_while(|shift| shift.as_millisecond() <= end).take(4));
        found.into_iter().map(Timestamp::as_millisecond).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::MINUTE;
    use crate::time;
    use proptest::prelude::*;
    use serde_json::json;

    fn schedule(zone: &str, times: serde_json::Value) -> Schedule {
        Schedule::new(serde_json::from_value(times).unwrap(), zone).unwrap()
    }

    fn at(text: &str) -> Millis {
        time::parse(text).unwrap()
    }

    const WORK: &str = r#"{"mutes": "outside", "weekly": [{"days": ["mon", "tue", "wed", "thu", "fri"], "from": "09:00", "to": "18:00"}]}"#;

    #[test]
    fn working_hours_follow_summer_time() {
        let work = schedule("Europe/Berlin", serde_json::from_str(WORK).unwrap());
        // Friday before the clocks go forward, and Monday after
        for (text, muted) in [
            ("2026-03-27T07:59:00Z", true),
            ("2026-03-27T08:00:00Z", false),
            ("2026-03-27T16:59:00Z", false),
            ("2026-03-27T17:00:00Z", true),
            ("2026-03-28T10:00:00Z", true),
            ("2026-03-30T06:59:00Z", true),
            ("2026-03-30T07:00:00Z", false),
        ] {
            assert_eq!(work.mutes(at(text)), muted, "{text}");
        }
        assert_eq!(
            work.next_change(at("2026-03-27T17:00:00Z")),
            Some(at("2026-03-30T07:00:00Z"))
        );
        assert_eq!(
            work.next_change(at("2026-03-30T07:00:00Z")),
            Some(at("2026-03-30T16:00:00Z"))
        );
    }

    #[test]
    fn a_night_goes_on_into_the_next_day() {
        let night = schedule(
            "UTC",
            json!({"mutes": "during", "weekly": [{"days": ["fri"], "from": "22:00", "to": "06:00"}]}),
        );
        for (text, muted) in [
            ("2026-11-27T21:59:00Z", false),
            ("2026-11-27T22:00:00Z", true),
            ("2026-11-28T05:59:00Z", true),
            ("2026-11-28T06:00:00Z", false),
            ("2026-11-28T23:00:00Z", false),
        ] {
            assert_eq!(night.mutes(at(text)), muted, "{text}");
        }
        let day = schedule(
            "UTC",
            json!({"mutes": "during", "weekly": [{"days": ["sat"], "from": "00:00", "to": "24:00"}]}),
        );
        assert!(day.mutes(at("2026-11-28T00:00:00Z")) && day.mutes(at("2026-11-28T23:59:00Z")));
        assert!(!day.mutes(at("2026-11-29T00:00:00Z")));
    }

    #[test]
    fn what_never_changes_has_no_next_change() {
        let all = json!({"mutes": "during", "weekly": [
            {"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "from": "00:00", "to": "24:00"}]});
        assert_eq!(
            schedule("Asia/Tokyo", all).next_change(at("2026-11-28T00:00:00Z")),
            None
        );
        assert!(Schedule::new(serde_json::from_str(WORK).unwrap(), "Mars/Olympus").is_none());
        for wrong in ["9:00", "24:01", "12:60", "1200", "-1:00", "+1:00"] {
            assert_eq!(TimeOfDay::parse(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// By going minute by minute through the days around the changes of the clocks.
        #[test]
        fn the_next_change_is_the_first_minute_that_differs(
            from in 0_i64..1_440, to in 0_i64..=1_440, day in 0_usize..7, zone in 0_usize..4, start in 0_i64..4_320, spring: bool, outside: bool,
        ) {
            let zone = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"][zone];
            let day = [Day::Mon, Day::Tue, Day::Wed, Day::Thu, Day::Fri, Day::Sat, Day::Sun][day];
            let times = Times {
                mutes: if outside { Mutes::Outside } else { Mutes::During },
                weekly: vec![Stretch { days: vec![day, Day::Sun], from: TimeOfDay(from), to: TimeOfDay(to) }],
            };
            let schedule = Schedule::new(times, zone).unwrap();
            let begin = at(if spring { "2026-03-27T00:00:00Z" } else { "2026-10-23T00:00:00Z" }) + start * MINUTE;
            let now = schedule.mutes(begin);
            let slow = (1..=9 * 1_440).map(|n| begin + n * MINUTE).find(|minute| schedule.mutes(*minute) != now);
            prop_assert_eq!(schedule.next_change(begin), slow);
        }
    }
}
