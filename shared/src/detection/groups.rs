//! Incidents of several series at the same time, as HTTP reads them. The tick writes them.

use super::anomalies::{self, AnomalyItem, Filter, State};
use crate::auth::Tenant;
use crate::clock::Millis;
use crate::http::page::{Cursor, Page};
use crate::id::AnomalyGroupId;
use crate::{Error, time};
use db::{Batch, DbError, Row, Step, args};
use serde::Serialize;
use serde_json::Value;

/// How many of its anomalies a group is shown with; the others are in `GET /v1/anomalies?group_id=`.
const SHOWN: usize = 100;

/// A group of anomalies, as replies show it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GroupItem {
    /// its identity
    pub group_id: String,
    /// the minute in which its first incident opened
    #[serde(serialize_with = "time::rfc3339")]
    pub started_at: Millis,
    /// the minute in which its last incident opened
    #[serde(serialize_with = "time::rfc3339")]
    pub joined_at: Millis,
    /// none while one of them is open
    #[serde(serialize_with = "time::rfc3339_option")]
    pub ended_at: Option<Millis>,
    /// how many
    pub incidents: i64,
    /// of the worst of them
    pub severity: String,
    /// the dimensions that they have in common more than others, the strongest first
    pub contributors: Value,
    /// the newest of its anomalies; left out of lists
    #[serde(skip_serializing_if = "Option::is_none")]
    pub anomalies: Option<Vec<AnomalyItem>>,
}

macro_rules! columns {
    () => {
        "group_id, started_at, joined_at, ended_at, series, severity, contributors"
    };
}

/// Which groups a list shows.
#[derive(Debug, Clone, Copy, Default)]
pub struct GroupFilter {
    /// those that go on, or are over
    pub state: Option<State>,
    /// those of at least so many incidents: each incident is in a group, which may be of one
    pub min_incidents: Option<u32>,
}

macro_rules! list {
    ($index:literal) => {
        concat!(
            "SELECT ",
            columns!(),
            " FROM anomaly_groups ",
            $index,
            " AND group_id < ?2 AND CASE
                WHEN (ended_at IS NULL) <> ?3 OR series < ?4 THEN 0
                ELSE 1 END
             ORDER BY group_id DESC LIMIT ?5"
        )
    };
}

const ALL: &str = list!("WHERE org_id = (SELECT org_id FROM authority)");

// what is open is few among all that ever was
const OPEN: &str =
    list!("INDEXED BY anomaly_groups_open WHERE org_id = (SELECT org_id FROM authority) AND ended_at IS NULL");

// most incidents are alone in their group
const OF_SEVERAL: &str =
    list!("INDEXED BY anomaly_groups_of_several WHERE org_id = (SELECT org_id FROM authority) AND series > 1");

/// Groups, the newest first: an identity begins with the time at which the group started.
///
/// # Errors
/// 401, 403 or 503.
pub async fn list(
    tenant: &Tenant,
    filter: GroupFilter,
    limit: usize,
    after: Option<&Cursor>,
) -> Result<Page<GroupItem>, Error> {
    // '~' sorts after every id
    let args = args![
        after.map_or("~", Cursor::as_str),
        filter.state.map(|state| state == State::Open),
        filter.min_incidents,
        Page::<GroupItem>::fetch(limit)
    ];
    let step = match filter.state {
        Some(State::Open) => Step::tenant(OPEN, args),
        _ if filter.min_incidents > Some(1) => Step::tenant(OF_SEVERAL, args),
        Some(State::Ended) | None => Step::tenant(ALL, args),
    };
    let reply = tenant.run(Batch::read_one(step)).await?;
    let items = reply.step(0)?.rows.iter().map(item).collect::<Result<_, _>>()?;
    Ok(Page::cut(items, limit, |item: &GroupItem| item.group_id.clone()))
}

/// One group with up to 100 of its anomalies.
///
/// # Errors
/// 404 if the organization has no such group; 401, 403 or 503.
pub async fn get(tenant: &Tenant, group_id: &AnomalyGroupId) -> Result<GroupItem, Error> {
    let mut batch = Batch::read();
    let group = batch.push(Step::tenant(
        concat!(
            "SELECT ",
            columns!(),
            " FROM anomaly_groups WHERE org_id = (SELECT org_id FROM authority) AND group_id = ?2"
        ),
        args![group_id],
    ));
    let filter = Filter {
        group_id: Some(group_id.clone()),
        ..Filter::default()
    };
    let members = batch.push(filter.newest(SHOWN));
    let reply = tenant.run(batch).await?;
    let row = reply
        .step(group)?
        .first()
        .ok_or(Error::NotFound("the group of anomalies"))?;
    let anomalies = reply.step(members)?.rows.iter().map(anomalies::item);
    Ok(GroupItem {
        anomalies: Some(anomalies.collect::<Result<_, _>>()?),
        ..item(row)?
    })
}

fn item(row: &Row) -> Result<GroupItem, DbError> {
    let broken = |_| DbError::Other("a group of anomalies has wrong contributors".into());
    Ok(GroupItem {
        group_id: row.text(0)?.to_owned(),
        started_at: row.integer(1)?,
        joined_at: row.integer(2)?,
        ended_at: row.opt_integer(3)?,
        incidents: row.integer(4)?,
        severity: row.text(5)?.to_owned(),
        contributors: serde_json::from_str(row.text(6)?).map_err(broken)?,
        anomalies: None,
    })
}
