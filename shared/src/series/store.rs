use super::{Dimensions, MetricKey, Point, SeriesId, SeriesRef};
use crate::auth::Tenant;
use crate::clock::Millis;
use crate::http::page::{Cursor, Page};
use crate::{Error, store, time};
use db::{Batch, DbError, Row, Step, Value, args};
use serde::Serialize;
use std::collections::HashMap;

/// How many candidates a conflict lists.
const MAX_CANDIDATES: usize = 100;

/// A metric of the organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MetricItem {
    /// what is measured
    pub metric_key: String,
    /// by how many series
    pub series_count: i64,
}

/// A series as lists show it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SeriesItem {
    /// its name
    #[serde(flatten)]
    pub series: SeriesRef,
    /// its usual step, as of the last maintenance
    pub frequency: Option<String>,
    /// its first point, as of the last maintenance
    #[serde(serialize_with = "time::rfc3339_option")]
    pub start_time: Option<Millis>,
    /// its newest point, now
    #[serde(serialize_with = "time::rfc3339_option")]
    pub end_time: Option<Millis>,
    /// as of the last maintenance
    pub point_count: Option<i64>,
    /// of the newest point, now
    pub last_value: Option<f64>,
}

/// Which series a list shows.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// of this metric
    pub metric_key: Option<MetricKey>,
    /// with all of these pairs, and perhaps others
    pub dimensions: Dimensions,
}

/// The organization's metrics, by key.
///
/// # Errors
/// 401, 403 or 503.
pub async fn metrics(tenant: &Tenant, limit: usize, after: Option<&Cursor>) -> Result<Page<MetricItem>, Error> {
    let step = Step::tenant(
        "SELECT metric_key, count(*) FROM time_series
         WHERE org_id = (SELECT org_id FROM authority) AND metric_key > ?2 AND deleted_seq IS NULL
         GROUP BY metric_key ORDER BY metric_key LIMIT ?3",
        args![after.map_or("", Cursor::as_str), Page::<MetricItem>::fetch(limit)],
    );
    let reply = tenant.run(Batch::read_one(step)).await?;
    let item = |row: &Row| -> Result<MetricItem, DbError> {
        Ok(MetricItem {
            metric_key: row.text(0)?.to_owned(),
            series_count: row.integer(1)?,
        })
    };
    let items = reply.step(0)?.rows.iter().map(item).collect::<Result<Vec<_>, _>>()?;
    Ok(Page::cut(items, limit, |item| item.metric_key.clone()))
}

/// The organization's series that match, in order of their id.
///
/// # Errors
/// 400 for a cursor that this list did not give; 401, 403 or 503.
pub async fn list(
    tenant: &Tenant,
    filter: &Filter,
    limit: usize,
    after: Option<&Cursor>,
) -> Result<Page<SeriesItem>, Error> {
    let after = after.map_or(Ok(-1), |cursor| {
        let id = SeriesId::parse(cursor.as_str());
        id.map(SeriesId::raw)
            .ok_or_else(|| Error::schema("the cursor is not one that this list gave"))
    })?;
    let fetch = Page::<SeriesItem>::fetch(limit);
    let dimensions = filter.dimensions.to_json();
    // two statements, so that each uses its own index
    let step = match &filter.metric_key {
        Some(key) => Step::tenant(LIST_OF_METRIC, args![after, dimensions, fetch, key.as_str()]),
        None => Step::tenant(LIST, args![after, dimensions, fetch]),
    };
    let reply = tenant.run(Batch::read_one(step)).await?;
    let items = reply.step(0)?.rows.iter().map(item).collect::<Result<Vec<_>, _>>()?;
    let mut page = Page::cut(items, limit, |item: &SeriesItem| item.series.series_id.to_string());
    with_latest(tenant, &mut page.items).await?;
    Ok(page)
}

/// The series of a metric that have all of these dimensions, in order of their id: the next ones from one on.
///
/// # Errors
/// 401, 403 or 503.
pub async fn selected(
    tenant: &Tenant,
    metric_key: &MetricKey,
    dimensions: &Dimensions,
    from: i64,
    limit: usize,
) -> Result<Vec<SeriesId>, Error> {
    let step = Step::tenant(
        "SELECT t.series_id FROM time_series AS t INDEXED BY time_series_by_key
         WHERE t.org_id = (SELECT org_id FROM authority) AND t.metric_key = ?2 AND t.series_id >= ?3 AND t.deleted_seq IS NULL
           AND NOT EXISTS (SELECT 1 FROM json_each(?4) AS f WHERE NOT EXISTS (
               SELECT 1 FROM json_each(t.dimensions) AS d WHERE d.key = f.key AND d.value = f.value))
         ORDER BY t.series_id LIMIT ?5",
        args![
            metric_key.as_str(),
            from,
            dimensions.to_json(),
            limit
        ],
    );
    let reply = tenant.run(Batch::read_one(step)).await?;
    let id =
        |row: &Row| SeriesId::from_raw(row.integer(0)?).ok_or_else(|| DbError::Other("a series has a wrong id".into()));
    Ok(reply.step(0)?.rows.iter().map(id).collect::<Result<_, _>>()?)
}

/// The names of these series; nothing for those that are not there.
///
/// # Errors
/// 401, 403 or 503.
pub async fn named(tenant: &Tenant, series: &[SeriesId]) -> Result<HashMap<SeriesId, SeriesRef>, Error> {
    let ids: Vec<i64> = series.iter().map(|id| id.raw()).collect();
    let step = Step::tenant(
        "SELECT t.series_id, t.metric_key, t.dimensions FROM json_each(?2) AS w
         CROSS JOIN time_series AS t ON t.org_id = (SELECT org_id FROM authority) AND t.series_id = w.value",
        args![serde_json::to_string(&ids).unwrap_or_default()],
    );
    let reply = tenant.run(Batch::read_one(step)).await?;
    let mut found = HashMap::with_capacity(ids.len());
    for row in &reply.step(0)?.rows {
        let series = series_ref(row)?;
        found.insert(series.series_id, series);
    }
    Ok(found)
}

/// A series.
///
/// # Errors
/// 404 if the organization has no such series; 401, 403 or 503.
pub async fn get(tenant: &Tenant, series: SeriesId) -> Result<SeriesItem, Error> {
    let reply = tenant.run(Batch::read_one(Step::tenant(GET, args![series]))).await?;
    let row = reply.step(0)?.first().ok_or(Error::NotFound("the series"))?;
    let mut items = [item(row)?];
    with_latest(tenant, &mut items).await?;
    let [item] = items;
    Ok(item)
}

/// The one series that is meant: the one with exactly these dimensions, or, where none are given,
/// the only one of the metric.
///
/// # Errors
/// 404 if there is none; 409 CONFLICT with the candidates if there are several; 401, 403 or 503.
pub async fn resolve_one(
    tenant: &Tenant,
    metric_key: &MetricKey,
    dimensions: Option<&Dimensions>,
) -> Result<SeriesRef, Error> {
    let exact: Value = dimensions
        .map(|dimensions| SeriesId::of(metric_key, dimensions).raw())
        .into();
    let step = Step::tenant(
        "SELECT series_id, metric_key, dimensions FROM time_series INDEXED BY time_series_by_key
         WHERE org_id = (SELECT org_id FROM authority) AND metric_key = ?2
           AND series_id BETWEEN coalesce(?3, 0) AND coalesce(?3, 9223372036854775807) AND deleted_seq IS NULL
         ORDER BY series_id LIMIT ?4",
        args![metric_key.as_str(), exact, MAX_CANDIDATES as i64],
    );
    let reply = tenant.run(Batch::read_one(step)).await?;
    let mut found: Vec<SeriesRef> = reply.step(0)?.rows.iter().map(series_ref).collect::<Result<_, _>>()?;
    if found.len() > 1 {
        return Err(Error::Conflict {
            message: format!("several series are called {metric_key}: name the dimensions of one"),
            candidates: found
                .iter()
                .filter_map(|series| serde_json::to_value(series).ok())
                .collect(),
        });
    }
    found.pop().ok_or(Error::NotFound("the series"))
}

async fn with_latest(tenant: &Tenant, items: &mut [SeriesItem]) -> Result<(), Error> {
    if items.is_empty() {
        return Ok(());
    }
    let ids: Vec<SeriesId> = items.iter().map(|item| item.series.series_id).collect();
    let latest = store::latest(tenant, &ids).await?;
    for item in items {
        if let Some(latest) = latest.get(&item.series.series_id) {
            let Point { timestamp, value } = latest.point;
            item.end_time = Some(timestamp);
            item.last_value = Some(value);
        }
    }
    Ok(())
}

pub(super) fn series_ref(row: &Row) -> Result<SeriesRef, DbError> {
    let broken = || DbError::Other("a series has a wrong name".into());
    Ok(SeriesRef {
        series_id: SeriesId::from_raw(row.integer(0)?).ok_or_else(broken)?,
        metric_key: MetricKey::parse(row.text(1)?).ok_or_else(broken)?,
        dimensions: Dimensions::from_json(row.text(2)?).ok_or_else(broken)?,
    })
}

fn item(row: &Row) -> Result<SeriesItem, DbError> {
    let frequency = |step: Millis| prediction::Step::Millis(step.max(1)).to_string();
    Ok(SeriesItem {
        series: series_ref(row)?,
        frequency: row.opt_integer(3)?.map(frequency),
        start_time: row.opt_integer(4)?,
        end_time: None,
        point_count: row.opt_integer(5)?,
        last_value: None,
    })
}

/// The columns of an item, where they come from, and by which index.
macro_rules! items {
    ($index:literal $where:literal) => {
        concat!(
            "SELECT t.series_id, t.metric_key, t.dimensions, t.resolution, t.start_time, t.point_count
             FROM time_series AS t ",
            $index,
            " WHERE t.org_id = (SELECT org_id FROM authority) AND t.deleted_seq IS NULL AND ",
            $where
        )
    };
}

const GET: &str = items!("" "t.series_id = ?2");

const LIST: &str = items!(
    ""
    "t.series_id > ?2
     AND NOT EXISTS (SELECT 1 FROM json_each(?3) AS f WHERE NOT EXISTS (
         SELECT 1 FROM json_each(t.dimensions) AS d WHERE d.key = f.key AND d.value = f.value))
     ORDER BY t.series_id LIMIT ?4"
);

// named, because SQLite would rather walk the primary key, which is in the order that is asked for
const LIST_OF_METRIC: &str = items!(
    "INDEXED BY time_series_by_key"
    "t.metric_key = ?5 AND t.series_id > ?2
     AND NOT EXISTS (SELECT 1 FROM json_each(?3) AS f WHERE NOT EXISTS (
         SELECT 1 FROM json_each(t.dimensions) AS d WHERE d.key = f.key AND d.value = f.value))
     ORDER BY t.series_id LIMIT ?4"
);
