//! What the tick finds point by point is what a replay of the same points finds.

use super::{ingest, items, series};
use http::Method;
use intentvision::clock::{Clock, DAY, MINUTE, Millis};
use intentvision::config::Config;
use intentvision::time;
use serde_json::{Value, json};
use tests::product::{Backend, Product};

const STEP: Millis = 5 * MINUTE;
/// A time of the day, so that the figures do not depend on when the test runs.
const SINCE_MIDNIGHT: Millis = 10 * 60 * MINUTE;

/// Noise that is the same at each run, and a burst of half an hour that begins at `burst`.
fn point(time: Millis, burst: Millis) -> Value {
    let noise = (time / STEP * 7_919 % 13) as f64 / 16.0;
    let value = if (burst..burst + 6 * STEP).contains(&time) {
        900.0
    } else {
        100.0 + noise
    };
    json!({"metric_key": "orders", "timestamp": time::format(time), "value": value, "dimensions": {"region": "eu"}})
}

async fn the_tick_and_a_replay_find_the_same(backend: Backend) {
    let start = Clock::system().now() / DAY * DAY - DAY + SINCE_MIDNIGHT;
    let product = Product::start_with(backend, Clock::at(start), Config::default()).await;
    let (_, key) = product.acme().await;
    let burst = start + 4 * STEP;
    let history: Vec<Value> = (0..4 * 288)
        .rev()
        .map(|back| point(start - back * STEP, burst))
        .collect();
    ingest(&product, &key, &history).await;
    let on = json!({"enabled": true});
    assert_eq!(
        product.call(Method::PUT, "/v1/detection", &key, Some(&on)).await.status,
        200
    );
    for step in 1..40 {
        let now = start + step * STEP;
        product.app.clock.set(now);
        ingest(&product, &key, &[point(now, burst)]).await;
        product.app.clock.set(now + MINUTE);
        product.tick(now + MINUTE).await;
    }
    let id = series(&product, &key, "orders", "eu").await;
    let stored = items(&product.get(&format!("/v1/anomalies?series_id={id}"), &key).await);
    assert_eq!(stored.len(), 1, "{stored:?}");
    assert_eq!(
        (&stored[0]["timestamp"], &stored[0]["observed"]),
        (&json!(time::format(burst)), &json!(900.0))
    );
    let to = time::format(start + 40 * STEP);
    let replayed = product
        .post("/v1/anomalies/detect", &key, &json!({"metric_key": "orders", "to": to}))
        .await
        .json();
    let replayed = replayed["anomalies"].as_array().unwrap();
    assert_eq!(replayed.len(), 1, "{replayed:?}");
    for (field, value) in replayed[0].as_object().unwrap() {
        assert_eq!(*value, stored[0][field], "{field}");
    }
}

#[tokio::test]
async fn the_tick_and_a_replay_find_the_same_embedded() {
    the_tick_and_a_replay_find_the_same(Backend::Embedded).await;
}

#[tokio::test]
async fn the_tick_and_a_replay_find_the_same_remote() {
    the_tick_and_a_replay_find_the_same(Backend::Remote).await;
}
