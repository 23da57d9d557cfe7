//! The results of a job, read one by one and as a list.

use super::packed::{Entry, decode};
use super::result_id::ResultId;
use super::store::exists;
use crate::auth::Tenant;
use crate::clock::Millis;
use crate::forecasting::{ForecastItem, Realised, score};
use crate::http::page::{Cursor, Page};
use crate::id::JobId;
use crate::series::{SeriesId, SeriesRef};
use crate::{Error, series, store};
use db::{Batch, DbError, Step, args};
use std::ops::RangeInclusive;

/// What one reply may hold of blobs.
const PAGE_BYTES: i64 = 4_000_000;

/// Items of one page, however many are asked for: a reply must fit into the 6 MB that Lambda lets through.
const MAX_ITEMS: usize = 5_000;

/// One result, with the actual values so far.
///
/// # Errors
/// 404 if the organization has no such result, or no longer; 401, 403 or 503.
pub async fn result(tenant: &Tenant, id: &ResultId) -> Result<ForecastItem, Error> {
    let missing = Error::NotFound("the forecast");
    let mut batch = Batch::read();
    batch.push(Step::tenant(
        "SELECT r.blob, u.started_at FROM forecast_results AS r
         JOIN forecast_runs AS u ON u.org_id = r.org_id AND u.job_id = r.job_id AND u.run = r.run
         WHERE r.org_id = (SELECT org_id FROM authority) AND r.job_id = ?2 AND r.run = ?3 AND r.first_series <= ?4
         ORDER BY r.first_series DESC LIMIT 1",
        args![&id.job_id, i64::from(id.run), id.series_id],
    ));
    let reply = tenant.run(batch).await?;
    let Some(row) = reply.step(0)?.first() else {
        return Err(missing);
    };
    let entry = decode(row.blob(0)?)?
        .into_iter()
        .find(|entry| entry.series_id == id.series_id);
    let name = series::named(tenant, &[id.series_id]).await?.remove(&id.series_id);
    let (Some(entry), Some(name)) = (entry, name) else {
        return Err(missing);
    };
    let (packed, shown, naive_error) = (entry.forecast.clone(), entry.words.shown.clone(), entry.naive_error);
    let from = entry.origin.saturating_add(1);
    let actuals = store::points(tenant, id.series_id, Some(from), Some(packed.end())).await?;
    let mut item = item(&id.job_id, i64::from(id.run), row.integer(1)?, entry, name);
    item.realised = score(&packed, &shown.levels, naive_error, &actuals).map(|score| Realised {
        complete: score.steps == packed.mean.len(),
        score,
    });
    item.predictions = Some(packed.predictions(&shown, &actuals));
    Ok(item)
}

/// The results of a run without their numbers, in order of the series; of the newest complete run, if none is named.
///
/// # Errors
/// 404 if the organization has no such job; 400 for a cursor that this list did not give; 401, 403 or 503.
pub async fn results(
    tenant: &Tenant,
    job_id: &JobId,
    run: Option<u32>,
    limit: usize,
    after: Option<&Cursor>,
) -> Result<Page<ForecastItem>, Error> {
    let place = after.map(|cursor| place(cursor.as_str())).transpose()?;
    let wanted = place.map(|(run, _)| run).or(run.map(i64::from));
    let from = place.map_or(0, |(_, series)| series.saturating_add(1));
    let mut batch = Batch::read();
    let known = batch.push(exists(job_id));
    let found = batch.push(Step::tenant(
        "SELECT run, started_at FROM forecast_runs WHERE org_id = (SELECT org_id FROM authority) AND job_id = ?2
            AND (run = ?3 OR (?3 IS NULL AND completed_at IS NOT NULL)) ORDER BY run DESC LIMIT 1",
        args![job_id, wanted],
    ));
    let reply = match tenant.run(batch).await {
        Ok(reply) => reply,
        Err(DbError::Raised { step, .. }) if step == known => return Err(Error::NotFound("the forecast job")),
        Err(error) => return Err(error.into()),
    };
    let nothing = || Page {
        items: Vec::new(),
        next_cursor: None,
    };
    let (Some(row), Some(first)) = (reply.step(found)?.first(), SeriesId::from_raw(from)) else {
        return Ok(nothing());
    };
    let (run, started_at) = (row.integer(0)?, row.integer(1)?);
    let last = SeriesId::from_raw(i64::MAX).unwrap_or(first);
    let limit = limit.min(MAX_ITEMS);
    let fetch = limit.saturating_add(1);
    let found = entries(tenant, job_id, run, first..=last, fetch).await?;
    let page = Page::cut(found, limit, |entry: &Entry| format!("{run} {}", entry.series_id));
    let ids: Vec<SeriesId> = page.items.iter().map(|entry| entry.series_id).collect();
    let mut names = series::named(tenant, &ids).await?;
    let items = page.items.into_iter().filter_map(|entry| {
        // a series that was deleted since has no name any more
        let name = names.remove(&entry.series_id)?;
        Some(item(job_id, run, started_at, entry, name))
    });
    Ok(Page {
        items: items.collect(),
        next_cursor: page.next_cursor,
    })
}

/// Run and series of a cursor.
fn place(text: &str) -> Result<(i64, i64), Error> {
    let parts = text.split_once(' ');
    parts
        .and_then(|(run, series)| Some((run.parse().ok()?, SeriesId::parse(series)?.raw())))
        .ok_or_else(|| Error::schema("the cursor is not one that this list gave"))
}

/// The results of a run of these series, in order; at least `enough`, if there are so many.
pub(super) async fn entries(
    tenant: &Tenant,
    job_id: &JobId,
    run: i64,
    series: RangeInclusive<SeriesId>,
    enough: usize,
) -> Result<Vec<Entry>, Error> {
    let mut found = Vec::new();
    let mut from = series.start().raw();
    let mut within = true;
    loop {
        let step = Step::tenant(
            ROWS,
            args![job_id, run, from, *series.end(), PAGE_BYTES, i64::from(within)],
        );
        let reply = tenant.run(Batch::read_one(step)).await?;
        let rows = &reply.step(0)?.rows;
        for row in rows {
            from = row.integer(0)?.saturating_add(1);
            found.extend(
                decode(row.blob(1)?)?
                    .into_iter()
                    .filter(|entry| series.contains(&entry.series_id)),
            );
        }
        let more = rows.last().map(|row| row.integer(2)).transpose()?;
        if found.len() >= enough || more.is_none_or(|more| more <= rows.len() as i64) {
            return Ok(found);
        }
        // only the first page may begin within a row
        within = false;
    }
}

// a page of rows, of which the first may begin before the first series
const ROWS: &str = "SELECT r.first_series, r.blob, p.rows
     FROM (SELECT first_series, length(blob) AS size, count(*) OVER () AS rows,
             sum(length(blob)) OVER (ORDER BY first_series) AS total
           FROM forecast_results
           WHERE org_id = (SELECT org_id FROM authority) AND job_id = ?2 AND run = ?3 AND first_series <= ?5
             AND first_series >= iif(?7, coalesce((SELECT max(first_series) FROM forecast_results
               WHERE org_id = (SELECT org_id FROM authority) AND job_id = ?2 AND run = ?3 AND first_series <= ?4), ?4), ?4)) AS p
     CROSS JOIN forecast_results AS r ON r.org_id = (SELECT org_id FROM authority) AND r.job_id = ?2 AND r.run = ?3
       AND r.first_series = p.first_series
     WHERE p.total <= ?6 OR p.total = p.size
     ORDER BY r.first_series";

fn item(job_id: &JobId, run: i64, created_at: Millis, entry: Entry, name: SeriesRef) -> ForecastItem {
    let id = ResultId {
        job_id: job_id.clone(),
        run: u32::try_from(run).unwrap_or(u32::MAX),
        series_id: entry.series_id,
    };
    ForecastItem {
        request_id: None,
        forecast_id: id.to_string(),
        job_id: Some(id.job_id),
        series_id: entry.series_id,
        metric_key: name.metric_key.as_str().to_owned(),
        dimensions: name.dimensions,
        backend: entry.words.backend,
        model_info: entry.words.model_info,
        frequency: entry.forecast.step.to_string(),
        horizon: i64::try_from(entry.forecast.mean.len()).unwrap_or(i64::MAX),
        origin: entry.origin,
        created_at,
        realised: None,
        mark: None,
        predictions: None,
    }
}
