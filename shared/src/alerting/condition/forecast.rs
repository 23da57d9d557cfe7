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
    /// how likely the crossing must be: even odds, if no interval is given
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
    /// or which edge of which interval must cross
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Interval>,
}

/// An edge of an interval of a forecast.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interval {
    /// how much of what may come it holds, in per cent: 1 to 98
    pub level: f64,
    /// which edge
    pub edge: Edge,
}

/// The edges of an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Edge {
    Upper,
    Lower,
}

impl Interval {
    /// As in reasons: `the upper edge of the 80 % interval`.
    #[must_use]
    pub fn words(&self) -> String {
        let edge = match self.edge {
            Edge::Upper => "upper",
            Edge::Lower => "lower",
        };
        format!("the {edge} edge of the {} % interval", self.level)
    }
}

/// The quantile that is as likely passed as not.
pub const MEDIAN: f64 = 0.5;
/// Between these quantiles the value lies four times of five: what crosses early, and what crosses late.
const RANGE: [f64; 2] = [0.1, 0.9];

impl Forecast {
    pub(super) fn checked(mut self) -> Result<Self, String> {
        if self.operator.direction().is_none() {
            return Err("condition.operator of a forecast must be one of gt, gte, lt, lte".into());
        }
        if !(1..=MAX_HORIZON).contains(&self.horizon.millis()) {
            return Err("condition.horizon must be longer than nothing and at most 366 days".into());
        }
        match (self.probability, self.interval) {
            (Some(_), Some(_)) => {
                return Err("condition.probability and condition.interval exclude each other".into());
            }
            (None, None) => self.probability = Some(MEDIAN),
            (Some(probability), None) if !(0.01..=0.99).contains(&probability) => {
                return Err("condition.probability must be between 0.01 and 0.99".into());
            }
            (None, Some(interval)) if !(1.0..=98.0).contains(&interval.level) => {
                return Err("condition.interval.level must be between 1 and 98".into());
            }
            _ => (),
        }
        Ok(self)
    }

    /// The quantile that decides: P(value > limit) >= p means that the quantile at 1 - p is above the limit.
    #[must_use]
    pub fn quantile(&self) -> f64 {
        if let Some(Interval { level, edge }) = self.interval {
            return match edge {
                Edge::Upper => MEDIAN + level / 200.0,
                Edge::Lower => MEDIAN - level / 200.0,
            };
        }
        let probability = self.probability.unwrap_or(MEDIAN);
        match self.operator.direction() {
            Some(Direction::Down) => probability,
            _ => 1.0 - probability,
        }
    }

    /// The quantiles of what crosses early and what crosses late.
    #[must_use]
    pub fn early_and_late(&self) -> [f64; 2] {
        let [low, high] = RANGE;
        match self.operator.direction() {
            Some(Direction::Down) => [low, high],
            _ => [high, low],
        }
    }

    /// All quantiles that it asks for.
    #[must_use]
    pub fn quantiles(&self) -> [f64; 4] {
        let [early, late] = self.early_and_late();
        [early, self.quantile(), MEDIAN, late]
    }
}
