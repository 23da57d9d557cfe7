//! Anomalies as a tick writes them, for tests of what reads them.

use crate::product::Product;
use db::{Batch, Step, args};
use intentvision::clock::{MINUTE, Millis};
use intentvision::id::{AnomalyGroupId, AnomalyId, OrgId};
use intentvision::series::SeriesId;

/// One incident.
#[derive(Debug, Clone)]
pub struct Incident {
    /// of this series
    pub series_id: SeriesId,
    /// where it began
    pub timestamp: Millis,
    /// how bad it is
    pub severity: &'static str,
    /// what it looks like
    pub kind: &'static str,
    /// which way the values are off
    pub direction: &'static str,
    /// the sentence
    pub reason: String,
    /// when it was over
    pub ended_at: Option<Millis>,
    /// the group that it is in
    pub group_id: Option<AnomalyGroupId>,
}

impl Incident {
    /// A drop of the series that goes on.
    ///
    /// # Panics
    /// If that is no id of a series.
    #[must_use]
    pub fn new(series_id: &str, timestamp: Millis) -> Self {
        Self {
            series_id: SeriesId::parse(series_id).expect("a series"),
            timestamp,
            severity: "high",
            kind: "point",
            direction: "down",
            reason: "orders 1, expected 3-4".into(),
            ended_at: None,
            group_id: None,
        }
    }

    /// The same, over a minute later.
    #[must_use]
    pub fn ended(mut self) -> Self {
        self.ended_at = Some(self.timestamp + MINUTE);
        self
    }

    /// The same, in a group.
    #[must_use]
    pub fn in_group(mut self, group_id: &AnomalyGroupId) -> Self {
        self.group_id = Some(group_id.clone());
        self
    }

    /// Writes it; its identity.
    ///
    /// # Panics
    /// If it cannot be written.
    pub async fn write(&self, product: &Product, org: &OrgId) -> String {
        let id = AnomalyId::derived(self.timestamp, &[&self.series_id.raw().to_be_bytes()]);
        let step = Step::tenant(
            "INSERT INTO anomalies (org_id, anomaly_id, series_id, timestamp, at, observed, expected, lower, upper, score, evidence,
                severity, kind, direction, member, ordinal, reason, detected_at, group_id, ended_at, ending)
             SELECT org_id, ?2, ?3, ?4, ?4, 1, 3.5, 3, 4, 0.5, 7, ?5, ?6, ?7, 'residual', 2, ?8, ?4, ?9, ?10,
                iif(?10 IS NULL, NULL, 'recovered') FROM authority",
            args![
                &id,
                self.series_id,
                self.timestamp,
                self.severity,
                self.kind,
                self.direction,
                &self.reason,
                self.group_id.as_ref(),
                self.ended_at
            ],
        );
        let tenant = product.app.operator(Some(org.clone()));
        tenant.run(Batch::write_one(step)).await.expect("an anomaly");
        id.as_str().to_owned()
    }
}

/// Writes a group that began in this minute; its identity.
///
/// # Panics
/// If it cannot be written.
pub async fn group(product: &Product, org: &OrgId, minute: Millis, series: u32, contributor: &str) -> AnomalyGroupId {
    let id = AnomalyGroupId::derived(minute, &[&series.to_be_bytes()]);
    let contributors = serde_json::json!([
        {"key": "region", "value": contributor, "series": series, "watched": 40, "coverage": 0.5, "lift": 4.0}
    ]);
    let step = Step::tenant(
        "INSERT INTO anomaly_groups (org_id, group_id, started_at, joined_at, series, severity, contributors)
         SELECT org_id, ?2, ?3, ?3, ?4, 'high', ?5 FROM authority",
        args![&id, minute, series, contributors.to_string()],
    );
    let tenant = product.app.operator(Some(org.clone()));
    tenant.run(Batch::write_one(step)).await.expect("a group");
    id
}
