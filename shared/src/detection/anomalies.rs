//! Stored anomalies as HTTP reads them. The tick writes all of them but `label`, `labelled_at` and `labelled_by`.

use super::label::Label;
use crate::auth::Tenant;
use crate::clock::Millis;
use crate::http::page::{Cursor, Page};
use crate::id::{AnomalyGroupId, AnomalyId};
use crate::series::{Dimensions, MetricKey, SeriesId, SeriesRef};
use crate::{Error, time};
use db::{Batch, DbError, Row, Step, Value, args};
use prediction::detect::{Direction, Kind, Severity};
use serde::Serialize;

/// The most anomalies of a page, so that the longest still fit into what the database and Lambda let through.
const MAX_PAGE: usize = 1_000;

/// An anomaly, as replies show it: one incident of one series.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AnomalyItem {
    /// its identity
    pub anomaly_id: String,
    /// its series
    #[serde(flatten)]
    pub series: SeriesRef,
    /// where in the series it began
    #[serde(serialize_with = "time::rfc3339")]
    pub timestamp: Millis,
    /// the point that tells it, the worst so far: the next figures are about it
    #[serde(serialize_with = "time::rfc3339")]
    pub at: Millis,
    /// its value; none where it is missing
    pub observed: Option<f64>,
    /// what was expected
    pub expected: Option<f64>,
    /// values below were unusual
    pub lower: Option<f64>,
    /// values above were unusual
    pub upper: Option<f64>,
    /// its rank among points of the series; it decides nothing
    pub score: f64,
    /// -log10 of the probability that a normal point is as far off
    pub evidence: f64,
    /// low, medium, high or critical
    pub severity: String,
    /// what it looks like: see [`Kind`]
    pub kind: String,
    /// up, down, or both where neither is meant
    pub direction: String,
    /// the member of the ensemble with the most evidence
    pub member: String,
    /// in words
    pub reason: String,
    /// which incident in its direction it is, of its series and month
    pub ordinal: i64,
    /// the group of incidents at the same time, if it is in one
    pub group_id: Option<String>,
    /// the minute of the tick that found it
    #[serde(serialize_with = "time::rfc3339")]
    pub detected_at: Millis,
    /// none while it is open
    #[serde(serialize_with = "time::rfc3339_option")]
    pub ended_at: Option<Millis>,
    /// `recovered`, `new_normal` or `marked`
    pub ending: Option<String>,
    /// what a user said of it last
    pub label: Option<String>,
    /// when
    #[serde(serialize_with = "time::rfc3339_option")]
    pub labelled_at: Option<Millis>,
    /// who
    pub labelled_by: Option<String>,
}

/// Whether an anomaly is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// it goes on
    Open,
    /// it is over
    Ended,
}

impl State {
    /// Reads `open` or `ended`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "open" => Some(Self::Open),
            "ended" => Some(Self::Ended),
            _ => None,
        }
    }
}

/// Which anomalies a list shows: those for which all holds that is given.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// that began at this time or later
    pub from: Option<Millis>,
    /// that began before this time
    pub to: Option<Millis>,
    /// of this series
    pub series_id: Option<SeriesId>,
    /// of series of this metric
    pub metric_key: Option<MetricKey>,
    /// of series that have all of these pairs, and perhaps others
    pub dimensions: Dimensions,
    /// at least as bad
    pub min_severity: Option<Severity>,
    /// that look so
    pub kind: Option<Kind>,
    /// with exactly this direction
    pub direction: Option<Direction>,
    /// that are over, or not
    pub state: Option<State>,
    /// of which a user said so last
    pub label: Option<Label>,
    /// of this group
    pub group_id: Option<AnomalyGroupId>,
}

macro_rules! columns {
    () => {
        "a.anomaly_id, s.series_id, s.metric_key, s.dimensions, a.timestamp, coalesce(a.at, a.timestamp), a.observed, a.expected,
         a.lower, a.upper, a.score, a.evidence, a.severity, a.kind, a.direction, a.member, a.reason, a.ordinal, a.group_id,
         a.detected_at, a.ended_at, a.ending, a.label, a.labelled_at, a.labelled_by"
    };
}

/// A list along one index; all take the same arguments. The filters are one condition: of many, SQLite may guess that they
/// leave next to nothing, and sort all that is there instead of walking an index that is in order.
macro_rules! list {
    ($from:literal, $index:literal) => {
        concat!(
            "SELECT ",
            columns!(),
            " FROM ",
            $from,
            " WHERE a.org_id = (SELECT org_id FROM authority) AND s.org_id = (SELECT org_id FROM authority)
                AND s.series_id = a.series_id AND s.deleted_seq IS NULL AND ",
            $index,
            " AND a.timestamp BETWEEN ?2 AND ?3 AND (a.timestamp < ?3 OR a.anomaly_id < ?4)
                AND CASE
                    WHEN a.series_id <> ?5 OR s.metric_key <> ?6 THEN 0
                    WHEN EXISTS (SELECT 1 FROM json_each(?7) AS f WHERE NOT EXISTS (
                        SELECT 1 FROM json_each(s.dimensions) AS d WHERE d.key = f.key AND d.value = f.value)) THEN 0
                    WHEN ?8 IS NOT NULL AND a.severity NOT IN (SELECT value FROM json_each(?8)) THEN 0
                    WHEN a.kind <> ?9 OR a.direction <> ?10 OR (a.ended_at IS NULL) <> ?11 THEN 0
                    WHEN ?12 IS NOT NULL AND a.label IS NOT ?12 THEN 0
                    WHEN ?13 IS NOT NULL AND a.group_id IS NOT ?13 THEN 0
                    ELSE 1 END
             ORDER BY a.timestamp DESC, a.anomaly_id DESC LIMIT ?14"
        )
    };
}

const BY_TIME: &str = list!(
    "anomalies AS a INDEXED BY anomalies_by_time CROSS JOIN time_series AS s",
    "true"
);

const OF_SERIES: &str = list!(
    "anomalies AS a INDEXED BY anomalies_by_series CROSS JOIN time_series AS s",
    "a.series_id = ?5"
);

// by the series of the metric: of one metric there may be none among very many anomalies
const OF_METRIC: &str = list!(
    "time_series AS s INDEXED BY time_series_by_key CROSS JOIN anomalies AS a INDEXED BY anomalies_by_series",
    "s.metric_key = ?6"
);

// at most one of a series
const OPEN: &str = list!(
    "anomalies AS a INDEXED BY one_open_anomaly CROSS JOIN time_series AS s",
    "a.ended_at IS NULL"
);

const OF_GROUP: &str = list!(
    "anomalies AS a INDEXED BY anomalies_by_group CROSS JOIN time_series AS s",
    "a.group_id = ?13"
);

const ONE: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM anomalies AS a JOIN time_series AS s ON s.org_id = a.org_id AND s.series_id = a.series_id
     WHERE a.org_id = (SELECT org_id FROM authority) AND a.anomaly_id = ?2 AND s.deleted_seq IS NULL"
);

/// Where a list goes on: before this anomaly.
struct Position {
    timestamp: Millis,
    anomaly_id: String,
}

impl Position {
    fn read(cursor: &Cursor) -> Result<Self, Error> {
        let wrong = || Error::schema("the cursor is not one that this list gave");
        let (timestamp, anomaly_id) = cursor.as_str().split_once(' ').ok_or_else(wrong)?;
        Ok(Self {
            timestamp: timestamp.parse().map_err(|_| wrong())?,
            anomaly_id: anomaly_id.to_owned(),
        })
    }

    fn write(item: &AnomalyItem) -> String {
        format!("{} {}", item.timestamp, item.anomaly_id)
    }
}

impl Filter {
    /// The newest anomalies, at most `most`: rows for [`item`].
    pub(super) fn newest(&self, most: usize) -> Step {
        self.step(None, i64::try_from(most).unwrap_or(i64::MAX))
    }

    /// The statement whose index leaves the least to be looked through.
    fn step(&self, after: Option<Position>, fetch: i64) -> Step {
        let args = self.args(after, fetch);
        if self.group_id.is_some() {
            Step::tenant(OF_GROUP, args)
        } else if self.series_id.is_some() {
            Step::tenant(OF_SERIES, args)
        } else if self.state == Some(State::Open) {
            Step::tenant(OPEN, args)
        } else if self.metric_key.is_some() {
            Step::tenant(OF_METRIC, args)
        } else {
            Step::tenant(BY_TIME, args)
        }
    }

    fn args(&self, after: Option<Position>, fetch: i64) -> Vec<Value> {
        // '~' sorts after every id
        let end = (self.to.map_or(Millis::MAX, |to| to.saturating_sub(1)), "~".to_owned());
        let last = match after {
            Some(after) if after.timestamp <= end.0 => (after.timestamp, after.anomaly_id),
            _ => end,
        };
        let severities = self.min_severity.map(|least| {
            let names = Severity::ALL.iter().filter(|severity| **severity >= least);
            serde_json::json!(names.map(|severity| severity.as_str()).collect::<Vec<_>>()).to_string()
        });
        args![
            self.from.unwrap_or(Millis::MIN),
            last.0,
            last.1,
            self.series_id,
            self.metric_key.as_ref().map(MetricKey::as_str),
            self.dimensions.to_json(),
            severities,
            self.kind.map(Kind::as_str),
            self.direction.map(Direction::as_str),
            self.state.map(|state| state == State::Open),
            self.label.map(Label::as_str),
            self.group_id.as_ref().map(AnomalyGroupId::as_str),
            fetch
        ]
    }
}

/// Anomalies, the newest first by where they began, at most 1,000 of them; those of deleted series are not shown.
///
/// # Errors
/// 400 for a cursor that this list did not give; 401, 403 or 503.
pub async fn list(
    tenant: &Tenant,
    filter: &Filter,
    limit: usize,
    after: Option<&Cursor>,
) -> Result<Page<AnomalyItem>, Error> {
    let limit = limit.min(MAX_PAGE);
    let after = after.map(Position::read).transpose()?;
    let step = filter.step(after, Page::<AnomalyItem>::fetch(limit));
    let reply = tenant.run(Batch::read_one(step)).await?;
    let items = reply.step(0)?.rows.iter().map(item).collect::<Result<_, _>>()?;
    Ok(Page::cut(items, limit, Position::write))
}

/// One anomaly.
///
/// # Errors
/// 404 if the organization has no such anomaly; 401, 403 or 503.
pub async fn get(tenant: &Tenant, anomaly_id: &AnomalyId) -> Result<AnomalyItem, Error> {
    let reply = tenant
        .run(Batch::read_one(Step::tenant(ONE, args![anomaly_id])))
        .await?;
    let row = reply.step(0)?.first().ok_or(Error::NotFound("the anomaly"))?;
    Ok(item(row)?)
}

/// The anomaly of a row of [`columns`].
pub(super) fn item(row: &Row) -> Result<AnomalyItem, DbError> {
    let broken = |what: &str| DbError::Other(format!("an anomaly has a wrong {what}"));
    let owned = |column: usize| row.opt_text(column).map(|text| text.map(str::to_owned));
    Ok(AnomalyItem {
        anomaly_id: row.text(0)?.to_owned(),
        series: SeriesRef {
            series_id: SeriesId::from_raw(row.integer(1)?).ok_or_else(|| broken("series"))?,
            metric_key: MetricKey::parse(row.text(2)?).ok_or_else(|| broken("metric"))?,
            dimensions: Dimensions::from_json(row.text(3)?).ok_or_else(|| broken("dimension"))?,
        },
        timestamp: row.integer(4)?,
        at: row.integer(5)?,
        observed: row.opt_real(6)?,
        expected: row.opt_real(7)?,
        lower: row.opt_real(8)?,
        upper: row.opt_real(9)?,
        score: row.opt_real(10)?.unwrap_or_default(),
        evidence: row.opt_real(11)?.unwrap_or_default(),
        severity: row.text(12)?.to_owned(),
        kind: row.text(13)?.to_owned(),
        direction: row.text(14)?.to_owned(),
        member: row.text(15)?.to_owned(),
        reason: row.text(16)?.to_owned(),
        ordinal: row.integer(17)?,
        group_id: owned(18)?,
        detected_at: row.integer(19)?,
        ended_at: row.opt_integer(20)?,
        ending: owned(21)?,
        label: owned(22)?,
        labelled_at: row.opt_integer(23)?,
        labelled_by: owned(24)?,
    })
}
