//! What a run of a forecast job costs a database, by the number of its series.

use crate::product::{Backend, Product};
use intentvision::auth::Job;
use intentvision::budget::Unlimited;
use intentvision::clock::{Clock, HOUR, Millis};
use intentvision::config::Config;
use intentvision::series::{Dimensions, MetricKey, SeriesRef};
use intentvision::store::Sample;
use intentvision::store::import::Importer;
use serde_json::json;

/// 2026-11-23T10:00:00Z.
const START: Millis = 1_795_428_000_000;
/// Points of each series: two weeks of hours, a chunk and some.
const HOURS: i64 = 336;
/// Points of one write of the import.
const WRITE: usize = 500_000;

/// What one run of a job came to.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cost {
    /// series that it forecast
    pub series: i64,
    /// requests to the database
    pub requests: usize,
    /// rows read
    pub rows_read: u64,
    /// rows written
    pub rows_written: u64,
    /// bytes sent
    pub sent: usize,
    /// bytes received
    pub received: usize,
}

/// Runs a job over so many hourly series, after a run that looked at them before, and counts what the run came to.
///
/// # Panics
/// If it cannot be measured.
pub async fn cost(series: usize) -> Cost {
    let clock = Clock::at(START);
    let product = Product::start_with(Backend::Remote, clock.clone(), Config::default()).await;
    let (org, key) = product.acme().await;
    let tenant = product.app.system(Job::Maintain, Some(org));
    let names: Vec<SeriesRef> = (0..series)
        .map(|n| {
            let dimensions = Dimensions::new([("n".to_owned(), n.to_string())]).expect("dimensions");
            SeriesRef::new(MetricKey::parse("many").expect("a key"), dimensions)
        })
        .collect();
    for some in names.chunks(WRITE / HOURS as usize) {
        let samples = some.iter().flat_map(|name| {
            (0..HOURS).map(|hour| Sample {
                series_id: name.series_id,
                timestamp: START - (HOURS - hour) * HOUR,
                value: (100 + (hour * 7 + name.series_id.raw() % 11) % 24) as f64,
            })
        });
        let mut importer = Importer::new(&tenant, &product.app.entropy, None);
        importer
            .write(samples.collect(), some.iter(), None)
            .await
            .expect("an import");
    }
    let body = json!({"metric_key": "many", "horizon": 24, "schedule": "1h", "backend": "seasonal-naive"});
    let made = product.post("/v1/forecast-jobs", &key, &body).await;
    assert_eq!(made.status, 201, "{}", made.json());
    let mut cost = Cost::default();
    // the fourth scores the first, as every later run does with one before it
    for run in 0..4 {
        clock.set(START + run * HOUR);
        let news = json!({"metrics": [{"metric_key": "many", "value": 1, "dimensions": {"n": "0"}}]});
        assert_eq!(product.post("/v1/ingest", &key, &news).await.status, 200);
        let _ = product.counted();
        let summary = run_forecasts::run(&product.app, &mut Unlimited).await.expect("a run");
        assert_eq!((summary.completed, summary.failed), (1, 0), "{summary:?}");
        cost = Cost::default();
        for exchange in product.counted() {
            cost.requests += 1;
            cost.rows_read += exchange.rows_read;
            cost.rows_written += exchange.rows_written;
            cost.sent += exchange.sent;
            cost.received += exchange.received;
        }
    }
    let job = format!("/v1/forecast-jobs/{}", made.json()["job_id"].as_str().expect("an id"));
    let shown = product.get(&job, &key).await.json();
    cost.series = shown["last_series"].as_i64().expect("a number");
    cost
}
