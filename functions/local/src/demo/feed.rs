//! Feeds points to the server, as an agent at each airport would.

use super::client::{Api, Reply};
use super::data::{Flights, STEP};
use super::story::check;
use crate::Failure;
use intentvision::clock::{Clock, Millis};
use intentvision::keys::ApiKey;
use intentvision::time;
use serde_json::{Value, json};
use std::net::SocketAddr;

/// One request with these points: `(metric_key, airport, at, value)`.
pub(super) fn body(points: &[(&str, &str, Millis, f64)]) -> Value {
    let metrics: Vec<Value> = points
        .iter()
        .map(|(metric_key, airport, at, value)| {
            json!({"metric_key": metric_key, "value": value, "timestamp": time::format(*at), "dimensions": {"airport": airport}})
        })
        .collect();
    json!({ "metrics": metrics })
}

/// Sends them, and sees that all are accepted.
pub(super) async fn send(
    api: &Api,
    points: &[(&str, &str, Millis, f64)],
    idempotency_key: &str,
) -> Result<Reply, Failure> {
    let reply = api.ingest(&body(points), idempotency_key).await?;
    let accepted = reply.body["accepted"].as_u64();
    check(accepted == u64::try_from(points.len()).ok(), || {
        format!(
            "{} points were sent, and the server answered {}",
            points.len(),
            reply.body
        )
    })?;
    Ok(reply)
}

/// Goes on feeding by the wall clock, until it is dropped or the data end.
pub(crate) async fn feed(flights: Flights, fed: Millis, address: SocketAddr, key: ApiKey) {
    let api = Api::new(address, key.reveal());
    let clock = Clock::system();
    let mut fed = fed;
    loop {
        let wait = STEP - clock.wall().rem_euclid(STEP);
        tokio::time::sleep(std::time::Duration::from_millis(wait.unsigned_abs())).await;
        let now = clock.wall();
        let points = flights.between(fed, now);
        if points.is_empty() {
            return;
        }
        match send(&api, &points, &format!("feed-{now}")).await {
            Ok(_) => fed = now,
            Err(error) => tracing::warn!(%error, "the demo's feed failed, and tries again"),
        }
    }
}
