//! Alerts that a Prometheus sends to an Alertmanager, and that an Alertmanager sends to a webhook.
//!
//! An alert is a series of the metric [`external::METRIC`]: its labels are the dimensions, and its value says until when
//! it holds, in seconds since 1970. So it is stored, evaluated and told as any other series is.

use super::Window;
use super::entry::{Checker, Entries, MAX_POINTS, Raw, RawDimensions, RawTime};
use crate::alerting::external::{self, Description, Holds};
use crate::clock::Millis;
use crate::series::SeriesNames;
use crate::{Error, time};
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Alerts of a request: points, and what is said of them.
#[derive(Debug)]
pub struct Alerts<'a> {
    /// the points
    pub entries: Entries<'a>,
    /// what is said of each
    pub descriptions: Vec<Description>,
}

/// An alert as `POST /api/v2/alerts` has it.
#[derive(Deserialize)]
struct Posted {
    labels: BTreeMap<String, String>,
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
#[derive(Deserialize)]
struct Webhook {
    version: String,
    alerts: Vec<Notified>,
}

/// An alert as a webhook has it.
#[derive(Deserialize)]
struct Notified {
    status: String,
    #[serde(flatten)]
    posted: Posted,
}

/// Reads the body of `POST /api/v2/alerts`: an alert without an end, or with one that is to come, holds.
///
/// # Errors
/// 400 for a body that is no list of alerts; 413 for too many of them.
pub fn read_posted<'a>(body: &[u8], window: Window, names: &SeriesNames) -> Result<Alerts<'a>, Error> {
    let alerts: Vec<Posted> = serde_json::from_slice(body).map_err(|error| Error::schema(error.to_string()))?;
    let now = window.now;
    let read = |alert: Posted| {
        let ends_at = instant(alert.ends_at.as_deref());
        (alert, ends_at.map(|end| Holds::posted(now, end)))
    };
    check(alerts.into_iter().map(read), window, names)
}

/// Reads the body of a webhook of an Alertmanager: what fires does so until it says otherwise.
///
/// # Errors
/// 400 for a body that is none, or of another version; 413 for too many alerts.
pub fn read_webhook<'a>(body: &[u8], window: Window, names: &SeriesNames) -> Result<Alerts<'a>, Error> {
    let webhook: Webhook = serde_json::from_slice(body).map_err(|error| Error::schema(error.to_string()))?;
    if webhook.version != "4" {
        return Err(Error::schema(format!(
            "version is {:?}: webhooks of version 4 are taken",
            webhook.version
        )));
    }
    let now = window.now;
    let read = |alert: Notified| {
        let holds = match alert.status.as_str() {
            "firing" => Ok(Holds::TOLD),
            "resolved" => instant(alert.posted.ends_at.as_deref()).map(|end| Holds::over(now, end)),
            other => Err(format!("status is {other:?}, not firing or resolved")),
        };
        (alert.posted, holds)
    };
    check(webhook.alerts.into_iter().map(read), window, names)
}

/// A time; `None` where there is none, which Go writes as the year 1.
fn instant(text: Option<&str>) -> Result<Option<Millis>, String> {
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let time = time::parse_rfc3339(text).ok_or_else(|| format!("{text:?} is not a time in RFC 3339"))?;
    Ok(Some(time).filter(|time| *time > 0))
}

fn check<'a>(
    alerts: impl ExactSizeIterator<Item = (Posted, Result<Holds, String>)>,
    window: Window,
    names: &SeriesNames,
) -> Result<Alerts<'a>, Error> {
    if alerts.len() > MAX_POINTS {
        return Err(Error::PayloadTooLarge(format!(
            "a request has at most {MAX_POINTS} alerts"
        )));
    }
    let mut checker = Checker::new(window, names.known());
    let mut descriptions = Vec::new();
    for (alert, holds) in alerts {
        let described = holds.and_then(|holds| {
            let starts_at = instant(alert.starts_at.as_deref())?.unwrap_or(window.now);
            let description = Description::new(&alert.labels, alert.annotations, alert.generator_url, starts_at)?;
            Ok((holds, description))
        });
        match described {
            Ok((holds, description)) => {
                descriptions.push(description);
                checker.push(Raw {
                    metric_key: Some(Cow::Borrowed(external::METRIC)),
                    value: Some(holds.value()),
                    timestamp: RawTime::Absent,
                    dimensions: RawDimensions::Pairs(alert.labels.into_iter().collect()),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::MINUTE;
    use serde_json::{Value, json};

    /// 2026-11-23T10:00:00Z
    const NOW: Millis = 1_795_428_000_000;
    const SECOND: i64 = NOW / 1_000;

    /// The values of what is taken, and why the rest is not.
    fn read(body: &Value) -> Result<(Vec<i64>, Vec<String>), Error> {
        let (names, window) = (SeriesNames::default(), Window::at(NOW));
        let bytes = body.to_string();
        let alerts = match body {
            Value::Array(_) => read_posted(bytes.as_bytes(), window, &names),
            _ => read_webhook(bytes.as_bytes(), window, &names),
        }?;
        #[expect(clippy::cast_possible_truncation, reason = "seconds")]
        let values = alerts.entries.points().iter().map(|point| point.value as i64).collect();
        let refused = alerts.entries.refused().iter().map(|error| error.message.clone());
        Ok((values, refused.collect()))
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
            {"labels": {}},
            {"labels": {"alertname": "Down"}, "endsAt": "soon"},
        ]);
        let (values, refused) = read(&body).unwrap();
        assert_eq!(values, [SECOND + 600, SECOND + 300, SECOND - 60, SECOND + 300]);
        assert_eq!(refused, ["an alert needs labels", "\"soon\" is not a time in RFC 3339"]);
    }

    #[test]
    fn what_an_alertmanager_says_holds_until_it_says_otherwise() {
        let alert = |status: &str, end: &str| json!({"status": status, "labels": {"alertname": "Down"}, "endsAt": end, "fingerprint": "f"});
        let body = json!({"version": "4", "groupKey": "{}", "status": "firing", "receiver": "r", "alerts": [
            alert("firing", "0001-01-01T00:00:00Z"), alert("resolved", "2026-11-23T09:59:30Z"), alert("odd", ""),
        ]});
        let (values, refused) = read(&body).unwrap();
        assert_eq!(values, [253_402_300_799, SECOND - 30]);
        assert_eq!(refused, ["status is \"odd\", not firing or resolved"]);
        for wrong in [
            json!({"version": "3", "alerts": []}),
            json!({"alerts": []}),
            json!([1]),
            json!("x"),
        ] {
            assert_eq!(read(&wrong).unwrap_err().status(), 400, "{wrong}");
        }
        assert!(Holds::over(NOW, None).value() <= SECOND as f64);
        assert!(Holds::over(NOW, Some(NOW + MINUTE)).value() <= SECOND as f64);
    }
}
