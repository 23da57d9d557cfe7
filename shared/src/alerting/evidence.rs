//! What a change of an alert rests on beside its value, kept with the transition: detectors learn and forecasts are made
//! anew, but it must still be said why somebody was paged.

use super::condition::{Condition, Watch};
use super::instance::Status;
use super::outlook::When;
use super::rule::Definition;
use super::span::Span;
use super::text::Evidence;
use crate::clock::Millis;
use crate::time;
use prediction::detect::Finding;
use serde::Serialize;

/// What a transition rests on.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Grounds {
    /// for how long no point had come
    #[serde(skip_serializing_if = "Option::is_none")]
    silent_for: Option<Span>,
    #[serde(flatten)]
    crossing: Option<Crossing>,
    /// the incident of the series
    #[serde(skip_serializing_if = "Option::is_none")]
    anomaly: Option<Incident>,
}

/// When a forecast crosses the limit.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Crossing {
    /// what the rule asks for crosses
    #[serde(rename = "crossing_at", serialize_with = "time::rfc3339")]
    at: Millis,
    /// the median crosses
    #[serde(
        rename = "crossing_expected",
        skip_serializing_if = "Option::is_none",
        serialize_with = "time::rfc3339_option"
    )]
    expected: Option<Millis>,
    /// nine times of ten it is later
    #[serde(
        rename = "crossing_earliest",
        skip_serializing_if = "Option::is_none",
        serialize_with = "time::rfc3339_option"
    )]
    earliest: Option<Millis>,
    /// nine times of ten it is sooner
    #[serde(
        rename = "crossing_latest",
        skip_serializing_if = "Option::is_none",
        serialize_with = "time::rfc3339_option"
    )]
    latest: Option<Millis>,
}

impl From<When> for Crossing {
    fn from(when: When) -> Self {
        Self {
            at: when.at,
            expected: when.expected,
            earliest: when.earliest,
            latest: when.latest,
        }
    }
}

/// An incident as the detector had told it.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Incident {
    #[serde(serialize_with = "time::rfc3339")]
    since: Millis,
    #[serde(serialize_with = "time::rfc3339")]
    at: Millis,
    value: Option<f64>,
    expected: f64,
    lower: f64,
    upper: f64,
    score: f64,
    /// -log10 of the tail probability
    evidence: f64,
    severity: &'static str,
    direction: &'static str,
    kind: &'static str,
    member: &'static str,
}

impl From<&Finding> for Incident {
    fn from(finding: &Finding) -> Self {
        Self {
            since: finding.since,
            at: finding.at,
            value: finding.value,
            expected: finding.range.expected,
            lower: finding.range.lower,
            upper: finding.range.upper,
            score: finding.score,
            evidence: finding.evidence,
            severity: finding.severity.as_str(),
            direction: finding.direction.as_str(),
            kind: finding.kind.as_str(),
            member: finding.member.as_str(),
        }
    }
}

/// As kept with a transition, in JSON; nothing where the value says it all, and of an end.
pub(super) fn of(definition: &Definition, evidence: &Evidence<'_>, to: Status) -> Option<String> {
    let mut grounds = Grounds {
        silent_for: None,
        crossing: None,
        anomaly: None,
    };
    match (to, &definition.condition) {
        (Status::Resolved, _) => return None,
        (Status::NoData, _) | (Status::Firing, Condition::MissingData(_)) => {
            grounds.silent_for = Some(Span::from_millis(evidence.silent));
        }
        (Status::Firing, Condition::Forecast(_)) => grounds.crossing = evidence.crossing.map(Crossing::from),
        (Status::Firing, Condition::Anomaly(_)) => {
            let finding = evidence.watch.and_then(Watch::incident);
            grounds.anomaly = finding.map(Incident::from);
        }
        (
            Status::Firing,
            Condition::Threshold(_) | Condition::RateOfChange(_) | Condition::Composite(_) | Condition::External(_),
        ) => return None,
    }
    serde_json::to_string(&grounds).ok().filter(|text| text != "{}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerting::rule::Draft;
    use crate::clock::{HOUR, MINUTE};
    use serde_json::json;

    #[test]
    fn each_type_of_rule_has_its_own_grounds() {
        let evidence = Evidence {
            value: Some(1.0),
            crossing: Some(When {
                at: 1_795_428_000_000,
                expected: Some(1_795_428_000_000 + HOUR),
                earliest: Some(1_795_428_000_000),
                latest: None,
            }),
            silent: 90 * MINUTE,
            ..Evidence::default()
        };
        let kept = |condition: serde_json::Value, to| {
            let draft = json!({"name": "n", "metric_key": "m", "severity": "info", "condition": condition});
            let definition = serde_json::from_value::<Draft>(draft).unwrap().check().unwrap();
            of(&definition, &evidence, to)
        };
        let threshold = json!({"type": "threshold", "operator": "gt", "value": 1});
        let forecast = json!({"type": "forecast", "operator": "gt", "value": 1, "horizon": "1h"});
        let missing = json!({"type": "missing_data", "after": "1h"});
        assert_eq!(kept(threshold.clone(), Status::Firing), None);
        assert_eq!(kept(threshold, Status::NoData).unwrap(), r#"{"silent_for":"90m"}"#);
        let crossing = kept(forecast.clone(), Status::Firing);
        assert_eq!(
            crossing.unwrap(),
            r#"{"crossing_at":"2026-11-23T10:00:00Z","crossing_expected":"2026-11-23T11:00:00Z","crossing_earliest":"2026-11-23T10:00:00Z"}"#
        );
        assert_eq!(kept(forecast, Status::Resolved), None);
        assert_eq!(kept(missing, Status::Firing).unwrap(), r#"{"silent_for":"90m"}"#);
    }
}
