//! Scales, and where their marks go.

use crate::Millis;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// A linear scale from values to units of the picture.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale {
    from: f64,
    span: f64,
    start: f64,
    length: f64,
}

impl Scale {
    /// `from..to` on `start..end`; `to` is above `from`.
    pub(crate) fn new(from: f64, to: f64, start: f64, end: f64) -> Self {
        Self {
            from,
            span: to - from,
            start,
            length: end - start,
        }
    }

    /// Where a value is.
    pub(crate) fn at(&self, value: f64) -> f64 {
        self.start + (value - self.from) / self.span * self.length
    }
}

/// Round values in `low..=high`, about five, and the places that tell them apart.
pub(crate) fn round_values(low: f64, high: f64) -> Vec<f64> {
    let raw = (high - low) / 5.0;
    let power = 10_f64.powf(raw.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * power)
        .find(|step| *step >= raw)
        .unwrap_or(raw);
    let first = (low / step).ceil();
    let last = (high / step).floor();
    if !step.is_finite() || step <= 0.0 || !(last - first).is_finite() {
        return Vec::new();
    }
    let mut values = Vec::new();
    let mut n = first;
    while n <= last && values.len() < 12 {
        // no -0
        values.push(n * step + 0.0);
        n += 1.0;
    }
    values
}

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const STEPS: [i64; 17] = [
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
    2 * DAY,
    4 * DAY,
    7 * DAY,
    14 * DAY,
    28 * DAY,
];

/// Round times of the zone's clock in `from..=to`, about seven, each with what is written under it.
pub(crate) fn round_times(from: Millis, to: Millis, zone: &TimeZone) -> Vec<(Millis, String)> {
    let raw = (to - from) / 7;
    let step = STEPS.into_iter().find(|step| *step >= raw).unwrap_or(raw / DAY * DAY);
    let Some(offset) = local(from, zone).map(|local| civil_millis(local) - from) else {
        return Vec::new();
    };
    // days are those of the zone's calendar, whatever its clock does between
    let mut at = (from + offset).div_euclid(step) * step;
    let mut times = Vec::new();
    while times.len() < 16 {
        let Some(utc) = to_utc(at, zone) else { break };
        if utc > to {
            break;
        }
        if utc >= from {
            times.push((utc, label(utc, step, zone)));
        }
        at += step;
    }
    times
}

/// The zone's clock at a time.
fn local(at: Millis, zone: &TimeZone) -> Option<DateTime> {
    let at = Timestamp::from_millisecond(at).ok()?;
    Some(zone.to_datetime(at))
}

fn civil_millis(at: DateTime) -> Millis {
    let utc = TimeZone::UTC.to_timestamp(at);
    utc.map_or(0, Timestamp::as_millisecond)
}

fn to_utc(civil: Millis, zone: &TimeZone) -> Option<Millis> {
    let civil = local(civil, &TimeZone::UTC)?;
    Some(zone.to_timestamp(civil).ok()?.as_millisecond())
}

fn label(at: Millis, step: i64, zone: &TimeZone) -> String {
    let Some(local) = local(at, zone) else {
        return String::new();
    };
    if step >= DAY || (local.hour(), local.minute()) == (0, 0) {
        local.strftime("%-d %b").to_string()
    } else {
        local.strftime("%H:%M").to_string()
    }
}

/// A time in full, as in `Sat 28 Nov 14:32`.
#[must_use]
pub fn moment(at: Millis, zone: &TimeZone) -> String {
    local(at, zone).map_or_else(String::new, |local| local.strftime("%a %-d %b %H:%M").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_round() {
        assert_eq!(round_values(0.0, 10.0), [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]);
        assert_eq!(round_values(-0.3, 0.3), [-0.2, 0.0, 0.2]);
        assert_eq!(round_values(98_000.0, 103_000.0).len(), 6);
        assert!(round_values(f64::MIN, f64::MAX).len() <= 12);
        assert!(round_values(1.0, 1.0).is_empty());
    }

    #[test]
    fn times_are_round_by_the_clock_of_the_zone() {
        // 2026-11-28T14:00:00Z and a day before
        let to = 1_795_874_400_000;
        let labels = |zone: &str| -> Vec<String> {
            let zone = TimeZone::get(zone).unwrap();
            round_times(to - DAY, to, &zone)
                .into_iter()
                .map(|(_, label)| label)
                .collect()
        };
        assert_eq!(labels("UTC"), ["18:00", "28 Nov", "06:00", "12:00"]);
        assert_eq!(labels("Asia/Kolkata"), ["28 Nov", "06:00", "12:00", "18:00"]);
    }

    #[test]
    fn a_day_of_25_hours_keeps_its_midnight() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        // 2026-10-24T00:00+02:00 to 2026-10-28T00:00+01:00
        let (from, to) = (1_792_792_800_000, 1_793_142_000_000);
        let labels: Vec<_> = round_times(from, to, &zone)
            .into_iter()
            .map(|(_, label)| label)
            .collect();
        assert_eq!(labels, ["24 Oct", "25 Oct", "26 Oct", "27 Oct", "28 Oct"]);
    }
}
