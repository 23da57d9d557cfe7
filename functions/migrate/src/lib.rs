//! Applies migrations when a deployment invokes it, and says which are applied:
//! `{"action": "migrate"}` or `{"action": "status"}`.

use intentvision::clock::Millis;
use intentvision::{App, Error, migrations, time};
use serde::{Deserialize, Serialize};

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(tag = "action", rename_all = "lowercase", deny_unknown_fields)]
pub enum Request {
    /// apply what is pending
    Migrate,
    /// change nothing
    Status,
}

/// Where the database stands afterwards.
#[derive(Debug, Serialize)]
pub struct Summary {
    /// each migration that it has, in order
    pub applied: Vec<AppliedItem>,
    /// the names of those that it lacks, in order
    pub pending: Vec<&'static str>,
    /// the names of those that this call applied
    pub applied_now: Vec<&'static str>,
}

/// A migration that the database has.
#[derive(Debug, Serialize)]
pub struct AppliedItem {
    /// its name
    pub name: String,
    /// when it was applied
    #[serde(serialize_with = "time::rfc3339")]
    pub applied_at: Millis,
}

/// Does what is asked for.
///
/// # Errors
/// 409 for an edited migration, a gap or a newer database; 503.
pub async fn run(app: &App, request: Request) -> Result<Summary, Error> {
    let operator = app.operator(None);
    let applied_now = match request {
        Request::Migrate => migrations::migrate(&operator, migrations::all()).await?,
        Request::Status => Vec::new(),
    };
    let status = migrations::status(&operator, migrations::all()).await?;
    Ok(Summary {
        applied: status
            .applied
            .into_iter()
            .map(|m| AppliedItem {
                name: m.name,
                applied_at: m.applied_at,
            })
            .collect(),
        pending: status.pending.iter().map(|migration| migration.name).collect(),
        applied_now,
    })
}
