//! Folds the log of points, trims it, tidies once a day, scores forecasts whose time has passed, and lets what is stored of
//! anomalies go with its series, and idempotency keys and pictures of messages with their time. Safe to run as often as one
//! likes, and by several at once.

use intentvision::alerting::external;
use intentvision::auth::Job;
use intentvision::id::OrgId;
use intentvision::notify::link;
use intentvision::store::{self, Due};
use intentvision::{App, Error, detection, forecasting, idempotency, tenancy};
use serde::{Deserialize, Serialize};

/// How many rows that are past their time go in one statement.
const EXPIRE: u32 = 1_000;

/// An EventBridge event; what it says does not matter.
#[derive(Debug, Deserialize)]
pub struct Scheduled {}

/// What a run did.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// batches of the log that were folded
    pub folded: usize,
    /// series that the daily tidy looked at
    pub tidied: usize,
    /// stored forecasts whose time has passed and that are done with
    pub scored: usize,
    /// organizations of which somebody else folds, tidies or imports at the moment; the next run tries again
    pub busy: usize,
    /// batches that left the log
    pub trimmed: u64,
    /// idempotency keys that were past their time
    pub expired_keys: u64,
    /// pictures that no link leads to any more
    pub expired_pictures: u64,
    /// organizations where something failed; the next run tries again
    pub failed: usize,
}

/// Does what is due in every organization.
///
/// # Errors
/// 503 if not even the list of organizations could be read.
pub async fn run(app: &App) -> Result<Summary, Error> {
    visit_all(app, Due::Only).await
}

/// Folds and tidies everything in every organization, due or not.
///
/// # Errors
/// 503 if not even the list of organizations could be read.
pub async fn run_everything(app: &App) -> Result<Summary, Error> {
    visit_all(app, Due::Everything).await
}

async fn visit_all(app: &App, due: Due) -> Result<Summary, Error> {
    let all = app.system(Job::Maintain, None);
    let mut summary = Summary::default();
    for org in tenancy::all(&all).await? {
        // the others must not wait for one
        if let Err(error) = visit(app, &org, due, &mut summary).await {
            tracing::warn!(org_id = org.as_str(), %error, ?error, "maintenance failed");
            summary.failed += 1;
        }
    }
    loop {
        let (keys, pictures) = (
            idempotency::expire(&all, EXPIRE).await?,
            link::expire(&all, EXPIRE).await?,
        );
        summary.expired_keys += keys;
        summary.expired_pictures += pictures;
        if keys.max(pictures) < u64::from(EXPIRE) {
            return Ok(summary);
        }
    }
}

async fn visit(app: &App, org: &OrgId, due: Due, summary: &mut Summary) -> Result<(), Error> {
    let tenant = app.system(Job::Maintain, Some(org.clone()));
    let done = store::maintain(&tenant, &app.entropy, due).await?;
    summary.folded += done.folded;
    summary.tidied += done.tidied;
    summary.busy += usize::from(done.busy);
    summary.trimmed += store::trim(&tenant).await?;
    // a fold removes series that were deleted
    if done.folded > 0 || done.tidied > 0 {
        detection::forget_deleted(&tenant).await?;
        external::forget_deleted(&tenant).await?;
    }
    let scored = forecasting::score_due(&tenant, &app.entropy).await?;
    summary.scored += scored.scored;
    Ok(())
}
