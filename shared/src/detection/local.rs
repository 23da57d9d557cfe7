use crate::clock::Millis;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use prediction::LocalTime;

/// The standard time of a time zone (an IANA name; UTC where it is not known) as of `at`: what the hours of the day and the
/// days of the week of an organization's series follow, in winter as in summer.
#[must_use]
pub fn local_time(time_zone: &str, at: Millis) -> LocalTime {
    let zone = TimeZone::get(time_zone).unwrap_or(TimeZone::UTC);
    let info = zone.to_offset_info(Timestamp::from_millisecond(at).unwrap_or_default());
    let summer = if info.dst().is_dst() { 60 } else { 0 };
    LocalTime {
        offset: info.offset().seconds() / 60 - summer,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time;

    #[test]
    fn summer_time_makes_no_difference() {
        for (zone, offset) in [
            ("Europe/Berlin", 60),
            ("America/New_York", -300),
            ("Asia/Kolkata", 330),
            ("UTC", 0),
            ("Nowhere", 0),
        ] {
            for date in ["2026-01-15T00:00:00Z", "2026-07-15T00:00:00Z"] {
                assert_eq!(
                    local_time(zone, time::parse(date).unwrap()).offset,
                    offset,
                    "{zone} {date}"
                );
            }
        }
    }
}
