//! How a run ends.

use super::store::WITHOUT_RUN;
use super::work::Work;
use crate::Error;
use db::{Batch, DbError, Step, args, raise, wall_ms};

/// After so many attempts that got nowhere a run is given up until the next slot of its schedule.
pub(super) const MAX_ATTEMPTS: i64 = 5;
/// Runs that are remembered.
const MAX_RUNS: i64 = 100;
/// The longest error that is kept.
const MAX_ERROR: usize = 500;

/// The first slot of the schedule after `now`.
macro_rules! next_slot {
    () => {
        "scheduled_at + schedule_ms * (1 + max(now - scheduled_at, 0) / schedule_ms)"
    };
}

/// What became of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// its results are there
    Completed,
    /// nothing new had come since the last run, whose results stand
    Unchanged,
    /// it made no forecast, and is tried again later
    Failed,
    /// somebody else took over, or the job was changed or deleted meanwhile
    Lost,
}

impl Work {
    /// Ends a run that has been through all series.
    pub(super) async fn complete(self) -> Result<Ended, Error> {
        if self.open.series == 0 {
            let none = || "no series of this metric has the dimensions".to_owned();
            let reason = self.open.reason.clone().unwrap_or_else(none);
            return self.failed(&reason).await;
        }
        let clock = self.tenant.clock();
        let mut batch = Batch::write().repeatable();
        self.guard(&mut batch);
        batch.push(Step::tenant(
            concat!(
                "UPDATE forecast_runs SET completed_at = coalesce(?4, ",
                wall_ms!("?5"),
                ") WHERE org_id = (SELECT org_id FROM authority) AND job_id = ?2 AND run = ?3"
            ),
            args![
                &self.job_id,
                self.open.run,
                clock.product_override(),
                clock.wall_offset()
            ],
        ));
        batch.push(Step::tenant(
            "DELETE FROM forecast_results WHERE org_id = (SELECT org_id FROM authority) AND job_id = ?2 AND run NOT IN (
                SELECT run FROM forecast_runs WHERE org_id = (SELECT org_id FROM authority) AND job_id = ?2
                ORDER BY run DESC LIMIT 2)",
            args![&self.job_id],
        ));
        batch.push(Step::tenant(
            "DELETE FROM forecast_runs WHERE org_id = (SELECT org_id FROM authority) AND job_id = ?2 AND run <= ?3",
            args![&self.job_id, self.open.run - MAX_RUNS],
        ));
        batch.push(Step::tenant(
            concat!(
                "UPDATE forecast_jobs SET status = 'completed', attempts = 0, last_error = NULL, last_series = ?5,
                    last_run_at = (SELECT started_at FROM forecast_runs
                        WHERE org_id = (SELECT org_id FROM authority) AND job_id = ?2 AND run = ?6),
                    scheduled_at = ",
                next_slot!(),
                ", next_run_at = ",
                next_slot!(),
                " FROM (SELECT coalesce(?3, ",
                wall_ms!("?4"),
                ") AS now) WHERE org_id = (SELECT org_id FROM authority) AND job_id = ?2"
            ),
            args![
                &self.job_id,
                clock.product_override(),
                clock.wall_offset(),
                self.open.series,
                self.open.run
            ],
        ));
        self.end(batch, Ended::Completed).await
    }

    /// Ends a run that need not be made.
    pub(super) async fn unchanged(self) -> Result<Ended, Error> {
        let clock = self.tenant.clock();
        let mut batch = Batch::write().repeatable();
        batch.push(self.lease.fence());
        batch.push(Step::tenant(
            concat!(
                "UPDATE forecast_jobs SET status = 'completed', attempts = 0, last_error = NULL, last_run_at = now, scheduled_at = ",
                next_slot!(),
                ", next_run_at = ",
                next_slot!(),
                " FROM (SELECT coalesce(?3, ",
                wall_ms!("?4"),
                ") AS now) WHERE org_id = (SELECT org_id FROM authority) AND job_id = ?2 AND enabled = 1"
            ),
            args![&self.job_id, clock.product_override(), clock.wall_offset()],
        ));
        self.end(batch, Ended::Unchanged).await
    }

    /// Records that a run failed. It is tried again with growing delays; what it has written by then stays, unless it
    /// made no forecast at all or was tried too often.
    ///
    /// # Errors
    /// 503 if the database does not answer.
    pub async fn failed(self, reason: &str) -> Result<Ended, Error> {
        let clock = self.tenant.clock();
        let reason: String = reason.chars().take(MAX_ERROR).collect();
        let mut batch = Batch::write().repeatable();
        self.guard(&mut batch);
        batch.push(Step::tenant(
            "DELETE FROM forecast_runs WHERE org_id = (SELECT org_id FROM authority) AND job_id = ?2 AND completed_at IS NULL
                AND (series = 0 OR EXISTS (SELECT 1 FROM forecast_jobs AS j
                    WHERE j.org_id = forecast_runs.org_id AND j.job_id = ?2 AND j.attempts >= ?3))",
            args![&self.job_id, MAX_ATTEMPTS],
        ));
        batch.push(Step::tenant(WITHOUT_RUN, args![&self.job_id]));
        batch.push(Step::tenant(
            concat!(
                "UPDATE forecast_jobs SET status = 'failed', last_error = ?5,
                    attempts = iif(attempts >= ?6, 0, max(attempts, 1)),
                    scheduled_at = iif(attempts >= ?6, ",
                next_slot!(),
                ", scheduled_at), next_run_at = iif(attempts >= ?6, ",
                next_slot!(),
                ", now + min(60000 << (max(attempts, 1) - 1), 3600000))
                 FROM (SELECT coalesce(?3, ",
                wall_ms!("?4"),
                ") AS now) WHERE org_id = (SELECT org_id FROM authority) AND job_id = ?2 AND enabled = 1"
            ),
            args![
                &self.job_id,
                clock.product_override(),
                clock.wall_offset(),
                reason,
                MAX_ATTEMPTS
            ],
        ));
        self.end(batch, Ended::Failed).await
    }

    /// Adds the steps that raise unless this run is under way, at the place where this worker left it.
    pub(super) fn guard(&self, batch: &mut Batch) {
        batch.push(self.lease.fence());
        batch.push(Step::tenant(
            concat!(
                "SELECT CASE WHEN EXISTS (SELECT 1 FROM forecast_runs WHERE org_id = (SELECT org_id FROM authority)
                    AND job_id = ?2 AND run = ?3 AND completed_at IS NULL AND next_series = ?4) THEN 1 ELSE ",
                raise!(),
                " END"
            ),
            args![&self.job_id, self.open.run, self.open.next_series],
        ));
    }

    async fn end(self, batch: Batch, ended: Ended) -> Result<Ended, Error> {
        let result = self.tenant.run(batch).await;
        self.lease.release(&self.tenant).await?;
        match result {
            Ok(_) => Ok(ended),
            Err(DbError::Raised { .. }) => Ok(Ended::Lost),
            Err(error) => Err(error.into()),
        }
    }
}
