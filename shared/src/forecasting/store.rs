use super::backend::Backend;
use super::errors::{Mark, SeriesErrors};
use super::packed::PackedForecast;
use super::predictions::{Prediction, Shown};
use super::remote::make_or_ask;
use super::request::ForecastRequest;
use super::score::{Score, score};
use crate::auth::Tenant;
use crate::clock::Millis;
use crate::http::page::{Cursor, Page};
use crate::id::{ForecastId, JobId, RequestId};
use crate::idempotency::{Operation, OperationError, Outcome, Replay};
use crate::series::{self, Dimensions, SeriesId};
use crate::{App, Error, store, time};
use db::{Batch, DbError, Row, Step, args, wall_ms};
use http::StatusCode;
use serde::Serialize;
use serde_json::Value;

/// How many of the newest points a forecast looks at: ten for each cell of the longest grid, and no
/// more than fits into a function's memory.
const HISTORY: usize = 10 * prediction::MAX_CELLS;

/// A stored forecast, as replies show it.
#[derive(Debug, Clone, Serialize)]
#[expect(missing_docs, reason = "the fields of the HTTP contract")]
pub struct ForecastItem {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<RequestId>,
    pub forecast_id: String,
    /// of results of a job
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_id: Option<JobId>,
    pub series_id: SeriesId,
    pub metric_key: String,
    pub dimensions: Dimensions,
    pub backend: String,
    pub model_info: Value,
    pub frequency: String,
    pub horizon: i64,
    /// the last observation that it knew
    #[serde(serialize_with = "time::rfc3339")]
    pub origin: Millis,
    #[serde(serialize_with = "time::rfc3339")]
    pub created_at: Millis,
    /// how it did so far, or in all; in lists once it is complete
    #[serde(skip_serializing_if = "Option::is_none")]
    pub realised: Option<Realised>,
    /// of the series, now; left out of the reply that creates it
    #[serde(flatten)]
    pub mark: Option<Mark>,
    /// left out of lists
    #[serde(skip_serializing_if = "Option::is_none")]
    pub predictions: Option<Vec<Prediction>>,
}

/// How a forecast did against what came true.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Realised {
    /// whether it stays so: all actual values were there, or no more were waited for
    pub complete: bool,
    /// the figures
    #[serde(flatten)]
    pub score: Score,
}

/// What became of a request for a forecast.
#[derive(Debug)]
pub enum Stored {
    /// it was made now
    Now(Box<ForecastItem>),
    /// it was made before, under the same idempotency key
    Before(Replay),
}

/// Makes a forecast of one series and stores it.
///
/// # Errors
/// 404 without such a series, 409 that lists them if there are several, 422 for too little history,
/// 400 for a horizon of too many steps; 401, 403 or 503.
pub async fn create(
    app: &App,
    tenant: &Tenant,
    request: &ForecastRequest,
    request_id: &RequestId,
    operation: Option<&Operation>,
) -> Result<Stored, Error> {
    // the others cost nothing to make again; the batch below finds their records
    if let (Backend::TimeGpt, Some(operation)) = (request.backend, operation)
        && let Some(replay) = operation.earlier(tenant).await?
    {
        return Ok(Stored::Before(replay));
    }
    let series = series::resolve_one(tenant, &request.metric_key, request.dimensions.as_ref()).await?;
    let points = store::newest(tenant, series.series_id, HISTORY).await?;
    let made = make_or_ask(app, tenant, &points, request).await?;
    let forecast_id = ForecastId::new(tenant.clock(), &app.entropy)?;
    let item = ForecastItem {
        request_id: Some(request_id.clone()),
        forecast_id: forecast_id.as_str().to_owned(),
        job_id: None,
        series_id: series.series_id,
        metric_key: series.metric_key.as_str().to_owned(),
        dimensions: series.dimensions,
        backend: made.backend,
        model_info: made.model_info,
        frequency: made.packed.step.to_string(),
        horizon: i64::try_from(made.packed.mean.len()).unwrap_or(i64::MAX),
        origin: made.origin,
        created_at: tenant.clock().now(),
        realised: None,
        mark: None,
        predictions: Some(made.packed.predictions(&made.shown, &[])),
    };
    let mut batch = Batch::write();
    let record = operation.map(|operation| operation.record(&mut batch, tenant, StatusCode::CREATED, &item));
    batch.push(Step::tenant(
        concat!(
            "INSERT INTO forecasts
                (org_id, forecast_id, series_id, backend, frequency, horizon, origin, model_info, predictions, created_at,
                 shown, naive_error, score_at)
             SELECT org_id, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, coalesce(?10, ",
            wall_ms!("?11"),
            "), ?12, ?13, ?14 FROM authority"
        ),
        args![
            &forecast_id,
            series.series_id,
            &item.backend,
            &item.frequency,
            item.horizon,
            item.origin,
            item.model_info.to_string(),
            made.packed.encode(),
            tenant.clock().product_override(),
            tenant.clock().wall_offset(),
            serde_json::to_string(&made.shown).unwrap_or_default(),
            made.naive_error,
            made.packed.end()
        ],
    ));
    let result = tenant.run(batch).await;
    let outcome = match (operation, record) {
        (Some(operation), Some(record)) => operation.outcome(record, result),
        _ => result.map(Outcome::Done).map_err(OperationError::Db),
    };
    match outcome? {
        Outcome::Done(_) => Ok(Stored::Now(Box::new(item))),
        Outcome::Replayed(replay) => Ok(Stored::Before(replay)),
    }
}

/// A stored forecast, with the actual values so far.
///
/// # Errors
/// 404 if the organization has no such forecast; 401, 403 or 503.
pub async fn get(tenant: &Tenant, forecast_id: &ForecastId) -> Result<ForecastItem, Error> {
    let step = Step::tenant(
        "SELECT f.forecast_id, f.series_id, s.metric_key, s.dimensions, f.backend, f.model_info, f.frequency, f.horizon,
                f.origin, f.created_at, f.score, e.until, e.forecasts, e.mean, e.variance, e.cusum, e.run_since,
                e.run_forecasts, e.run_mean, e.drifting, f.predictions, f.shown, f.naive_error
         FROM authority AS a JOIN forecasts AS f ON f.org_id = a.org_id AND f.forecast_id = ?2
         JOIN time_series AS s ON s.org_id = a.org_id AND s.series_id = f.series_id
         LEFT JOIN forecast_errors AS e ON e.org_id = a.org_id AND e.series_id = f.series_id",
        args![forecast_id],
    );
    let reply = tenant.run(Batch::read_one(step)).await?;
    let row = reply.step(0)?.first().ok_or(Error::NotFound("the forecast"))?;
    let mut item = item(row)?;
    let packed = PackedForecast::decode(row.blob(20)?)?;
    let shown = Shown::stored(row.opt_text(21)?, &packed)?;
    let from = item.origin.saturating_add(1);
    let actuals = store::points(tenant, item.series_id, Some(from), Some(packed.end())).await?;
    if item.realised.is_none() {
        item.realised =
            score(&packed, &shown.levels, row.opt_real(22)?, &actuals).map(|score| Realised { complete: false, score });
    }
    item.predictions = Some(packed.predictions(&shown, &actuals));
    Ok(item)
}

/// Stored forecasts without their numbers, newest first; of one series, if one is given.
///
/// # Errors
/// 401, 403 or 503.
pub async fn list(
    tenant: &Tenant,
    series: Option<SeriesId>,
    limit: usize,
    before: Option<&Cursor>,
) -> Result<Page<ForecastItem>, Error> {
    // '~' sorts after every id
    let step = Step::tenant(
        "SELECT f.forecast_id, f.series_id, s.metric_key, s.dimensions, f.backend, f.model_info, f.frequency, f.horizon,
                f.origin, f.created_at, f.score, e.until, e.forecasts, e.mean, e.variance, e.cusum, e.run_since,
                e.run_forecasts, e.run_mean, e.drifting
         FROM authority AS a JOIN forecasts AS f ON f.org_id = a.org_id
         JOIN time_series AS s ON s.org_id = a.org_id AND s.series_id = f.series_id
         LEFT JOIN forecast_errors AS e ON e.org_id = a.org_id AND e.series_id = f.series_id
         WHERE f.forecast_id < ?2 AND (?3 IS NULL OR f.series_id = ?3)
         ORDER BY f.forecast_id DESC LIMIT ?4",
        args![before.map_or("~", Cursor::as_str), series, Page::<ForecastItem>::fetch(limit)],
    );
    let reply = tenant.run(Batch::read_one(step)).await?;
    let items = reply.step(0)?.rows.iter().map(item).collect::<Result<Vec<_>, _>>()?;
    Ok(Page::cut(items, limit, |item| item.forecast_id.clone()))
}

fn item(row: &Row) -> Result<ForecastItem, DbError> {
    let wrong = |what: &str| DbError::Other(format!("a stored forecast has a wrong {what}"));
    let series_id = SeriesId::from_raw(row.integer(1)?).ok_or_else(|| wrong("series"))?;
    let score = row.opt_text(10)?.map(serde_json::from_str).transpose();
    Ok(ForecastItem {
        request_id: None,
        forecast_id: row.text(0)?.to_owned(),
        job_id: None,
        series_id,
        metric_key: row.text(2)?.to_owned(),
        dimensions: Dimensions::from_json(row.text(3)?).ok_or_else(|| wrong("dimensions"))?,
        backend: row.text(4)?.to_owned(),
        model_info: serde_json::from_str(row.text(5)?).map_err(|_| wrong("model_info"))?,
        frequency: row.text(6)?.to_owned(),
        horizon: row.integer(7)?,
        origin: row.integer(8)?,
        created_at: row.integer(9)?,
        realised: score
            .map_err(|_| wrong("score"))?
            .map(|score| Realised { complete: true, score }),
        mark: Some(SeriesErrors::read(row, 11, series_id)?.map_or_else(Mark::default, |errors| errors.mark())),
        predictions: None,
    })
}
