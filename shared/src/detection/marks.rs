//! What users say of series and their anomalies. HTTP writes it down, the tick tells the detector, in order.

use super::label::{LabelRequest, Subject, no_time};
use crate::alerting::lanes;
use crate::auth::Tenant;
use crate::clock::{MINUTE, Millis};
use crate::http::page::{Cursor, Page};
use crate::id::AnomalyId;
use crate::idempotency::{Operation, OperationError, Outcome, Record, Replay};
use crate::series::SeriesId;
use crate::{Error, time};
use db::{Batch, DbError, Row, Step, Value, args, raise, wall_ms};
use http::StatusCode;
use prediction::detect::Mark;
use serde::Serialize;

/// How far ahead of now a time may be, as for points.
const AHEAD: Millis = 5 * MINUTE;

/// What was written down, as the reply says it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Marked {
    /// of this series
    pub series_id: SeriesId,
    /// `expected`, `bad_data`, `real` or `new_normal`
    pub mark: &'static str,
    /// of this anomaly: the one that was named, or was open at the time that was
    pub anomaly_id: Option<AnomalyId>,
    /// about this time, if it was named
    #[serde(serialize_with = "time::rfc3339_option")]
    pub at: Option<Millis>,
}

/// What became of a request for a mark.
#[derive(Debug)]
pub enum Saved {
    /// it was written down now
    Now(Marked),
    /// it was before, under the same idempotency key
    Before(Replay),
}

/// A mark, as lists show it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MarkItem {
    /// its place in the order of all marks of the organization
    pub seq: i64,
    /// `expected`, `bad_data`, `real` or `new_normal`
    pub mark: String,
    /// the time in the series that it is about
    #[serde(serialize_with = "time::rfc3339")]
    pub at: Millis,
    /// the anomaly that it is about, if there is one
    pub anomaly_id: Option<String>,
    /// when it was written down
    #[serde(serialize_with = "time::rfc3339")]
    pub created_at: Millis,
    /// by whom
    pub created_by: String,
    /// the minute from which on the detector knows it
    #[serde(serialize_with = "time::rfc3339_option")]
    pub applied_at: Option<Millis>,
}

/// Labels an anomaly, or a time, of a series. The last label counts for whoever looks; the detector takes all, in order.
///
/// # Errors
/// 404 if the organization has no such series, or the series no such anomaly; 400 for a time ahead of now; 401, 403 or 503.
pub async fn label(
    tenant: &Tenant,
    series_id: SeriesId,
    request: &LabelRequest,
    operation: Option<&Operation>,
) -> Result<Saved, Error> {
    let (anomaly_id, at) = match &request.subject {
        Subject::Anomaly(id) => (Some(id.clone()), None),
        Subject::Time(at) if *at > tenant.clock().now().saturating_add(AHEAD) => {
            return Err(no_time("at is more than 5 minutes ahead"));
        }
        Subject::Time(at) => (open_at(tenant, series_id, *at).await?, Some(*at)),
    };
    let marked = Marked {
        series_id,
        mark: request.label.as_str(),
        anomaly_id,
        at,
    };
    let mut batch = Batch::write();
    let record = operation.map(|operation| operation.record(&mut batch, tenant, StatusCode::CREATED, &marked));
    let series_known = batch.push(Step::tenant(SERIES_KNOWN, args![series_id]));
    let anomaly_known = batch.push(Step::tenant(
        ANOMALY_KNOWN,
        args![series_id, marked.anomaly_id.as_ref()],
    ));
    batch.push(Step::tenant(INSERT, fields(tenant, &marked)));
    batch.push(Step::tenant(LABEL, fields(tenant, &marked)));
    batch.push(lanes::due(tenant));
    let result = run(tenant, batch, operation, record, marked).await;
    result.map_err(|error| match error {
        OperationError::Db(DbError::Raised { step, .. }) if step == series_known => Error::NotFound("the series"),
        OperationError::Db(DbError::Raised { step, .. }) if step == anomaly_known => Error::NotFound("the anomaly"),
        other => other.into(),
    })
}

/// Says that the level of a series is its new normal now.
///
/// # Errors
/// 404 if the organization has no such series; 401, 403 or 503.
pub async fn accept_level(tenant: &Tenant, series_id: SeriesId, operation: Option<&Operation>) -> Result<Saved, Error> {
    let now = tenant.clock().now();
    let marked = Marked {
        series_id,
        mark: Mark::NewNormal.as_str(),
        anomaly_id: open_at(tenant, series_id, now).await?,
        at: Some(now),
    };
    let mut batch = Batch::write();
    let record = operation.map(|operation| operation.record(&mut batch, tenant, StatusCode::CREATED, &marked));
    let series_known = batch.push(Step::tenant(SERIES_KNOWN, args![series_id]));
    batch.push(Step::tenant(INSERT, fields(tenant, &marked)));
    batch.push(lanes::due(tenant));
    let result = run(tenant, batch, operation, record, marked).await;
    result.map_err(|error| match error {
        OperationError::Db(DbError::Raised { step, .. }) if step == series_known => Error::NotFound("the series"),
        other => other.into(),
    })
}

/// The marks of a series, the newest first.
///
/// # Errors
/// 404 if the organization has no such series; 400 for a cursor that this list did not give; 401, 403 or 503.
pub async fn list(
    tenant: &Tenant,
    series_id: SeriesId,
    limit: usize,
    after: Option<&Cursor>,
) -> Result<Page<MarkItem>, Error> {
    let before = after.map_or(Ok(i64::MAX), |cursor| {
        let seq = cursor.as_str().parse();
        seq.map_err(|_| Error::schema("the cursor is not one that this list gave"))
    })?;
    let mut batch = Batch::read();
    let series_known = batch.push(Step::tenant(SERIES_KNOWN, args![series_id]));
    let marks = batch.push(Step::tenant(
        "SELECT seq, mark, at, anomaly_id, created_at, created_by, applied_at
         FROM detection_marks INDEXED BY detection_marks_by_series
         WHERE org_id = (SELECT org_id FROM authority) AND series_id = ?2 AND seq < ?3 ORDER BY seq DESC LIMIT ?4",
        args![series_id, before, Page::<MarkItem>::fetch(limit)],
    ));
    let reply = tenant.run(batch).await.map_err(|error| match error {
        DbError::Raised { step, .. } if step == series_known => Error::NotFound("the series"),
        other => other.into(),
    })?;
    let items = reply.step(marks)?.rows.iter().map(item).collect::<Result<_, _>>()?;
    Ok(Page::cut(items, limit, |item: &MarkItem| item.seq.to_string()))
}

const SERIES_KNOWN: &str = concat!(
    "SELECT CASE WHEN EXISTS (SELECT 1 FROM time_series
        WHERE org_id = (SELECT org_id FROM authority) AND series_id = ?2 AND deleted_seq IS NULL) THEN 1 ELSE ",
    raise!(),
    " END"
);

const ANOMALY_KNOWN: &str = concat!(
    "SELECT CASE WHEN ?3 IS NULL OR EXISTS (SELECT 1 FROM anomalies
        WHERE org_id = (SELECT org_id FROM authority) AND anomaly_id = ?3 AND series_id = ?2) THEN 1 ELSE ",
    raise!(),
    " END"
);

/// The anomaly of a series that was open at a time. It is read before the mark is written, because the reply names it: of one
/// that opens meanwhile, the mark does not know.
async fn open_at(tenant: &Tenant, series_id: SeriesId, at: Millis) -> Result<Option<AnomalyId>, Error> {
    let step = Step::tenant(
        "SELECT anomaly_id FROM anomalies INDEXED BY anomalies_by_series
         WHERE org_id = (SELECT org_id FROM authority) AND series_id = ?2 AND timestamp <= ?3
            AND (ended_at IS NULL OR ended_at >= ?3)
         ORDER BY timestamp DESC, anomaly_id DESC LIMIT 1",
        args![series_id, at],
    );
    let reply = tenant.run(Batch::read_one(step)).await?;
    let Some(row) = reply.step(0)?.first() else {
        return Ok(None);
    };
    let id = AnomalyId::parse(row.text(0)?);
    id.map(Some)
        .ok_or_else(|| DbError::Other("an anomaly has a wrong id".into()).into())
}

/// The number is taken under the write lock, so that the order of the numbers is the order of acknowledgement.
const INSERT: &str = concat!(
    "INSERT INTO detection_marks (org_id, seq, series_id, mark, anomaly_id, at, created_at, created_by)
     SELECT a.org_id, 1 + coalesce((SELECT max(seq) FROM detection_marks WHERE org_id = a.org_id), 0), ?2, ?3, ?4,
        coalesce(?5, (SELECT coalesce(at, timestamp) FROM anomalies WHERE org_id = a.org_id AND anomaly_id = ?4)),
        coalesce(?6, ",
    wall_ms!("?7"),
    "), a.actor FROM authority AS a"
);

const LABEL: &str = concat!(
    "UPDATE anomalies SET label = ?3, labelled_at = coalesce(?6, ",
    wall_ms!("?7"),
    "), labelled_by = (SELECT actor FROM authority)
     WHERE org_id = (SELECT org_id FROM authority) AND anomaly_id = ?4"
);

fn fields(tenant: &Tenant, marked: &Marked) -> Vec<Value> {
    args![
        marked.series_id,
        marked.mark,
        marked.anomaly_id.as_ref(),
        marked.at,
        tenant.clock().product_override(),
        tenant.clock().wall_offset()
    ]
}

async fn run(
    tenant: &Tenant,
    batch: Batch,
    operation: Option<&Operation>,
    record: Option<Record>,
    marked: Marked,
) -> Result<Saved, OperationError> {
    let result = tenant.run(batch).await;
    let outcome = match (operation, record) {
        (Some(operation), Some(record)) => operation.outcome(record, result)?,
        _ => result.map(Outcome::Done).map_err(OperationError::Db)?,
    };
    Ok(match outcome {
        Outcome::Done(_) => Saved::Now(marked),
        Outcome::Replayed(replay) => Saved::Before(replay),
    })
}

fn item(row: &Row) -> Result<MarkItem, DbError> {
    let owned = |column: usize| row.opt_text(column).map(|text| text.map(str::to_owned));
    Ok(MarkItem {
        seq: row.integer(0)?,
        mark: row.text(1)?.to_owned(),
        at: row.integer(2)?,
        anomaly_id: owned(3)?,
        created_at: row.integer(4)?,
        created_by: row.text(5)?.to_owned(),
        applied_at: row.opt_integer(6)?,
    })
}
