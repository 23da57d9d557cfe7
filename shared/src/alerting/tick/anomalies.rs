//! What minutes did to anomalies, not yet written.

use crate::Error;
use crate::alerting::state::Told;
use crate::clock::Millis;
use crate::detection::grouping::Groups;
use crate::id::{AnomalyGroupId, AnomalyId};
use crate::listed::listed;
use crate::series::SeriesId;
use db::{Step, args};
use prediction::detect::{Ending, Finding, Kind, Severity};
use serde::Serialize;
use std::collections::BTreeMap;

/// Incidents that opened, got worse and ended. One that does several of these in one write is one row with its last
/// state, so that rows written together never break "one open anomaly".
#[derive(Debug, Clone, Default)]
pub(super) struct Anomalies {
    born: BTreeMap<AnomalyId, Row>,
    escalated: BTreeMap<AnomalyId, Row>,
    ended: BTreeMap<AnomalyId, End>,
    news: Vec<News>,
    bytes: usize,
}

#[derive(Debug, Clone, Serialize)]
struct Row {
    anomaly_id: AnomalyId,
    series_id: i64,
    timestamp: Millis,
    at: Millis,
    observed: Option<f64>,
    expected: f64,
    lower: f64,
    upper: f64,
    score: f64,
    evidence: f64,
    severity: &'static str,
    kind: &'static str,
    direction: &'static str,
    member: &'static str,
    ordinal: u32,
    reason: String,
    detected_at: Millis,
    group_id: Option<AnomalyGroupId>,
    ended_at: Option<Millis>,
    ending: Option<&'static str>,
}

#[derive(Debug, Clone, Serialize)]
struct End {
    anomaly_id: AnomalyId,
    ended_at: Millis,
    ending: Option<&'static str>,
}

/// What groups have not heard of yet.
#[derive(Debug, Clone)]
enum News {
    Opened(AnomalyId, SeriesId, Severity),
    Escalated(AnomalyId, Severity),
    Ended(AnomalyId),
}

impl Anomalies {
    /// An incident opens in `minute`: the point at which it began is its identity.
    pub(super) fn open(&mut self, minute: Millis, series_id: SeriesId, finding: &Finding, reason: String) {
        let id = anomaly_id(series_id, Told::of(finding));
        let told = Row::new(id.clone(), minute, series_id, finding.since, finding, reason);
        self.bytes += 500 + told.reason.len();
        self.news.push(News::Opened(id.clone(), series_id, finding.severity));
        self.born.insert(id, told);
    }

    /// The incident is worse, or of another kind, than was told.
    pub(super) fn escalate(
        &mut self,
        minute: Millis,
        series_id: SeriesId,
        told: Told,
        finding: &Finding,
        reason: String,
    ) {
        let id = anomaly_id(series_id, told);
        let told = Row::new(id.clone(), minute, series_id, told.since, finding, reason);
        self.bytes += 500 + told.reason.len();
        self.news.push(News::Escalated(id.clone(), finding.severity));
        match self.born.get_mut(&id) {
            Some(born) => {
                *born = Row {
                    detected_at: born.detected_at,
                    group_id: born.group_id.take(),
                    ..told
                };
            }
            None => {
                self.escalated.insert(id, told);
            }
        }
    }

    /// The incident is over; without an `ending`, because nobody watches any longer.
    pub(super) fn end(&mut self, at: Millis, series_id: SeriesId, told: Told, ending: Option<Ending>) {
        let anomaly_id = anomaly_id(series_id, told);
        let ending = ending.map(Ending::as_str);
        self.bytes += 100;
        self.news.push(News::Ended(anomaly_id.clone()));
        match self.born.get_mut(&anomaly_id) {
            Some(born) => (born.ended_at, born.ending) = (Some(at), ending),
            None => {
                let end = End {
                    anomaly_id: anomaly_id.clone(),
                    ended_at: at,
                    ending,
                };
                self.ended.insert(anomaly_id, end);
            }
        }
    }

    /// Whether groups have something to hear.
    pub(super) fn has_news(&self) -> bool {
        !self.news.is_empty()
    }

    /// Tells groups what happened in `minute`.
    pub(super) fn tell(&mut self, minute: Millis, groups: &mut Groups) {
        for news in std::mem::take(&mut self.news) {
            match news {
                News::Opened(id, series_id, severity) => {
                    let group_id = groups.join(minute, &id, series_id, severity);
                    if let Some(born) = self.born.get_mut(&id) {
                        born.group_id = Some(group_id);
                    }
                }
                News::Escalated(id, severity) => groups.worsen(&id, severity),
                News::Ended(id) => groups.leave(minute, &id),
            }
        }
    }

    /// How many rows are to be written, those of groups among them.
    pub(super) fn rows(&self) -> usize {
        self.born.len() + self.escalated.len() + self.ended.len() + self.news.len()
    }

    /// About how many bytes they have.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The steps that write them. Ends come before births: an incident that ends makes room for the next one of its series.
    pub(super) fn write(&self) -> Result<Vec<Step>, Error> {
        let mut steps = Vec::new();
        for list in listed(self.escalated.values())? {
            steps.push(Step::tenant(ESCALATE, args![list]));
        }
        for list in listed(self.ended.values())? {
            steps.push(Step::tenant(END, args![list]));
        }
        for list in listed(self.born.values())? {
            steps.push(Step::tenant(MAKE_ROOM, args![&list]));
            steps.push(Step::tenant(OPEN, args![list]));
        }
        Ok(steps)
    }
}

impl Row {
    fn new(
        anomaly_id: AnomalyId,
        minute: Millis,
        series_id: SeriesId,
        since: Millis,
        finding: &Finding,
        reason: String,
    ) -> Self {
        Self {
            anomaly_id,
            series_id: series_id.raw(),
            timestamp: since,
            at: finding.at,
            observed: finding.value,
            expected: finding.range.expected,
            lower: finding.range.lower,
            upper: finding.range.upper,
            // JSON has no infinity, and these columns no null
            score: finding.score.clamp(0.0, f64::MAX),
            evidence: finding.evidence.clamp(0.0, f64::MAX),
            severity: finding.severity.as_str(),
            kind: finding.kind.as_str(),
            direction: finding.direction.as_str(),
            member: finding.member.as_str(),
            ordinal: finding.ordinal,
            reason,
            detected_at: minute,
            group_id: None,
            ended_at: None,
            ending: None,
        }
    }
}

const ESCALATE: &str = "UPDATE anomalies SET at = n.at, observed = n.observed, expected = n.expected, lower = n.lower,
        upper = n.upper, score = n.score, evidence = n.evidence, severity = n.severity, kind = n.kind,
        direction = n.direction, member = n.member, ordinal = n.ordinal, reason = n.reason
     FROM (SELECT a.org_id, j.value ->> 'anomaly_id' AS anomaly_id, j.value ->> 'at' AS at, j.value ->> 'observed' AS observed,
                j.value ->> 'expected' AS expected, j.value ->> 'lower' AS lower, j.value ->> 'upper' AS upper,
                j.value ->> 'score' AS score, j.value ->> 'evidence' AS evidence, j.value ->> 'severity' AS severity,
                j.value ->> 'kind' AS kind, j.value ->> 'direction' AS direction, j.value ->> 'member' AS member,
                j.value ->> 'ordinal' AS ordinal, j.value ->> 'reason' AS reason
           FROM authority AS a JOIN json_each(?2) AS j LIMIT -1) AS n
     WHERE anomalies.org_id = n.org_id AND anomalies.anomaly_id = n.anomaly_id";

const END: &str = "UPDATE anomalies SET ended_at = n.ended_at, ending = n.ending
     FROM (SELECT a.org_id, j.value ->> 'anomaly_id' AS anomaly_id, j.value ->> 'ended_at' AS ended_at, j.value ->> 'ending' AS ending
           FROM authority AS a JOIN json_each(?2) AS j LIMIT -1) AS n
     WHERE anomalies.org_id = n.org_id AND anomalies.anomaly_id = n.anomaly_id";

/// Of a series whose state was lost, an anomaly may still be open: nobody watches that any longer.
const MAKE_ROOM: &str = "UPDATE anomalies SET ended_at = n.detected_at
     FROM (SELECT a.org_id, j.value ->> 'anomaly_id' AS anomaly_id, j.value ->> 'series_id' AS series_id,
                j.value ->> 'detected_at' AS detected_at
           FROM authority AS a JOIN json_each(?2) AS j LIMIT -1) AS n
     WHERE anomalies.org_id = n.org_id AND anomalies.series_id = n.series_id AND anomalies.ended_at IS NULL
        AND anomalies.anomaly_id <> n.anomaly_id";

const OPEN: &str = "INSERT INTO anomalies (org_id, anomaly_id, series_id, timestamp, at, observed, expected, lower, upper, score,
        evidence, severity, kind, direction, member, ordinal, reason, detected_at, group_id, ended_at, ending)
     SELECT a.org_id, j.value ->> 'anomaly_id', j.value ->> 'series_id', j.value ->> 'timestamp', j.value ->> 'at',
        j.value ->> 'observed', j.value ->> 'expected', j.value ->> 'lower', j.value ->> 'upper', j.value ->> 'score',
        j.value ->> 'evidence', j.value ->> 'severity', j.value ->> 'kind', j.value ->> 'direction', j.value ->> 'member',
        j.value ->> 'ordinal', j.value ->> 'reason', j.value ->> 'detected_at', j.value ->> 'group_id', j.value ->> 'ended_at',
        j.value ->> 'ending'
     FROM authority AS a JOIN json_each(?2) AS j WHERE true
     ON CONFLICT (org_id, anomaly_id) DO UPDATE SET at = excluded.at, observed = excluded.observed, expected = excluded.expected,
        lower = excluded.lower, upper = excluded.upper, score = excluded.score, evidence = excluded.evidence,
        severity = excluded.severity, kind = excluded.kind, direction = excluded.direction, member = excluded.member,
        ordinal = excluded.ordinal, reason = excluded.reason, group_id = excluded.group_id, ended_at = excluded.ended_at,
        ending = excluded.ending";

/// An anomaly's identity follows from its series, where it began and whether it began as silence, so that a replay finds the
/// same.
fn anomaly_id(series_id: SeriesId, told: Told) -> AnomalyId {
    let series = series_id.raw().to_be_bytes();
    let parts: [&[u8]; 2] = [&series, Kind::Missing.as_str().as_bytes()];
    AnomalyId::derived(told.since, &parts[..if told.silence { 2 } else { 1 }])
}
