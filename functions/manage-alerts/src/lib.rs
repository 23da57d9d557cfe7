//! The function manage-alerts: rules, their instances, and alerts.

#![warn(missing_docs)]

mod alerts;
mod rules;

use intentvision::http::Routes;

/// The routes of this function.
#[must_use]
pub fn routes() -> Routes {
    rules::routes().merge(alerts::routes())
}
