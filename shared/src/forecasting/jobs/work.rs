//! A worker's hold on a job, and the piece of its run that it does next.

use super::claim::{Claimed, claim};
use super::finish::Ended;
use super::packed::MAX_SERIES;
use super::piece::{Made, Piece};
use super::score::Sums;
use super::{definition::Definition, results};
use crate::auth::Tenant;
use crate::budget::Budget;
use crate::forecasting::Backend;
use crate::id::{Entropy, JobId};
use crate::lease::Lease;
use crate::series::SeriesId;
use crate::{App, Error, series, store};
use db::{Batch, DbError, Step, args};

/// Series that are read together: as many rows of results as one snapshot of the store allows.
const TOGETHER: usize = store::MAX_TOGETHER / MAX_SERIES * MAX_SERIES;
/// The newest points of a series that a forecast is made from: two weeks of five minutes, and some.
const HISTORY: usize = 4_096;
/// A write is not larger than this by more than a row.
const WRITE_BYTES: usize = 1024 * 1024;

/// A run under way.
#[derive(Debug, Clone, Default)]
pub(super) struct Open {
    pub(super) run: i64,
    pub(super) next_series: i64,
    pub(super) series: i64,
    pub(super) skipped: i64,
    pub(super) reason: Option<String>,
}

/// The run whose results go when the one under way is complete.
#[derive(Debug, Clone)]
pub(super) struct Falling {
    pub(super) run: i64,
    pub(super) sums: Sums,
}

/// A job that this worker has taken, with the run that it is at.
#[derive(Debug)]
pub struct Work {
    pub(super) tenant: Tenant,
    pub(super) lease: Lease,
    pub(super) job_id: JobId,
    pub(super) definition: Definition,
    pub(super) open: Open,
    pub(super) falling: Option<Falling>,
}

/// What became of a piece of a run.
#[derive(Debug)]
pub enum Advanced {
    /// there is more to do
    More(Box<Work>),
    /// there is more to do, and the budget is spent
    Paused(Box<Work>),
    /// the run is over
    Ended(Ended),
}

impl Work {
    /// Takes a job that is due; a new run begins unless one is under way.
    ///
    /// # Errors
    /// 503 if the database does not answer, or what it holds is damaged.
    pub async fn begin(tenant: &Tenant, entropy: &Entropy, job_id: &JobId) -> Result<Option<Advanced>, Error> {
        Ok(match claim(tenant, entropy, job_id).await? {
            Claimed::Work(work) => Some(Advanced::More(work)),
            Claimed::Ended(ended) => Some(Advanced::Ended(ended)),
            Claimed::Taken => None,
        })
    }

    /// Goes on with the run: forecasts the next few hundred series, 64 for each unit of the budget (one, where TimeGPT is
    /// asked), and writes them. What was written stays, whatever becomes of the rest.
    ///
    /// # Errors
    /// The work, so that [`Work::failed`] can record it, with the error: 503 if the database does not answer.
    pub async fn advance(
        mut self: Box<Self>,
        app: &App,
        budget: &mut dyn Budget,
    ) -> Result<Advanced, (Box<Self>, Error)> {
        match self.piece(app, budget).await {
            Ok(Done::All) => match self.complete().await {
                Ok(ended) => Ok(Advanced::Ended(ended)),
                // not known whether it was: the next run of the function sees
                Err(error) => {
                    tracing::warn!(?error, "the end of a run was not recorded");
                    Ok(Advanced::Ended(Ended::Lost))
                }
            },
            Ok(Done::Some) => Ok(Advanced::More(self)),
            Ok(Done::Paused) => Ok(Advanced::Paused(self)),
            Ok(Done::Lost) => Ok(Advanced::Ended(Ended::Lost)),
            Err(error) => Err((self, error)),
        }
    }

    /// Leaves the run to whoever comes next.
    ///
    /// # Errors
    /// 503 if the database does not answer.
    pub async fn release(self) -> Result<(), Error> {
        self.lease.release(&self.tenant).await
    }

    async fn piece(&mut self, app: &App, budget: &mut dyn Budget) -> Result<Done, Error> {
        if !budget.another() {
            return Ok(Done::Paused);
        }
        let request = &self.definition.request;
        let selector = self.definition.selector();
        let from = self.open.next_series;
        let series = series::selected(&self.tenant, &request.metric_key, &selector, from, TOGETHER).await?;
        let last = series.len() < TOGETHER;
        let mut piece = self.read(&series).await?;
        let mut made = self.nothing_made();
        // a series that is asked of a service takes seconds, and is paid for
        let asked = self.definition.request.backend == Backend::TimeGpt;
        let together = if asked { 1 } else { MAX_SERIES };
        for (at, some) in series.chunks(together).enumerate() {
            if at > 0 && !budget.another() {
                return Ok(if self.write(made).await? {
                    Done::Paused
                } else {
                    Done::Lost
                });
            }
            piece
                .forecast(app, &self.tenant, some, &self.definition.request, &mut made)
                .await?;
            if made.bytes() >= if asked { 1 } else { WRITE_BYTES } {
                if !self.write(made).await? {
                    return Ok(Done::Lost);
                }
                made = self.nothing_made();
            }
            // a process that also answers requests gets to them
            tokio::task::yield_now().await;
        }
        if !self.write(made).await? {
            return Ok(Done::Lost);
        }
        Ok(if last { Done::All } else { Done::Some })
    }

    /// The points of these series, and what the run whose results will go said of them.
    async fn read(&self, series: &[SeriesId]) -> Result<Piece, Error> {
        let points = store::recent(&self.tenant, series, None, HISTORY).await?;
        let mut falling = Vec::new();
        if let (Some(run), Some(first), Some(last)) = (&self.falling, series.first(), series.last()) {
            let found = results::entries(&self.tenant, &self.job_id, run.run, *first..=*last, usize::MAX).await;
            // what cannot be read any more is not scored, and holds nothing up
            falling = found.unwrap_or_else(|error| {
                tracing::warn!(
                    job_id = self.job_id.as_str(),
                    run = run.run,
                    ?error,
                    "results were not scored"
                );
                Vec::new()
            });
        }
        Ok(Piece::new(points, falling))
    }

    fn nothing_made(&self) -> Made {
        Made::after(
            self.falling
                .as_ref()
                .map(|falling| falling.sums.clone())
                .unwrap_or_default(),
        )
    }

    /// Writes rows and the place where the run goes on; `false` if somebody else took over.
    async fn write(&mut self, mut made: Made) -> Result<bool, Error> {
        made.seal()?;
        let Some(next_series) = made.next_series() else {
            return Ok(true);
        };
        let mut next = self.open.clone();
        next.next_series = next_series;
        next.series += made.series;
        next.skipped += made.skipped;
        next.reason = next.reason.or(made.reason);
        let mut batch = Batch::write().repeatable();
        self.guard(&mut batch);
        for (first, blob) in made.rows {
            batch.push(Step::tenant(
                "INSERT INTO forecast_results (org_id, job_id, run, first_series, blob) SELECT org_id, ?2, ?3, ?4, ?5 FROM authority",
                args![&self.job_id, next.run, first, blob],
            ));
        }
        batch.push(Step::tenant(
            "UPDATE forecast_runs SET next_series = ?4, series = ?5, skipped = ?6, reason = ?7
             WHERE org_id = (SELECT org_id FROM authority) AND job_id = ?2 AND run = ?3",
            args![
                &self.job_id,
                next.run,
                next.next_series,
                next.series,
                next.skipped,
                next.reason.as_deref()
            ],
        ));
        // it got on: the next run of the function goes on at once
        batch.push(Step::tenant(
            "UPDATE forecast_jobs SET attempts = 0, next_run_at = scheduled_at
             WHERE org_id = (SELECT org_id FROM authority) AND job_id = ?2",
            args![&self.job_id],
        ));
        let mut falling = self.falling.clone();
        if let Some(falling) = &mut falling {
            falling.sums = made.came_true;
            batch.push(Step::tenant(
                "UPDATE forecast_runs SET score = ?4 WHERE org_id = (SELECT org_id FROM authority) AND job_id = ?2 AND run = ?3",
                args![
                    &self.job_id,
                    falling.run,
                    serde_json::to_string(&falling.sums).unwrap_or_default()
                ],
            ));
        }
        match self.tenant.run(batch).await {
            Ok(_) => {
                self.open = next;
                self.falling = falling;
                Ok(true)
            }
            Err(DbError::Raised { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// How far a piece came.
enum Done {
    /// all series are done
    All,
    /// there are more
    Some,
    /// the budget is spent
    Paused,
    /// somebody else took over
    Lost,
}
