//! Alerts that another system found: a Prometheus or an Alertmanager.
//!
//! Each is a series of [`METRIC`], which a rule of type `external` watches; so it is evaluated, grouped, silenced and told
//! as all others are.
//!
//! - [`Holds`]: until when one holds, which is the value of its points.
//! - [`Description`], [`describe`]: what is said of one beside its labels.
//! - `rule`: the rule that watches them all, made with the first of them.

mod description;
mod holds;
mod rule;
mod said;

pub(super) use description::of_alert;
pub use description::{Described, Description, forget_deleted};
pub use holds::Holds;
pub(super) use said::{Said, all as said};

use super::severity::Severity;
use crate::Error;
use crate::auth::Tenant;
use crate::id::Entropy;
use crate::series::SeriesRef;
use db::Batch;

/// The metric of external alerts. Its value says until when one holds, in seconds since 1970.
pub const METRIC: &str = "alertmanager:alerts";

/// Keeps what is said of alerts, and makes a rule that watches them all if there is none.
///
/// # Errors
/// 401, 403 or 503.
pub async fn describe(tenant: &Tenant, entropy: &Entropy, descriptions: &[Description]) -> Result<(), Error> {
    if descriptions.is_empty() {
        return Ok(());
    }
    let mut batch = Batch::write().repeatable();
    for step in description::keep(descriptions)? {
        batch.push(step);
    }
    let is_watched = batch.push(rule::is_there());
    let reply = tenant.run(batch).await?;
    if reply.step(is_watched)?.one()?.integer(0)? == 0 {
        rule::make(tenant, entropy).await?;
    }
    Ok(())
}

/// How bad an external alert says that it is: its label `severity`, in the words that are usual.
#[must_use]
pub(super) fn severity(series: &SeriesRef) -> Option<Severity> {
    let label = series.dimensions.iter().find(|(name, _)| *name == "severity")?.1;
    match label.to_ascii_lowercase().as_str() {
        "critical" | "page" | "fatal" | "emergency" => Some(Severity::Critical),
        "error" | "major" | "high" => Some(Severity::Error),
        "warning" | "warn" | "minor" => Some(Severity::Warning),
        "info" | "none" | "low" => Some(Severity::Info),
        _ => None,
    }
}
