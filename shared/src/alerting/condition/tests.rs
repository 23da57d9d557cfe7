use super::*;
use proptest::prelude::*;
use serde_json::json;

fn threshold(operator: &str, value: f64, recover: Option<f64>) -> Result<Condition, String> {
    let mut condition = json!({"type": "threshold", "operator": operator, "value": value});
    if let Some(recover) = recover {
        condition["recover"] = json!(recover);
    }
    Condition::parse(condition)
}

#[test]
fn six_operators_compare() {
    for (operator, below, equal, above) in [
        ("gt", false, false, true),
        ("gte", false, true, true),
        ("lt", true, false, false),
        ("lte", true, true, false),
        ("eq", false, true, false),
        ("neq", true, false, true),
    ] {
        let Ok(Condition::Threshold(threshold)) = threshold(operator, 10.0, None) else {
            panic!("{operator}");
        };
        let breach = |value| threshold.verdict(value) == Verdict::Breach;
        assert_eq!(
            (breach(9.0), breach(10.0), breach(11.0)),
            (below, equal, above),
            "{operator}"
        );
    }
}

#[test]
fn a_recovery_threshold_lies_on_the_right_side() {
    assert!(threshold("gt", 10.0, Some(8.0)).is_ok() && threshold("gt", 10.0, Some(12.0)).is_err());
    assert!(threshold("lte", 10.0, Some(12.0)).is_ok() && threshold("lte", 10.0, Some(8.0)).is_err());
    assert!(threshold("eq", 10.0, Some(10.0)).is_err());
    let Ok(Condition::Threshold(up)) = threshold("gt", 10.0, Some(8.0)) else {
        panic!()
    };
    assert_eq!(
        [11.0, 10.0, 8.5, 8.0].map(|v| up.verdict(v)),
        [Verdict::Breach, Verdict::Between, Verdict::Between, Verdict::Clear]
    );
}

#[test]
fn conditions_read_back_as_they_are_written() {
    for condition in [
        json!({"type": "threshold", "operator": "gt", "value": 1.5, "recover": 1.0}),
        json!({"type": "forecast", "operator": "lt", "value": 0.0, "horizon": "1d", "probability": 0.9}),
        json!({
            "type": "forecast", "operator": "gt", "value": 0.0, "horizon": "1d", "interval": {"level": 95.0, "edge": "lower"}
        }),
        json!({"type": "missing_data", "after": "15m"}),
        json!({"type": "missing_data", "after": "auto"}),
        json!({"type": "threshold", "operator": "lt", "value": 1.5, "points": {"at_least": 2, "of": 3}}),
        json!({"type": "threshold", "operator": "lt", "value": 1.5, "aggregation": "sum", "window": "1d"}),
        json!({
            "type": "rate_of_change", "window": "1h", "operator": "gt", "value": 20.0, "unit": "percent", "per": "1m"
        }),
        json!({"type": "anomaly", "min_severity": "low", "direction": "both"}),
        json!({
            "type": "anomaly", "min_severity": "critical", "direction": "down",
            "minimum_effect": {"absolute": 5.0, "percent": 20.0}, "points": {"at_least": 3, "of": 16}
        }),
    ] {
        let read = Condition::parse(condition.clone()).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), condition);
    }
}

#[test]
fn what_makes_no_sense_is_refused_with_a_reason() {
    for (condition, words) in [
        (json!(3), "must be an object"),
        (json!({"operator": "gt"}), "type"),
        (
            json!({"type": "threshold", "operator": "gt", "value": 1, "valeu": 2}),
            "valeu",
        ),
        (json!({"type": "threshold", "operator": "over", "value": 1}), "over"),
        (json!({"type": "threshold", "operator": "gt"}), "value"),
        (
            json!({"type": "forecast", "operator": "eq", "value": 1, "horizon": "1h"}),
            "operator",
        ),
        (
            json!({"type": "forecast", "operator": "gt", "value": 1, "horizon": "0s"}),
            "horizon",
        ),
        (
            json!({"type": "forecast", "operator": "gt", "value": 1, "horizon": "1h", "probability": 1.0}),
            "probability",
        ),
        (
            json!({
                "type": "forecast", "operator": "gt", "value": 1, "horizon": "1h", "probability": 0.5,
                "interval": {"level": 80, "edge": "upper"}
            }),
            "exclude each other",
        ),
        (
            json!({"type": "forecast", "operator": "gt", "value": 1, "horizon": "1h", "interval": {"level": 99, "edge": "upper"}}),
            "interval.level",
        ),
        (
            json!({"type": "forecast", "operator": "gt", "value": 1, "horizon": "1h", "interval": {"level": 80, "edge": "mean"}}),
            "mean",
        ),
        (json!({"type": "missing_data", "after": "30s"}), "after"),
        (json!({"type": "anomaly"}), "min_severity"),
        (
            json!({"type": "anomaly", "min_severity": "warning"}),
            "severity is \"warning\", not low, medium, high or critical",
        ),
        (
            json!({"type": "anomaly", "min_severity": "low", "direction": "below"}),
            "direction is \"below\", not both, up or down",
        ),
        (
            json!({"type": "anomaly", "min_severity": "low", "minimum_effect": {"percent": -1.0}}),
            "minimum_effect.percent",
        ),
        (
            json!({"type": "anomaly", "min_severity": "low", "minimum_effect": {"relative": 1.0}}),
            "relative",
        ),
        (
            json!({"type": "anomaly", "min_severity": "low", "points": {"at_least": 4, "of": 3}}),
            "points.at_least",
        ),
        (
            json!({"type": "anomaly", "min_severity": "low", "points": {"at_least": 0, "of": 3}}),
            "points.at_least",
        ),
        (
            json!({"type": "anomaly", "min_severity": "low", "points": {"at_least": 1, "of": 17}}),
            "points.of",
        ),
        (json!({"type": "missing_data", "after": "never"}), "after is auto"),
        (
            json!({"type": "threshold", "operator": "gt", "value": 1, "points": {"at_least": 1, "of": 61}}),
            "points.of must be 1 to 60",
        ),
        (
            json!({"type": "threshold", "operator": "gt", "value": 1, "aggregation": "avg"}),
            "need each other",
        ),
        (
            json!({"type": "threshold", "operator": "gt", "value": 1, "window": "1h"}),
            "need each other",
        ),
        (
            json!({"type": "threshold", "operator": "gt", "value": 1, "aggregation": "mean", "window": "1h"}),
            "mean",
        ),
        (
            json!({"type": "threshold", "operator": "gt", "value": 1, "aggregation": "avg", "window": "90s"}),
            "whole minutes",
        ),
        (
            json!({"type": "threshold", "operator": "gt", "value": 1, "aggregation": "avg", "window": "32d"}),
            "1m to 31d",
        ),
        (
            json!({
                "type": "threshold", "operator": "gt", "value": 1, "aggregation": "avg", "window": "1h",
                "points": {"at_least": 1, "of": 2}
            }),
            "exclude each other",
        ),
        (json!({"type": "rate_of_change"}), "window"),
        (
            json!({"type": "rate_of_change", "window": "0s", "operator": "gt", "value": 1}),
            "whole minutes",
        ),
        (
            json!({"type": "rate_of_change", "window": "1h", "operator": "gt", "value": 1, "unit": "factor"}),
            "factor",
        ),
        (
            json!({"type": "rate_of_change", "window": "1h", "operator": "gt", "value": 1, "per": "0s"}),
            "per",
        ),
        (
            json!({"type": "composite", "mode": "any", "rules": []}),
            "1 to 50 rules",
        ),
        (json!({"type": "composite", "mode": "any", "rules": ["rule_1"]}), "rule"),
        (json!({"type": "magic"}), "magic"),
    ] {
        let error = Condition::parse(condition.clone()).unwrap_err();
        assert!(error.contains(words), "{condition}: {error}");
    }
}

proptest! {
    #[test]
    fn a_value_is_a_breach_or_not_and_recovery_never_is_one(value in -20.0..20.0_f64, limit in -10.0..10.0_f64, gap in 0.0..5.0_f64) {
        for (operator, recover) in [("gt", limit - gap), ("lt", limit + gap)] {
            let Ok(Condition::Threshold(threshold)) = threshold(operator, limit, Some(recover)) else {
                panic!()
            };
            let operator = threshold.operator;
            prop_assert_eq!(threshold.verdict(value) == Verdict::Breach, operator.holds(value, limit));
            prop_assert_ne!(threshold.verdict(recover), Verdict::Breach);
            prop_assert_eq!(threshold.verdict(recover), Verdict::Clear);
        }
    }
}

#[test]
fn so_many_of_the_last_points_must_be_beyond_the_limit() {
    let body =
        json!({"type": "threshold", "operator": "gt", "value": 10, "recover": 8, "points": {"at_least": 2, "of": 3}});
    let Ok(Condition::Threshold(threshold)) = Condition::parse(body) else {
        panic!()
    };
    let says = |values: &[f64]| threshold.of_points(threshold.points.unwrap(), values.iter().copied());
    assert_eq!(says(&[11.0, 5.0, 12.0]), (Verdict::Breach, 2));
    // one of them is back, but not where it has recovered
    assert_eq!(says(&[11.0, 5.0, 9.0]), (Verdict::Between, 1));
    assert_eq!(says(&[11.0, 5.0, 8.0]), (Verdict::Clear, 1));
    assert_eq!(says(&[11.0]), (Verdict::Clear, 1));
    assert_eq!(says(&[11.0, 11.0]), (Verdict::Breach, 2));
}

/// What a silence is, without and with a length that was given.
#[test]
fn how_long_points_may_be_missing_is_learned() {
    use crate::clock::{HOUR, MINUTE};
    let verdict = |after: Value, silent, interval| {
        let Ok(Condition::MissingData(missing)) = Condition::parse(json!({"type": "missing_data", "after": after}))
        else {
            panic!()
        };
        missing.verdict(silent, 0, interval)
    };
    let auto = |silent, interval| verdict(json!("auto"), silent, interval);
    assert_eq!(auto(HOUR, 0), Verdict::Unknown);
    assert_eq!(
        [14, 15].map(|m| auto(m * MINUTE, 5 * MINUTE)),
        [Verdict::Clear, Verdict::Breach]
    );
    // at least five minutes, however often points come
    assert_eq!(
        [4, 5].map(|m| auto(m * MINUTE, 10_000)),
        [Verdict::Clear, Verdict::Breach]
    );
    assert_eq!(auto(i64::MAX, i64::MAX), Verdict::Breach);
    assert_eq!(verdict(json!("3m"), 3 * MINUTE, HOUR), Verdict::Breach);
    assert_eq!(
        Condition::parse(json!({"type": "missing_data"})).unwrap(),
        Condition::parse(json!({"type": "missing_data", "after": "auto"})).unwrap()
    );
}

#[test]
fn a_change_is_absolute_or_relative_and_by_time() {
    use crate::clock::{HOUR, MINUTE};
    use crate::series::Point;
    let change = |from: f64, to: f64, more: Value| {
        let mut body = json!({"type": "rate_of_change", "window": "1h", "operator": "gt", "value": 20});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let Ok(Condition::RateOfChange(rate)) = Condition::parse(body) else {
            panic!()
        };
        let point = |timestamp, value| Point { timestamp, value };
        let need = Need {
            delay: 0,
            keep: rate.keeps(),
        };
        let recent = Recent::of_history(need, HOUR, &[point(-MINUTE, 7.0), point(0, from), point(HOUR, to)]);
        let change = rate.change(&recent, MINUTE).unwrap();
        (change.by, rate.verdict(&change))
    };
    let percent = || json!({"unit": "percent"});
    assert_eq!(change(100.0, 121.0, json!({})), (21.0, Verdict::Breach));
    assert_eq!(
        change(100.0, 79.0, json!({"operator": "lt", "value": -20})),
        (-21.0, Verdict::Breach)
    );
    assert_eq!(change(50.0, 60.0, percent()), (20.0, Verdict::Clear));
    assert_eq!(change(-50.0, -25.0, percent()), (50.0, Verdict::Breach));
    assert_eq!(change(60.0, 120.0, json!({"per": "1m"})), (1.0, Verdict::Clear));
    assert_eq!(
        change(50.0, 100.0, json!({"unit": "percent", "per": "30m"})),
        (50.0, Verdict::Breach)
    );
    // of nothing, anything is infinitely more, and nothing is no change
    assert_eq!(change(0.0, 1e-9, percent()), (f64::INFINITY, Verdict::Breach));
    assert_eq!(change(0.0, -1.0, percent()), (f64::NEG_INFINITY, Verdict::Clear));
    assert_eq!(change(0.0, 0.0, percent()), (0.0, Verdict::Clear));
    assert_eq!(change(-f64::MAX, f64::MAX, json!({})), (f64::INFINITY, Verdict::Breach));
}

#[test]
fn an_earlier_point_that_is_too_old_says_nothing() {
    use crate::clock::{HOUR, MINUTE};
    use crate::series::Point;
    let body = json!({"type": "rate_of_change", "window": "1h", "operator": "gt", "value": 20});
    let Ok(Condition::RateOfChange(rate)) = Condition::parse(body) else {
        panic!()
    };
    let change = |then: Millis, interval| {
        let point = |timestamp| Point { timestamp, value: 1.0 };
        let need = Need {
            delay: 0,
            keep: rate.keeps(),
        };
        rate.change(&Recent::of_history(need, 0, &[point(then), point(0)]), interval)
    };
    assert!(change(-HOUR, MINUTE).is_some() && change(-59 * MINUTE, MINUTE).is_none());
    assert!(change(-75 * MINUTE, MINUTE).is_some() && change(-76 * MINUTE, MINUTE).is_none());
    assert!(change(-2 * HOUR, 20 * MINUTE).is_some());
}

#[test]
fn an_edge_of_an_interval_is_a_quantile() {
    let parse = |more: Value| {
        let mut body = json!({"type": "forecast", "operator": "gt", "value": 1, "horizon": "1h"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let Ok(Condition::Forecast(forecast)) = Condition::parse(body) else {
            panic!()
        };
        (forecast.quantile() * 1e4).round() / 1e4
    };
    let edge = |operator, edge| parse(json!({"operator": operator, "interval": {"level": 80, "edge": edge}}));
    assert_eq!((edge("gt", "upper"), edge("gt", "lower")), (0.9, 0.1));
    assert_eq!((edge("lt", "upper"), edge("lt", "lower")), (0.9, 0.1));
    assert_eq!(parse(json!({})), 0.5);
    assert_eq!(parse(json!({"probability": 0.8})), 0.2);
    assert_eq!(parse(json!({"operator": "lt", "probability": 0.8})), 0.8);
}
