//! Silences as HTTP reads and writes them. They are kept after their end: a late tick decides earlier minutes, too.

mod muted;

pub use muted::{Muted, MutedAlert};

use super::silence::{Matchers, NewSilence, Subject};
use crate::auth::Tenant;
use crate::clock::Millis;
use crate::http::page::{Cursor, Page};
use crate::id::{AlertId, Entropy, SilenceId};
use crate::idempotency::{Operation, OperationError, Outcome, Replay};
use crate::{Error, time};
use db::{Batch, DbError, Row, Rows, Step, args, raise, wall_ms};
use http::StatusCode;
use serde::Serialize;

/// The most silences of an organization that have not ended.
pub const MAX_SILENCES: i64 = 1_000;

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
    let (mutes, actor) = muted::read(tenant, &new.matchers).await?;
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
        muted::read(tenant, &found.matchers).await?.0
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
