//! The function manage-alerts: rules, their instances, the alerts that came of them, silences and mute schedules.

#![warn(missing_docs)]

mod alerts;
mod rules;
mod schedules;
mod silences;

use intentvision::http::Routes;

/// The routes of this function.
#[must_use]
pub fn routes() -> Routes {
    rules::routes()
        .merge(alerts::routes())
        .merge(silences::routes())
        .merge(schedules::routes())
}
