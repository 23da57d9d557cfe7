//! The runs of the scheduled functions, as this process starts them.

use intentvision::budget::{Budget, Unlimited, Within};
use intentvision::clock::MINUTE;
use intentvision::notify::delivery;
use intentvision::{App, Error};

/// The tick of the present minute; forecasts get as long as in the deployed function.
pub(crate) async fn evaluate(app: App) -> Result<evaluate_alerts::Summary, Error> {
    tick(&app, &mut Within::new(evaluate_alerts::FORECASTS)).await
}

/// The tick of the present minute with all the forecasts that are due, however long they take.
pub(crate) async fn evaluate_fully(app: &App) -> Result<evaluate_alerts::Summary, Error> {
    tick(app, &mut Unlimited).await
}

async fn tick(app: &App, budget: &mut dyn Budget) -> Result<evaluate_alerts::Summary, Error> {
    let now = app.clock.now();
    evaluate_alerts::run(app, now - now.rem_euclid(MINUTE), budget).await
}

/// What is due in the outbox.
pub(crate) async fn deliver(app: App) -> Result<delivery::Summary, Error> {
    deliver_notifications::run(&app, deliver_notifications::LIMIT).await
}

/// Folds, trims, scores of forecasts and expiry.
pub(crate) async fn maintain(app: App) -> Result<maintain::Summary, Error> {
    maintain::run(&app).await
}

/// Forecasts of rules that ticks left undone, and the forecast jobs that are due.
pub(crate) async fn forecast(app: App) -> Result<run_forecasts::Summary, Error> {
    run_forecasts::on_schedule(&app).await
}
