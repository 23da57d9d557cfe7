//! Detection over HTTP, on both databases.

mod asked;
mod configuration;
mod forgotten;
mod labels;
mod lists;
mod status;
mod streamed;

use intentvision::clock::{MINUTE, Millis};
use intentvision::time;
use serde_json::{Value, json};
use tests::product::{Product, Reply};

/// 2026-11-02T00:00:00Z, a Monday.
const START: Millis = 1_793_577_600_000;

fn at(minute: i64) -> String {
    time::format(START + minute * MINUTE)
}

fn point(metric_key: &str, region: &str, minute: i64, value: f64) -> Value {
    json!({"metric_key": metric_key, "timestamp": at(minute), "value": value, "dimensions": {"region": region}})
}

/// Stores points, as many requests as they take.
async fn ingest(product: &Product, key: &str, points: &[Value]) {
    for points in points.chunks(10_000) {
        let reply = product.post("/v1/ingest", key, &json!({"metrics": points})).await;
        assert_eq!(reply.status, 200, "{}", reply.json());
    }
}

/// The id of the only series of this metric and region.
async fn series(product: &Product, key: &str, metric_key: &str, region: &str) -> String {
    let path = format!("/v1/series?metric_key={metric_key}&dimensions[region]={region}");
    let found = product.get(&path, key).await.json();
    found["items"][0]["series_id"].as_str().unwrap().to_owned()
}

/// Three series with one point each: `orders` of eu and us, `queue` of eu.
async fn shop(product: &Product, key: &str) -> [String; 3] {
    let named = [("orders", "eu"), ("orders", "us"), ("queue", "eu")];
    let points = named.map(|(metric, region)| point(metric, region, 0, 4.0));
    ingest(product, key, &points).await;
    let mut ids = Vec::new();
    for (metric, region) in named {
        ids.push(series(product, key, metric, region).await);
    }
    ids.try_into().unwrap()
}

fn items(reply: &Reply) -> Vec<Value> {
    assert_eq!(reply.status, 200, "{}", reply.json());
    reply.json()["items"].as_array().unwrap().clone()
}

fn ids(items: &[Value]) -> Vec<&str> {
    items.iter().map(|item| item["anomaly_id"].as_str().unwrap()).collect()
}
