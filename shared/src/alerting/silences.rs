//! Silences as HTTP reads and writes them. They are kept after their end: a late tick decides earlier minutes, too.

use super::severity::Severity;
use super::silence::{Matchers, NewSilence, Subject};
use crate::auth::Tenant;
use crate::clock::Millis;
use crate::http::page::{Cursor, Page};
use crate::id::{AlertId, Entropy, RuleId, SilenceId};
use crate::idempotency::{Operation, OperationError, Outcome, Replay};
use crate::series::{Dimensions, SeriesId};
use crate::{Error, time};
use db::{Batch, DbError, Row, Rows, Step, args, raise, wall_ms};
use http::StatusCode;
use serde::Serialize;

/// The most silences of an organization that have not ended.
pub const MAX_SILENCES: i64 = 1_000;
/// Alerts that a silence is shown with.
const LISTED: usize = 100;
/// Open alerts that are looked at for that.
const LOOKED_AT: i64 = 10_000;

/// A silence, as replies show it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the fields of the HTTP contract")]
pub struct SilenceItem {
    pub silence_id: SilenceId,
    pub matchers: Matchers,
    pub reason: String,
    #[serde(serialize_with = "time::rfc3339")]
    pub created_at: Millis,
    pub created_by: String,
    #[serde(serialize_with = "time::rfc3339_option")]
    pub ends_at: Option<Millis>,
    /// `resolved` while it has no time to end at
    pub until: Option<&'static str>,
    pub active: bool,
    /// who ended it before its time
    pub ended_by: Option<String>,
    /// left out of lists
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mutes: Option<Muted>,
}

/// What a silence keeps quiet now.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Muted {
    /// open alerts
    pub alert_count: usize,
    /// the first 100 of them, the longest open first
    pub alerts: Vec<MutedAlert>,
    /// rules whose alerts it may match
    pub rules: usize,
    /// series that have its metric and dimensions; null if it names neither
    pub series: Option<i64>,
}

/// An alert that is kept quiet.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the fields of the HTTP contract")]
pub struct MutedAlert {
    pub alert_id: AlertId,
    pub rule_id: RuleId,
    pub series_id: Option<SeriesId>,
    pub severity: Severity,
    #[serde(serialize_with = "time::rfc3339")]
    pub started_at: Millis,
    pub summary: String,
}

/// What became of a request for a silence.
#[derive(Debug)]
pub enum Saved {
    /// it was made now
    Now(Box<SilenceItem>),
    /// it was made before, under the same idempotency key
    Before(Replay),
}

macro_rules! columns {
    () => {
        concat!(
            "silence_id, matchers, reason, created_at, created_by, ends_at, ended_by, coalesce(ends_at > coalesce(?2, ",
            wall_ms!("?3"),
            "), 1)"
        )
    };
}

/// Makes a silence, and says what it keeps quiet now.
///
/// # Errors
/// 409 at [`MAX_SILENCES`], and for one until resolved that matches no open alert; 401, 403 or 503.
pub async fn create(
    tenant: &Tenant,
    entropy: &Entropy,
    new: NewSilence,
    operation: Option<&Operation>,
) -> Result<Saved, Error> {
    let clock = tenant.clock();
    let silence_id = SilenceId::new(clock, entropy)?;
    let (mutes, actor) = muted(tenant, &new.matchers).await?;
    if new.ends_at.is_none() && mutes.alert_count == 0 {
        return Err(Error::conflict(
            "no open alert is like that: a silence until resolved would be over at once",
        ));
    }
    let item = SilenceItem {
        silence_id,
        matchers: new.matchers,
        reason: new.reason,
        created_at: clock.now(),
        created_by: actor,
        ends_at: new.ends_at,
        until: new.ends_at.is_none().then_some("resolved"),
        active: true,
        ended_by: None,
        mutes: Some(mutes),
    };
    let mut batch = Batch::write();
    let record = operation.map(|operation| operation.record(&mut batch, tenant, StatusCode::CREATED, &item));
    let room = batch.push(Step::tenant(
        concat!(
            "SELECT CASE WHEN (SELECT count(*) FROM silences WHERE org_id = (SELECT org_id FROM authority)
                                AND (ends_at IS NULL OR ends_at > coalesce(?2, ",
            wall_ms!("?3"),
            "))) >= ?4 THEN ",
            raise!(),
            " ELSE 1 END"
        ),
        args![clock.product_override(), clock.wall_offset(), MAX_SILENCES],
    ));
    batch.push(Step::tenant(
        concat!(
            "INSERT INTO silences (org_id, silence_id, matchers, reason, created_at, created_by, ends_at)
             SELECT org_id, ?2, ?3, ?4, coalesce(?5, ",
            wall_ms!("?6"),
            "), actor, ?7 FROM authority"
        ),
        args![
            &item.silence_id,
            serde_json::json!(item.matchers).to_string(),
            &item.reason,
            clock.product_override(),
            clock.wall_offset(),
            item.ends_at
        ],
    ));
    let result = tenant.run(batch).await;
    let outcome = match (operation, record) {
        (Some(operation), Some(record)) => operation.outcome(record, result),
        _ => result.map(Outcome::Done).map_err(OperationError::Db),
    };
    match outcome {
        Ok(Outcome::Done(_)) => Ok(Saved::Now(Box::new(item))),
        Ok(Outcome::Replayed(replay)) => Ok(Saved::Before(replay)),
        Err(OperationError::Db(DbError::Raised { step, .. })) if step == room => Err(Error::conflict(format!(
            "an organization has at most {MAX_SILENCES} silences"
        ))),
        Err(other) => Err(other.into()),
    }
}

/// The organization's silences, newest first: those that hold, or that are over, or all.
///
/// # Errors
/// 401, 403 or 503.
pub async fn list(
    tenant: &Tenant,
    active: Option<bool>,
    limit: usize,
    after: Option<&Cursor>,
) -> Result<Page<SilenceItem>, Error> {
    let clock = tenant.clock();
    let step = Step::tenant(
        concat!(
            "SELECT ",
            columns!(),
            " AS active FROM silences WHERE org_id = (SELECT org_id FROM authority) AND (?4 IS NULL OR silence_id < ?4)
                AND (?5 IS NULL OR active = ?5)
             ORDER BY silence_id DESC LIMIT ?6"
        ),
        args![
            clock.product_override(),
            clock.wall_offset(),
            after.map(Cursor::as_str),
            active,
            Page::<SilenceItem>::fetch(limit)
        ],
    );
    let reply = tenant.run(Batch::read_one(step)).await?;
    let items = reply.step(0)?.rows.iter().map(item).collect::<Result<_, _>>()?;
    Ok(Page::cut(items, limit, |item| item.silence_id.to_string()))
}

/// One silence with what it keeps quiet now.
///
/// # Errors
/// 404 if the organization has no such silence; 401, 403 or 503.
pub async fn get(tenant: &Tenant, silence_id: &SilenceId) -> Result<SilenceItem, Error> {
    let reply = tenant.run(Batch::read_one(select(tenant, silence_id))).await?;
    let found = item(reply.step(0)?.first().ok_or(Error::NotFound("the silence"))?)?;
    let mutes = if found.active {
        muted(tenant, &found.matchers).await?.0
    } else {
        Muted::default()
    };
    Ok(SilenceItem {
        mutes: Some(mutes),
        ..found
    })
}

/// Ends a silence now. One that is over stays as it is.
///
/// # Errors
/// 404 if the organization has no such silence; 401, 403 or 503.
pub async fn end(tenant: &Tenant, silence_id: &SilenceId) -> Result<(), Error> {
    let clock = tenant.clock();
    let mut batch = Batch::write().repeatable();
    batch.push(Step::tenant(
        concat!(
            "UPDATE silences SET ends_at = now, ended_by = (SELECT actor FROM authority) FROM (SELECT coalesce(?3, ",
            wall_ms!("?4"),
            ") AS now) WHERE org_id = (SELECT org_id FROM authority) AND silence_id = ?2 AND (ends_at IS NULL OR ends_at > now)"
        ),
        args![silence_id, clock.product_override(), clock.wall_offset()],
    ));
    let read = batch.push(select(tenant, silence_id));
    let reply = tenant.run(batch).await?;
    reply.step(read)?.first().ok_or(Error::NotFound("the silence"))?;
    Ok(())
}

/// The end of a silence until resolved, in the batch of the tick that found it.
pub(super) fn end_at(silence_id: &SilenceId, at: Millis) -> Step {
    Step::tenant(
        "UPDATE silences SET ends_at = ?3 WHERE org_id = (SELECT org_id FROM authority) AND silence_id = ?2 AND ends_at IS NULL",
        args![silence_id, at],
    )
}

fn select(tenant: &Tenant, silence_id: &SilenceId) -> Step {
    let clock = tenant.clock();
    Step::tenant(
        concat!(
            "SELECT ",
            columns!(),
            " FROM silences WHERE org_id = (SELECT org_id FROM authority) AND silence_id = ?4"
        ),
        args![clock.product_override(), clock.wall_offset(), silence_id],
    )
}

/// The step that reads the silences of the time in which an alert was open: rows for [`matching`].
pub(super) fn during(tenant: &Tenant, alert_id: &AlertId) -> Step {
    let clock = tenant.clock();
    Step::tenant(
        concat!(
            "SELECT ",
            columns!(),
            " FROM silences WHERE org_id = (SELECT org_id FROM authority) AND EXISTS (
                SELECT 1 FROM alerts AS a WHERE a.org_id = silences.org_id AND a.alert_id = ?4
                    AND (a.resolved_at IS NULL OR silences.created_at < a.resolved_at)
                    AND (silences.ends_at IS NULL OR silences.ends_at > a.started_at))
             ORDER BY silence_id"
        ),
        args![clock.product_override(), clock.wall_offset(), alert_id],
    )
}

/// Those of the rows that match an alert.
pub(super) fn matching(rows: &Rows, subject: Subject<'_>) -> Result<Vec<SilenceItem>, DbError> {
    let mut found = Vec::new();
    for row in &rows.rows {
        let silence = item(row)?;
        if silence.matchers.matches(subject) {
            found.push(silence);
        }
    }
    Ok(found)
}

fn item(row: &Row) -> Result<SilenceItem, DbError> {
    let broken = |what: &str| DbError::Other(format!("a silence has wrong {what}"));
    let ends_at = row.opt_integer(5)?;
    Ok(SilenceItem {
        silence_id: SilenceId::parse(row.text(0)?).ok_or_else(|| broken("id"))?,
        matchers: serde_json::from_str(row.text(1)?).map_err(|_| broken("matchers"))?,
        reason: row.text(2)?.to_owned(),
        created_at: row.integer(3)?,
        created_by: row.text(4)?.to_owned(),
        ends_at,
        until: ends_at.is_none().then_some("resolved"),
        active: row.integer(7)? != 0,
        ended_by: row.opt_text(6)?.map(str::to_owned),
        mutes: None,
    })
}

/// What matchers find now, and who asks.
async fn muted(tenant: &Tenant, matchers: &Matchers) -> Result<(Muted, String), Error> {
    let mut batch = Batch::read();
    batch.push(Step::tenant("SELECT actor FROM authority", vec![]));
    batch.push(Step::tenant(
        "SELECT a.alert_id, a.rule_id, a.series_id, a.severity, a.started_at, a.summary,
            coalesce(s.metric_key, r.metric_key, ''), coalesce(s.dimensions, '{}')
         FROM alerts AS a INDEXED BY one_open_alert
         LEFT JOIN time_series AS s ON s.org_id = a.org_id AND s.series_id = a.series_id
         LEFT JOIN alert_rules AS r ON r.org_id = a.org_id AND r.rule_id = a.rule_id
         WHERE a.org_id = (SELECT org_id FROM authority) AND a.status <> 'resolved' AND a.requested_resolve_at IS NULL
         LIMIT ?2",
        args![LOOKED_AT],
    ));
    batch.push(Step::tenant(
        "SELECT rule_id, severity, metric_key FROM alert_rules
         WHERE org_id = (SELECT org_id FROM authority) AND enabled = 1 AND deleted_at IS NULL",
        vec![],
    ));
    batch.push(Step::tenant(
        "SELECT count(*) FROM time_series AS t WHERE t.org_id = (SELECT org_id FROM authority) AND t.deleted_seq IS NULL
            AND (?2 IS NULL OR t.metric_key GLOB ?2)
            AND NOT EXISTS (SELECT 1 FROM json_each(?3) AS f WHERE NOT EXISTS (
                SELECT 1 FROM json_each(t.dimensions) AS d WHERE d.key = f.key AND d.value = f.value))
            AND ?4",
        args![
            matchers.metric_key.as_deref(),
            matchers.dimensions.to_json(),
            matchers.names_series()
        ],
    ));
    let reply = tenant.run(batch).await?;
    let actor = reply.step(0)?.one()?.text(0)?.to_owned();
    let mut alerts = Vec::new();
    for row in &reply.step(1)?.rows {
        alerts.extend(matched(row, matchers)?);
    }
    alerts.sort_by(|one, other| (one.started_at, &one.alert_id).cmp(&(other.started_at, &other.alert_id)));
    let mut rules = 0;
    for row in &reply.step(2)?.rows {
        let (rule_id, severity) = rule_of(row, 0, 1)?;
        rules += usize::from(matchers.may_match(&rule_id, severity, row.text(2)?));
    }
    let series = reply.step(3)?.one()?.integer(0)?;
    let mutes = Muted {
        alert_count: alerts.len(),
        alerts: alerts.into_iter().take(LISTED).collect(),
        rules,
        series: matchers.names_series().then_some(series),
    };
    Ok((mutes, actor))
}

fn rule_of(row: &Row, rule_id: usize, severity: usize) -> Result<(RuleId, Severity), DbError> {
    let broken = || DbError::Other("a rule or an alert makes no sense".into());
    Ok((
        RuleId::parse(row.text(rule_id)?).ok_or_else(broken)?,
        Severity::parse(row.text(severity)?).ok_or_else(broken)?,
    ))
}

fn matched(row: &Row, matchers: &Matchers) -> Result<Option<MutedAlert>, DbError> {
    let broken = || DbError::Other("an alert makes no sense".into());
    let (rule_id, severity) = rule_of(row, 1, 3)?;
    let dimensions = Dimensions::from_json(row.text(7)?).ok_or_else(broken)?;
    let subject = Subject {
        rule_id: &rule_id,
        metric_key: row.text(6)?,
        dimensions: &dimensions,
        severity,
    };
    if !matchers.matches(subject) {
        return Ok(None);
    }
    Ok(Some(MutedAlert {
        alert_id: AlertId::parse(row.text(0)?).ok_or_else(broken)?,
        rule_id,
        series_id: SeriesId::from_raw(row.integer(2)?),
        severity,
        started_at: row.integer(4)?,
        summary: row.text(5)?.to_owned(),
    }))
}
