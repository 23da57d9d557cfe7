//! The function manage-alerts: notification channels and what was sent to them.

#![warn(missing_docs)]

mod channels;
mod deliveries;

use intentvision::http::Routes;

/// The routes of this function.
#[must_use]
pub fn routes() -> Routes {
    channels::routes().merge(deliveries::routes())
}
