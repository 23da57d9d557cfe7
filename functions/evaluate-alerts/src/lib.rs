//! The tick: evaluates the rules of all organizations, minute by minute, and puts what is to be told into the outbox.
//!
//! A schedule invokes it each minute. Events get lost, doubled and late, so that a run replays whatever was not evaluated
//! yet; the minute that the event names is only how far it goes. A run that finds more than one worker should take on hands
//! parts of it to others, through a queue that invokes the same function.

#![warn(missing_docs)]

mod parts;
mod queues;

pub use intentvision::budget::{Budget, Count, Unlimited, Within};
pub use parts::Part;
pub use queues::Queues;

use futures::{StreamExt, stream};
use intentvision::alerting::tick::Due;
use intentvision::alerting::{composite, notices, rules, tick};
use intentvision::auth::{Job, Tenant};
use intentvision::clock::{MINUTE, Millis};
use intentvision::{App, Error, time};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use std::sync::Mutex;
use std::time::Duration;

/// What the forecasts of one tick may take: the rules of the minute come first.
pub const FORECASTS: Duration = Duration::from_millis(200);
/// What replays of history may take in one tick, for series that are watched for anomalies from now on.
pub const HISTORIES: Duration = Duration::from_secs(5);

/// Organizations that are evaluated side by side: while one waits for the database, another one computes.
const AT_ONCE: usize = 4;

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

impl Summary {
    fn and(self, other: Self) -> Self {
        Self {
            organizations: self.organizations + other.organizations,
            failed: self.failed + other.failed,
            minutes: self.minutes + other.minutes,
            transitions: self.transitions + other.transitions,
            messages: self.messages + other.messages,
            forecasts: self.forecasts + other.forecasts,
            replayed: self.replayed + other.replayed,
        }
    }
}

/// What the function is invoked for.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Event {
    /// the schedule's; `time` is the minute that is meant, however late it comes
    Tick {
        /// RFC 3339
        time: String,
    },
    /// the queue's
    Parts {
        /// its messages
        #[serde(rename = "Records")]
        records: Vec<Record>,
    },
}

/// A message of the queue.
#[derive(Debug, Clone, Deserialize)]
pub struct Record {
    #[serde(rename = "body", deserialize_with = "part")]
    part: Part,
}

fn part<'de, D: Deserializer<'de>>(text: D) -> Result<Part, D::Error> {
    serde_json::from_str(&String::deserialize(text)?).map_err(D::Error::custom)
}

/// Evaluates all organizations up to `scheduled` and decides who is told, some of them side by side.
///
/// The budgets are those of replays of history, in groups of series, and of forecasts, of all organizations together.
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
    let due = due(app, scheduled).await?;
    Ok(evaluate(app, due, scheduled, histories, forecasts).await)
}

/// The organizations for which there is something to do.
///
/// Another one is first each minute, so that none waits for ever for the history that the ones before it ask for.
async fn due(app: &App, scheduled: Millis) -> Result<Vec<Due>, Error> {
    let mut due = tick::due(&app.system(Job::Evaluate, None), None).await?;
    let turn = usize::try_from(scheduled.div_euclid(MINUTE)).unwrap_or_default();
    let first = turn.checked_rem(due.len()).unwrap_or_default();
    due.rotate_left(first);
    Ok(due)
}

async fn evaluate(
    app: &App,
    due: Vec<Due>,
    scheduled: Millis,
    histories: &mut dyn Budget,
    forecasts: &mut dyn Budget,
) -> Summary {
    let (histories, forecasts) = (&Mutex::new(histories), &Mutex::new(forecasts));
    let one = async |due: Due| {
        let tenant = app.system(Job::Evaluate, Some(due.org_id.clone()));
        let mut summary = Summary {
            organizations: 1,
            ..Summary::default()
        };
        let (mut histories, mut forecasts) = (histories, forecasts);
        let done = organization(&tenant, &due, scheduled, &mut histories, &mut forecasts, &mut summary).await;
        if let Err(error) = done {
            summary.failed += 1;
            tracing::error!(
                org_id = due.org_id.as_str(),
                ?error,
                "the rules of an organization were not evaluated"
            );
        }
        summary
    };
    let all = stream::iter(due).map(one).buffer_unordered(AT_ONCE);
    all.fold(Summary::default(), async |sum, one| sum.and(one)).await
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

/// Runs for an event: the schedule's, or one of the queue with parts of a tick.
///
/// Histories get five seconds, forecasts 200 ms. If there is something to send, the delivery queue is told.
///
/// # Errors
/// 400 for an event without a time, 503 if the database does not answer or an organization failed.
pub async fn on_event(app: &App, queues: &Queues, event: Event) -> Result<Summary, Error> {
    let (mut histories, mut forecasts) = (Within::new(HISTORIES), Within::new(FORECASTS));
    let mut summary = Summary::default();
    match event {
        Event::Tick { time } => {
            let scheduled = time::parse_rfc3339(&time).ok_or_else(no_time)?;
            let mut parts = parts::split(due(app, scheduled).await?);
            let others = parts.split_off(parts.len().min(1));
            parts.extend(queues.hand_out(others, scheduled).await);
            summary = evaluate(app, parts.concat(), scheduled, &mut histories, &mut forecasts).await;
        }
        Event::Parts { records } => {
            for Record { part } in records {
                let scheduled = part.scheduled().ok_or_else(no_time)?;
                let due = tick::due(&app.system(Job::Evaluate, None), Some(part.organizations())).await?;
                summary = summary.and(evaluate(app, due, scheduled, &mut histories, &mut forecasts).await);
            }
        }
    }
    tracing::info!(?summary, "tick");
    if summary.messages > 0 {
        queues.wake_delivery().await;
    }
    if summary.failed > 0 {
        return Err(Error::unavailable(format!("{} organizations failed", summary.failed)));
    }
    Ok(summary)
}

fn no_time() -> Error {
    Error::schema("time must be a time in RFC 3339")
}
