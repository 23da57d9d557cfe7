//! `GET /v1/series/{id}/detection`, as real ticks leave it.

use super::{ingest, series};
use http::Method;
use intentvision::clock::{Clock, MINUTE, Millis};
use intentvision::config::Config;
use intentvision::keys::Environment;
use intentvision::time;
use serde_json::{Value, json};
use tests::anomalies::Incident;
use tests::product::{Backend, Product};

const STEP: Millis = 5 * MINUTE;

/// So many points up to now.
fn history(now: Millis, metric_key: &str, points: i64) -> Vec<Value> {
    let point = |back: i64| {
        let value = 100.0 + (back * 7_919 % 13) as f64 / 16.0;
        let dimensions = json!({"region": "eu"});
        json!({"metric_key": metric_key, "timestamp": time::format(now - back * STEP), "value": value, "dimensions": dimensions})
    };
    (0..points).rev().map(point).collect()
}

async fn status(product: &Product, key: &str, series: &str) -> Value {
    let reply = product.get(&format!("/v1/series/{series}/detection"), key).await;
    assert_eq!(reply.status, 200, "{}", reply.json());
    reply.json()
}

async fn tick(product: &Product) {
    let later = product.app.clock.now() + 2 * MINUTE;
    product.app.clock.set(later);
    product.tick(later).await;
}

async fn a_detector_is_off_then_waits_then_learns_until_it_is_ready(backend: Backend) {
    let now = Clock::system().now() / MINUTE * MINUTE;
    let product = Product::start_with(backend, Clock::at(now), Config::default()).await;
    let (org, key) = product.acme().await;
    ingest(&product, &key, &history(now, "long", 4 * 288)).await;
    ingest(&product, &key, &history(now, "short", 13)).await;
    let long = series(&product, &key, "long", "eu").await;
    let short = series(&product, &key, "short", "eu").await;
    let off = json!({
        "series_id": short, "metric_key": "short", "dimensions": {"region": "eu"}, "state": "off", "learning": null,
        "last_point": null, "anomaly": null,
    });
    assert_eq!(status(&product, &key, &short).await, off);

    let on = json!({"enabled": true});
    assert_eq!(
        product.call(Method::PUT, "/v1/detection", &key, Some(&on)).await.status,
        200
    );
    assert_eq!(status(&product, &key, &short).await["state"], "waiting");

    tick(&product).await;
    let learning = status(&product, &key, &short).await;
    assert_eq!(
        (&learning["state"], &learning["last_point"]),
        (&json!("learning"), &json!(time::format(now))),
        "{learning}"
    );
    let seen = &learning["learning"];
    assert_eq!((&seen["points"], &seen["span_seconds"]), (&json!(13), &json!(12 * 300)));
    assert!(
        seen["points_needed"].as_i64() > Some(13) && seen["span_needed_seconds"].as_i64() > Some(12 * 300),
        "{seen}"
    );
    // history that was there before makes a series ready at once
    let ready = status(&product, &key, &long).await;
    assert_eq!(
        (&ready["state"], &ready["learning"], &ready["anomaly"]),
        (&json!("ready"), &Value::Null, &Value::Null),
        "{ready}"
    );

    let id = Incident::new(&long, now).write(&product, &org).await;
    assert_eq!(status(&product, &key, &long).await["anomaly"]["anomaly_id"], json!(id));

    let other = product.organization("other", Environment::Live).await;
    let stranger = product.key(&other, &["admin"]).await;
    for path in [
        format!("/v1/series/{long}/detection"),
        "/v1/series/orders/detection".into(),
    ] {
        assert_eq!(
            product.get(&path, &stranger).await.problem(),
            (404, "NOT_FOUND".into()),
            "{path}"
        );
    }
    let off = json!({"enabled": false});
    assert_eq!(
        product
            .call(Method::PUT, "/v1/detection", &key, Some(&off))
            .await
            .status,
        200
    );
    assert_eq!(status(&product, &key, &long).await["state"], "off");

    // a rule of type anomaly watches the series that it matches
    let rule = json!({"name": "odd", "metric_key": "long", "dimensions": {"region": "eu"}, "severity": "warning",
        "condition": {"type": "anomaly", "min_severity": "low"}, "channels": []});
    assert_eq!(product.post("/v1/alert-rules", &key, &rule).await.status, 201);
    assert_ne!(status(&product, &key, &long).await["state"], "off");
    assert_eq!(status(&product, &key, &short).await["state"], "off");
}

#[tokio::test]
async fn a_detector_is_off_then_waits_then_learns_until_it_is_ready_embedded() {
    a_detector_is_off_then_waits_then_learns_until_it_is_ready(Backend::Embedded).await;
}

#[tokio::test]
async fn a_detector_is_off_then_waits_then_learns_until_it_is_ready_remote() {
    a_detector_is_off_then_waits_then_learns_until_it_is_ready(Backend::Remote).await;
}
