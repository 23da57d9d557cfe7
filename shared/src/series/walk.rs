//! The names of many series, in pages that a reply of the database holds: dimensions may be long, and there may be a hundred thousand of
//! them.

use super::store::series_ref;
use super::{MetricKey, MetricPattern, SeriesId, SeriesRef};
use crate::Error;
use crate::auth::Tenant;
use db::{Batch, Row, Rows, Step, args};
use std::collections::BTreeMap;

/// Names of one page.
const ROWS: usize = 20_000;
/// Their bytes, but for the last one: a reply stays below 10 MB if each of them must be escaped, too.
const BYTES: usize = 4 * 1024 * 1024;
/// Ranges of metrics that are read together.
const TOGETHER: usize = 250;

/// Some of the names, in order of their id.
#[derive(Debug, Clone, PartialEq)]
pub struct Names {
    /// the names
    pub series: Vec<SeriesRef>,
    /// after which there are more, if there are
    pub next: Option<SeriesId>,
}

/// The first rows of a statement in an order, as many as a page takes of these rows and bytes.
macro_rules! page {
    ($order:literal, $rows:literal, $bytes:literal, $from:literal) => {
        concat!(
            "SELECT series_id, metric_key, dimensions FROM (
                SELECT series_id, metric_key, dimensions,
                    coalesce(sum(octet_length(metric_key) + octet_length(dimensions)) OVER (ORDER BY ",
            $order,
            " ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS before
                FROM (SELECT series_id, metric_key, dimensions FROM ",
            $from,
            " AND deleted_seq IS NULL ORDER BY ",
            $order,
            " LIMIT ",
            $rows,
            ")) WHERE before < ",
            $bytes,
            " ORDER BY ",
            $order
        )
    };
}

/// The names of the organization's series, of one metric or of all, in order of their id: the next ones
/// after one.
///
/// # Errors
/// 401, 403 or 503.
pub async fn names(tenant: &Tenant, metric_key: Option<&MetricKey>, after: Option<SeriesId>) -> Result<Names, Error> {
    let after = after.map_or(-1, SeriesId::raw);
    // two statements, so that each uses its own index
    let step = match metric_key {
        Some(key) => Step::tenant(
            page!(
                "series_id",
                "?3",
                "?4",
                "time_series INDEXED BY time_series_by_key
                 WHERE org_id = (SELECT org_id FROM authority) AND metric_key = ?5 AND series_id > ?2"
            ),
            args![after, ROWS, BYTES, key.as_str()],
        ),
        None => Step::tenant(
            page!(
                "series_id",
                "?3",
                "?4",
                "time_series WHERE org_id = (SELECT org_id FROM authority) AND series_id > ?2"
            ),
            args![after, ROWS, BYTES],
        ),
    };
    let reply = tenant.run(Batch::read_one(step)).await?;
    let rows = reply.step(0)?;
    let series: Vec<SeriesRef> = rows.rows.iter().map(series_ref).collect::<Result<_, _>>()?;
    let next = series.last().map(|last| last.series_id);
    Ok(Names {
        next: next.filter(|_| is_full(rows, ROWS, BYTES)),
        series,
    })
}

/// All series of these metrics, in order of their id.
///
/// # Errors
/// 401, 403 or 503.
pub async fn matching(tenant: &Tenant, metrics: &[MetricPattern]) -> Result<Vec<SeriesRef>, Error> {
    let mut found = BTreeMap::new();
    let mut ranges: Vec<Range> = metrics.iter().filter_map(Range::of).collect();
    ranges.sort();
    ranges.dedup();
    while !ranges.is_empty() {
        let rest = ranges.split_off(ranges.len().min(TOGETHER));
        // a range may be of any size, and all of them share one reply
        let (rows, bytes) = (ROWS / ranges.len(), BYTES / ranges.len());
        let mut batch = Batch::read();
        for range in &ranges {
            batch.push(range.read(rows, bytes));
        }
        let reply = tenant.run(batch).await?;
        let mut left = Vec::new();
        for (at, range) in ranges.into_iter().enumerate() {
            let read = reply.step(at)?;
            for row in &read.rows {
                let name = series_ref(row)?;
                found.insert(name.series_id, name);
            }
            if let Some(last) = read.rows.last().filter(|_| is_full(read, rows, bytes)) {
                left.push(range.after(last)?);
            }
        }
        ranges = left;
        ranges.extend(rest);
    }
    Ok(found.into_values().collect())
}

/// What is left to be read of the series that a pattern matches, in order of their metric and id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Range {
    pattern: String,
    /// the last metric that may fit
    end: String,
    metric: String,
    after: i64,
}

impl Range {
    /// `None` for the metric of a rule over other rules: it has no series.
    fn of(metric: &MetricPattern) -> Option<Self> {
        // no character of a key comes after a tilde, and none but the star means something else to GLOB
        let end = metric.key().map_or("~", |_| "");
        (!metric.as_str().is_empty()).then(|| Self {
            pattern: metric.as_str().to_owned(),
            end: format!("{}{end}", metric.prefix()),
            metric: metric.prefix().to_owned(),
            after: -1,
        })
    }

    fn read(&self, rows: usize, bytes: usize) -> Step {
        Step::tenant(
            page!(
                "metric_key, series_id",
                "?6",
                "?7",
                "time_series INDEXED BY time_series_by_key
                 WHERE org_id = (SELECT org_id FROM authority) AND (metric_key, series_id) > (?2, ?3) AND metric_key <= ?4
                    AND metric_key GLOB ?5"
            ),
            args![
                &self.metric,
                self.after,
                &self.end,
                &self.pattern,
                rows,
                bytes
            ],
        )
    }

    /// What comes after a row.
    fn after(self, row: &Row) -> Result<Self, db::DbError> {
        Ok(Self {
            metric: row.text(1)?.to_owned(),
            after: row.integer(0)?,
            ..self
        })
    }
}

/// Whether a page ends because it is full.
fn is_full(page: &Rows, rows: usize, bytes: usize) -> bool {
    let size = |row: &Row| Some(row.text(1).ok()?.len() + row.text(2).ok()?.len());
    page.rows.len() >= rows || page.rows.iter().filter_map(size).sum::<usize>() >= bytes
}
