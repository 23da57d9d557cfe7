use crate::clock::{DAY, MINUTE};
use prediction::LocalTime;

pub(super) const SECOND: i64 = 1_000;
/// The first of January 1970 was a Thursday.
const WEEKDAYS: [&str; 7] = [
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
];

/// `Monday 09:00`.
pub(super) fn weekday_and_time(t: i64, local: LocalTime) -> String {
    let local = t.saturating_add(i64::from(local.offset).saturating_mul(MINUTE));
    let weekday = usize::try_from(local.div_euclid(DAY).rem_euclid(7)).unwrap_or_default();
    let minute = local.rem_euclid(DAY) / MINUTE;
    let name = WEEKDAYS.get(weekday).copied().unwrap_or_default();
    format!("{name} {:02}:{:02}", minute / 60, minute % 60)
}
