//! What an alert says to people: a summary when it is born, a reason for each change.

use super::condition::{Anomaly, Condition, Forecast, Watch};
use super::external;
use super::outlook;
use super::rule::Definition;
use crate::clock::Millis;
use crate::detection::{reason, wall_time};
use crate::series::SeriesRef;
use crate::time;
use prediction::detect::Ending;

/// What a verdict rests on.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Evidence<'a> {
    /// the last value
    pub(super) value: Option<f64>,
    /// when the limit is expected to be crossed
    pub(super) crossing: Option<Millis>,
    /// for how long the series has been silent
    pub(super) silent: Millis,
    /// what is abnormal in the series, where a rule of type anomaly asks
    pub(super) watch: Option<&'a Watch>,
    /// what another system says, where a rule of type external asks
    pub(super) said: Option<&'a str>,
    /// where the organization is: an IANA name
    pub(super) time_zone: &'a str,
}

/// A series as people write it: `shop.orders{region="eu"}`; an alert of another system under its own name.
#[must_use]
pub(super) fn series(series: &SeriesRef) -> String {
    let metric = series.metric_key.as_str();
    let alert = series
        .dimensions
        .iter()
        .find(|(key, _)| *key == "alertname" && metric == external::METRIC);
    let pairs: Vec<String> = series
        .dimensions
        .iter()
        .filter(|pair| Some(*pair) != alert)
        .map(|(key, value)| format!("{key}={value:?}"))
        .collect();
    let name = alert.map_or(metric, |(_, name)| name);
    if pairs.is_empty() {
        return name.to_owned();
    }
    format!("{name}{{{}}}", pairs.join(","))
}

/// Why a rule fires.
#[must_use]
pub(super) fn firing(definition: &Definition, evidence: &Evidence<'_>, minute: Millis) -> String {
    match &definition.condition {
        Condition::Threshold(threshold) => {
            let value = evidence
                .value
                .map_or_else(|| "unknown".to_owned(), |value| value.to_string());
            format!(
                "the value is {value}, {} {}",
                threshold.operator.words(),
                threshold.value
            )
        }
        Condition::External(_) => evidence.said.unwrap_or("another system says so").to_owned(),
        Condition::Forecast(forecast) => expected(forecast, evidence, minute),
        Condition::MissingData(_) => silent(evidence),
        Condition::Anomaly(anomaly) => unexpected(anomaly, definition.metric_key.as_str(), evidence),
    }
}

fn unexpected(anomaly: &Anomaly, metric: &str, evidence: &Evidence<'_>) -> String {
    let finding = evidence.watch.and_then(Watch::incident);
    let sentence = finding.map(|finding| reason(metric, None, finding, wall_time(evidence.time_zone, finding.at)));
    let points = anomaly.points.zip(evidence.watch).map(|(points, watch)| {
        let abnormal = anomaly.abnormal(watch, points);
        format!("{abnormal} of the last {} points are abnormal", points.of)
    });
    match (points, sentence) {
        (Some(points), Some(sentence)) => format!("{points}: {sentence}"),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => "the values are not as expected".to_owned(),
    }
}

fn expected(forecast: &Forecast, evidence: &Evidence<'_>, minute: Millis) -> String {
    let odds = (forecast.probability * 1_000.0).round() / 10.0;
    let (side, limit) = (outlook::side(forecast), forecast.value);
    match evidence.crossing {
        Some(crossing) => format!(
            "expected {side} {limit} in {}, at {}, with a probability of at least {odds} %",
            time::span(crossing.saturating_sub(minute)),
            time::format(crossing)
        ),
        None => match evidence.value {
            Some(value) => format!("the value is {value}, {side} {limit} already"),
            None => format!("expected {side} {limit} with a probability of at least {odds} %"),
        },
    }
}

/// Why a state is not known.
#[must_use]
pub(super) fn silent(evidence: &Evidence<'_>) -> String {
    format!("no new point for {}", time::span(evidence.silent))
}

/// Why an alert is over.
#[must_use]
pub(super) fn recovered(definition: &Definition, evidence: &Evidence<'_>) -> String {
    match (&definition.condition, evidence.value) {
        (Condition::MissingData(_), _) => "points arrive again".to_owned(),
        (Condition::External(_), _) => "it is over, or nobody says it any longer".to_owned(),
        (Condition::Threshold(_), Some(value)) => format!("the value is back at {value}"),
        (Condition::Forecast(forecast), _) => {
            format!("no longer expected {} {}", outlook::side(forecast), forecast.value)
        }
        (Condition::Anomaly(_), _) => match evidence.watch.and_then(Watch::ending) {
            Some(Ending::NewNormal) => "the values have settled: this is the new normal".to_owned(),
            Some(Ending::Marked) => "somebody has said how it is meant".to_owned(),
            Some(Ending::Recovered) | None => "the values are as expected again".to_owned(),
        },
        (Condition::Threshold(_), None) => "the condition no longer holds".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerting::rule::Draft;
    use crate::clock::{HOUR, MINUTE};
    use crate::series::{Dimensions, MetricKey};
    use prediction::detect;
    use serde_json::json;

    fn definition(condition: serde_json::Value) -> Definition {
        let draft = json!({"name": "n", "metric_key": "m", "severity": "info", "condition": condition, "channels": []});
        serde_json::from_value::<Draft>(draft).unwrap().check().unwrap()
    }

    #[test]
    fn reasons_read_well() {
        let minute = 1_795_428_000_000;
        let evidence = Evidence {
            value: Some(512.5),
            crossing: Some(minute + 5 * HOUR + 40 * MINUTE),
            silent: 20 * MINUTE,
            ..Evidence::default()
        };
        let threshold = definition(json!({"type": "threshold", "operator": "gte", "value": 500}));
        assert_eq!(
            firing(&threshold, &evidence, minute),
            "the value is 512.5, at or above 500"
        );
        assert_eq!(recovered(&threshold, &evidence), "the value is back at 512.5");
        let forecast = definition(
            json!({"type": "forecast", "operator": "gt", "value": 100, "horizon": "6h", "probability": 0.9}),
        );
        assert_eq!(
            firing(&forecast, &evidence, minute),
            "expected above 100 in 5 h 40 min, at 2026-11-23T15:40:00Z, with a probability of at least 90 %"
        );
        assert_eq!(recovered(&forecast, &evidence), "no longer expected above 100");
        let missing = definition(json!({"type": "missing_data", "after": "15m"}));
        assert_eq!(firing(&missing, &evidence, minute), "no new point for 20 min");
        assert_eq!(recovered(&missing, &evidence), "points arrive again");
        let dimensions = Dimensions::new([("region".to_owned(), "e\"u".to_owned())]).unwrap();
        let named = SeriesRef::new(MetricKey::parse("shop.orders").unwrap(), dimensions);
        assert_eq!(series(&named), r#"shop.orders{region="e\"u"}"#);
    }

    #[test]
    fn an_anomaly_is_told_by_its_sentence() {
        let range = detect::Range {
            expected: 100.0,
            lower: 80.0,
            upper: 120.0,
        };
        let abnormal = detect::Abnormal {
            severity: detect::Severity::High,
            direction: detect::Direction::Up,
        };
        let finding = detect::Finding {
            since: 0,
            at: 0,
            value: Some(150.0),
            range,
            kind: detect::Kind::Point,
            severity: abnormal.severity,
            direction: abnormal.direction,
            member: detect::Member::Residual,
            evidence: 9.0,
            score: 0.5,
            ordinal: 2,
        };
        let opened = detect::Verdict {
            expected: Some(range),
            score: finding.score,
            evidence: finding.evidence,
            abnormal: Some(abnormal),
            change: Some(detect::Change::Opened(finding)),
            learning: None,
        };
        let closed = |ending| detect::Change::Closed { since: 0, ending };
        let mut watch = Watch::default();
        watch.note(Some(150.0), &opened);
        let told = |condition, watch: &Watch| {
            let evidence = Evidence {
                watch: Some(watch),
                time_zone: "Europe/Berlin",
                ..Evidence::default()
            };
            let definition = definition(condition);
            (firing(&definition, &evidence, 0), recovered(&definition, &evidence))
        };
        let incident = json!({"type": "anomaly", "min_severity": "low"});
        let points = json!({"type": "anomaly", "min_severity": "low", "points": {"at_least": 1, "of": 5}});
        let sentence = "m 150, expected 80-120 for Thursday 01:00 (50% above); second such rise this month";
        assert_eq!(told(incident.clone(), &watch).0, sentence);
        let counted = format!("1 of the last 5 points are abnormal: {sentence}");
        assert_eq!(told(points.clone(), &watch).0, counted);
        watch.change(&closed(Ending::NewNormal));
        watch.begin_minute();
        assert_eq!(
            told(incident.clone(), &watch).1,
            "the values have settled: this is the new normal"
        );
        assert_eq!(told(points, &watch).0, "1 of the last 5 points are abnormal");
        watch.note(Some(150.0), &opened);
        watch.change(&closed(Ending::Recovered));
        watch.begin_minute();
        assert_eq!(told(incident, &watch).1, "the values are as expected again");
    }
}
