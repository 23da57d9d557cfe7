//! `POST /v1/ingest`: `{source_id?, idempotency_key?, metrics: [{metric_key, value, timestamp?, dimensions?}]}`.

use super::Window;
use super::entry::{Checker, Entries, Raw, RawDimensions, RawTime};
use super::items::Items;
use crate::Error;
use crate::series::SeriesNames;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// A request, read.
#[derive(Debug)]
pub struct Envelope<'a> {
    /// which source says that it sent this
    pub source_id: Option<String>,
    /// the same as the `Idempotency-Key` header
    pub idempotency_key: Option<String>,
    /// its points
    pub entries: Entries<'a>,
}

#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(default)]
    source_id: Option<String>,
    #[serde(default)]
    idempotency_key: Option<String>,
    #[serde(borrow)]
    metrics: Items<Item<'a>>,
}

/// One element of `metrics`. Fields are kept as text: a number that no f64 holds must fail at its
/// index, not the whole request.
enum Item<'a> {
    Object(Fields<'a>),
    Doubled,
    NoObject,
}

/// The name of a field: a text would be taken to memory of its own, four times a point.
#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum Field {
    MetricKey,
    Value,
    Timestamp,
    Dimensions,
    #[serde(other)]
    Other,
}

#[derive(Default)]
struct Fields<'a> {
    metric_key: Option<&'a RawValue>,
    value: Option<&'a RawValue>,
    timestamp: Option<&'a RawValue>,
    dimensions: Option<&'a RawValue>,
}

/// Reads a request at this product time, by a process with these names.
///
/// # Errors
/// 400 if it is no JSON of this shape or has no points; 413 for too many points.
pub fn read<'a>(body: &'a [u8], window: Window, names: &SeriesNames) -> Result<Envelope<'a>, Error> {
    let text = std::str::from_utf8(body).map_err(|_| Error::schema("the body is not UTF-8"))?;
    let wire: Wire<'_> = serde_json::from_str(text).map_err(|error| Error::schema(error.to_string()))?;
    let mut entries = Checker::new(window, names.known());
    for item in &wire.metrics.0 {
        push_item(&mut entries, item)?;
    }
    let entries = entries.finish();
    if entries.is_empty() {
        return Err(Error::schema("metrics must hold at least one point"));
    }
    Ok(Envelope {
        source_id: wire.source_id,
        idempotency_key: wire.idempotency_key,
        entries,
    })
}

/// Checks one more element of `metrics` that stands alone on a line.
///
/// # Errors
/// 413 if it is one too many.
pub(super) fn push_line<'a>(entries: &mut Checker<'a, '_>, line: &'a [u8]) -> Result<(), Error> {
    match std::str::from_utf8(line).map(serde_json::from_str::<Item<'a>>) {
        Ok(Ok(item)) => push_item(entries, &item),
        Ok(Err(_)) => entries.push_refused("the line is not JSON"),
        Err(_) => entries.push_refused("the line is not UTF-8 text"),
    }
}

fn push_item<'a>(entries: &mut Checker<'a, '_>, item: &Item<'a>) -> Result<(), Error> {
    match item {
        Item::Object(fields) => entries.push(fields.raw()),
        Item::Doubled => entries.push_refused("an entry has a field twice"),
        Item::NoObject => entries.push_refused("an entry must be an object"),
    }
}

impl<'a> Fields<'a> {
    fn raw(&self) -> Raw<'a, 'a> {
        Raw {
            metric_key: self.metric_key.and_then(string),
            value: self.value.and_then(|raw| number(raw)?.parse().ok()),
            timestamp: match self.timestamp {
                None => RawTime::Absent,
                Some(raw) if raw.get() == "null" => RawTime::Absent,
                Some(raw) => match (number(raw), string(raw)) {
                    (Some(text), _) => RawTime::Number(text),
                    (_, Some(text)) => RawTime::Text(text),
                    _ => RawTime::Wrong,
                },
            },
            dimensions: match self.dimensions {
                None => RawDimensions::Absent,
                Some(raw) if raw.get() == "null" => RawDimensions::Absent,
                Some(raw) => RawDimensions::Json(raw.get()),
            },
        }
    }
}

fn number(raw: &RawValue) -> Option<&str> {
    let text = raw.get();
    text.starts_with(|c: char| c == '-' || c.is_ascii_digit())
        .then_some(text)
}

fn string(raw: &RawValue) -> Option<Cow<'_, str>> {
    let inner = raw.get().strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        serde_json::from_str(raw.get()).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(inner))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Item<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ItemVisitor)
    }
}

struct ItemVisitor;

impl<'de> Visitor<'de> for ItemVisitor {
    type Value = Item<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a point")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Item<'de>, A::Error> {
        let mut fields = Fields::default();
        let mut doubled = false;
        while let Some(name) = map.next_key()? {
            let field = match name {
                Field::MetricKey => &mut fields.metric_key,
                Field::Value => &mut fields.value,
                Field::Timestamp => &mut fields.timestamp,
                Field::Dimensions => &mut fields.dimensions,
                Field::Other => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            doubled |= field.replace(map.next_value()?).is_some();
        }
        Ok(if doubled { Item::Doubled } else { Item::Object(fields) })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Item<'de>, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Item::NoObject)
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Item<'de>, E> {
        Ok(Item::NoObject)
    }

    fn visit_bool<E: serde::de::Error>(self, _: bool) -> Result<Item<'de>, E> {
        Ok(Item::NoObject)
    }

    fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<Item<'de>, E> {
        Ok(Item::NoObject)
    }

    fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<Item<'de>, E> {
        Ok(Item::NoObject)
    }

    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<Item<'de>, E> {
        Ok(Item::NoObject)
    }

    fn visit_str<E: serde::de::Error>(self, _: &str) -> Result<Item<'de>, E> {
        Ok(Item::NoObject)
    }
}

#[cfg(test)]
mod tests {
    use super::super::entry::Incoming;
    use super::*;
    use crate::Code;
    use crate::clock::Millis;
    use crate::ingest::MAX_POINTS;
    use crate::series::SeriesId;
    use proptest::prelude::*;

    const NOW: Millis = 1_795_428_000_000;

    fn read(body: &[u8], now: Millis) -> Result<Envelope<'_>, Error> {
        super::read(body, Window::at(now), &SeriesNames::default())
    }

    fn codes(metrics: &str) -> Vec<(usize, Code)> {
        let body = format!("{{\"metrics\":[{metrics}]}}");
        let envelope = read(body.as_bytes(), NOW).unwrap();
        envelope
            .entries
            .refused()
            .iter()
            .map(|error| (error.index, error.code))
            .collect()
    }

    #[test]
    fn each_wrong_field_has_its_code_at_its_index() {
        for (entry, code) in [
            (r#"{"value":1}"#, Code::InvalidMetricKey),
            (r#"{"metric_key":"","value":1}"#, Code::InvalidMetricKey),
            (r#"{"metric_key":7,"value":1}"#, Code::InvalidMetricKey),
            (r#"{"metric_key":"9x","value":null}"#, Code::InvalidMetricKey),
            (r#"{"metric_key":"a"}"#, Code::InvalidValue),
            (r#"{"metric_key":"a","value":null}"#, Code::InvalidValue),
            (r#"{"metric_key":"a","value":"1"}"#, Code::InvalidValue),
            (r#"{"metric_key":"a","value":1e999}"#, Code::InvalidValue),
            (
                r#"{"metric_key":"a","value":1,"timestamp":"2026-11-23"}"#,
                Code::InvalidTimestamp,
            ),
            (
                r#"{"metric_key":"a","value":1,"timestamp":1795428000}"#,
                Code::InvalidTimestamp,
            ),
            (r#"{"metric_key":"a","value":1,"timestamp":[]}"#, Code::InvalidTimestamp),
            (r#"{"metric_key":"a","value":1,"timestamp":""}"#, Code::InvalidTimestamp),
            (
                r#"{"metric_key":"a","value":1,"timestamp":"2026-11-23T10:05:01Z"}"#,
                Code::InvalidTimestamp,
            ),
            (
                r#"{"metric_key":"a","value":1,"dimensions":[]}"#,
                Code::InvalidDimensions,
            ),
            (
                r#"{"metric_key":"a","value":1,"dimensions":{"a":1}}"#,
                Code::InvalidDimensions,
            ),
            (
                r#"{"metric_key":"a","value":1,"dimensions":{"a":"1","a":"2"}}"#,
                Code::InvalidDimensions,
            ),
            (
                r#"{"metric_key":"a","value":1,"value":2}"#,
                Code::SchemaValidationFailed,
            ),
            ("null", Code::SchemaValidationFailed),
            ("[1,[2]]", Code::SchemaValidationFailed),
            (r#""a""#, Code::SchemaValidationFailed),
        ] {
            let good = r#"{"metric_key":"ok","value":1}"#;
            assert_eq!(codes(&format!("{good},{entry},{good}")), [(1, code)], "{entry}");
        }
    }

    #[test]
    fn unknown_fields_are_ignored_and_times_default_to_now() {
        let body =
            br#"{"x":1,"metrics":[{"metric_key":"a\u002eb","value":-1.5e2,"unit":{"deep":[1]},"dimensions":null}]}"#;
        let envelope = read(body, NOW).unwrap();
        let point = envelope.entries.points()[0];
        assert_eq!((point.timestamp, point.value), (NOW, -150.0));
        assert_eq!(
            envelope.entries.series_list()[0].read().unwrap().metric_key.as_str(),
            "a.b"
        );
    }

    #[test]
    fn a_wrong_envelope_is_400_and_too_many_points_413() {
        for body in [
            "",
            "{nope",
            "[]",
            "{}",
            r#"{"metrics":{}}"#,
            r#"{"metrics":[]}"#,
            r#"{"metrics":[{}]"#,
            "\u{0}",
        ] {
            assert_eq!(
                read(body.as_bytes(), NOW).unwrap_err().code(),
                Code::SchemaValidationFailed,
                "{body}"
            );
        }
        assert_eq!(
            read(b"{\"metrics\":[\xff]}", NOW).unwrap_err().code(),
            Code::SchemaValidationFailed
        );
        let many = |n: usize| {
            format!(
                "{{\"metrics\":[{}]}}",
                vec![r#"{"metric_key":"a","value":1}"#; n].join(",")
            )
        };
        assert!(read(many(10_000).as_bytes(), NOW).is_ok());
        assert_eq!(
            read(many(10_001).as_bytes(), NOW).unwrap_err().code(),
            Code::PayloadTooLarge
        );
    }

    /// Requirement 37.
    #[test]
    fn r37_no_memory_is_taken_for_more_points_than_a_request_may_have() {
        let body = format!("{{\"metrics\":[{}{{}}]}}", "{},".repeat(MAX_POINTS * 3));
        let wire: Wire<'_> = serde_json::from_str(&body).unwrap();
        assert_eq!(wire.metrics.0.len(), MAX_POINTS + 1);
        let broken = format!("{{\"metrics\":[{}nope]}}", "{},".repeat(MAX_POINTS * 3));
        assert_eq!(
            read(broken.as_bytes(), NOW).unwrap_err().code(),
            Code::SchemaValidationFailed
        );
    }

    #[test]
    fn a_reason_does_not_repeat_what_was_sent() {
        let long = "x".repeat(100_000);
        let body = format!(
            r#"{{"metrics":[{{"metric_key":"a","value":1,"dimensions":"{long}"}},{{"metric_key":"{long}\u0001"}}]}}"#
        );
        let envelope = read(body.as_bytes(), NOW).unwrap();
        let refused = serde_json::to_string(envelope.entries.refused()).unwrap();
        assert!(refused.len() < 1_000, "{}", refused.len());
    }

    /// Points with the identity of their series, and what was refused.
    fn found(entries: &Entries<'_>) -> (Vec<(usize, SeriesId, Millis, u64)>, String) {
        let point = |point: &Incoming| {
            let series = &entries.series_list()[point.series];
            assert_eq!(series.read().unwrap().series_id, series.series_id);
            (point.index, series.series_id, point.timestamp, point.value.to_bits())
        };
        let points = entries.points().iter().map(point).collect();
        (points, serde_json::to_string(entries.refused()).unwrap())
    }

    #[test]
    fn names_of_one_series_written_in_two_ways_are_one_series() {
        let body = br#"{"metrics":[{"metric_key":"a","value":1,"dimensions":{"x":"1","y":"2"}},
            {"metric_key":"a","value":2,"dimensions": {"y":"2","x":"1","z":""}}]}"#;
        let envelope = read(body, NOW).unwrap();
        assert_eq!(
            (envelope.entries.series_list().len(), envelope.entries.new_names().len()),
            (1, 2)
        );
    }

    proptest! {
        /// What a process remembers of names changes nothing of what it finds.
        #[test]
        fn known_names_are_read_as_new_ones_are(entries in prop::collection::vec((
            prop::sample::select(vec!["\"a\"", "\"a\\u002eb\"", "\"a.b\"", "\"9\"", "7"]),
            prop::sample::select(vec!["1", "2.5", "null", "1e999"]),
            prop::sample::select(vec!["\"2026-11-23T10:00:00Z\"", "\"2026-11-23T11:00:00+01:00\"", "1795428000000",
                "\"2026-11-23T10:06:00Z\"", "\"no\"", "null"]),
            prop::sample::select(vec!["{}", "null", "{\"x\":\"1\"}", "{ \"x\":\"1\"}", "{\"x\":\"1\",\"y\":\"2\"}",
                "{\"y\":\"2\",\"x\":\"1\"}", "{\"x\":\"\"}", "{\"x\":1}", "[]"]),
        ), 1..40)) {
            let entry = |(key, value, time, dimensions): &(&str, &str, &str, &str)| format!(
                r#"{{"metric_key":{key},"value":{value},"timestamp":{time},"dimensions":{dimensions}}}"#);
            let body = format!("{{\"metrics\":[{}]}}", entries.iter().map(entry).collect::<Vec<_>>().join(","));
            let names = SeriesNames::default();
            let first = super::read(body.as_bytes(), Window::at(NOW), &names).unwrap().entries;
            names.learn(first.new_names());
            let second = super::read(body.as_bytes(), Window::at(NOW), &names).unwrap().entries;
            prop_assert_eq!(found(&first), found(&second));
            prop_assert!(second.new_names().is_empty());
            // and one by one, so that no entry depends on those before it
            for (at, one) in entries.iter().enumerate() {
                let body = format!("{{\"metrics\":[{}]}}", entry(one));
                let (points, refused) = found(&read(body.as_bytes(), NOW).unwrap().entries);
                let of_all: Vec<_> = found(&first).0.into_iter().filter(|point| point.0 == at).collect();
                prop_assert_eq!(points.iter().map(|p| (at, p.1, p.2, p.3)).collect::<Vec<_>>(), of_all);
                prop_assert_eq!(refused == "[]", points.len() == 1);
            }
        }

        #[test]
        fn any_bytes_are_read_without_panic(body: Vec<u8>) {
            let _ = read(&body, NOW);
        }

        #[test]
        fn any_value_in_any_field_is_read_without_panic(
            key in ".{0,8}", value in "[-+0-9.eE\"a-z\\[\\]{}]{0,8}", time in "[-+0-9.eETZ:\"a-z\\[\\]{}]{0,30}",
        ) {
            let body = format!(r#"{{"metrics":[{{"metric_key":"{key}","value":{value},"timestamp":{time},"dimensions":{{"{key}":"{key}"}}}}]}}"#);
            let _ = read(body.as_bytes(), NOW);
        }
    }
}
