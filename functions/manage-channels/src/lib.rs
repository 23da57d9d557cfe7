//! The function manage-channels: notification channels, what was sent to them and is sent again, the people whom mail
//! goes to, and the pictures of messages.

#![warn(missing_docs)]

mod channels;
mod deliveries;
mod pictures;
mod recipients;

use intentvision::http::Routes;

/// The routes of this function.
#[must_use]
pub fn routes() -> Routes {
    channels::routes()
        .merge(deliveries::routes())
        .merge(recipients::routes())
        .merge(pictures::routes())
}
