use super::*;
use crate::alerting::rule::Draft;
use crate::clock::HOUR;
use crate::series::{Dimensions, MetricKey};
use prediction::detect;
use serde_json::json;

fn definition(condition: serde_json::Value) -> Definition {
    let draft = json!({"name": "n", "metric_key": "m", "severity": "info", "condition": condition, "channels": []});
    serde_json::from_value::<Draft>(draft).unwrap().check().unwrap()
}

fn only_at(at: Millis) -> When {
    When {
        at,
        expected: None,
        earliest: None,
        latest: None,
    }
}

#[test]
fn reasons_read_well() {
    let minute = 1_795_428_000_000;
    let evidence = Evidence {
        value: Some(512.5),
        crossing: Some(only_at(minute + 5 * HOUR + 40 * MINUTE)),
        silent: 20 * MINUTE,
        ..Evidence::default()
    };
    let threshold = definition(json!({"type": "threshold", "operator": "gte", "value": 500}));
    assert_eq!(
        firing(&threshold, &evidence, minute),
        "the value is 512.5, at or above 500"
    );
    assert_eq!(recovered(&threshold, &evidence), "the value is back at 512.5");
    let forecast =
        definition(json!({"type": "forecast", "operator": "gt", "value": 100, "horizon": "6h", "probability": 0.9}));
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
fn the_time_of_a_crossing_has_a_range() {
    let minute = 1_795_428_000_000;
    let forecast =
        definition(json!({"type": "forecast", "operator": "gt", "value": 100, "horizon": "6h", "probability": 0.9}));
    let ranged = |earliest: Option<Millis>, expected: Option<Millis>, latest: Option<Millis>| {
        let after = |offset: Option<Millis>| offset.map(|offset| minute + offset);
        let crossing = When {
            at: minute + 5 * HOUR + 40 * MINUTE,
            expected: after(expected),
            earliest: after(earliest),
            latest: after(latest),
        };
        Evidence {
            crossing: Some(crossing),
            ..Evidence::default()
        }
    };
    let (five, six, seven) = (Some(5 * HOUR), Some(6 * HOUR), Some(7 * HOUR));
    let likely = |evidence| firing(&forecast, &evidence, minute);
    assert_eq!(
        likely(ranged(five, six, seven)),
        "expected above 100 in 5 h 40 min, at 2026-11-23T15:40:00Z, between 2026-11-23T15:00:00Z and \
         2026-11-23T17:00:00Z, with a probability of at least 90 %"
    );
    assert_eq!(
        likely(ranged(five, six, None)),
        "expected above 100 in 5 h 40 min, at 2026-11-23T15:40:00Z, not before 2026-11-23T15:00:00Z, \
         with a probability of at least 90 %"
    );
    assert!(likely(ranged(six, six, seven)).contains("between 2026-11-23T15:40:00Z and"));
    assert!(likely(ranged(six, six, None)).contains(", at 2026-11-23T15:40:00Z or later, with"));
    let edge = definition(
        json!({"type": "forecast", "operator": "gt", "value": 100, "horizon": "6h", "interval": {"level": 90, "edge": "upper"}}),
    );
    assert_eq!(
        recovered(&edge, &Evidence::default()),
        "the upper edge of the 90 % interval is no longer above 100"
    );
    let edge = |evidence| firing(&edge, &evidence, minute);
    let is_above =
        "the upper edge of the 90 % interval is above 100 in 5 h 40 min, at 2026-11-23T15:40:00Z; a crossing is ";
    assert_eq!(
        edge(ranged(six, six, seven)),
        format!("{is_above}expected at 2026-11-23T16:00:00Z, between 2026-11-23T16:00:00Z and 2026-11-23T17:00:00Z")
    );
    assert_eq!(
        edge(ranged(six, None, None)),
        format!("{is_above}not expected before 2026-11-23T16:00:00Z")
    );
    assert_eq!(
        edge(ranged(None, None, None)),
        format!("{is_above}not likely within 6 h")
    );
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
            metric: "m",
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
