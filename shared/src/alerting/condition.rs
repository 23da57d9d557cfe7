//! When a rule holds. Each condition turns what is known of a series at a minute into a [`Verdict`].

mod anomaly;
mod composite;
mod external;
mod forecast;
mod missing_data;
mod rate_of_change;
mod recent;
mod threshold;
mod watch;

pub use anomaly::Anomaly;
pub use composite::{Composite, Mode};
pub use external::External;
pub use forecast::{Edge, Forecast, Interval, MEDIAN};
pub use missing_data::{After, MissingData};
pub use rate_of_change::{Change, RateOfChange, Unit};
pub use recent::{Keep, Need, Recent, Recents, Summary, Windowed};
pub use threshold::{Aggregation, Threshold};
pub use watch::Watch;

use super::instance::Verdict;
use super::operator::{Direction, Operator};
use super::span::Span;
use crate::clock::Millis;
use crate::id::RuleId;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The condition of a rule, as in its JSON.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Condition {
    /// the value, the last ones or what they come to, beyond a limit
    Threshold(Threshold),
    /// a change of the value beyond a limit
    RateOfChange(RateOfChange),
    /// a forecast value beyond a limit within a horizon
    Forecast(Forecast),
    /// no new point for a while
    MissingData(MissingData),
    /// values that the detector does not expect
    Anomaly(Anomaly),
    /// other rules that fire
    Composite(Composite),
    /// another system says so
    External(External),
}

/// How many of the last points must be so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Points {
    /// that many
    pub at_least: u8,
    /// out of that many
    pub of: u8,
}

impl Points {
    /// Checks that they are possible: `1 <= at_least <= of <= most`.
    fn check(points: Option<Self>, most: u8) -> Result<(), String> {
        match points {
            Some(Self { of, .. }) if !(1..=most).contains(&of) => {
                Err(format!("condition.points.of must be 1 to {most}"))
            }
            Some(Self { at_least, of }) if !(1..=of).contains(&at_least) => {
                Err("condition.points.at_least must be 1 to condition.points.of".into())
            }
            _ => Ok(()),
        }
    }
}

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
            "rate_of_change" => serde_json::from_value(rest)
                .map_err(wrong)
                .and_then(RateOfChange::checked)
                .map(Self::RateOfChange),
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
            "composite" => serde_json::from_value(rest)
                .map_err(wrong)
                .and_then(Composite::checked)
                .map(Self::Composite),
            "external" => serde_json::from_value(rest).map_err(wrong).map(Self::External),
            other => Err(format!(
                "there is no condition of type {other:?}: threshold, rate_of_change, forecast, missing_data, anomaly, composite or external"
            )),
        }
    }

    /// What it must remember of the last points of a series, beyond the last one.
    #[must_use]
    pub fn keeps(&self) -> Option<Keep> {
        match self {
            Self::Threshold(threshold) => threshold.keeps(),
            Self::RateOfChange(rate) => Some(rate.keeps()),
            Self::Forecast(_) | Self::MissingData(_) | Self::Anomaly(_) | Self::Composite(_) | Self::External(_) => {
                None
            }
        }
    }

    /// Whether it looks at other rules, and not at series.
    #[must_use]
    pub fn is_composite(&self) -> bool {
        matches!(self, Self::Composite(_))
    }

    /// Whether another system judges, and not the values of series.
    #[must_use]
    pub fn is_external(&self) -> bool {
        matches!(self, Self::External(_))
    }

    /// The rules that it names.
    #[must_use]
    pub fn members(&self) -> &[RuleId] {
        match self {
            Self::Composite(composite) => &composite.rules,
            _ => &[],
        }
    }
}

/// The longest window of a condition.
const MAX_WINDOW: Millis = 31 * crate::clock::DAY;

/// A window of whole minutes, at most 31 days.
fn check_window(field: &str, window: Span) -> Result<(), String> {
    let length = window.millis();
    if length % crate::clock::MINUTE != 0 || !(1..=MAX_WINDOW).contains(&length) {
        return Err(format!("condition.{field} must be whole minutes, 1m to 31d"));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
