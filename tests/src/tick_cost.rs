//! What a tick takes of a processor, in one process on a file.

use std::time::{Duration, Instant};

use intentvision::auth::{Job, Tenant};
use intentvision::clock::{Clock, MINUTE, Millis};
use intentvision::config::Config;
use intentvision::keys::Environment;
use intentvision::series::SeriesRef;
use intentvision::store::Sample;
use serde_json::{Value, json};

use crate::load::process::cpu_of_this_process;
use crate::many_series::{self, METRIC};
use crate::points;
use crate::product::{Backend, Product};

/// 2026-11-23T10:00:00Z.
const START: Millis = 1_795_428_000_000;
const STEP: Millis = 5 * MINUTE;
/// Points that each series has when its rules begin: enough for a forecast.
const HISTORY: i64 = 48;
/// Series of one request.
const REQUEST: usize = 10_000;

/// What one tick came to.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    /// of all threads of the process
    pub cpu: Duration,
    /// from its begin to its end
    pub wall: Duration,
    /// changes of alerts
    pub transitions: usize,
}

/// Ticks so many times over so many series in all, of organizations that have as many each: three rules and a new point each.
///
/// The forecasts of the third rule are all fresh by then. In the last tick but two every series breaks a rule.
///
/// # Panics
/// If it cannot be measured.
pub async fn cost(series: usize, organizations: usize, ticks: usize) -> Vec<Cost> {
    let clock = Clock::at(START);
    let product = Product::start_with(Backend::Embedded, clock.clone(), Config::default()).await;
    let names = many_series::names(series / organizations);
    let mut all = Vec::new();
    for number in 0..organizations {
        all.push(Organization::new(&product, number, names.clone()).await);
    }
    let mut costs = Vec::new();
    // the first tick meets the series and makes their forecasts
    for tick in 0..=ticks {
        let now = START + i64::try_from(tick).expect("a number") * STEP;
        let value = if tick + 2 == ticks { 150.0 } else { 50.0 };
        clock.set(now + MINUTE / 2);
        for organization in &all {
            append(&organization.tenant, &organization.names, now, value).await;
        }
        clock.set(now + MINUTE);
        // what is late is made up for, so that the ticks after it are alike
        let (cpu, begun) = (cpu_of_this_process(), Instant::now());
        let summary = product.tick(now + MINUTE).await;
        if tick > 0 {
            costs.push(Cost {
                cpu: cpu_of_this_process().saturating_sub(cpu),
                wall: begun.elapsed(),
                transitions: summary.transitions,
            });
        }
    }
    for organization in &all {
        let open: Value = product
            .get("/v1/alerts?status=firing&limit=1", &organization.key)
            .await
            .json();
        assert_eq!(open["items"], json!([]), "everything is well in the end");
    }
    costs
}

/// Has its series, their history and its rules.
struct Organization {
    tenant: Tenant,
    key: String,
    names: Vec<SeriesRef>,
}

impl Organization {
    async fn new(product: &Product, number: usize, names: Vec<SeriesRef>) -> Self {
        let org = product.organization(&format!("org{number}"), Environment::Live).await;
        let key = product.key(&org, &["admin"]).await;
        let tenant = product.app.system(Job::Maintain, Some(org));
        let times: Vec<Millis> = (1..=HISTORY).rev().map(|ago| START - ago * STEP).collect();
        many_series::import(product, &tenant, &names, &times, |_, _| 50.0).await;
        for condition in [
            json!({"type": "threshold", "operator": "gt", "value": 100}),
            json!({"type": "missing_data", "after": "15m"}),
            json!({"type": "forecast", "operator": "gt", "value": 200, "horizon": "24h"}),
        ] {
            let rule = json!({"name": "rule", "metric_key": METRIC, "severity": "error", "condition": condition});
            let made = product.post("/v1/alert-rules", &key, &rule).await;
            assert_eq!(made.status, 201, "{}", made.json());
        }
        Self { tenant, key, names }
    }
}

async fn append(tenant: &Tenant, names: &[SeriesRef], timestamp: Millis, value: f64) {
    for some in names.chunks(REQUEST) {
        let samples: Vec<Sample> = some
            .iter()
            .map(|name| Sample {
                series_id: name.series_id,
                timestamp,
                value,
            })
            .collect();
        points::store(tenant, &samples, &some.iter().collect::<Vec<_>>(), false).await;
    }
}
