//! Times as text: RFC 3339 at the edges, epoch milliseconds inside.

use crate::clock::Millis;
use jiff::Timestamp;

/// Reads an RFC 3339 time with an offset or `Z`, or a whole number of epoch milliseconds.
///
/// Years 1 to 9999; fractions finer than a millisecond are cut.
#[must_use]
pub fn parse(text: &str) -> Option<Millis> {
    parse_rfc3339(text).or_else(|| text.parse().ok().filter(|ms| in_range(*ms)))
}

/// Reads an RFC 3339 time with an offset or `Z`.
#[must_use]
pub fn parse_rfc3339(text: &str) -> Option<Millis> {
    // Timestamp also reads Temporal's annotations and bare dates; RFC 3339 has neither
    let bytes = text.as_bytes();
    if bytes.len() < 20
        || bytes.len() > 64
        || !bytes.is_ascii()
        || !matches!(bytes[10], b'T' | b't' | b' ')
        || text.contains('[')
    {
        return None;
    }
    let time: Timestamp = text.parse().ok()?;
    Some(time.as_millisecond()).filter(|ms| in_range(*ms))
}

/// Reads a time of JSON: a text as [`parse_rfc3339`] takes it, or a whole number of epoch milliseconds.
#[must_use]
pub fn of_json(value: &serde_json::Value) -> Option<Millis> {
    match value {
        serde_json::Value::String(text) => parse_rfc3339(text),
        other => other.as_i64().filter(|ms| in_range(*ms)),
    }
}

/// Whether the time can be written as RFC 3339 (years 1 to 9999).
#[must_use]
pub fn in_range(ms: Millis) -> bool {
    (-62_135_596_800_000..=253_402_300_799_999).contains(&ms)
}

/// Writes RFC 3339 in UTC, with milliseconds only where there are some.
#[must_use]
pub fn format(ms: Millis) -> String {
    Timestamp::from_millisecond(ms).map_or_else(|_| ms.to_string(), |time| time.to_string())
}

/// For `#[serde(serialize_with = "crate::time::rfc3339")]`.
///
/// # Errors
/// Those of the serializer.
pub fn rfc3339<S: serde::Serializer>(ms: &Millis, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format(*ms))
}

/// For `#[serde(serialize_with = "crate::time::rfc3339_option")]`.
///
/// # Errors
/// Those of the serializer.
pub fn rfc3339_option<S: serde::Serializer>(ms: &Option<Millis>, serializer: S) -> Result<S::Ok, S::Error> {
    match ms {
        Some(ms) => rfc3339(ms, serializer),
        None => serializer.serialize_none(),
    }
}

/// Writes a span for people: `45 s`, `12 min`, `5 h 40 min`, `3 d 4 h`.
#[must_use]
pub fn span(ms: Millis) -> String {
    let minutes = ms / 60_000;
    let two = |large: i64, large_unit: &str, small: i64, small_unit: &str| {
        if small == 0 {
            format!("{large} {large_unit}")
        } else {
            format!("{large} {large_unit} {small} {small_unit}")
        }
    };
    match minutes {
        0 => format!("{} s", ms / 1000),
        1..60 => format!("{minutes} min"),
        60..1440 => two(minutes / 60, "h", minutes % 60, "min"),
        _ => two(minutes / 1440, "d", minutes % 1440 / 60, "h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_json_are_texts_and_whole_numbers() {
        let read = |value| of_json(&value);
        assert_eq!(read(serde_json::json!("2026-11-23T10:00:00Z")), Some(1_795_428_000_000));
        assert_eq!(read(serde_json::json!(1_795_428_000_000_i64)), Some(1_795_428_000_000));
        for wrong in [
            serde_json::json!("1795428000000"),
            serde_json::json!(1.5),
            serde_json::json!(i64::MAX),
            serde_json::json!(null),
        ] {
            assert_eq!(read(wrong.clone()), None, "{wrong}");
        }
    }

    #[test]
    fn rfc3339_is_read_with_any_offset_and_written_in_utc() {
        assert_eq!(parse("2026-11-23T10:00:00Z"), Some(1_795_428_000_000));
        assert_eq!(parse("2026-11-23T11:00:00.250+01:00"), Some(1_795_428_000_250));
        assert_eq!(parse("1795428000000"), Some(1_795_428_000_000));
        assert_eq!(format(1_795_428_000_250), "2026-11-23T10:00:00.25Z");
    }

    #[test]
    fn what_is_not_rfc3339_is_refused() {
        for text in [
            "",
            "2026-11-23",
            "2026-11-23T10:00:00",
            "yesterday",
            "2026-11-23T10:00:00Z[UTC]",
            "99999999999999999",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn spans_read_well() {
        assert_eq!(span(45_000), "45 s");
        assert_eq!(span(20_400_000), "5 h 40 min");
        assert_eq!(span(273_600_000), "3 d 4 h");
    }
}
