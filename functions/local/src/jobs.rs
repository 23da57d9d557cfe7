//! The runs of the scheduled functions, as this process starts them.

use intentvision::{App, Error};

/// The tick of the present minute.
pub(crate) async fn evaluate(_app: App) -> Result<(), Error> {
    Ok(())
}

/// What is due in the outbox.
pub(crate) async fn deliver(app: App) -> Result<intentvision::notify::delivery::Summary, Error> {
    deliver_notifications::run(&app, deliver_notifications::LIMIT).await
}

/// Folds, trims and expiry.
pub(crate) async fn maintain(app: App) -> Result<maintain::Summary, Error> {
    maintain::run(&app).await
}
