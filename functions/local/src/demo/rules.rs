//! The four rules of the demo. Their limits suit any two days of the data's last week: see the
//! tests of `data`.

use super::fault;
use serde_json::{Value, json};

/// Departures in an hour that Atlanta's morning rush passes each day, and hardly anything else.
pub(super) const RUSH: f64 = 60.0;
/// How far ahead the rush is looked for.
pub(super) const AHEAD: &str = "6h";

/// What a rule is for in the story.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Forecast,
    Threshold,
    Missing,
    Anomaly,
}

impl Kind {
    pub(super) const ALL: [Self; 4] = [Self::Forecast, Self::Threshold, Self::Missing, Self::Anomaly];

    /// One line for the reader.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Forecast => "a forecast rule: Atlanta will have more than 60 departures an hour within 6 h",
            Self::Threshold => "a threshold rule: more than 12 delayed departures an hour in Dallas, until 6 or fewer",
            Self::Missing => "a missing data rule: an airport reports no departures for an hour",
            Self::Anomaly => "an anomaly rule: departures in Chicago are not at all as expected",
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Forecast => "rush ahead",
            Self::Threshold => "delays",
            Self::Missing => "silence",
            Self::Anomaly => "unusual",
        }
    }

    /// The body of `POST /v1/alert-rules`.
    pub(super) fn body(self, channel: &str) -> Value {
        let mut body = match self {
            Self::Forecast => json!({
                "metric_key": "flights.departures",
                "dimensions": {"airport": "ATL"},
                "severity": "warning",
                "condition": {"type": "forecast", "operator": "gt", "value": RUSH, "horizon": AHEAD},
            }),
            Self::Threshold => json!({
                "metric_key": "flights.delayed",
                "dimensions": {"airport": "DFW"},
                "severity": "error",
                "condition": {"type": "threshold", "operator": "gt", "value": 12, "recover": 6},
            }),
            Self::Missing => json!({
                "metric_key": "flights.departures",
                "severity": "critical",
                "condition": {"type": "missing_data", "after": "1h"},
            }),
            Self::Anomaly => json!({
                "metric_key": "flights.departures",
                "dimensions": {"airport": fault::AIRPORT},
                "severity": "error",
                "condition": {"type": "anomaly", "min_severity": "medium"},
            }),
        };
        body["name"] = self.name().into();
        body["channels"] = json!([channel]);
        body
    }
}
