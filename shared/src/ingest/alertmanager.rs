//! Alerts that a Prometheus sends to an Alertmanager, and that an Alertmanager sends to a webhook.
//!
//! An alert is a series of the metric [`external::METRIC`]: its labels are the dimensions, and its value says until when
//! it holds, in seconds since 1970. So it is stored, evaluated and told as any other series is.

use super::Window;
use super::entry::{Checker, Entries, MAX_POINTS, Raw, RawDimensions, RawTime};
use super::items::Items;
use crate::alerting::external::{self, Description, Holds};
use crate::clock::Millis;
use crate::series::{Dimensions, SeriesNames};
use crate::{Error, time};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

/// Alerts of a request: points, and what is said of them.
#[derive(Debug)]
pub struct Alerts<'a> {
    /// the points
    pub entries: Entries<'a>,
    /// what is said of each that is taken
    pub descriptions: Vec<Description>,
}

/// An alert as `POST /api/v2/alerts` has it.
#[derive(serde::Deserialize)]
struct Posted {
    labels: Labels,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
    #[serde(default, rename = "startsAt")]
    starts_at: Option<String>,
    #[serde(default, rename = "endsAt")]
    ends_at: Option<String>,
    #[serde(default, rename = "generatorURL")]
    generator_url: String,
}

/// The body of a webhook of an Alertmanager, version 4.
#[derive(serde::Deserialize)]
struct Webhook {
    version: String,
    alerts: Items<Notified>,
}

/// An alert as a webhook has it.
#[derive(serde::Deserialize)]
struct Notified {
    status: String,
    #[serde(flatten)]
    posted: Posted,
}

/// Labels as they came: at most one more than an alert may have, and some perhaps twice.
struct Labels(Vec<(String, String)>);

/// Reads the body of `POST /api/v2/alerts`: an alert without an end, or with one that is to come, holds.
///
/// # Errors
/// 400 for a body that is no list of alerts, or an empty one; 413 for too many of them.
pub fn read_posted<'a>(body: &[u8], window: Window, names: &SeriesNames) -> Result<Alerts<'a>, Error> {
    let alerts: Items<Posted> = serde_json::from_slice(body).map_err(|error| Error::schema(error.to_string()))?;
    let read = |alert: Posted| {
        let ends_at = instant(alert.ends_at.as_deref());
        (alert, ends_at.map(|end| Holds::posted(window.now, end)))
    };
    check(alerts, read, window, names)
}

/// Reads the body of a webhook of an Alertmanager: what fires does so until it says otherwise.
///
/// # Errors
/// 400 for a body that is none, is empty or of another version; 413 for too many alerts.
pub fn read_webhook<'a>(body: &[u8], window: Window, names: &SeriesNames) -> Result<Alerts<'a>, Error> {
    let webhook: Webhook = serde_json::from_slice(body).map_err(|error| Error::schema(error.to_string()))?;
    if webhook.version != "4" {
        return Err(Error::schema(format!(
            "version is {:?}: webhooks of version 4 are taken",
            webhook.version
        )));
    }
    let read = |alert: Notified| {
        let holds = match alert.status.as_str() {
            "firing" => Ok(Holds::told(window.now)),
            "resolved" => instant(alert.posted.ends_at.as_deref()).map(|end| Holds::over(window.now, end)),
            other => Err(format!("status is {other:?}, not firing or resolved")),
        };
        (alert.posted, holds)
    };
    check(webhook.alerts, read, window, names)
}

/// A time; `None` where there is none, which Go writes as the year 1.
fn instant(text: Option<&str>) -> Result<Option<Millis>, String> {
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let time = time::parse_rfc3339(text).ok_or_else(|| format!("{text:?} is not a time in RFC 3339"))?;
    Ok(Some(time).filter(|time| *time > 0))
}

fn check<'a, T>(
    alerts: Items<T>,
    read: impl Fn(T) -> (Posted, Result<Holds, String>),
    window: Window,
    names: &SeriesNames,
) -> Result<Alerts<'a>, Error> {
    match alerts.0.len() {
        0 => return Err(Error::schema("there must be at least one alert")),
        1..=MAX_POINTS => (),
        _ => {
            return Err(Error::PayloadTooLarge(format!(
                "a request has at most {MAX_POINTS} alerts"
            )));
        }
    }
    let mut checker = Checker::new(window, names.known());
    let mut descriptions = Vec::new();
    for (alert, holds) in alerts.0.into_iter().map(read) {
        let Labels(labels) = alert.labels;
        let holds = holds.and_then(|holds| match labels.iter().all(|(_, value)| value.is_empty()) {
            true => Err("an alert needs labels".to_owned()),
            false => Ok((holds, instant(alert.starts_at.as_deref())?.unwrap_or(window.now))),
        });
        match holds {
            Ok((holds, starts_at)) => {
                // labels that are none are told by the checker
                let described = Description::new(&labels, alert.annotations, alert.generator_url, starts_at);
                descriptions.extend(described);
                checker.push(Raw {
                    metric_key: Some(Cow::Borrowed(external::METRIC)),
                    value: Some(holds.value()),
                    timestamp: RawTime::Absent,
                    dimensions: RawDimensions::Pairs(labels),
                })?;
            }
            Err(message) => checker.push_refused(&message)?,
        }
    }
    Ok(Alerts {
        entries: checker.finish(),
        descriptions,
    })
}

impl<'de> Deserialize<'de> for Labels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;

        impl<'de> Visitor<'de> for Pairs {
            type Value = Labels;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of texts")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Labels, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    if pairs.len() <= Dimensions::MAX {
                        pairs.push(pair);
                    }
                }
                Ok(Labels(pairs))
            }
        }

        deserializer.deserialize_map(Pairs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// 2026-11-23T10:00:00Z
    const NOW: Millis = 1_795_428_000_000;
    const SECOND: i64 = NOW / 1_000;

    /// The values of what is taken, and why the rest is not.
    fn read(body: &str) -> Result<(Vec<i64>, Vec<String>), Error> {
        let (names, window) = (SeriesNames::default(), Window::at(NOW));
        let alerts = match body.starts_with('[') {
            true => read_posted(body.as_bytes(), window, &names),
            false => read_webhook(body.as_bytes(), window, &names),
        }?;
        #[expect(clippy::cast_possible_truncation, reason = "seconds")]
        let values: Vec<i64> = alerts.entries.points().iter().map(|point| point.value as i64).collect();
        assert_eq!(values.len(), alerts.descriptions.len());
        let refused = alerts.entries.refused().iter();
        Ok((
            values,
            refused
                .map(|error| format!("{} {}", error.index, error.message))
                .collect(),
        ))
    }

    #[test]
    fn what_a_prometheus_sends_holds_until_its_end_and_a_little_longer() {
        let alert =
            |end: Value| json!({"labels": {"alertname": "Down"}, "startsAt": "2026-11-23T09:00:00Z", "endsAt": end});
        let body = json!([
            alert(json!("2026-11-23T10:10:00Z")),
            alert(json!("2026-11-23T10:00:30Z")),
            alert(json!("2026-11-23T09:59:00Z")),
            alert(Value::Null),
        ]);
        let (values, refused) = read(&body.to_string()).unwrap();
        assert_eq!(values, [SECOND + 600, SECOND + 300, SECOND - 60, SECOND + 300]);
        assert_eq!(refused, Vec::<String>::new());
    }

    #[test]
    fn what_an_alertmanager_says_holds_until_it_says_otherwise() {
        let alert = |status: &str, end: &str| json!({"status": status, "labels": {"alertname": "Down"}, "endsAt": end, "fingerprint": "f"});
        let body = json!({"version": "4", "groupKey": "{}", "status": "firing", "receiver": "r", "alerts": [
            alert("firing", "0001-01-01T00:00:00Z"), alert("resolved", "2026-11-23T09:59:30Z"), alert("odd", ""),
        ]});
        let (values, refused) = read(&body.to_string()).unwrap();
        assert_eq!(values, [SECOND + 6 * 86_400, SECOND - 30]);
        assert_eq!(refused, ["2 status is \"odd\", not firing or resolved"]);
    }

    #[test]
    fn what_is_no_alert_is_told_by_its_place() {
        let many: BTreeMap<String, String> = (0..=Dimensions::MAX)
            .map(|n| (format!("l{n}"), "v".to_owned()))
            .collect();
        let long = "v".repeat(Dimensions::MAX_VALUE + 1);
        let body = format!(
            r#"[{{"labels": {{}}}}, {{"labels": {{"a": ""}}}}, {{"labels": {{"a": "1", "a": "2"}}}}, {{"labels": {}}},
                {{"labels": {{"a": "{long}"}}}}, {{"labels": {{"a": "1"}}, "endsAt": "soon"}}, {{"labels": {{"a": "1"}}}}]"#,
            json!(many)
        );
        let (values, refused) = read(&body).unwrap();
        assert_eq!(values, [SECOND + 300]);
        assert_eq!(
            refused,
            [
                "0 an alert needs labels",
                "1 an alert needs labels",
                "2 the dimension \"a\" is there twice",
                "3 a series has at most 30 dimensions",
                "4 the dimension \"a\" is longer than 1024 characters",
                "5 \"soon\" is not a time in RFC 3339",
            ]
        );
    }

    #[test]
    fn a_body_that_is_none_is_refused_as_a_whole() {
        for wrong in [
            r#"{"version": "3", "alerts": [{"status": "firing", "labels": {"a": "1"}}]}"#,
            r#"{"version": "4", "alerts": []}"#,
            r#"{"alerts": []}"#,
            "[]",
            "[1]",
            r#"[{"labels": {"a": 1}}]"#,
            "[",
            "x",
        ] {
            assert_eq!(read(wrong).unwrap_err().status(), 400, "{wrong}");
        }
        let many = |count| {
            format!(
                "[{}{{\"labels\":{{\"a\":\"1\"}}}}]",
                "{\"labels\":{\"a\":\"1\"}},".repeat(count - 1)
            )
        };
        assert!(read(&many(MAX_POINTS)).is_ok());
        assert_eq!(read(&many(MAX_POINTS + 1)).unwrap_err().status(), 413);
    }
}
