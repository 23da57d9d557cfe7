//! Forecast jobs: kept over HTTP, run by the scheduled function, on both databases.

mod http;
mod keeping;
mod recovery;
mod runs;
mod size;

use intentvision::auth::{Authority, Tenant};
use intentvision::budget::{Budget, Unlimited};
use intentvision::clock::{Clock, HOUR, Millis};
use intentvision::config::Config;
use intentvision::id::OrgId;
use intentvision::time;
use run_forecasts::Summary;
use serde_json::{Value, json};
use tests::product::{Backend, Product};

/// 2026-11-23T10:00:00Z.
const START: Millis = 1_795_428_000_000;

/// An organization with forecast jobs, at a time that stands still.
struct Scene {
    product: Product,
    org: OrgId,
    key: String,
}

impl Scene {
    async fn start(backend: Backend) -> Self {
        let product = Product::start_with(backend, Clock::at(START), Config::default()).await;
        let (org, key) = product.acme().await;
        Self { product, org, key }
    }

    /// Sets the clock so many hours after the start.
    fn at(&self, hours: i64) {
        self.product.app.clock.set(START + hours * HOUR);
    }

    /// Hourly values of a metric's series, `hours` after the start; the series have dimensions `n` and `parity`.
    async fn ingest(&self, metric: &str, series: std::ops::Range<usize>, hours: std::ops::Range<i64>) {
        let mut points = Vec::new();
        for n in series {
            for hour in hours.clone() {
                points.push(json!({
                    "metric_key": metric, "value": value(n, hour), "timestamp": time::format(START + hour * HOUR),
                    "dimensions": {"n": n.to_string(), "parity": if n % 2 == 0 { "even" } else { "odd" }},
                }));
            }
        }
        for some in points.chunks(10_000) {
            let reply = self
                .product
                .post("/v1/ingest", &self.key, &json!({"metrics": some}))
                .await;
            assert_eq!(reply.json()["rejected"], 0, "{}", reply.json());
        }
    }

    async fn job(&self, body: &Value) -> String {
        let reply = self.product.post("/v1/forecast-jobs", &self.key, body).await;
        assert_eq!(reply.status, 201, "{}", reply.json());
        reply.json()["job_id"].as_str().unwrap().to_owned()
    }

    async fn run(&self) -> Summary {
        self.run_with(&mut Unlimited).await
    }

    async fn run_with(&self, budget: &mut dyn Budget) -> Summary {
        run_forecasts::run(&self.product.app, budget).await.unwrap()
    }

    async fn get(&self, path: &str) -> Value {
        let reply = self.product.get(path, &self.key).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.json());
        reply.json()
    }

    async fn shown(&self, job: &str) -> Value {
        self.get(&format!("/v1/forecast-jobs/{job}")).await
    }

    async fn runs(&self, job: &str) -> Vec<Value> {
        items(&self.get(&format!("/v1/forecast-jobs/{job}/runs")).await)
    }

    /// All results of the newest complete run, page by page.
    async fn results(&self, job: &str) -> Vec<Value> {
        let mut found = Vec::new();
        let mut path = format!("/v1/forecast-jobs/{job}/results?limit=100");
        loop {
            let page = self.get(&path).await;
            found.extend(items(&page));
            match page["next_cursor"].as_str() {
                Some(cursor) => path = format!("/v1/forecast-jobs/{job}/results?limit=100&cursor={cursor}"),
                None => return found,
            }
        }
    }

    fn operator(&self) -> Tenant {
        self.product.app.tenant(&Authority::operator(Some(self.org.clone())))
    }
}

fn items(page: &Value) -> Vec<Value> {
    page["items"].as_array().unwrap().clone()
}

fn orders(more: &Value) -> Value {
    let mut body = json!({"metric_key": "shop.orders", "horizon": 24, "schedule": "1h"});
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

/// A daily cycle with some noise.
fn value(series: usize, hour: i64) -> f64 {
    let noise = ((hour + 1_000) * 7919 + series as i64 * 31) % 13;
    100.0 + series as f64 + if (hour + 1_000).rem_euclid(24) > 8 { 30.0 } else { 0.0 } + noise as f64 / 13.0
}
