//! How far the detector of a series is: `GET /v1/series/{id}/detection`.

use super::adhoc::LearningItem;
use super::anomalies::{self, AnomalyItem, Filter, State};
use crate::auth::Tenant;
use crate::clock::Millis;
use crate::series::{Dimensions, MetricKey, SeriesId, SeriesRef};
use crate::{Error, time};
use db::{Batch, DbError, Row, Step, args};
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
