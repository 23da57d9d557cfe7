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
        json!({"type": "missing_data", "after": "15m"}),
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
        (json!({"type": "rate_of_change"}), "not available yet"),
        (json!({"type": "composite"}), "not available yet"),
        (json!({"type": "magic"}), "magic"),
    ] {
        let error = Condition::parse(condition.clone()).unwrap_err();
        assert!(error.contains(words), "{condition}: {error}");
    }
}

proptest! {
    #[test]
    fn a_value_is_a_breach_or_not_and_recovery_never_is_one(value in -20.0..20.0_f64, limit in -10.0..10.0_f64, gap in 0.0..5.0_f64) {
        for (operator, recover) in [(Operator::Gt, limit - gap), (Operator::Lt, limit + gap)] {
            let threshold = Threshold { operator, value: limit, recover: Some(recover) }.checked().unwrap();
            prop_assert_eq!(threshold.verdict(value) == Verdict::Breach, operator.holds(value, limit));
            prop_assert_ne!(threshold.verdict(recover), Verdict::Breach);
            prop_assert_eq!(threshold.verdict(recover), Verdict::Clear);
        }
    }
}
