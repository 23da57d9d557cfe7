//! What AWS schedules as functions, in one process: the tick, deliveries, mails that ask, forecast jobs and maintenance.

use crate::jobs;
use crate::server::Stop;
use intentvision::{App, Error};
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinSet;

/// How often the outbox is looked at besides right after a tick: retries are due at any second. And how often who is to
/// get mail is asked: somebody waits for it.
const DELIVER: Duration = Duration::from_secs(1);
/// How often maintenance runs.
const MAINTAIN: Duration = Duration::from_secs(60);

/// The running schedule.
#[derive(Debug)]
pub(crate) struct Schedule(JoinSet<()>);

impl Schedule {
    /// Waits for its end, after its [`Stop`].
    pub(crate) async fn ended(mut self) {
        while self.0.join_next().await.is_some() {}
    }
}

/// Starts it: a tick and forecast jobs at each multiple of `tick` by the clock, deliveries right after a tick and each
/// second, maintenance each minute. Each waits for its own last run and none for the others, so
/// that a slow webhook delays no tick, and a slow mail server that is to ask somebody no delivery.
pub(crate) fn start(app: &App, tick: Duration, stop: &Stop) -> Schedule {
    let mut tasks = JoinSet::new();
    let ticked = Arc::new(Notify::new());

    let (of_tick, mut until, after) = (app.clone(), stop.clone(), ticked.clone());
    tasks.spawn(async move {
        while !until.stopped_within(to_next(tick, of_tick.clock.wall())).await {
            once("evaluate-alerts", &of_tick, jobs::evaluate).await;
            after.notify_one();
        }
    });

    let (of_delivery, mut until) = (app.clone(), stop.clone());
    tasks.spawn(async move {
        loop {
            tokio::select! {
                stopped = until.stopped_within(DELIVER) => if stopped { break },
                () = ticked.notified() => {}
            }
            once("deliver-notifications", &of_delivery, jobs::deliver).await;
        }
    });

    let (of_mail, mut until) = (app.clone(), stop.clone());
    tasks.spawn(async move {
        while !until.stopped_within(DELIVER).await {
            once("ask-recipients", &of_mail, jobs::ask).await;
        }
    });

    let (of_jobs, mut until) = (app.clone(), stop.clone());
    tasks.spawn(async move {
        while !until.stopped_within(to_next(tick, of_jobs.clock.wall())).await {
            let stop = until.clone();
            once("run-forecasts", &of_jobs, |app| jobs::forecast(app, stop)).await;
        }
    });

    let (of_maintenance, mut until) = (app.clone(), stop.clone());
    tasks.spawn(async move {
        while !until.stopped_within(MAINTAIN).await {
            once("maintain", &of_maintenance, jobs::maintain).await;
        }
    });
    Schedule(tasks)
}

/// From `now` to the next multiple of `tick` since the epoch.
fn to_next(tick: Duration, now: i64) -> Duration {
    let tick = i64::try_from(tick.as_millis()).unwrap_or(i64::MAX).max(1);
    Duration::from_millis((tick - now.rem_euclid(tick)).unsigned_abs())
}

/// One run in a task of its own, so that not even a panic ends the schedule.
async fn once<R, F>(job: &'static str, app: &App, run: impl FnOnce(App) -> F)
where
    R: Debug + Send + 'static,
    F: Future<Output = Result<R, Error>> + Send + 'static,
{
    match tokio::spawn(run(app.clone())).await {
        Ok(Ok(summary)) => tracing::debug!(job, ?summary, "ran"),
        Ok(Err(Error::Unavailable { cause })) => tracing::error!(job, cause, "the run failed"),
        Ok(Err(error)) => tracing::error!(job, %error, "the run failed"),
        Err(panic) => tracing::error!(job, %panic, "the run panicked"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_fall_on_multiples() {
        let minute = Duration::from_secs(60);
        assert_eq!(to_next(minute, 120_000), minute);
        assert_eq!(to_next(minute, 120_001), Duration::from_millis(59_999));
        assert_eq!(
            to_next(Duration::from_secs(1), 1_795_428_000_900),
            Duration::from_millis(100)
        );
    }
}
