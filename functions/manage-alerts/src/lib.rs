//! The function manage-alerts: rules, their instances, alerts, notification channels and what was sent to them, which series
//! are watched for anomalies, and alerts that other systems found.

#![warn(missing_docs)]

mod alerts;
mod channels;
mod deliveries;
mod detection;
mod external;
mod rules;

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
}
