//! Makes the forecasts of rules that ticks had no time for, and runs the forecast jobs that are due, as far as its time
//! allows.
//!
//! A schedule invokes it each minute. A job that is not done goes on in the next run where it stands. Safe to run as often
//! as one likes, and by several at once.

#![warn(missing_docs)]

use intentvision::alerting::tick;
use intentvision::auth::Job;
use intentvision::budget::Budget;
use intentvision::forecasting::jobs::{self, Advanced, Due, Ended, Work};
use intentvision::{App, Error};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::time::Duration;

/// What the forecasts of rules may take of a run: somebody waits for what they say.
pub const RULES: Duration = Duration::from_secs(10);
/// What forecast jobs may take of it: with the above, and the 20 seconds that the last call to TimeGPT may take, below the
/// function's limit and the minute after which the next run comes.
pub const JOBS: Duration = Duration::from_secs(25);

/// An EventBridge event; what it says does not matter.
#[derive(Debug, Deserialize)]
pub struct Scheduled {}

/// What a run did.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// forecasts of rules that were made
    pub rules: usize,
    /// jobs that were due
    pub due: usize,
    /// of them, those that are done, with new results
    pub completed: usize,
    /// those for which nothing new had come
    pub unchanged: usize,
    /// those that made no forecast, or that the database failed
    pub failed: usize,
    /// those that somebody else works on, or that were changed or deleted meanwhile
    pub taken: usize,
    /// those that the next run goes on with
    pub unfinished: usize,
}

/// A job that waits for its turn.
enum Waiting {
    Due(Due),
    UnderWay(Box<Work>),
}

/// What the schedule starts each minute, with a budget for the forecasts of rules and one for jobs.
///
/// # Errors
/// 503 if the database does not say what is due.
pub async fn on_schedule(app: &App, rules: &mut dyn Budget, jobs: &mut dyn Budget) -> Result<Summary, Error> {
    let rules = catch_up(app, rules).await?;
    let summary = Summary {
        rules,
        ..run(app, jobs).await?
    };
    tracing::info!(?summary, "forecasts");
    Ok(summary)
}

/// Makes the forecasts of rules that ticks left undone; a unit of the budget is one of them.
///
/// # Errors
/// 503 if the database does not say which there are. An organization that fails is logged, and the others go on.
pub async fn catch_up(app: &App, budget: &mut dyn Budget) -> Result<usize, Error> {
    let mut made = 0;
    for org_id in tick::backlog(&app.system(Job::Forecast, None)).await? {
        let tenant = app.system(Job::Forecast, Some(org_id.clone()));
        match tick::catch_up(&tenant, budget).await {
            Ok(more) => made += more,
            Err(error) => {
                tracing::error!(org_id = org_id.as_str(), ?error, "the forecasts of rules were not made");
            }
        }
    }
    Ok(made)
}

/// Runs the jobs that are due. They take turns of a few hundred series, so that a large one does not keep the others waiting.
/// A unit of the budget is 64 series, or one of which TimeGPT is asked.
///
/// # Errors
/// 503 if the database does not say what is due. A job that fails is logged and counted, and the others go on.
pub async fn run(app: &App, budget: &mut dyn Budget) -> Result<Summary, Error> {
    let due = jobs::due(&app.system(Job::Forecast, None)).await?;
    let mut summary = Summary {
        due: due.len(),
        ..Summary::default()
    };
    let mut queue: VecDeque<Waiting> = due.into_iter().map(Waiting::Due).collect();
    while let Some(waiting) = queue.pop_front() {
        match turn(app, waiting, budget).await {
            Some(Advanced::More(work)) => queue.push_back(Waiting::UnderWay(work)),
            Some(Advanced::Paused(work)) => {
                queue.push_front(Waiting::UnderWay(work));
                break;
            }
            Some(Advanced::Ended(Ended::Completed)) => summary.completed += 1,
            Some(Advanced::Ended(Ended::Unchanged)) => summary.unchanged += 1,
            Some(Advanced::Ended(Ended::Failed)) => summary.failed += 1,
            Some(Advanced::Ended(Ended::Lost)) | None => summary.taken += 1,
        }
    }
    summary.unfinished = queue.len();
    for waiting in queue {
        if let Waiting::UnderWay(work) = waiting
            && let Err(error) = work.release().await
        {
            // it runs out by itself
            tracing::warn!(?error, "a forecast job was not given back");
        }
    }
    Ok(summary)
}

/// One turn of a job; nothing if somebody else works on it.
async fn turn(app: &App, waiting: Waiting, budget: &mut dyn Budget) -> Option<Advanced> {
    let begun = match waiting {
        Waiting::UnderWay(work) => Ok(Some(Advanced::More(work))),
        Waiting::Due(due) => {
            let tenant = app.system(Job::Forecast, Some(due.org_id.clone()));
            let begun = Work::begin(&tenant, &app.entropy, &due.job_id).await;
            begun.inspect_err(|error| {
                tracing::error!(
                    org_id = due.org_id.as_str(),
                    job_id = due.job_id.as_str(),
                    ?error,
                    "a forecast job was not begun"
                )
            })
        }
    };
    let work = match begun {
        Ok(Some(Advanced::More(work))) => work,
        Ok(other) => return other,
        Err(_) => return Some(Advanced::Ended(Ended::Failed)),
    };
    match work.advance(app, budget).await {
        Ok(advanced) => Some(advanced),
        Err((work, error)) => {
            tracing::error!(?error, "a forecast job failed");
            if let Err(error) = work.failed(&error.to_string()).await {
                tracing::error!(?error, "and that was not recorded");
            }
            Some(Advanced::Ended(Ended::Failed))
        }
    }
}
