//! When a rule holds. Each condition turns what is known of a series at a minute into a [`Verdict`].

use super::instance::Verdict;
use super::operator::{Direction, Operator};
use super::span::Span;
use crate::clock::Millis;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The condition of a rule, as in its JSON.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Condition {
    /// the last value beyond a limit
    Threshold(Threshold),
    /// a forecast value beyond a limit within a horizon
    Forecast(Forecast),
    /// no new point for a while
    MissingData(MissingData),
}

/// The last value beyond a limit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Threshold {
    /// how the value is compared
    pub operator: Operator,
    /// the limit
    pub value: f64,
    /// the limit that the value must come back to before it counts as recovered
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recover: Option<f64>,
}

/// A forecast value beyond a limit within a horizon.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Forecast {
    /// how the value is compared; a direction
    pub operator: Operator,
    /// the limit
    pub value: f64,
    /// how far to look ahead
    pub horizon: Span,
    /// how likely the crossing must be
    #[serde(default = "even_odds")]
    pub probability: f64,
}

fn even_odds() -> f64 {
    0.5
}

/// No new point for a while.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MissingData {
    /// for how long
    pub after: Span,
}

/// Conditions of the contract that later versions bring.
const NOT_YET: [&str; 3] = ["anomaly", "rate_of_change", "composite"];
const MAX_HORIZON: Millis = 366 * crate::clock::DAY;

impl Condition {
    /// Reads and checks a condition.
    ///
    /// # Errors
    /// A sentence for people.
    pub fn parse(value: Value) -> Result<Self, String> {
        let Value::Object(mut fields) = value else {
            return Err("condition must be an object".into());
        };
        let Some(Value::String(kind)) = fields.remove("type") else {
            return Err("condition.type must be a text".into());
        };
        let rest = Value::Object(fields);
        let wrong = |error: serde_json::Error| format!("condition: {error}");
        match kind.as_str() {
            "threshold" => serde_json::from_value(rest)
                .map_err(wrong)
                .and_then(Threshold::checked)
                .map(Self::Threshold),
            "forecast" => serde_json::from_value(rest)
                .map_err(wrong)
                .and_then(Forecast::checked)
                .map(Self::Forecast),
            "missing_data" => serde_json::from_value(rest)
                .map_err(wrong)
                .and_then(MissingData::checked)
                .map(Self::MissingData),
            later if NOT_YET.contains(&later) => Err(format!("conditions of type {later:?} are not available yet")),
            other => Err(format!(
                "there is no condition of type {other:?}: threshold, forecast or missing_data"
            )),
        }
    }
}

impl Threshold {
    fn checked(self) -> Result<Self, String> {
        match (self.recover, self.operator.direction()) {
            (None, _) => Ok(self),
            (Some(_), None) => Err("condition.recover needs one of the operators gt, gte, lt, lte".into()),
            (Some(recover), Some(Direction::Up)) if recover > self.value => {
                Err("condition.recover must not be above condition.value with gt and gte".into())
            }
            (Some(recover), Some(Direction::Down)) if recover < self.value => {
                Err("condition.recover must not be below condition.value with lt and lte".into())
            }
            _ => Ok(self),
        }
    }

    /// What a value says.
    #[must_use]
    pub fn verdict(&self, value: f64) -> Verdict {
        if self.operator.holds(value, self.value) {
            return Verdict::Breach;
        }
        let recovered = match (self.recover, self.operator.direction()) {
            (Some(recover), Some(Direction::Up)) => value <= recover,
            (Some(recover), Some(Direction::Down)) => value >= recover,
            _ => true,
        };
        if recovered { Verdict::Clear } else { Verdict::Between }
    }
}

impl Forecast {
    fn checked(self) -> Result<Self, String> {
        if self.operator.direction().is_none() {
            return Err("condition.operator of a forecast must be one of gt, gte, lt, lte".into());
        }
        if !(1..=MAX_HORIZON).contains(&self.horizon.millis()) {
            return Err("condition.horizon must be longer than nothing and at most 366 days".into());
        }
        if !(0.01..=0.99).contains(&self.probability) {
            return Err("condition.probability must be between 0.01 and 0.99".into());
        }
        Ok(self)
    }

    /// The quantile that decides: P(value > limit) >= p means that the quantile at 1 - p is above the limit.
    #[must_use]
    pub fn quantile(&self) -> f64 {
        match self.operator.direction() {
            Some(Direction::Down) => self.probability,
            _ => 1.0 - self.probability,
        }
    }
}

impl MissingData {
    fn checked(self) -> Result<Self, String> {
        if self.after.millis() < crate::clock::MINUTE {
            return Err("condition.after must be at least 1m: rules are evaluated each minute".into());
        }
        Ok(self)
    }

    /// What the minute of the last point says.
    #[must_use]
    pub fn verdict(&self, minute: Millis, last: Millis) -> Verdict {
        if minute - last >= self.after.millis() {
            Verdict::Breach
        } else {
            Verdict::Clear
        }
    }
}

#[cfg(test)]
mod tests {
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
            (json!({"type": "anomaly", "min_severity": "high"}), "not available yet"),
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
}
