//! An organization whose rules, channels and points come over HTTP, and whose messages arrive at a real receiver.

use http::Method;
use intentvision::clock::{Clock, MINUTE, Millis};
use intentvision::config::Config;
use intentvision::id::OrgId;
use intentvision::notify::address::Reach;
use intentvision::notify::connector::SystemNetwork;
use intentvision::notify::delivery;
use intentvision::notify::sender::{Limits, Sender};
use serde_json::{Value, json};
use std::sync::Arc;
use tests::product::{Backend, Product};
use tests::receiver::{Answer, Receiver};

/// Minute 0: 2026-11-23T00:00:00Z, a Monday.
pub(super) const START: Millis = 1_795_392_000_000;

/// A product with one organization, a receiver, and a clock that stands where a test puts it.
pub(super) struct Stage {
    pub(super) product: Product,
    pub(super) org: OrgId,
    pub(super) key: String,
    pub(super) receiver: Receiver,
}

impl Stage {
    pub(super) async fn new(backend: Backend) -> Self {
        let config = Config {
            allow_private_webhooks: true,
            ..Config::default()
        };
        let product = Product::start_with(backend, Clock::at(START), config).await;
        let (org, key) = product.acme().await;
        Self {
            product,
            org,
            key,
            receiver: Receiver::start(|_| Answer::Status(200)).await,
        }
    }

    pub(super) fn at(&self, minute: i64, ms: Millis) {
        self.product.app.clock.set(START + minute * MINUTE + ms);
    }

    pub(super) async fn ask(&self, method: Method, path: &str, body: Option<&Value>, status: u16) -> Value {
        let reply = self.product.call(method, path, &self.key, body).await;
        assert_eq!(reply.status, status, "{path}: {}", reply.json());
        reply.json()
    }

    pub(super) async fn post(&self, path: &str, body: Value) -> Value {
        self.ask(Method::POST, path, Some(&body), 201).await
    }

    /// A channel that arrives at this path, and is sent an hour's messages in a second.
    pub(super) async fn channel(&self, path: &str) -> String {
        let body = json!({"name": path, "type": "webhook", "rate_limit": 1_000,
            "config": {"url": self.receiver.url(path)}});
        let made = self.post("/v1/notification-channels", body).await;
        made["channel_id"].as_str().unwrap().to_owned()
    }

    /// A rule `load > 100`, changed.
    pub(super) async fn rule(&self, channels: &[&str], change: Value) -> String {
        let mut body = json!({"name": "load high", "metric_key": "load", "severity": "critical", "channels": channels,
            "condition": {"type": "threshold", "operator": "gt", "value": 100}});
        for (field, value) in change.as_object().unwrap() {
            body[field] = value.clone();
        }
        let made = self.post("/v1/alert-rules", body).await;
        made["rule_id"].as_str().unwrap().to_owned()
    }

    pub(super) async fn send(&self, minute: i64, values: &[(&str, f64)]) {
        self.at(minute - 1, 30_000);
        let point =
            |(host, value): &(&str, f64)| json!({"metric_key": "load", "value": value, "dimensions": {"host": host}});
        let metrics: Vec<Value> = values.iter().map(point).collect();
        if !metrics.is_empty() {
            self.ingest(metrics).await;
        }
    }

    pub(super) async fn ingest(&self, metrics: Vec<Value>) {
        self.ask(Method::POST, "/v1/ingest", Some(&json!({"metrics": metrics})), 200)
            .await;
    }

    pub(super) async fn tick(&self, minute: i64) {
        self.at(minute, 1_000);
        self.product.tick(START + minute * MINUTE).await;
    }

    pub(super) async fn deliver(&self) {
        let sender = Sender::new(Arc::new(SystemNetwork), Reach::Private, Limits::default());
        delivery::drain(&self.product.app, &sender, 1_000).await.unwrap();
    }

    /// What arrives in a minute, its tick, and its messages.
    pub(super) async fn minute(&self, minute: i64, values: &[(&str, f64)]) {
        self.send(minute, values).await;
        self.tick(minute).await;
        self.deliver().await;
    }

    /// `minute type why` of each message to a path.
    pub(super) fn told(&self, path: &str) -> Vec<String> {
        let messages = self.receiver.messages();
        let mine = messages
            .iter()
            .filter(|message| message.path == path)
            .map(tests::receiver::Message::json);
        mine.map(|body| {
            let at = intentvision::time::parse(body["timestamp"].as_str().unwrap()).unwrap();
            let kind = body["type"]
                .as_str()
                .unwrap()
                .strip_prefix("alert.")
                .unwrap()
                .to_owned();
            format!(
                "{} {kind} {}",
                (at - START) / MINUTE,
                body["data"]["why"].as_str().unwrap()
            )
        })
        .collect()
    }

    pub(super) async fn open_alert(&self) -> String {
        let list = self.ask(Method::GET, "/v1/alerts?status=firing", None, 200).await;
        list["items"][0]["alert_id"].as_str().unwrap().to_owned()
    }
}
