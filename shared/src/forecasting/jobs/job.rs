use super::definition::Definition;
use crate::clock::Millis;
use crate::id::JobId;
use crate::{Error, time};
use db::{DbError, Row};
use serde::Serialize;
use serde_json::{Map, Value};

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// it has not run as it is now
    Pending,
    /// a run is under way
    Running,
    /// its last run did what it could
    Completed,
    /// its last run did not, and is tried again
    Failed,
}

impl Status {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "pending" => Some(Self::Pending),
            "running" => Some(Self::Running),
            "completed" => Some(Self::Completed),
            "failed" => Some(Self::Failed),
            _ => None,
        }
    }
}

/// A forecast job of an organization, as replies show it.
#[derive(Debug, Clone, Serialize)]
pub struct Job {
    /// its identity
    pub job_id: JobId,
    /// what it forecasts, all defaults filled in
    #[serde(flatten)]
    pub request: Map<String, Value>,
    /// from one run to the next
    pub schedule: String,
    /// whether it runs
    pub enabled: bool,
    /// where it stands
    pub status: Status,
    /// when it is looked at next; none while it is not enabled
    #[serde(serialize_with = "time::rfc3339_option")]
    pub next_run_at: Option<Millis>,
    /// when its last completed run began
    #[serde(serialize_with = "time::rfc3339_option")]
    pub last_run_at: Option<Millis>,
    /// how many series that forecast
    pub last_series: Option<i64>,
    /// why it failed, until a run completes
    pub last_error: Option<String>,
    /// how often it was tried since it last got on
    pub attempts: i64,
    /// when it was made
    #[serde(serialize_with = "time::rfc3339")]
    pub created_at: Millis,
    /// when it was changed last, or made
    #[serde(serialize_with = "time::rfc3339")]
    pub updated_at: Millis,
}

macro_rules! columns {
    () => {
        "job_id, request, schedule_ms, enabled, status, next_run_at, last_run_at, last_series, last_error, attempts,
         created_at, updated_at"
    };
}
pub(super) use columns;

/// The job of a row of [`columns`].
pub(super) fn of_row(row: &Row) -> Result<Job, Error> {
    let broken = || DbError::Other("a forecast job is damaged".into());
    let enabled = row.integer(3)? != 0;
    let definition = Definition::stored(row.text(1)?, row.integer(2)?, enabled)?;
    Ok(Job {
        job_id: JobId::parse(row.text(0)?).ok_or_else(broken)?,
        request: definition.shown,
        schedule: definition.schedule.to_string(),
        enabled,
        status: Status::parse(row.text(4)?).ok_or_else(broken)?,
        next_run_at: row.opt_integer(5)?,
        last_run_at: row.opt_integer(6)?,
        last_series: row.opt_integer(7)?,
        last_error: row.opt_text(8)?.map(str::to_owned),
        attempts: row.integer(9)?,
        created_at: row.integer(10)?,
        updated_at: row.integer(11)?,
    })
}
