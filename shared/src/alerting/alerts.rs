//! Alerts as HTTP reads and marks them. HTTP writes only `acknowledged_*` and `requested_*`, the tick all else; the status
//! shown combines both.

use super::instance::Status;
use super::notices;
use crate::auth::Tenant;
use crate::clock::Millis;
use crate::http::page::{Cursor, Page};
use crate::id::{AlertId, RuleId};
use crate::series::SeriesId;
use crate::{Error, time};
use db::{Batch, DbError, Row, Step, args, raise, wall_ms};
use serde::Serialize;

/// An alert, as replies show it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the fields of the HTTP contract")]
pub struct AlertItem {
    pub alert_id: String,
    pub rule_id: String,
    /// none for a rule over several series
    pub series_id: Option<SeriesId>,
    pub status: Status,
    pub severity: String,
    #[serde(serialize_with = "time::rfc3339")]
    pub started_at: Millis,
    #[serde(serialize_with = "time::rfc3339_option")]
    pub resolved_at: Option<Millis>,
    pub value: Option<f64>,
    pub summary: String,
    pub reason: String,
    #[serde(serialize_with = "time::rfc3339_option")]
    pub acknowledged_at: Option<Millis>,
    pub acknowledged_by: Option<String>,
    /// left out of lists
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transitions: Option<Vec<TransitionItem>>,
}

/// A line of an alert's log.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the fields of the HTTP contract")]
pub struct TransitionItem {
    #[serde(serialize_with = "time::rfc3339")]
    pub at: Millis,
    pub from: String,
    pub to: String,
    pub value: Option<f64>,
    pub reason: String,
    /// what it rests on beside the value: see `evidence`
    pub evidence: Option<serde_json::Value>,
}

/// Which alerts a list shows.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "the parameters of the HTTP contract")]
pub struct Filter {
    pub status: Option<Status>,
    pub rule_id: Option<RuleId>,
    pub series_id: Option<SeriesId>,
}

/// The status as it is shown: what was resolved by hand is resolved, also before the tick has applied it.
macro_rules! shown {
    () => {
        "CASE WHEN requested_resolve_at IS NULL THEN status ELSE 'resolved' END"
    };
}

macro_rules! columns {
    () => {
        concat!(
            "alert_id, rule_id, series_id, ",
            shown!(),
            ", severity, started_at, coalesce(resolved_at, requested_resolve_at), value, summary, reason,
              acknowledged_at, acknowledged_by"
        )
    };
}

macro_rules! filtered {
    () => {
        concat!(
            " AND (?2 IS NULL OR alert_id < ?2) AND (?3 IS NULL OR ",
            shown!(),
            " = ?3) AND (?4 IS NULL OR rule_id = ?4) AND (?5 IS NULL OR series_id = ?5)
             ORDER BY alert_id DESC LIMIT ?6"
        )
    };
}

const ALL: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM alerts WHERE org_id = (SELECT org_id FROM authority)",
    filtered!()
);

/// What is open is few among all that ever was.
const OPEN: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM alerts INDEXED BY one_open_alert WHERE org_id = (SELECT org_id FROM authority) AND status <> 'resolved'",
    filtered!()
);

/// Alerts, newest first.
///
/// # Errors
/// 401, 403 or 503.
pub async fn list(
    tenant: &Tenant,
    filter: &Filter,
    limit: usize,
    after: Option<&Cursor>,
) -> Result<Page<AlertItem>, Error> {
    let args = args![
        after.map(Cursor::as_str),
        filter.status.map(Status::as_str),
        filter.rule_id.as_ref().map(RuleId::as_str),
        filter.series_id,
        Page::<AlertItem>::fetch(limit)
    ];
    let step = match filter.status {
        Some(Status::Firing | Status::NoData) => Step::tenant(OPEN, args),
        Some(Status::Resolved) | None => Step::tenant(ALL, args),
    };
    let reply = tenant.run(Batch::read_one(step)).await?;
    let items = reply.step(0)?.rows.iter().map(item).collect::<Result<_, _>>()?;
    // an alert's identity begins with the time at which it started
    Ok(Page::cut(items, limit, |item| item.alert_id.clone()))
}

/// Marks an alert as seen by somebody: it is neither repeated nor escalated from the next minute on. The first mark stays.
///
/// # Errors
/// 404 if the organization has no such alert, 409 if it is over; 401, 403 or 503.
pub async fn acknowledge(tenant: &Tenant, alert_id: &AlertId) -> Result<AlertItem, Error> {
    let clock = tenant.clock();
    let mut batch = Batch::write().repeatable();
    let over = batch.push(Step::tenant(
        concat!(
            "SELECT CASE WHEN EXISTS (SELECT 1 FROM alerts WHERE org_id = (SELECT org_id FROM authority) AND alert_id = ?2 AND ",
            shown!(),
            " = 'resolved') THEN ",
            raise!(),
            " ELSE 1 END"
        ),
        args![alert_id],
    ));
    batch.push(Step::tenant(
        concat!(
            "UPDATE alerts SET acknowledged_at = coalesce(?3, ",
            wall_ms!("?4"),
            "), acknowledged_by = (SELECT actor FROM authority)
             WHERE org_id = (SELECT org_id FROM authority) AND alert_id = ?2 AND acknowledged_at IS NULL"
        ),
        args![alert_id, clock.product_override(), clock.wall_offset()],
    ));
    batch.push(notices::ask());
    let steps = read(&mut batch, alert_id);
    match tenant.run(batch).await {
        Ok(reply) => found(&reply, steps),
        Err(DbError::Raised { step, .. }) if step == over => Err(Error::conflict("the alert is over")),
        Err(error) => Err(error.into()),
    }
}

/// Resolves an alert: at once for whoever looks, and for the rule with the next tick. One that is over stays as it is.
///
/// # Errors
/// 404 if the organization has no such alert; 401, 403 or 503.
pub async fn resolve(tenant: &Tenant, alert_id: &AlertId) -> Result<AlertItem, Error> {
    let clock = tenant.clock();
    let mut batch = Batch::write().repeatable();
    batch.push(Step::tenant(
        concat!(
            "UPDATE alerts SET requested_resolve_at = coalesce(?3, ",
            wall_ms!("?4"),
            "), requested_resolve_by = (SELECT actor FROM authority)
             WHERE org_id = (SELECT org_id FROM authority) AND alert_id = ?2 AND status <> 'resolved' AND requested_resolve_at IS NULL"
        ),
        args![alert_id, clock.product_override(), clock.wall_offset()],
    ));
    batch.push(Step::tenant(
        concat!(
            "UPDATE org_state SET due_at = coalesce(due_at, ?3, ",
            wall_ms!("?4"),
            ") WHERE org_id = (SELECT org_id FROM authority)
                AND EXISTS (SELECT 1 FROM alerts WHERE org_id = org_state.org_id AND alert_id = ?2 AND status <> 'resolved')"
        ),
        args![alert_id, clock.product_override(), clock.wall_offset()],
    ));
    let steps = read(&mut batch, alert_id);
    found(&tenant.run(batch).await?, steps)
}

/// The steps that read an alert with its log, for [`found`].
pub(super) fn read(batch: &mut Batch, alert_id: &AlertId) -> (usize, usize) {
    let alert = batch.push(Step::tenant(
        concat!(
            "SELECT ",
            columns!(),
            " FROM alerts WHERE org_id = (SELECT org_id FROM authority) AND alert_id = ?2"
        ),
        args![alert_id],
    ));
    let log = batch.push(Step::tenant(
        "SELECT minute, from_state, to_state, value, reason, evidence FROM transitions INDEXED BY transitions_by_alert
         WHERE org_id = (SELECT org_id FROM authority) AND alert_id = ?2 ORDER BY seq",
        args![alert_id],
    ));
    (alert, log)
}

pub(super) fn found(reply: &db::Reply, (alert, log): (usize, usize)) -> Result<AlertItem, Error> {
    let row = reply.step(alert)?.first().ok_or(Error::NotFound("the alert"))?;
    let transition = |row: &Row| {
        Ok::<_, DbError>(TransitionItem {
            at: row.integer(0)?,
            from: row.text(1)?.to_owned(),
            to: row.text(2)?.to_owned(),
            value: row.opt_real(3)?,
            reason: row.text(4)?.to_owned(),
            evidence: row.opt_text(5)?.and_then(|text| serde_json::from_str(text).ok()),
        })
    };
    let transitions = reply.step(log)?.rows.iter().map(transition).collect::<Result<_, _>>()?;
    Ok(AlertItem {
        transitions: Some(transitions),
        ..item(row)?
    })
}

fn item(row: &Row) -> Result<AlertItem, DbError> {
    Ok(AlertItem {
        alert_id: row.text(0)?.to_owned(),
        rule_id: row.text(1)?.to_owned(),
        series_id: SeriesId::from_raw(row.integer(2)?),
        status: Status::parse(row.text(3)?).ok_or_else(|| DbError::Other("an alert has a wrong status".into()))?,
        severity: row.text(4)?.to_owned(),
        started_at: row.integer(5)?,
        resolved_at: row.opt_integer(6)?,
        value: row.opt_real(7)?,
        summary: row.text(8)?.to_owned(),
        reason: row.text(9)?.to_owned(),
        acknowledged_at: row.opt_integer(10)?,
        acknowledged_by: row.opt_text(11)?.map(str::to_owned),
        transitions: None,
    })
}
