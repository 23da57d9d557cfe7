use crate::alerting::condition::Watch;
use crate::clock::Millis;
use prediction::detect::{Finding, Hot, Kind};

/// What a lane remembers of a series that is watched for anomalies.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Detection {
    /// the detector's state; `None` until the stored history was replayed
    pub hot: Option<Hot>,
    /// what rules may ask
    pub watch: Watch,
    /// the incident that has an open row in `anomalies`: one that opened in a replay of history has none
    pub told: Option<Told>,
}

/// Which incident of a series was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// where it began
    pub since: Millis,
    /// whether it began as silence: that begins at the last value, as an incident of that value does
    pub silence: bool,
}

impl Told {
    /// The one that opens with this finding.
    #[must_use]
    pub fn of(finding: &Finding) -> Self {
        Self {
            since: finding.since,
            silence: finding.kind == Kind::Missing,
        }
    }
}
