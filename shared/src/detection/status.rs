//! How far the detector of a series is: `GET /v1/series/{id}/detection`.

use super::adhoc::LearningItem;
use super::anomalies::{self, AnomalyItem, Filter, State};
use super::settings::DetectionSettings;
use crate::alerting::external;
use crate::alerting::lanes;
use crate::auth::Tenant;
use crate::clock::Millis;
use crate::series::{Dimensions, MetricKey, SeriesId, SeriesRef};
use crate::{Error, time};
use db::{Batch, DbError, Row, Step, args};
use prediction::LocalTime;
use prediction::detect::Hot;
use serde::Serialize;

/// The detector of a series, as of the last tick.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Status {
    /// the series
    #[serde(flatten)]
    pub series: SeriesRef,
    /// whether it would raise an alarm
    pub state: Stage,
    /// how much there is still to learn
    pub learning: Option<LearningItem>,
    /// the last point that the detector has seen
    #[serde(serialize_with = "time::rfc3339_option")]
    pub last_point: Option<Millis>,
    /// the incident that is open
    pub anomaly: Option<AnomalyItem>,
}

/// How far a detector is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// nobody watches the series: detection is off, and no enabled rule of type anomaly matches it
    Off,
    /// the next tick begins with it
    Waiting,
    /// it needs more points, or points of a longer time
    Learning,
    /// it raises alarms
    Ready,
}

/// The detector of a series.
///
/// # Errors
/// 404 if the organization has no such series; 401, 403 or 503.
pub async fn get(tenant: &Tenant, series_id: SeriesId) -> Result<Status, Error> {
    let open = Filter {
        series_id: Some(series_id),
        state: Some(State::Open),
        ..Filter::default()
    };
    let mut batch = Batch::read();
    let watched = batch.push(Step::tenant(WATCHED, args![series_id]));
    let pages = batch.push(lanes::pages(series_id, series_id));
    let anomaly = batch.push(open.newest(1));
    let reply = tenant.run(batch).await?;
    let row = reply.step(watched)?.first().ok_or(Error::NotFound("the series"))?;
    let is_watched = row.integer(2)? != 0 && row.text(0)? != external::METRIC;
    let lane = lanes::decode(reply.step(pages)?)?;
    let tracked = lane.get(series_id).filter(|_| is_watched);
    let hot = tracked.and_then(|tracked| tracked.detection.as_deref()?.hot.as_ref());
    // what is still to learn does not depend on the settings
    let detector = DetectionSettings::default().detector(LocalTime::default(), 0);
    let learning = hot.and_then(|hot| detector.learning(hot));
    let state = match (hot, learning) {
        _ if !is_watched => Stage::Off,
        (None, _) => Stage::Waiting,
        (Some(_), Some(_)) => Stage::Learning,
        (Some(_), None) => Stage::Ready,
    };
    Ok(Status {
        series: series(row, series_id)?,
        state,
        learning: learning.map(LearningItem::from),
        last_point: hot.and_then(Hot::last),
        anomaly: reply.step(anomaly)?.first().map(anomalies::item).transpose()?,
    })
}

/// A series, and whether somebody watches it.
const WATCHED: &str = "SELECT s.metric_key, s.dimensions, o.detection IS NOT NULL OR EXISTS (
        SELECT 1 FROM alert_rules AS r WHERE r.org_id = s.org_id AND r.metric_key = s.metric_key AND r.enabled = 1
            AND r.deleted_at IS NULL AND r.condition ->> 'type' = 'anomaly'
            AND NOT EXISTS (SELECT 1 FROM json_each(r.dimensions) AS f WHERE NOT EXISTS (
                SELECT 1 FROM json_each(s.dimensions) AS d WHERE d.key = f.key AND d.value = f.value)))
     FROM time_series AS s JOIN org_state AS o ON o.org_id = s.org_id
     WHERE s.org_id = (SELECT org_id FROM authority) AND s.series_id = ?2 AND s.deleted_seq IS NULL";

fn series(row: &Row, series_id: SeriesId) -> Result<SeriesRef, DbError> {
    let broken = || DbError::Other("a series has a wrong name".into());
    Ok(SeriesRef {
        series_id,
        metric_key: MetricKey::parse(row.text(0)?).ok_or_else(broken)?,
        dimensions: Dimensions::from_json(row.text(1)?).ok_or_else(broken)?,
    })
}
