//! The tick: evaluates the rules of all organizations, minute by minute, and puts what is to be told into the outbox.
//!
//! A schedule invokes it each minute. Events get lost, doubled and late, so that a run replays whatever was not evaluated
//! yet; the minute that the event names is only how far it goes.

#![warn(missing_docs)]

mod wake;

pub use intentvision::budget::{Budget, Count, Unlimited, Within};
pub use wake::Delivery;

use intentvision::alerting::{composite, notices, rules, tick};
use intentvision::auth::{Job, Tenant};
use intentvision::clock::{MINUTE, Millis};
use intentvision::{App, Error, time};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What the forecasts of one tick may take: the rules of the minute come first.
pub const FORECASTS: Duration = Duration::from_millis(200);
/// What replays of history may take in one tick, for series that are watched for anomalies from now on.
pub const HISTORIES: Duration = Duration::from_secs(5);

/// What a run did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// organizations that were visited
    pub organizations: usize,
    /// of them, those that failed; the next run goes on where they stand
    pub failed: usize,
    /// minutes that were completed
    pub minutes: usize,
    /// changes of alerts
    pub transitions: usize,
    /// messages that were put into the outbox
    pub messages: usize,
    /// forecasts that were computed for the minutes to come
    pub forecasts: usize,
    /// series that are watched for anomalies from now on and were shown their history
    pub replayed: usize,
}

/// The event of the schedule; `time` is the minute that is meant, however late it comes.
#[derive(Debug, Clone, Deserialize)]
pub struct Tick {
    /// RFC 3339
    pub time: String,
}

/// Evaluates all organizations up to `scheduled` and decides who is told. The budgets are those of replays of history, in
/// groups of series, and of forecasts, of all organizations together.
///
/// # Errors
/// 503 if the database does not say which organizations there are. One that fails is logged and counted, and the others
/// go on.
pub async fn run(
    app: &App,
    scheduled: Millis,
    histories: &mut dyn Budget,
    forecasts: &mut dyn Budget,
) -> Result<Summary, Error> {
    let mut summary = Summary::default();
    let mut organizations = tick::due(&app.system(Job::Evaluate, None)).await?;
    // another one is first each minute, so that none waits for ever for the history that the ones before it ask for
    let turn = usize::try_from(scheduled.div_euclid(MINUTE)).unwrap_or_default();
    let first = turn.checked_rem(organizations.len()).unwrap_or_default();
    organizations.rotate_left(first);
    for due in organizations {
        let tenant = app.system(Job::Evaluate, Some(due.org_id.clone()));
        summary.organizations += 1;
        if let Err(error) = organization(&tenant, &due, scheduled, histories, forecasts, &mut summary).await {
            summary.failed += 1;
            tracing::error!(
                org_id = due.org_id.as_str(),
                ?error,
                "the rules of an organization were not evaluated"
            );
        }
    }
    Ok(summary)
}

async fn organization(
    tenant: &Tenant,
    due: &tick::Due,
    scheduled: Millis,
    histories: &mut dyn Budget,
    forecasts: &mut dyn Budget,
    summary: &mut Summary,
) -> Result<(), Error> {
    let evaluated = tick::evaluate(tenant, scheduled, histories, forecasts).await;
    let composites = if due.composites {
        composite::evaluate(tenant, scheduled).await
    } else {
        Ok(0)
    };
    // whatever fails before it: what has happened is told
    summary.messages += notices::tell(tenant, scheduled).await?;
    summary.transitions += composites?;
    let evaluated = evaluated?;
    summary.minutes += evaluated.minutes;
    summary.transitions += evaluated.transitions;
    summary.forecasts += evaluated.forecasts;
    summary.replayed += evaluated.replayed;
    if due.tombstones {
        rules::bury(tenant).await?;
    }
    Ok(())
}

/// Runs for an event of the schedule; histories get five seconds, forecasts 200 ms. If there is something to send, the delivery queue is told.
///
/// # Errors
/// 400 for an event without a time, 503 if the database does not answer or an organization failed.
pub async fn on_event(app: &App, delivery: &Delivery, event: Tick) -> Result<Summary, Error> {
    let scheduled = time::parse_rfc3339(&event.time).ok_or_else(|| Error::schema("time must be a time in RFC 3339"))?;
    let (mut histories, mut forecasts) = (Within::new(HISTORIES), Within::new(FORECASTS));
    let summary = run(app, scheduled, &mut histories, &mut forecasts).await?;
    tracing::info!(?summary, "tick");
    if summary.messages > 0 {
        delivery.wake().await;
    }
    if summary.failed > 0 {
        return Err(Error::unavailable(format!("{} organizations failed", summary.failed)));
    }
    Ok(summary)
}
