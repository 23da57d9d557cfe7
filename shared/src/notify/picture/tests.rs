//! What a picture shows of an alert, by the type of its rule.

use super::subject::Subject;
use super::unusual::{Told, Unusual};
use crate::alerting::Condition;
use crate::budget::Count;
use crate::clock::{HOUR, MINUTE, Millis};
use crate::detection::DetectionSettings;
use crate::detection::expectation::Expectation;
use crate::detection::replay::Replay;
use crate::series::Point;
use jiff::tz::TimeZone;
use picture::{Chart, Range};
use prediction::LocalTime;
use prediction::detect::{Detector, Finding};
use serde_json::{Value, json};

/// 2026-11-23T10:00:00Z
const NOW: Millis = 1_795_428_000_000;
const STEP: Millis = 5 * MINUTE;

/// Points each five minutes up to now.
fn points(values: &[f64]) -> Vec<Point> {
    let first = NOW - STEP * i64::try_from(values.len() - 1).unwrap();
    let times = (0..).map(|n| first + n * STEP);
    times
        .zip(values)
        .map(|(timestamp, value)| Point {
            timestamp,
            value: *value,
        })
        .collect()
}

fn subject(condition: Value, points: Vec<Point>) -> Subject {
    Subject {
        title: "load".into(),
        subtitle: "too much".into(),
        zone: TimeZone::UTC,
        now: NOW,
        condition: Some(Condition::parse(condition).unwrap()),
        delay: 0,
        silent: false,
        value: None,
        outlook: None,
        unusual: None,
        points,
    }
}

fn labels(chart: &Chart) -> Vec<&str> {
    chart.marks.iter().map(|mark| mark.label.as_str()).collect()
}

fn detector() -> Detector {
    DetectionSettings::default().detector(LocalTime::default(), 0)
}

/// Four days of noise around 100, and three values far off at the end.
fn disturbed() -> Vec<Point> {
    let noise = |n: u32| 100.0 + f64::from(n * 7_919 % 13);
    let mut values: Vec<_> = (0..4 * 288).map(noise).collect();
    values.extend([400.0, 410.0, 405.0]);
    points(&values)
}

/// The incident that the detector finds in these points.
fn finding(points: &[Point]) -> Finding {
    let mut replay = Replay::new(detector());
    for point in points {
        replay.push(point.timestamp, Some(point.value));
    }
    let [.., incident] = replay.incidents() else {
        panic!("there is no incident")
    };
    incident.finding
}

/// What a transition keeps of it.
fn evidence(finding: &Finding) -> Told {
    let kept = json!({"anomaly": {
        "at": crate::time::format(finding.at), "value": finding.value, "expected": finding.range.expected,
        "lower": finding.range.lower, "upper": finding.range.upper,
    }});
    Told::of_evidence(&kept.to_string()).unwrap()
}

fn unusual(told: Told) -> Unusual {
    Unusual {
        expectation: Expectation::of(detector()),
        said: Some(told),
        told: vec![told],
    }
}

fn anomaly() -> Value {
    json!({"type": "anomaly", "min_severity": "low"})
}

#[test]
fn of_an_anomaly_the_expected_range_is_drawn_and_is_that_of_the_message() {
    let points = disturbed();
    let mut finding = finding(&points);
    // the tick knew a little more than a replay does
    finding.range.lower -= 1.0;
    let told = evidence(&finding);
    let mut subject = subject(anomaly(), points);
    subject.unusual = Some(unusual(told));
    let chart = subject.chart();
    assert_eq!(chart.expected.len(), chart.history.len(), "of all that is shown");
    let at = chart.expected.iter().find(|range| range.at == finding.at).unwrap();
    let said = Range {
        at: finding.at,
        lower: finding.range.lower,
        middle: finding.range.expected,
        upper: finding.range.upper,
    };
    assert_eq!(*at, said);
    let flagged: Vec<_> = chart.flagged.iter().map(|point| point.value).collect();
    assert_eq!(flagged, [400.0, 410.0, 405.0]);
    let [label] = &labels(&chart)[..] else {
        panic!("{chart:?}")
    };
    assert_eq!(*label, picture::number(finding.value.unwrap()));
    // the rest of the range is about as wide
    let widths = chart.expected.iter().map(|range| range.upper - range.lower);
    assert!(widths.into_iter().all(|width| width > 5.0 && width < 60.0));
}

/// A detector that knew something else, or had other settings: its range is not the one that the message tells.
#[test]
fn a_range_that_the_message_does_not_know_is_not_drawn() {
    let points = disturbed();
    let mut finding = finding(&points);
    finding.range.lower += 1_000.0;
    finding.range.upper += 1_000.0;
    let mut subject = subject(anomaly(), points);
    subject.unusual = Some(unusual(evidence(&finding)));
    let chart = subject.chart();
    assert!(chart.expected.is_empty());
    assert_eq!(chart.flagged.len(), 1);
    assert!(labels(&chart)[0].contains("expected 1"), "{:?}", labels(&chart));
}

#[test]
fn a_detector_that_takes_too_long_leaves_what_was_told() {
    let points = disturbed();
    let told = evidence(&finding(&points));
    let mut chart = subject(anomaly(), points.clone()).chart();
    chart.marks.clear();
    unusual(told).draw(&mut chart, &points, &mut Count(2));
    assert!(chart.expected.is_empty());
    assert_eq!((chart.flagged.len(), chart.marks.len()), (1, 1));
}

/// Silence has no point: what was expected of it is said where the value should be.
#[test]
fn of_a_missing_value_it_is_said_what_was_expected() {
    let kept = json!({"anomaly": {
        "at": crate::time::format(NOW), "value": null, "expected": 106.0, "lower": 98.0, "upper": 114.0,
    }});
    let mut points = disturbed();
    points.truncate(4 * 288);
    let mut subject = subject(anomaly(), points);
    subject.unusual = Some(unusual(Told::of_evidence(&kept.to_string()).unwrap()));
    let chart = subject.chart();
    assert_eq!(labels(&chart), ["no value"]);
    assert!(chart.flagged.is_empty() && !chart.expected.is_empty());
}

/// The limit is that of the sums: none of the points is anywhere near it.
#[test]
fn of_a_window_its_values_are_drawn() {
    let condition = json!({"type": "threshold", "operator": "gt", "value": 35, "aggregation": "sum", "window": "30m"});
    let mut values = vec![5.0; 100];
    values.extend([7.0; 6]);
    let mut subject = subject(condition, points(&values));
    subject.value = Some(42.0);
    let chart = subject.chart();
    assert_eq!(chart.history_label, "the sum of the last 30 min");
    assert_eq!(chart.history.first().unwrap().value, 30.0);
    assert_eq!(chart.history.last().unwrap().value, 42.0);
    assert!(chart.history.len() > 90, "{}", chart.history.len());
    assert_eq!((chart.marks[0].value, chart.threshold.unwrap().value), (42.0, 35.0));
}

/// Of many points so many windows that each is looked at in time, the last among them.
#[test]
fn of_many_windows_few_are_looked_at() {
    let condition = json!({"type": "threshold", "operator": "gt", "value": 1, "aggregation": "avg", "window": "6h"});
    let chart = subject(condition, points(&[2.0; 1_000])).chart();
    assert!((90..=201).contains(&chart.history.len()), "{}", chart.history.len());
    assert_eq!(chart.history.last().unwrap().at, NOW);
    assert!(chart.history.iter().all(|point| (point.value - 2.0).abs() < 1e-9));
}

#[test]
fn of_points_that_are_counted_those_beyond_are_flagged() {
    let condition = json!({"type": "threshold", "operator": "gt", "value": 10, "points": {"at_least": 2, "of": 4}});
    let chart = subject(condition, points(&[50.0, 1.0, 11.0, 1.0, 12.0, 3.0])).chart();
    let flagged: Vec<_> = chart.flagged.iter().map(|point| point.value).collect();
    assert_eq!(flagged, [11.0, 12.0], "the first is no longer counted");
    assert_eq!(chart.flagged_label, "above 10, of the last 4");
    assert_eq!(labels(&chart), ["3"]);
}

#[test]
fn of_a_change_both_ends_and_the_limit_are_drawn() {
    let condition = |more: Value| {
        let mut condition = json!({"type": "rate_of_change", "window": "1h", "operator": "gt"});
        condition
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        condition
    };
    let mut values = vec![200.0; 30];
    values.extend([210.0, 220.0, 240.0, 260.0]);
    let shown = |more: Value| subject(condition(more), points(&values)).chart();
    let chart = shown(json!({"value": 20, "unit": "percent"}));
    assert_eq!(labels(&chart), ["200", "260 (+30 %)"]);
    assert_eq!((chart.marks[0].at, chart.marks[1].at), (NOW - HOUR, NOW));
    let line = chart.threshold.unwrap();
    assert_eq!((line.value, line.label.as_str()), (240.0, "change above 20 % in 1 h"));
    let chart = shown(json!({"value": 0.5, "per": "1m"}));
    assert_eq!(labels(&chart), ["200", "260 (+1 per 1m)"]);
    assert_eq!(chart.threshold.unwrap().value, 230.0);
}

/// What a change is counted from may be long ago: it is shown all the same.
#[test]
fn a_long_change_is_shown_from_its_beginning() {
    let condition = json!({"type": "rate_of_change", "window": "3d", "operator": "lt", "value": -10});
    let mut values = vec![300.0; 4 * 288];
    values.push(250.0);
    let chart = subject(condition, points(&values)).chart();
    // but for a part of the window
    let first = NOW - chart.history[0].at;
    assert!((72 * HOUR..74 * HOUR).contains(&first), "{first}");
    assert_eq!(chart.marks[0].at, chart.history[0].at);
    assert_eq!(labels(&chart), ["300", "250 (-50)"]);
}

#[test]
fn of_silence_the_last_point_is_marked() {
    let mut points = points(&[5.0; 100]);
    points.truncate(90);
    let threshold = json!({"type": "threshold", "operator": "gt", "value": 10});
    let mut no_data = subject(threshold, points.clone());
    no_data.silent = true;
    let missing = subject(json!({"type": "missing_data", "after": "15m"}), points);
    for subject in [no_data, missing] {
        let chart = subject.chart();
        assert_eq!(labels(&chart), ["last point: Mon 23 Nov 09:10"]);
        assert_eq!(chart.marks[0].at, NOW - 50 * MINUTE);
    }
}

/// Of a rule that waits for late points, what it has seen is marked.
#[test]
fn a_point_that_the_rule_has_not_seen_is_not_marked() {
    let threshold = json!({"type": "threshold", "operator": "gt", "value": 10});
    let mut subject = subject(threshold, points(&[1.0, 11.0, 3.0]));
    subject.delay = 2 * MINUTE;
    assert_eq!(labels(&subject.chart()), ["11"]);
}
