//! The runs of the scheduled functions, as this process starts them.

use intentvision::{App, Error};

/// The tick of the present minute.
pub(crate) async fn evaluate(_app: App) -> Result<(), Error> {
    Ok(())
}

/// What is due in the outbox.
pub(crate) async fn deliver(_app: App) -> Result<(), Error> {
    Ok(())
}

/// Folds, trims and expiry.
pub(crate) async fn maintain(_app: App) -> Result<(), Error> {
    Ok(())
}
