//! When a rule holds. Each condition turns what is known of a series at a minute into a [`Verdict`].

mod anomaly;
mod external;
mod watch;

pub use anomaly::{Anomaly, Points};
pub use external::External;
pub use watch::Watch;

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
    /// values that the detector does not expect
    Anomaly(Anomaly),
    /// another system says so
    External(External),
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
const NOT_YET: [&str; 2] = ["rate_of_change", "composite"];
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
            "anomaly" => serde_json::from_value(rest)
                .map_err(wrong)
                .and_then(Anomaly::checked)
                .map(Self::Anomaly),
            "external" => serde_json::from_value(rest).map_err(wrong).map(Self::External),
            later if NOT_YET.contains(&later) => Err(format!("conditions of type {later:?} are not available yet")),
            other => Err(format!(
                "there is no condition of type {other:?}: threshold, forecast, missing_data, anomaly or external"
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
mod tests;
