//! What is typical of each HTTP function.

use std::sync::atomic::{AtomicI64, Ordering};

use http::Method;
use intentvision::clock::Clock;
use serde_json::{Value, json};
use tests::events::HttpRequest;
use tests::proxy::Proxy;
use tests::runtime_api::Function;

use crate::measured;

/// Points of a request.
pub(crate) const POINTS: usize = 100;

/// Calls what is typical of this function, which finds what the functions before it have made.
pub(crate) async fn of(name: &str, function: &Function, proxy: &Proxy, key: &str) {
    let call = async |what: &str, request: HttpRequest| -> Value {
        let mut reply = Value::Null;
        measured(what, proxy, function, async {
            let answered = function.http(request.key(key)).await;
            assert!(
                answered.status.is_success(),
                "{what}: {} {:?}",
                answered.status,
                answered.body
            );
            reply = serde_json::from_slice(&answered.body).unwrap_or_default();
        })
        .await;
        reply
    };
    match name {
        "ingest" => {
            call("ingest 100 points, new process", points(false, "first")).await;
            call("ingest 100 points, warm", points(false, "second")).await;
            call("ingest 100 points, warm, idempotency key", points(true, "third")).await;
        }
        "query" => {
            call("GET /v1/metrics", HttpRequest::get("/v1/metrics")).await;
            let series = call("GET /v1/series", HttpRequest::get("/v1/series?metric_key=measure.cpu")).await;
            let id = series["items"][0]["series_id"].as_str().expect("a series").to_owned();
            call("GET /v1/series/{id}", HttpRequest::get(&format!("/v1/series/{id}"))).await;
            call(
                "GET /v1/series/{id}/points",
                HttpRequest::get(&format!("/v1/series/{id}/points")),
            )
            .await;
            call("GET /v1/forecasts", HttpRequest::get("/v1/forecasts")).await;
        }
        "forecast" => {
            let body = json!({"metric_key": "measure.cpu", "dimensions": {"host": "web-00"}, "horizon": 24});
            call("POST /v1/forecasts", HttpRequest::post("/v1/forecasts", &body)).await;
        }
        "detect" => {
            let body = json!({"metric_key": "measure.cpu", "dimensions": {"host": "web-00"}});
            call(
                "POST /v1/anomalies/detect",
                HttpRequest::post("/v1/anomalies/detect", &body),
            )
            .await;
        }
        "manage-alerts" => {
            let rule = call("POST /v1/alert-rules", HttpRequest::post("/v1/alert-rules", &high())).await;
            let id = rule["rule_id"].as_str().expect("a rule").to_owned();
            call(
                "GET /v1/alert-rules/{id}/instances",
                HttpRequest::get(&format!("/v1/alert-rules/{id}/instances")),
            )
            .await;
            call("GET /v1/alerts", HttpRequest::get("/v1/alerts")).await;
        }
        "test-rules" => {
            let body = json!({ "rule": high() });
            call(
                "POST /v1/alert-rules/test",
                HttpRequest::post("/v1/alert-rules/test", &body),
            )
            .await;
        }
        "manage-channels" => {
            let channel = json!({"name": "hook", "type": "webhook", "config": {"url": "https://hooks.example.com/a"}});
            call(
                "POST /v1/notification-channels",
                HttpRequest::post("/v1/notification-channels", &channel),
            )
            .await;
            call("GET /v1/deliveries", HttpRequest::get("/v1/deliveries")).await;
        }
        "manage-keys" => {
            let body = json!({"name": "agent", "scopes": ["ingest:write"]});
            let key = call("POST /v1/api-keys", HttpRequest::post("/v1/api-keys", &body)).await;
            call("GET /v1/api-keys", HttpRequest::get("/v1/api-keys")).await;
            let id = key["key_id"].as_str().expect("a key").to_owned();
            call(
                "DELETE /v1/api-keys/{id}",
                HttpRequest::new(Method::DELETE, &format!("/v1/api-keys/{id}")),
            )
            .await;
        }
        other => panic!("nothing is measured of {other}"),
    }
}

/// A rule that fires on nothing that is ingested here.
fn high() -> Value {
    json!({"name": "high", "metric_key": "measure.cpu", "severity": "warning", "channels": [],
        "condition": {"type": "threshold", "operator": "gt", "value": 1000}})
}

/// A request of points of 100 series, each request a minute after the one before.
pub(crate) fn points(keyed: bool, operation: &str) -> HttpRequest {
    static REQUESTS: AtomicI64 = AtomicI64::new(0);
    let age = 2_000 - REQUESTS.fetch_add(1, Ordering::Relaxed);
    let timestamp = intentvision::time::format(Clock::system().wall() - age * 60_000);
    let metrics: Vec<Value> = (0..POINTS)
        .map(|number| {
            json!({"metric_key": "measure.cpu", "value": 20.0 + number as f64 / 100.0, "timestamp": timestamp,
                "dimensions": {"host": format!("web-{number:02}")}})
        })
        .collect();
    let request = HttpRequest::post("/v1/ingest", &json!({ "metrics": metrics }));
    if keyed {
        request.header("idempotency-key", operation)
    } else {
        request
    }
}
