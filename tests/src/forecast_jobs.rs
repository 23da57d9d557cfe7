//! What a run of a forecast job costs a database, by the number of its series.

use crate::many_series::{self, METRIC};
use crate::product::{Backend, Product};
use crate::traffic::Traffic;
use intentvision::auth::Job;
use intentvision::budget::Unlimited;
use intentvision::clock::{Clock, HOUR, Millis};
use intentvision::config::Config;
use intentvision::series::SeriesRef;
use serde_json::json;

/// 2026-11-23T10:00:00Z.
const START: Millis = 1_795_428_000_000;
/// Points of each series: two weeks of hours, a chunk and some.
const HOURS: i64 = 336;
/// What one run of a job came to.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cost {
    /// series that it forecast
    pub series: i64,
    /// what it exchanged with the database
    pub traffic: Traffic,
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
    let names = many_series::names(series);
    let times: Vec<Millis> = (1..=HOURS).rev().map(|ago| START - ago * HOUR).collect();
    let value = |name: &SeriesRef, time: Millis| {
        let hour = (time - START) / HOUR + HOURS;
        (100 + (hour * 7 + name.series_id.raw() % 11) % 24) as f64
    };
    many_series::import(&product, &tenant, &names, &times, value).await;
    let body = json!({"metric_key": METRIC, "horizon": 24, "schedule": "1h", "backend": "seasonal-naive"});
    let made = product.post("/v1/forecast-jobs", &key, &body).await;
    assert_eq!(made.status, 201, "{}", made.json());
    let mut cost = Cost::default();
    // the fourth scores the first, as every later run does with one before it
    for run in 0..4 {
        clock.set(START + run * HOUR);
        let news = json!({"metrics": [{"metric_key": METRIC, "value": 1, "dimensions": {"n": "0"}}]});
        assert_eq!(product.post("/v1/ingest", &key, &news).await.status, 200);
        let _ = product.counted();
        let summary = run_forecasts::run(&product.app, &mut Unlimited).await.expect("a run");
        assert_eq!((summary.completed, summary.failed), (1, 0), "{summary:?}");
        cost = Cost::default();
        cost.traffic.add(&product);
    }
    let job = format!("/v1/forecast-jobs/{}", made.json()["job_id"].as_str().expect("an id"));
    let shown = product.get(&job, &key).await.json();
    cost.series = shown["last_series"].as_i64().expect("a number");
    cost
}
