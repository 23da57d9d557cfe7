//! The function manage-alerts: rules, their instances, alerts, notification channels and what was sent to them, its
//! pictures, and which series are watched for anomalies.

#![warn(missing_docs)]

mod alerts;
mod channels;
mod deliveries;
mod detection;
mod pictures;
mod recipients;
mod rules;
mod schedules;
mod silences;

use intentvision::http::Routes;

/// The routes of this function.
#[must_use]
pub fn routes() -> Routes {
    rules::routes()
        .merge(alerts::routes())
        .merge(channels::routes())
        .merge(deliveries::routes())
        .merge(detection::routes())
        .merge(recipients::routes())
        .merge(pictures::routes())
        .merge(silences::routes())
        .merge(schedules::routes())
}
