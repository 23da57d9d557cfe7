use crate::clock::Millis;
use jiff::Timestamp;
use jiff::tz::{Dst, Offset, TimeZone};
use prediction::LocalTime;

/// The standard time of a time zone (an IANA name; UTC where it is not known) as of `at`: what the hours of the day and the
/// days of the week of an organization's series follow, in winter as in summer.
#[must_use]
pub fn standard_time(time_zone: &str, at: Millis) -> LocalTime {
    let (zone, at) = (zone(time_zone), instant(at));
    let info = zone.to_offset_info(at);
    if info.dst() == Dst::No {
        return ahead(info.offset());
    }
    // summer time is an hour ahead almost everywhere, but not everywhere
    let before = zone.preceding(at).find(|change| change.dst() == Dst::No);
    ahead(before.map_or(info.offset(), |change| change.offset()))
}

/// The time that people of a time zone (an IANA name; UTC where it is not known) have on their walls at `at`.
#[must_use]
pub fn wall_time(time_zone: &str, at: Millis) -> LocalTime {
    ahead(zone(time_zone).to_offset(instant(at)))
}

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap_or(TimeZone::UTC)
}

fn instant(at: Millis) -> Timestamp {
    Timestamp::from_millisecond(at).unwrap_or_default()
}

fn ahead(offset: Offset) -> LocalTime {
    LocalTime {
        offset: offset.seconds() / 60,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time;

    #[test]
    fn summer_time_is_on_walls_alone() {
        for (zone, standard, january, july) in [
            ("Europe/Berlin", 60, 60, 120),
            ("America/New_York", -300, -300, -240),
            ("Australia/Lord_Howe", 630, 660, 630),
            ("Antarctica/Troll", 0, 0, 120),
            ("Asia/Kolkata", 330, 330, 330),
            ("UTC", 0, 0, 0),
            ("Nowhere", 0, 0, 0),
        ] {
            for (date, wall) in [("2026-01-15T00:00:00Z", january), ("2026-07-15T00:00:00Z", july)] {
                let at = time::parse(date).unwrap();
                let offsets = (standard_time(zone, at).offset, wall_time(zone, at).offset);
                assert_eq!(offsets, (standard, wall), "{zone} {date}");
            }
        }
    }
}
