//! From ingest to the anomaly, its group and the alert, over HTTP, on both databases; and by the deployed function.

use super::scene::{dropped, rule, usual};
use crate::alerting::rig::series;
use evaluate_alerts::Unlimited;
use http::Method;
use intentvision::clock::{Clock, DAY, HOUR, MINUTE, Millis};
use intentvision::config::Config;
use intentvision::series::SeriesRef;
use intentvision::time;
use serde_json::{Value, json};
use tests::events::scheduled;
use tests::product::{Backend, Product};
use tests::runtime_api::Start;

const STEP: Millis = 5 * MINUTE;

/// A product some hours ago, with a week of history of one series that is watched, and a rule.
struct Scene {
    product: Product,
    clock: Clock,
    key: String,
    name: SeriesRef,
    start: Millis,
}

impl Scene {
    async fn begin(backend: Backend) -> Self {
        let now = Clock::system().wall();
        let start = now - now % HOUR - 12 * HOUR;
        let clock = Clock::at(start);
        let product = Product::start_with(backend, clock.clone(), Config::default()).await;
        let (_, key) = product.acme().await;
        let scene = Self {
            product,
            clock,
            key,
            name: series(1),
            start,
        };
        let history: Vec<_> = (1..=8 * DAY / STEP).rev().map(|back| start - back * STEP).collect();
        for some in history.chunks(2_000) {
            scene.ingest(some, usual).await;
        }
        let on = json!({"enabled": true, "direction": "down"});
        let on = scene
            .product
            .call(Method::PUT, "/v1/detection", &scene.key, Some(&on))
            .await;
        assert_eq!(on.status, 200, "{}", on.json());
        let made = scene.product.post("/v1/alert-rules", &scene.key, &rule(|_| ())).await;
        assert_eq!(made.status, 201, "{}", made.json());
        scene
    }

    async fn ingest(&self, times: &[Millis], value: impl Fn(&SeriesRef, Millis) -> f64) {
        let point = |time: &Millis| {
            json!({"metric_key": "load", "dimensions": self.name.dimensions, "timestamp": time::format(*time),
                "value": value(&self.name, *time)})
        };
        let points: Vec<Value> = times.iter().map(point).collect();
        let reply = self
            .product
            .post("/v1/ingest", &self.key, &json!({"metrics": points}))
            .await;
        assert_eq!(reply.status, 200, "{}", reply.json());
    }

    /// A point, and a tick in the minute after it, by a process of its own each time.
    async fn step(&self, step: i64, value: impl Fn(&SeriesRef, Millis) -> f64) {
        let time = self.arrive(step, value).await;
        let app = self.product.again(Clock::at(time + MINUTE)).await;
        let summary = evaluate_alerts::run(&app, time + MINUTE, &mut Unlimited, &mut Unlimited).await;
        assert_eq!(summary.unwrap().failed, 0);
    }

    async fn arrive(&self, step: i64, value: impl Fn(&SeriesRef, Millis) -> f64) -> Millis {
        let time = self.start + step * STEP;
        self.clock.set(time);
        self.ingest(&[time], value).await;
        time
    }

    async fn items(&self, path: &str) -> Vec<Value> {
        let reply = self.product.get(path, &self.key).await;
        assert_eq!(reply.status, 200, "{}", reply.json());
        reply.json()["items"].as_array().unwrap().clone()
    }

    async fn found(&self) -> Value {
        let found = self.items("/v1/anomalies").await;
        assert_eq!(found.len(), 1, "{found:?}");
        found[0].clone()
    }
}

async fn a_drop_is_found_told_and_labelled(backend: Backend) {
    let scene = Scene::begin(backend).await;
    for step in 0..12 {
        scene.step(step, usual).await;
    }
    assert!(scene.items("/v1/anomalies").await.is_empty());
    for step in 12..17 {
        scene.step(step, dropped).await;
    }
    let found = scene.found().await;
    assert_eq!(
        (&found["direction"], &found["ended_at"]),
        (&json!("down"), &Value::Null),
        "{found}"
    );
    assert_eq!(found["series_id"], json!(scene.name.series_id), "{found}");
    let alerts = scene.items("/v1/alerts").await;
    assert_eq!(
        (alerts.len(), &alerts[0]["status"]),
        (1, &json!("firing")),
        "{alerts:?}"
    );
    assert!(alerts[0]["reason"].as_str().unwrap().contains("load "), "{alerts:?}");
    let groups = scene.items("/v1/anomaly-groups").await;
    assert_eq!(
        (groups.len(), &groups[0]["group_id"]),
        (1, &found["group_id"]),
        "{groups:?}"
    );
    let path = format!("/v1/series/{}/labels", scene.name.series_id);
    let label = json!({"anomaly_id": found["anomaly_id"], "label": "expected"});
    let marked = scene.product.post(&path, &scene.key, &label).await;
    assert_eq!(marked.status, 201, "{}", marked.json());
    scene.step(17, usual).await;
    let over = scene.found().await;
    assert_eq!(
        (&over["ending"], &over["label"]),
        (&json!("marked"), &json!("expected")),
        "{over}"
    );
    let alerts = scene.items("/v1/alerts").await;
    assert_eq!(alerts[0]["status"], "resolved", "{alerts:?}");
}

#[tokio::test]
async fn a_drop_is_found_told_and_labelled_embedded() {
    a_drop_is_found_told_and_labelled(Backend::Embedded).await;
}

#[tokio::test]
async fn a_drop_is_found_told_and_labelled_remote() {
    a_drop_is_found_told_and_labelled(Backend::Remote).await;
}

#[tokio::test]
async fn the_deployed_tick_replays_history_and_finds_a_drop() {
    let scene = Scene::begin(Backend::Remote).await;
    let start = Start::function("evaluate-alerts").database(&scene.product.proxy().url());
    let function = start.start().await.unwrap();
    let tick = async |time: Millis| function.invoke(scheduled(&time::format(time + MINUTE))).await.unwrap();
    assert_eq!(tick(scene.start).await["replayed"], 1);
    for step in 1..6 {
        let time = scene.arrive(step, usual).await;
        tick(time).await;
    }
    assert!(scene.items("/v1/anomalies").await.is_empty());
    // three points are evaluated at once, by a tick that comes late
    for step in 6..12 {
        let time = scene.arrive(step, dropped).await;
        if step % 3 == 2 {
            tick(time).await;
        }
    }
    scene.found().await;
    assert_eq!(scene.items("/v1/alerts").await.len(), 1);
}
