//! Folds the log of points, trims it, and lets idempotency keys expire. Safe to run as often as one
//! likes, and by several at once.

use intentvision::auth::Job;
use intentvision::id::OrgId;
use intentvision::{App, Error, idempotency, store, tenancy};
use serde::{Deserialize, Serialize};

/// How many idempotency keys go in one statement.
const EXPIRE: u32 = 1_000;

/// An EventBridge event; what it says does not matter.
#[derive(Debug, Deserialize)]
pub struct Scheduled {}

/// What a run did.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// batches of the log that were folded
    pub folded: usize,
    /// batches that left the log
    pub trimmed: u64,
    /// idempotency keys that were past their time
    pub expired_keys: u64,
    /// organizations where something failed; the next run tries again
    pub failed: usize,
}

/// Visits every organization.
///
/// # Errors
/// 503 if not even the list of organizations could be read.
pub async fn run(app: &App) -> Result<Summary, Error> {
    let all = app.system(Job::Maintain, None);
    let mut summary = Summary::default();
    for org in tenancy::all(&all).await? {
        // the others must not wait for one
        if let Err(error) = visit(app, &org, &mut summary).await {
            tracing::warn!(org_id = org.as_str(), %error, ?error, "maintenance failed");
            summary.failed += 1;
        }
    }
    loop {
        let expired = idempotency::expire(&all, EXPIRE).await?;
        summary.expired_keys += expired;
        if expired < u64::from(EXPIRE) {
            return Ok(summary);
        }
    }
}

async fn visit(app: &App, org: &OrgId, summary: &mut Summary) -> Result<(), Error> {
    let tenant = app.system(Job::Maintain, Some(org.clone()));
    summary.folded += store::fold_if_due(&tenant, &app.entropy).await?;
    summary.trimmed += store::trim(&tenant).await?;
    Ok(())
}
