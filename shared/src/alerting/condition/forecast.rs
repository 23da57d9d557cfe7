use super::{Direction, Operator, Span};
use crate::clock::Millis;
use serde::{Deserialize, Serialize};

const MAX_HORIZON: Millis = 366 * crate::clock::DAY;

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

impl Forecast {
    pub(super) fn checked(self) -> Result<Self, String> {
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
