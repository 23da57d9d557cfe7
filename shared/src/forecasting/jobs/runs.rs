use super::score::Sums;
use super::store::exists;
use crate::auth::Tenant;
use crate::clock::Millis;
use crate::forecasting::Score;
use crate::http::page::{Cursor, Page};
use crate::id::JobId;
use crate::{Error, time};
use db::{Batch, DbError, Row, Step, args};
use serde::Serialize;

/// A run of a job, as replies show it.
#[derive(Debug, Clone, Serialize)]
pub struct Run {
    /// 1, 2, ...
    pub run: i64,
    /// when it began
    #[serde(serialize_with = "time::rfc3339")]
    pub started_at: Millis,
    /// when it ended; none while it is under way
    #[serde(serialize_with = "time::rfc3339_option")]
    pub completed_at: Option<Millis>,
    /// how many series it forecast
    pub series: i64,
    /// how many it could not forecast
    pub skipped: i64,
    /// why, for the first of them
    pub reason: Option<String>,
    /// whether its results are still there
    pub results: bool,
    /// what became of its forecasts, once its results are gone
    pub score: Option<Score>,
}

/// The runs of a job, the newest first.
///
/// # Errors
/// 404 if the organization has no such job; 400 for a cursor that this list did not give; 401, 403 or 503.
pub async fn runs(tenant: &Tenant, job_id: &JobId, limit: usize, after: Option<&Cursor>) -> Result<Page<Run>, Error> {
    let before = after.map_or(Ok(i64::MAX), |cursor| {
        let run = cursor.as_str().parse();
        run.map_err(|_| Error::schema("the cursor is not one that this list gave"))
    })?;
    let mut batch = Batch::read();
    let known = batch.push(exists(job_id));
    let found = batch.push(Step::tenant(
        "SELECT r.run, r.started_at, r.completed_at, r.series, r.skipped, r.reason, r.score,
            EXISTS (SELECT 1 FROM forecast_results AS f
                WHERE f.org_id = r.org_id AND f.job_id = r.job_id AND f.run = r.run)
         FROM forecast_runs AS r
         WHERE r.org_id = (SELECT org_id FROM authority) AND r.job_id = ?2 AND r.run < ?3
         ORDER BY r.run DESC LIMIT ?4",
        args![job_id, before, Page::<Run>::fetch(limit)],
    ));
    let reply = match tenant.run(batch).await {
        Ok(reply) => reply,
        Err(DbError::Raised { step, .. }) if step == known => return Err(Error::NotFound("the forecast job")),
        Err(error) => return Err(error.into()),
    };
    let runs = reply.step(found)?.rows.iter().map(of_row).collect::<Result<_, _>>()?;
    Ok(Page::cut(runs, limit, |run| run.run.to_string()))
}

fn of_row(row: &Row) -> Result<Run, DbError> {
    let results = row.integer(7)? != 0;
    let sums = row
        .opt_text(6)?
        .and_then(|text| serde_json::from_str::<Sums>(text).ok());
    Ok(Run {
        run: row.integer(0)?,
        started_at: row.integer(1)?,
        completed_at: row.opt_integer(2)?,
        series: row.integer(3)?,
        skipped: row.integer(4)?,
        reason: row.opt_text(5)?.map(str::to_owned),
        results,
        // until then they grow with the run that is under way
        score: sums.filter(|_| !results).and_then(|sums| sums.score()),
    })
}
