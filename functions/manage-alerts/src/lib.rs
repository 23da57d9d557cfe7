<<<<<<< HEAD
//! The function manage-alerts: rules, their instances, and alerts.

#![warn(missing_docs)]

mod alerts;
mod rules;
=======
//! The function manage-alerts: notification channels and what was sent to them.

#![warn(missing_docs)]

mod channels;
mod deliveries;
>>>>>>> main

use intentvision::http::Routes;

/// The routes of this function.
#[must_use]
pub fn routes() -> Routes {
<<<<<<< HEAD
    rules::routes().merge(alerts::routes())
=======
    channels::routes().merge(deliveries::routes())
>>>>>>> main
}
