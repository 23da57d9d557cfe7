use crate::alerting::condition::Watch;
use crate::clock::Millis;
use prediction::detect::Hot;

/// What a lane remembers of a series that is watched for anomalies.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Detection {
    /// the detector's state; `None` until the stored history was replayed
    pub hot: Option<Hot>,
    /// what rules may ask
    pub watch: Watch,
    /// where the incident began that has an open row in `anomalies`: one that opened in a replay of history has none
    pub told: Option<Millis>,
}
