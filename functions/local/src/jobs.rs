//! The runs of the scheduled functions, as this process starts them.

use crate::server::Stop;
use intentvision::budget::{Budget, Unlimited, Within};
use intentvision::clock::MINUTE;
use intentvision::notify::delivery;
use intentvision::{App, Error};

/// The tick of the present minute; histories and forecasts get as long as in the deployed function.
pub(crate) async fn evaluate(app: App) -> Result<evaluate_alerts::Summary, Error> {
    let mut histories = Within::new(evaluate_alerts::HISTORIES);
    tick(&app, &mut histories, &mut Within::new(evaluate_alerts::FORECASTS)).await
}

/// The tick of the present minute with all histories and forecasts that are due, however long they take.
pub(crate) async fn evaluate_fully(app: &App) -> Result<evaluate_alerts::Summary, Error> {
    tick(app, &mut Unlimited, &mut Unlimited).await
}

async fn tick(
    app: &App,
    histories: &mut dyn Budget,
    forecasts: &mut dyn Budget,
) -> Result<evaluate_alerts::Summary, Error> {
    let now = app.clock.now();
    evaluate_alerts::run(app, now - now.rem_euclid(MINUTE), histories, forecasts).await
}

/// What is due in the outbox.
pub(crate) async fn deliver(app: App) -> Result<delivery::Summary, Error> {
    deliver_notifications::send(&app, deliver_notifications::LIMIT).await
}

pub(crate) async fn ask(app: App) -> Result<usize, Error> {
    deliver_notifications::ask(&app).await
}

/// Folds, trims, scores of forecasts and expiry.
pub(crate) async fn maintain(app: App) -> Result<maintain::Summary, Error> {
    maintain::run(&app).await
}

/// Forecasts of rules that ticks left undone, and the forecast jobs that are due: for as long as in the deployed function,
/// or until it is time to end.
pub(crate) async fn forecast(app: App, stop: Stop) -> Result<run_forecasts::Summary, Error> {
    let mut rules = UntilStopped(Within::new(run_forecasts::RULES), stop.clone());
    let mut jobs = UntilStopped(Within::new(run_forecasts::JOBS), stop);
    run_forecasts::on_schedule(&app, &mut rules, &mut jobs).await
}

/// A time that ends early when the process does.
struct UntilStopped(Within, Stop);

impl Budget for UntilStopped {
    fn another(&mut self) -> bool {
        !self.1.is_due() && self.0.another()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::Stopper;
    use std::time::Duration;

    #[test]
    fn a_run_ends_when_the_process_does() {
        let (stopper, stop) = Stopper::new();
        let mut budget = UntilStopped(Within::new(Duration::MAX), stop.clone());
        assert!(budget.another() && budget.another());
        stopper.stop();
        assert!(!budget.another());
        assert!(!UntilStopped(Within::new(Duration::ZERO), Stopper::new().1).another());
    }
}
