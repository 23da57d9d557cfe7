//! Which jobs are due, and who works on one.

use super::definition::Definition;
use super::finish::{Ended, MAX_ATTEMPTS};
use super::score::Sums;
use super::work::{Falling, Open, Work};
use crate::Error;
use crate::auth::Tenant;
use crate::clock::{MINUTE, Millis};
use crate::id::{Entropy, JobId, OrgId};
use crate::lease;
use db::{Batch, DbError, Row, Step, args, raise, wall_ms};

/// Longer than a run of the function; whoever was killed is replaced after it.
const LEASE: Millis = 2 * MINUTE;
/// Jobs that one look finds, those that wait longest first.
const LOOK: i64 = 500;

/// A job for which there is something to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// whose
    pub org_id: OrgId,
    /// which
    pub job_id: JobId,
}

/// The jobs that are due, those that wait longest first.
///
/// # Errors
/// 503 if the database does not answer.
pub async fn due(system: &Tenant) -> Result<Vec<Due>, Error> {
    let clock = system.clock();
    let step = Step::tenant(
        concat!(
            "SELECT j.org_id, j.job_id FROM forecast_jobs AS j INDEXED BY forecast_jobs_due
             CROSS JOIN authority AS a ON a.org_id = j.org_id
             WHERE j.next_run_at <= coalesce(?2, ",
            wall_ms!("?3"),
            ") ORDER BY j.next_run_at, j.job_id LIMIT ?4"
        ),
        args![clock.product_override(), clock.wall_offset(), LOOK],
    );
    let reply = system.run(Batch::read_one(step)).await?;
    let due = |row: &Row| {
        Ok::<_, DbError>(Due {
            org_id: OrgId::parse(row.text(0)?).ok_or_else(broken)?,
            job_id: JobId::parse(row.text(1)?).ok_or_else(broken)?,
        })
    };
    Ok(reply.step(0)?.rows.iter().map(due).collect::<Result<_, _>>()?)
}

fn broken() -> DbError {
    DbError::Other("a forecast job has a wrong id".into())
}

/// What the lease on a job is called.
pub(super) fn lease_name(job_id: &JobId) -> String {
    format!("forecasts of {job_id}")
}

/// What became of a claim.
#[derive(Debug)]
pub(super) enum Claimed {
    /// nobody else works on it, and there is something to do
    Work(Box<Work>),
    /// it is done
    Ended(Ended),
    /// somebody else works on it, or did it
    Taken,
}

/// Takes a job that is due: its run under way, or a new one.
pub(super) async fn claim(tenant: &Tenant, entropy: &Entropy, job_id: &JobId) -> Result<Claimed, Error> {
    let Some(lease) = lease::take(tenant, entropy, &lease_name(job_id), LEASE).await? else {
        return Ok(Claimed::Taken);
    };
    let clock = tenant.clock();
    let now = args![job_id, clock.product_override(), clock.wall_offset()];
    // sent twice, the second finds the job no longer due
    let mut batch = Batch::write().repeatable();
    let fence = batch.push(lease.fence());
    let due = batch.push(Step::tenant(STILL_DUE, now.clone()));
    batch.push(Step::tenant(TRY, now.clone()));
    batch.push(Step::tenant(OPEN, now));
    let job = batch.push(Step::tenant(JOB, args![job_id]));
    let falling = batch.push(Step::tenant(FALLING, args![job_id]));
    let reply = match tenant.run(batch).await {
        Ok(reply) => reply,
        Err(DbError::Raised { step, .. }) if step == fence || step == due => {
            lease.release(tenant).await?;
            return Ok(Claimed::Taken);
        }
        Err(error) => return Err(error.into()),
    };
    let falling = reply.step(falling)?.first().map(falling_run).transpose()?;
    let row = reply.step(job)?.one()?;
    let attempts = row.integer(3)?;
    let open = open_run(row)?;
    let definition = match Definition::stored(row.text(0)?, row.integer(1)?, row.integer(2)? != 0) {
        Ok(definition) => definition,
        Err(error) => {
            lease.release(tenant).await?;
            return Err(error);
        }
    };
    let under_way = open.is_some();
    let mut falling = falling;
    if let (Some(falling), Some(Open { next_series: 0, .. })) = (&mut falling, &open) {
        // what a run that was given up has summed does not count
        falling.sums = Sums::default();
    }
    let work = Work {
        tenant: tenant.clone(),
        lease,
        job_id: job_id.clone(),
        definition,
        open: open.unwrap_or_default(),
        falling,
    };
    Ok(if !under_way {
        Claimed::Ended(work.unchanged().await?)
    } else if attempts > MAX_ATTEMPTS {
        Claimed::Ended(work.failed("the run was interrupted again and again").await?)
    } else {
        Claimed::Work(Box::new(work))
    })
}

fn open_run(row: &Row) -> Result<Option<Open>, Error> {
    let Some(run) = row.opt_integer(4)? else {
        return Ok(None);
    };
    Ok(Some(Open {
        run,
        next_series: row.integer(5)?,
        series: row.integer(6)?,
        skipped: row.integer(7)?,
        reason: row.opt_text(8)?.map(str::to_owned),
    }))
}

fn falling_run(row: &Row) -> Result<Falling, Error> {
    let sums = row.opt_text(1)?.map(serde_json::from_str::<Sums>);
    Ok(Falling {
        run: row.integer(0)?,
        sums: sums.and_then(Result::ok).unwrap_or_default(),
    })
}

const STILL_DUE: &str = concat!(
    "SELECT CASE WHEN EXISTS (SELECT 1 FROM forecast_jobs
        WHERE org_id = (SELECT org_id FROM authority) AND job_id = ?2 AND next_run_at <= coalesce(?3, ",
    wall_ms!("?4"),
    ")) THEN 1 ELSE ",
    raise!(),
    " END"
);

// each claim counts as an attempt until something is written, and puts the next one off: one that is killed each time
// does not keep the others from their turn
const TRY: &str = concat!(
    "UPDATE forecast_jobs SET status = 'running', attempts = attempts + 1,
        next_run_at = min(60000 << min(attempts, 6), 3600000) + coalesce(?3, ",
    wall_ms!("?4"),
    ") WHERE org_id = (SELECT org_id FROM authority) AND job_id = ?2"
);

// none is opened where the last one saw the same
const OPEN: &str = concat!(
    "INSERT INTO forecast_runs (org_id, job_id, run, revision, input_seq, input_layout, started_at)
     SELECT org_id, job_id, run, revision, seq, layout_version, coalesce(?3, ",
    wall_ms!("?4"),
    ")
     FROM (SELECT j.org_id, j.job_id, j.revision, s.layout_version,
             1 + coalesce((SELECT max(run) FROM forecast_runs WHERE org_id = j.org_id AND job_id = j.job_id), 0) AS run,
             max(s.compacted_seq, coalesce((SELECT max(seq) FROM metric_batches WHERE org_id = j.org_id), 0)) AS seq
           FROM forecast_jobs AS j JOIN org_state AS s ON s.org_id = j.org_id
           WHERE j.org_id = (SELECT org_id FROM authority) AND j.job_id = ?2) AS n
     WHERE NOT EXISTS (SELECT 1 FROM forecast_runs AS r WHERE r.org_id = n.org_id AND r.job_id = n.job_id
        AND (r.completed_at IS NULL
             OR (r.revision = n.revision AND r.input_seq = n.seq AND r.input_layout = n.layout_version)))"
);

const JOB: &str =
    "SELECT j.request, j.schedule_ms, j.enabled, j.attempts, r.run, r.next_series, r.series, r.skipped, r.reason
     FROM forecast_jobs AS j
     LEFT JOIN forecast_runs AS r ON r.org_id = j.org_id AND r.job_id = j.job_id AND r.completed_at IS NULL
     WHERE j.org_id = (SELECT org_id FROM authority) AND j.job_id = ?2";

// the run whose results go when this one is complete: two of them stay
const FALLING: &str = "SELECT run, score FROM forecast_runs
     WHERE org_id = (SELECT org_id FROM authority) AND job_id = ?2 AND completed_at IS NOT NULL
     ORDER BY run DESC LIMIT 1 OFFSET 1";
