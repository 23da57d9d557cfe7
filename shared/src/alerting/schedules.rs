//! Mute schedules as HTTP reads and writes them.

use super::name;
use super::notices;
use super::references::Known;
use super::schedule::{Mutes, Schedule, Stretch, Times};
use crate::auth::Tenant;
use crate::clock::Millis;
use crate::http::page::{Cursor, Page};
use crate::id::{ChannelId, Entropy, ScheduleId};
use crate::idempotency::{Operation, OperationError, Outcome, Replay};
use crate::{Error, time};
use db::{Batch, DbError, Row, Rows, Step, args, raise, wall_ms};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const MAX_NAME: usize = 100;
const MAX_STRETCHES: usize = 50;
const MAX_CHANNELS: usize = 100;
/// The most schedules of an organization.
pub const MAX_SCHEDULES: i64 = 100;

/// A schedule as a caller sends it, not yet checked.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the fields of the HTTP contract")]
pub struct Draft {
    pub name: String,
    #[serde(default)]
    pub time_zone: Option<String>,
    pub mutes: Mutes,
    pub weekly: Vec<Stretch>,
    #[serde(default)]
    pub channels: Vec<ChannelId>,
}

/// A schedule that was checked.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Definition {
    /// for people
    pub name: String,
    /// an IANA name; that of the organization, if `None`
    pub time_zone: Option<String>,
    /// when nobody is told
    #[serde(flatten)]
    pub times: Times,
    /// the channels that it keeps quiet whatever the rule; rules name schedules themselves
    pub channels: Vec<ChannelId>,
}

impl Draft {
    /// Checks what the types do not.
    ///
    /// # Errors
    /// 400 with the field and the reason.
    pub fn check(self) -> Result<Definition, Error> {
        let name = name::checked(&self.name, MAX_NAME)?;
        let times = Times {
            mutes: self.mutes,
            weekly: self.weekly,
        };
        if times.weekly.is_empty() || times.weekly.len() > MAX_STRETCHES {
            return Err(Error::schema(format!("weekly has 1 to {MAX_STRETCHES} entries")));
        }
        if times.weekly.iter().any(|stretch| stretch.days.is_empty()) {
            return Err(Error::schema("days names at least one day"));
        }
        if self.channels.len() > MAX_CHANNELS {
            return Err(Error::schema(format!("channels has at most {MAX_CHANNELS} entries")));
        }
        if let Some(zone) = &self.time_zone
            && Schedule::new(times.clone(), zone).is_none()
        {
            return Err(Error::schema(
                "time_zone must be a name of the IANA database, as Europe/Berlin",
            ));
        }
        Ok(Definition {
            name,
            time_zone: self.time_zone,
            times,
            channels: self.channels,
        })
    }
}

/// A schedule, as replies show it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the fields of the HTTP contract")]
pub struct ScheduleItem {
    pub schedule_id: ScheduleId,
    #[serde(flatten)]
    pub definition: Definition,
    /// whether it keeps things quiet now
    pub muting: bool,
    /// when that changes next
    #[serde(serialize_with = "time::rfc3339_option")]
    pub changes_at: Option<Millis>,
    #[serde(serialize_with = "time::rfc3339")]
    pub created_at: Millis,
    #[serde(serialize_with = "time::rfc3339")]
    pub updated_at: Millis,
}

/// What became of a request for a schedule.
#[derive(Debug)]
pub enum Saved {
    /// it was made now
    Now(ScheduleId),
    /// it was made before, under the same idempotency key
    Before(Replay),
}

/// All schedules of an organization: identity, times and zone.
pub(super) fn all() -> Step {
    Step::tenant(
        "SELECT m.schedule_id, m.times, coalesce(m.time_zone, o.time_zone) FROM mute_schedules AS m
         JOIN organizations AS o ON o.org_id = m.org_id WHERE m.org_id = (SELECT org_id FROM authority)",
        vec![],
    )
}

/// The schedules of rows of [`all`]. One whose zone is not known keeps nothing quiet.
pub(super) fn of_rows(rows: &Rows) -> Result<BTreeMap<ScheduleId, Schedule>, DbError> {
    let broken = || DbError::Other("a schedule makes no sense".into());
    let mut schedules = BTreeMap::new();
    for row in &rows.rows {
        let schedule_id = ScheduleId::parse(row.text(0)?).ok_or_else(broken)?;
        let times = serde_json::from_str(row.text(1)?).map_err(|_| broken())?;
        if let Some(schedule) = Schedule::new(times, row.text(2)?) {
            schedules.insert(schedule_id, schedule);
        }
    }
    Ok(schedules)
}

/// Makes a schedule, and returns its identity.
///
/// # Errors
/// 400 for a channel that the organization does not have; 409 at [`MAX_SCHEDULES`]; 401, 403 or 503.
pub async fn create(
    tenant: &Tenant,
    entropy: &Entropy,
    definition: &Definition,
    operation: Option<&Operation>,
) -> Result<Saved, Error> {
    let schedule_id = ScheduleId::new(tenant.clock(), entropy)?;
    let mut batch = Batch::write();
    let stored = serde_json::json!({"schedule_id": schedule_id});
    let record = operation.map(|operation| operation.record(&mut batch, tenant, StatusCode::CREATED, &stored));
    let room = batch.push(Step::tenant(
        concat!(
            "SELECT CASE WHEN (SELECT count(*) FROM mute_schedules WHERE org_id = (SELECT org_id FROM authority)) >= ?2 THEN ",
            raise!(),
            " ELSE 1 END"
        ),
        args![MAX_SCHEDULES],
    ));
    let missing = known(&mut batch, &definition.channels);
    batch.push(Step::tenant(
        concat!(
            "INSERT INTO mute_schedules (org_id, schedule_id, name, time_zone, times, channels, created_at, updated_at)
             SELECT org_id, ?2, ?3, ?4, ?5, ?8, now, now FROM authority, (SELECT coalesce(?6, ",
            wall_ms!("?7"),
            ") AS now)"
        ),
        fields(tenant, &schedule_id, definition),
    ));
    let result = tenant.run(batch).await;
    let outcome = match (operation, record) {
        (Some(operation), Some(record)) => operation.outcome(record, result),
        _ => result.map(Outcome::Done).map_err(OperationError::Db),
    };
    match outcome {
        Ok(Outcome::Done(_)) => Ok(Saved::Now(schedule_id)),
        Ok(Outcome::Replayed(replay)) => Ok(Saved::Before(replay)),
        Err(OperationError::Db(DbError::Raised { step, .. })) if step == room => Err(Error::conflict(format!(
            "an organization has at most {MAX_SCHEDULES} mute schedules"
        ))),
        Err(OperationError::Db(error)) => Err(missing.explain(error)),
        Err(other) => Err(other.into()),
    }
}

fn known(batch: &mut Batch, channels: &[ChannelId]) -> Known {
    Known::channels(batch, &channels.iter().collect::<Vec<_>>())
}

fn fields(tenant: &Tenant, schedule_id: &ScheduleId, definition: &Definition) -> Vec<db::Value> {
    args![
        schedule_id,
        &definition.name,
        definition.time_zone.as_deref(),
        serde_json::json!(definition.times).to_string(),
        tenant.clock().product_override(),
        tenant.clock().wall_offset(),
        serde_json::json!(definition.channels).to_string()
    ]
}

/// The organization's schedules, oldest first.
///
/// # Errors
/// 401, 403 or 503.
pub async fn list(tenant: &Tenant, limit: usize, after: Option<&Cursor>) -> Result<Page<ScheduleItem>, Error> {
    let step = Step::tenant(
        "SELECT m.schedule_id, m.name, m.time_zone, m.times, m.created_at, m.updated_at, coalesce(m.time_zone, o.time_zone),
            m.channels
         FROM mute_schedules AS m JOIN organizations AS o ON o.org_id = m.org_id
         WHERE m.org_id = (SELECT org_id FROM authority) AND m.schedule_id > ?2 ORDER BY m.schedule_id LIMIT ?3",
        args![after.map_or("", Cursor::as_str), Page::<ScheduleItem>::fetch(limit)],
    );
    let reply = tenant.run(Batch::read_one(step)).await?;
    let rows = &reply.step(0)?.rows;
    let items = rows.iter().map(|row| item(tenant, row)).collect::<Result<_, _>>()?;
    Ok(Page::cut(items, limit, |item: &ScheduleItem| {
        item.schedule_id.to_string()
    }))
}

/// One schedule.
///
/// # Errors
/// 404 if the organization has no such schedule; 401, 403 or 503.
pub async fn get(tenant: &Tenant, schedule_id: &ScheduleId) -> Result<ScheduleItem, Error> {
    let reply = tenant.run(Batch::read_one(select(schedule_id))).await?;
    Ok(item(tenant, reply.step(0)?.first().ok_or(NOT_FOUND)?)?)
}

/// Replaces what a schedule says; it holds from the next minute on.
///
/// # Errors
/// 404 if the organization has no such schedule; 400 for a channel that it does not have; 401, 403 or 503.
pub async fn replace(
    tenant: &Tenant,
    schedule_id: &ScheduleId,
    definition: &Definition,
) -> Result<ScheduleItem, Error> {
    let mut batch = Batch::write().repeatable();
    let missing = known(&mut batch, &definition.channels);
    batch.push(Step::tenant(
        concat!(
            "UPDATE mute_schedules SET name = ?3, time_zone = ?4, times = ?5, channels = ?8, updated_at = coalesce(?6, ",
            wall_ms!("?7"),
            ") WHERE org_id = (SELECT org_id FROM authority) AND schedule_id = ?2"
        ),
        fields(tenant, schedule_id, definition),
    ));
    batch.push(notices::ask());
    let read = batch.push(select(schedule_id));
    match tenant.run(batch).await {
        Ok(reply) => Ok(item(tenant, reply.step(read)?.first().ok_or(NOT_FOUND)?)?),
        Err(error) => Err(missing.explain(error)),
    }
}

/// Removes a schedule that no rule names.
///
/// # Errors
/// 404 if the organization has no such schedule, 409 if it is named; 401, 403 or 503.
pub async fn delete(tenant: &Tenant, schedule_id: &ScheduleId) -> Result<(), Error> {
    let mut batch = Batch::write();
    let free = batch.push(Step::tenant(
        concat!(
            "SELECT CASE WHEN EXISTS (
                SELECT 1 FROM alert_rules AS r JOIN json_each(r.routing, '$.mute_schedules') AS named
                WHERE r.org_id = (SELECT org_id FROM authority) AND r.deleted_at IS NULL AND named.value = ?2) THEN ",
            raise!(),
            " ELSE 1 END"
        ),
        args![schedule_id],
    ));
    let deleted = batch.push(Step::tenant(
        "DELETE FROM mute_schedules WHERE org_id = (SELECT org_id FROM authority) AND schedule_id = ?2",
        args![schedule_id],
    ));
    batch.push(notices::ask());
    match tenant.run(batch).await {
        Ok(reply) if reply.step(deleted)?.affected > 0 => Ok(()),
        Ok(_) => Err(NOT_FOUND),
        Err(DbError::Raised { step, .. }) if step == free => Err(Error::conflict("a rule names this schedule")),
        Err(error) => Err(error.into()),
    }
}

const NOT_FOUND: Error = Error::NotFound("the mute schedule");

fn select(schedule_id: &ScheduleId) -> Step {
    Step::tenant(
        "SELECT m.schedule_id, m.name, m.time_zone, m.times, m.created_at, m.updated_at, coalesce(m.time_zone, o.time_zone),
            m.channels
         FROM mute_schedules AS m JOIN organizations AS o ON o.org_id = m.org_id
         WHERE m.org_id = (SELECT org_id FROM authority) AND m.schedule_id = ?2",
        args![schedule_id],
    )
}

fn item(tenant: &Tenant, row: &Row) -> Result<ScheduleItem, DbError> {
    let broken = |what: &str| DbError::Other(format!("a mute schedule has wrong {what}"));
    let times: Times = serde_json::from_str(row.text(3)?).map_err(|_| broken("times"))?;
    let schedule = Schedule::new(times.clone(), row.text(6)?);
    let now = tenant.clock().now();
    Ok(ScheduleItem {
        schedule_id: ScheduleId::parse(row.text(0)?).ok_or_else(|| broken("id"))?,
        definition: Definition {
            name: row.text(1)?.to_owned(),
            time_zone: row.opt_text(2)?.map(str::to_owned),
            times,
            channels: serde_json::from_str(row.text(7)?).map_err(|_| broken("channels"))?,
        },
        muting: schedule.as_ref().is_some_and(|schedule| schedule.mutes(now)),
        changes_at: schedule.and_then(|schedule| schedule.next_change(now)),
        created_at: row.integer(4)?,
        updated_at: row.integer(5)?,
    })
}
