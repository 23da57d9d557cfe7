use crate::clock::Millis;
use crate::detection::replay::Incident;
use crate::detection::{DetectionSettings, reason, wall_time};
use crate::id::RequestId;
use crate::series::SeriesRef;
use crate::time;
use prediction::detect::{Learning, Verdict};
use serde::Serialize;

/// What the detector found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Detected {
    /// the request that asked
    pub request_id: RequestId,
    /// the series; left out where the points came with the request
    #[serde(flatten)]
    pub series: Option<SeriesRef>,
    /// how it was watched
    pub settings: DetectionSettings,
    /// how many points the detector saw, those before `from` included
    pub replayed: usize,
    /// what was still to learn at the end; null if nothing
    pub learning: Option<LearningItem>,
    /// the incidents, the oldest first
    pub anomalies: Vec<Found>,
    /// each point, if they were asked for
    #[serde(skip_serializing_if = "Option::is_none")]
    pub points: Option<Vec<PointVerdict>>,
}

/// How much a detector has to learn before it raises alarms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct LearningItem {
    /// points that it has seen
    pub points: u32,
    /// points that it needs
    pub points_needed: u32,
    /// the seconds from the first of them to the last
    pub span_seconds: i64,
    /// the seconds that it needs
    pub span_needed_seconds: i64,
}

impl From<Learning> for LearningItem {
    fn from(learning: Learning) -> Self {
        Self {
            points: learning.points,
            points_needed: learning.points_needed,
            span_seconds: learning.span / 1000,
            span_needed_seconds: learning.span_needed / 1000,
        }
    }
}

/// An incident, with the names of a stored anomaly.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(missing_docs, reason = "as in crate::detection::anomalies::AnomalyItem")]
pub struct Found {
    #[serde(serialize_with = "time::rfc3339")]
    pub timestamp: Millis,
    #[serde(serialize_with = "time::rfc3339")]
    pub at: Millis,
    pub observed: Option<f64>,
    pub expected: f64,
    pub lower: f64,
    pub upper: f64,
    pub score: f64,
    pub evidence: f64,
    pub severity: &'static str,
    pub kind: &'static str,
    pub direction: &'static str,
    pub member: &'static str,
    pub reason: String,
    pub ordinal: u32,
    #[serde(serialize_with = "time::rfc3339_option")]
    pub ended_at: Option<Millis>,
    pub ending: Option<&'static str>,
}

impl Found {
    pub(super) fn new(incident: &Incident, name: &str, time_zone: &str) -> Self {
        let finding = &incident.finding;
        Self {
            timestamp: finding.since,
            at: finding.at,
            observed: finding.value,
            expected: finding.range.expected,
            lower: finding.range.lower,
            upper: finding.range.upper,
            score: finding.score,
            evidence: finding.evidence,
            severity: finding.severity.as_str(),
            kind: finding.kind.as_str(),
            direction: finding.direction.as_str(),
            member: finding.member.as_str(),
            reason: reason(name, None, finding, wall_time(time_zone, finding.at)),
            ordinal: finding.ordinal,
            ended_at: incident.end.map(|(end, _)| end),
            ending: incident.end.map(|(_, ending)| ending.as_str()),
        }
    }
}

/// What the detector says of one point.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PointVerdict {
    /// its time
    #[serde(serialize_with = "time::rfc3339")]
    pub timestamp: Millis,
    /// null where no value came
    pub value: Option<f64>,
    /// what was expected; null while there is nothing to go by
    pub expected: Option<f64>,
    /// values below are unusual
    pub lower: Option<f64>,
    /// values above are unusual
    pub upper: Option<f64>,
    /// its rank among points of the series
    pub score: f64,
    /// -log10 of the probability that a normal point is as far off
    pub evidence: f64,
    /// how bad it is on its own; null if it is not
    pub severity: Option<&'static str>,
}

impl PointVerdict {
    pub(super) fn new(timestamp: Millis, value: Option<f64>, verdict: &Verdict) -> Self {
        let range = verdict.expected;
        Self {
            timestamp,
            value,
            expected: range.map(|range| range.expected),
            lower: range.map(|range| range.lower),
            upper: range.map(|range| range.upper),
            score: verdict.score,
            evidence: verdict.evidence,
            severity: verdict.abnormal.map(|abnormal| abnormal.severity.as_str()),
        }
    }
}
