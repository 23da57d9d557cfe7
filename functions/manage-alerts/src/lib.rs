//! The function manage-alerts: rules, their instances, alerts, notification channels and what was sent to them, its
//! pictures, which series are watched for anomalies, and alerts that other systems found.

#![warn(missing_docs)]

mod alerts;
mod channels;
mod deliveries;
mod detection;
mod external;
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
        .merge(external::routes())
        .merge(recipients::routes())
        .merge(pictures::routes())
        .merge(silences::routes())
        .merge(schedules::routes())
}
