//! Jobs as HTTP reads and writes them.

use super::definition::Definition;
use super::job::{Job, Status, columns, of_row};
use crate::Error;
use crate::auth::Tenant;
use crate::forecasting::Horizon;
use crate::http::page::{Cursor, Page};
use crate::id::{Entropy, JobId};
use crate::idempotency::{Operation, OperationError, Outcome, Replay};
use db::{Batch, DbError, Step, Value, args, raise, wall_ms};
use http::StatusCode;

/// The most jobs of an organization.
pub const MAX_JOBS: i64 = 100;

/// What became of a request for a job.
#[derive(Debug)]
pub enum Saved {
    /// it was made now
    Now(Box<Job>),
    /// it was made before, under the same idempotency key
    Before(Replay),
}

/// Makes a job; its first run is due at once.
///
/// # Errors
/// 409 at [`MAX_JOBS`]; 401, 403 or 503.
pub async fn create(
    tenant: &Tenant,
    entropy: &Entropy,
    definition: &Definition,
    operation: Option<&Operation>,
) -> Result<Saved, Error> {
    let now = tenant.clock().now();
    let job = Job {
        job_id: JobId::new(tenant.clock(), entropy)?,
        request: definition.shown.clone(),
        schedule: definition.schedule.to_string(),
        enabled: definition.enabled,
        status: Status::Pending,
        next_run_at: definition.enabled.then_some(now),
        last_run_at: None,
        last_series: None,
        last_error: None,
        attempts: 0,
        created_at: now,
        updated_at: now,
    };
    let mut batch = Batch::write();
    let record = operation.map(|operation| operation.record(&mut batch, tenant, StatusCode::CREATED, &job));
    let room = batch.push(Step::tenant(
        concat!(
            "SELECT CASE WHEN (SELECT count(*) FROM forecast_jobs WHERE org_id = (SELECT org_id FROM authority)) >= ?2 THEN ",
            raise!(),
            " ELSE 1 END"
        ),
        args![MAX_JOBS],
    ));
    batch.push(Step::tenant(
        concat!(
            "INSERT INTO forecast_jobs (org_id, job_id, metric_key, dimensions, backend, horizon, frequency, request,
                schedule_ms, enabled, status, scheduled_at, next_run_at, created_at, updated_at)
             SELECT org_id, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 'pending', iif(?10, now, NULL), iif(?10, now, NULL), now, now
             FROM authority, (SELECT coalesce(?11, ",
            wall_ms!("?12"),
            ") AS now)"
        ),
        fields(tenant, &job.job_id, definition),
    ));
    let result = tenant.run(batch).await;
    let outcome = match (operation, record) {
        (Some(operation), Some(record)) => operation.outcome(record, result),
        _ => result.map(Outcome::Done).map_err(OperationError::Db),
    };
    match outcome {
        Ok(Outcome::Done(_)) => Ok(Saved::Now(Box::new(job))),
        Ok(Outcome::Replayed(replay)) => Ok(Saved::Before(replay)),
        Err(OperationError::Db(DbError::Raised { step, .. })) if step == room => Err(Error::conflict(format!(
            "an organization has at most {MAX_JOBS} forecast jobs"
        ))),
        Err(other) => Err(other.into()),
    }
}

/// Replaces what a job says.
///
/// If that changes what is forecast, the run under way is given up, and a new one is due at once; the results of earlier runs
/// stay. A job that is not enabled has no run under way.
///
/// # Errors
/// 404 if the organization has no such job; 401, 403 or 503.
pub async fn replace(tenant: &Tenant, job_id: &JobId, definition: &Definition) -> Result<Job, Error> {
    let mut batch = Batch::write().repeatable();
    let known = batch.push(exists(job_id));
    batch.push(Step::tenant(
        concat!(
            "UPDATE forecast_jobs SET metric_key = ?3, dimensions = ?4, backend = ?5, horizon = ?6, frequency = ?7, request = ?8,
                schedule_ms = ?9, enabled = ?10, updated_at = now, revision = revision + (request <> ?8),
                status = iif(request <> ?8 OR (NOT ?10 AND status = 'running'), 'pending', status),
                attempts = iif(request <> ?8, 0, attempts), last_error = iif(request <> ?8, NULL, last_error),
                scheduled_at = iif(NOT ?10, NULL, iif(request <> ?8 OR scheduled_at IS NULL, now, min(scheduled_at, now + ?9))),
                next_run_at = iif(NOT ?10, NULL, iif(request <> ?8 OR next_run_at IS NULL, now, min(next_run_at, now + ?9)))
             FROM (SELECT coalesce(?11, ",
            wall_ms!("?12"),
            ") AS now) WHERE org_id = (SELECT org_id FROM authority) AND job_id = ?2"
        ),
        fields(tenant, job_id, definition),
    ));
    batch.push(Step::tenant(
        "DELETE FROM forecast_runs WHERE org_id = (SELECT org_id FROM authority) AND job_id = ?2 AND completed_at IS NULL
            AND EXISTS (SELECT 1 FROM forecast_jobs AS j WHERE j.org_id = forecast_runs.org_id AND j.job_id = ?2
                          AND (j.enabled = 0 OR j.revision <> forecast_runs.revision))",
        args![job_id],
    ));
    batch.push(Step::tenant(WITHOUT_RUN, args![job_id]));
    let read = batch.push(select(job_id));
    match tenant.run(batch).await {
        Ok(reply) => of_row(reply.step(read)?.one()?),
        Err(DbError::Raised { step, .. }) if step == known => Err(Error::NotFound("the forecast job")),
        Err(error) => Err(error.into()),
    }
}

/// Removes the results of runs that are no more.
pub(super) const WITHOUT_RUN: &str = "DELETE FROM forecast_results
    WHERE org_id = (SELECT org_id FROM authority) AND job_id = ?2
      AND run NOT IN (SELECT run FROM forecast_runs WHERE org_id = (SELECT org_id FROM authority) AND job_id = ?2)";

/// Deletes a job with its runs and results.
///
/// # Errors
/// 404 if the organization has no such job; 401, 403 or 503.
pub async fn delete(tenant: &Tenant, job_id: &JobId) -> Result<(), Error> {
    let mut batch = Batch::write();
    let known = batch.push(exists(job_id));
    batch.push(Step::tenant(
        "DELETE FROM forecast_jobs WHERE org_id = (SELECT org_id FROM authority) AND job_id = ?2",
        args![job_id],
    ));
    batch.push(Step::tenant(
        "DELETE FROM forecast_runs WHERE org_id = (SELECT org_id FROM authority) AND job_id = ?2",
        args![job_id],
    ));
    batch.push(Step::tenant(WITHOUT_RUN, args![job_id]));
    // whoever works on it finds its writes refused
    batch.push(Step::tenant(
        "DELETE FROM leases WHERE org_id = (SELECT org_id FROM authority) AND name = ?2",
        args![super::claim::lease_name(job_id)],
    ));
    match tenant.run(batch).await {
        Ok(_) => Ok(()),
        Err(DbError::Raised { step, .. }) if step == known => Err(Error::NotFound("the forecast job")),
        Err(error) => Err(error.into()),
    }
}

/// One job.
///
/// # Errors
/// 404 if the organization has no such job; 401, 403 or 503.
pub async fn get(tenant: &Tenant, job_id: &JobId) -> Result<Job, Error> {
    let reply = tenant.run(Batch::read_one(select(job_id))).await?;
    of_row(reply.step(0)?.first().ok_or(Error::NotFound("the forecast job"))?)
}

/// The organization's jobs, oldest first.
///
/// # Errors
/// 401, 403 or 503.
pub async fn list(tenant: &Tenant, limit: usize, after: Option<&Cursor>) -> Result<Page<Job>, Error> {
    let step = Step::tenant(
        concat!(
            "SELECT ",
            columns!(),
            " FROM forecast_jobs WHERE org_id = (SELECT org_id FROM authority) AND job_id > ?2 ORDER BY job_id LIMIT ?3"
        ),
        args![after.map_or("", Cursor::as_str), Page::<Job>::fetch(limit)],
    );
    let reply = tenant.run(Batch::read_one(step)).await?;
    let jobs = reply.step(0)?.rows.iter().map(of_row).collect::<Result<_, _>>()?;
    Ok(Page::cut(jobs, limit, |job| job.job_id.to_string()))
}

fn select(job_id: &JobId) -> Step {
    Step::tenant(
        concat!(
            "SELECT ",
            columns!(),
            " FROM forecast_jobs WHERE org_id = (SELECT org_id FROM authority) AND job_id = ?2"
        ),
        args![job_id],
    )
}

/// A step that raises unless the organization has this job.
pub(super) fn exists(job_id: &JobId) -> Step {
    Step::tenant(
        concat!(
            "SELECT CASE WHEN EXISTS (SELECT 1 FROM forecast_jobs WHERE org_id = (SELECT org_id FROM authority) AND job_id = ?2)
             THEN 1 ELSE ",
            raise!(),
            " END"
        ),
        args![job_id],
    )
}

fn fields(tenant: &Tenant, job_id: &JobId, definition: &Definition) -> Vec<Value> {
    let request = &definition.request;
    let steps = match request.horizon {
        Horizon::Steps(steps) => i64::try_from(steps).unwrap_or(i64::MAX),
        // how many steps a duration is depends on the series
        Horizon::Span(_) => 0,
    };
    args![
        job_id,
        request.metric_key.as_str(),
        definition.selector().to_json(),
        request.backend.to_string(),
        steps,
        request.frequency.map(|step| step.to_string()),
        serde_json::Value::Object(definition.shown.clone()).to_string(),
        definition.schedule.millis(),
        definition.enabled,
        tenant.clock().product_override(),
        tenant.clock().wall_offset()
    ]
}
