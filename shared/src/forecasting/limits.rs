//! Limits that a caller sets for every number of a forecast.

use crate::Error;
use prediction::Bounds;
use serde::{Deserialize, Deserializer};

/// Limits that the caller set. Outer `None`: as the history suggests; inner `None`: no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    #[serde(default, deserialize_with = "given")]
    lower: Option<Option<f64>>,
    #[serde(default, deserialize_with = "given")]
    upper: Option<Option<f64>>,
}

fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<f64>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

impl Limits {
    pub(super) fn check(self) -> Result<Self, Error> {
        match (self.lower.flatten(), self.upper.flatten()) {
            (Some(lower), Some(upper)) if lower > upper => {
                Err(Error::schema("bounds: the lower one is above the upper one"))
            }
            _ => Ok(self),
        }
    }

    /// These limits for a series with this history. A limit that was set beyond what the history suggests replaces it.
    #[must_use]
    pub fn bounds(self, history: &[f64]) -> Bounds {
        if self == Self::default() {
            return Bounds::History;
        }
        let (lower, upper) = self.ends(history);
        Bounds::Fixed { lower, upper }
    }

    /// The same as two numbers, for forecasts that are made elsewhere.
    #[must_use]
    pub fn ends(self, history: &[f64]) -> (Option<f64>, Option<f64>) {
        let mut known = history.iter().filter(|value| value.is_finite());
        let (positive, negative) = (
            known.clone().all(|value| *value >= 0.0),
            known.all(|value| *value <= 0.0),
        );
        let upper = self.upper.unwrap_or(negative.then_some(0.0));
        let lower = self.lower.unwrap_or(positive.then_some(0.0));
        (
            match (self.lower, lower, upper) {
                (None, Some(own), Some(upper)) if own > upper => None,
                _ => lower,
            },
            match (self.upper, upper, lower) {
                (None, Some(own), Some(lower)) if own < lower => None,
                _ => upper,
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_side_without_a_limit_keeps_the_one_of_the_history() {
        let bounds = |text: &str, history: &[f64]| {
            let limits: Limits = serde_json::from_str(text).unwrap();
            match limits.bounds(history) {
                Bounds::Fixed { lower, upper } => (lower, upper),
                Bounds::History => panic!("{text}"),
            }
        };
        let counts = [0.0, f64::NAN, 7.0];
        assert_eq!(bounds(r#"{"upper":100}"#, &counts), (Some(0.0), Some(100.0)));
        assert_eq!(bounds(r#"{"upper":100}"#, &[-1.0, 7.0]), (None, Some(100.0)));
        assert_eq!(bounds(r#"{"lower":null}"#, &counts), (None, None));
        assert_eq!(bounds(r#"{"upper":-5}"#, &counts), (None, Some(-5.0)));
        assert_eq!(bounds(r#"{"lower":5}"#, &[-7.0]), (Some(5.0), None));
        assert_eq!(Limits::default().bounds(&counts), Bounds::History);
        assert_eq!(Limits::default().ends(&counts), (Some(0.0), None));
    }
}
