//! TimeGPT as a backend, against its stand-in.

mod client;
mod fallback;
mod forecast;
mod jobs;
mod key;
mod programs;

use http::Method;
use intentvision::clock::{Clock, HOUR, Millis};
use intentvision::config::Config;
use intentvision::forecasting::timegpt::{BaseUrl, Settings};
use intentvision::id::OrgId;
use intentvision::keys::Environment;
use intentvision::time;
use serde_json::{Value, json};
use std::time::Duration;
use tests::product::{Backend, Product, Reply};
use tests::timegpt::TimeGpt;

/// Acme's key of TimeGPT, to be looked for where it must not be.
const KEY: &str = "nixak-canary-0123456789-of-acme";
const PATH: &str = "/v1/forecast-backends/timegpt";

/// A product whose organization has a history and, if it was given, a key that the stand-in knows.
struct Scene {
    product: Product,
    service: TimeGpt,
    org: OrgId,
    admin: String,
}

impl Scene {
    async fn start(backend: Backend) -> Self {
        let scene = Self::without_key(backend).await;
        scene.put(&scene.admin, KEY).await;
        scene
    }

    async fn without_key(backend: Backend) -> Self {
        let service = TimeGpt::start(&[KEY]);
        let url = service.url();
        Self::at(backend, service, &url, Settings::default().timeout).await
    }

    /// With this address of the service, and this time for a call.
    async fn at(backend: Backend, service: TimeGpt, url: &str, timeout: Duration) -> Self {
        let settings = Settings {
            base: BaseUrl::parse(url).unwrap(),
            timeout,
            ..Settings::default()
        };
        let config = Config {
            timegpt: settings,
            ..Config::default()
        };
        let product = Product::start_with(backend, Clock::system(), config).await;
        let (org, admin) = product.acme().await;
        ingest(&product, &admin, &history(24 * 14)).await;
        Self {
            product,
            service,
            org,
            admin,
        }
    }

    async fn put(&self, admin: &str, key: &str) -> Value {
        let body = json!({"api_key": key});
        let reply = self.product.call(Method::PUT, PATH, admin, Some(&body)).await;
        assert_eq!(reply.status, 200, "{}", reply.json());
        reply.json()
    }

    /// A forecast of six hours by a backend.
    async fn forecast(&self, backend: &str) -> Value {
        self.forecast_of(&self.admin, backend).await
    }

    async fn forecast_of(&self, key: &str, backend: &str) -> Value {
        let reply = self.product.post("/v1/forecasts", key, &question(backend)).await;
        assert_eq!(reply.status, 201, "{}", reply.json());
        reply.json()
    }

    /// Another organization with its own history, and an admin key of it.
    async fn stranger(&self, environment: Environment) -> String {
        let other = self.product.organization("other", environment).await;
        let admin = self.product.key(&other, &["admin"]).await;
        ingest(&self.product, &admin, &history(24 * 14)).await;
        admin
    }

    async fn status(&self) -> Value {
        self.product.get(PATH, &self.admin).await.json()
    }

    /// Requests, failures, and tokens in, out and for fine-tuning, over all days shown.
    async fn usage(&self) -> [i64; 5] {
        let status = self.status().await;
        let days = status["usage"].as_array().unwrap();
        [
            "requests",
            "failures",
            "input_tokens",
            "output_tokens",
            "finetune_tokens",
        ]
        .map(|name| days.iter().map(|day| day[name].as_i64().unwrap()).sum())
    }
}

fn question(backend: &str) -> Value {
    json!({"metric_key": "shop.orders", "horizon": 6, "levels": [80, 95, 99.5], "backend": backend})
}

/// The hour that the histories here end with.
fn last_hour() -> Millis {
    Clock::system().now() / HOUR * HOUR - HOUR
}

/// What the histories here have at an hour.
fn value(hour: usize) -> f64 {
    let noise = (hour * 7919 % 13) as f64 / 16.0;
    100.0 + if hour % 24 > 8 { 32.0 } else { 0.0 } + noise
}

/// So many hours up to the last one.
fn history(hours: usize) -> Vec<Value> {
    let end = last_hour();
    let point = |hour: usize| {
        let timestamp = end - i64::try_from(hours - 1 - hour).unwrap() * HOUR;
        json!({"metric_key": "shop.orders", "value": value(hour), "timestamp": time::format(timestamp)})
    };
    (0..hours).map(point).collect()
}

async fn ingest(product: &Product, key: &str, points: &[Value]) {
    let reply: Reply = product.post("/v1/ingest", key, &json!({"metrics": points})).await;
    assert_eq!(reply.status, 200, "{}", reply.json());
}

/// Why a reply is no forecast of TimeGPT.
fn fallback(made: &Value) -> &str {
    assert_eq!(
        (&made["backend"], &made["model_info"]["requested"]),
        (&json!("auto"), &json!("timegpt")),
        "{made}"
    );
    let reason = made["model_info"]["fallback"]["reason"].as_str().unwrap();
    assert!(!reason.is_empty() && !reason.contains(KEY), "{reason}");
    made["model_info"]["fallback"]["code"].as_str().unwrap()
}

/// Declares one test for each kind of database: `on_both!(name => async |scene: Scene| { ... })`.
macro_rules! on_both {
    ($($(#[$doc:meta])* $name:ident => $body:expr;)*) => {$(
        mod $name {
            #[allow(unused_imports, reason = "a body may need nothing of its module")]
            use super::*;

            $(#[$doc])*
            #[tokio::test]
            async fn embedded() {
                ($body)(Scene::start(Backend::Embedded).await).await;
            }

            $(#[$doc])*
            #[tokio::test]
            async fn remote() {
                ($body)(Scene::start(Backend::Remote).await).await;
            }
        }
    )*};
}
use on_both;
