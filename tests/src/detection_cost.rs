//! What a tick costs a database when series are watched for anomalies.

use crate::many_series::{self, METRIC};
use crate::product::{Backend, Product};
use crate::traffic::Traffic;
use intentvision::auth::Job;
use intentvision::clock::{Clock, DAY, HOUR, MINUTE, Millis};
use intentvision::config::Config;
use intentvision::series::SeriesRef;
use serde_json::{Value, json};

/// 2026-11-23T10:00:00Z: no day of UTC ends in the hours that are measured, but those of one cold row in 16 do.
const START: Millis = 1_795_428_000_000;
const STEP: Millis = 5 * MINUTE;
/// Points of one request.
const REQUEST: usize = 500;

/// What ticks came to.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cost {
    /// ticks
    pub ticks: usize,
    /// of all of them
    pub traffic: Traffic,
}

/// Watches so many series with so many days of history, and sends a point of each series each five minutes for some hours.
///
/// Returns what the first tick came to, which replays the history, what the others did, and the bytes of the hot and of the
/// cold rows.
///
/// # Panics
/// If it cannot be measured.
pub async fn cost(series: usize, days: i64, hours: i64) -> (Cost, Cost, i64, i64) {
    let clock = Clock::at(START);
    let product = Product::start_with(Backend::Remote, clock.clone(), Config::default()).await;
    let (org, key) = product.acme().await;
    let tenant = product.app.system(Job::Maintain, Some(org));
    let names = many_series::names(series);
    let times: Vec<Millis> = (1..=days * DAY / STEP).rev().map(|ago| START - ago * STEP).collect();
    many_series::import(&product, &tenant, &names, &times, value).await;
    let on = product
        .call(
            http::Method::PUT,
            "/v1/detection",
            &key,
            Some(&json!({"enabled": true})),
        )
        .await;
    assert_eq!(on.status, 200, "{}", on.json());
    let mut costs = [Cost::default(); 2];
    for step in 0..=hours * HOUR / STEP {
        let now = START + MINUTE + step * STEP;
        clock.set(now);
        if step > 0 {
            for some in names.chunks(REQUEST) {
                let point = |name: &SeriesRef| json!({"metric_key": METRIC, "dimensions": name.dimensions, "timestamp": now, "value": value(name, now)});
                let points: Vec<Value> = some.iter().map(point).collect();
                let reply = product.post("/v1/ingest", &key, &json!({"metrics": points})).await;
                assert_eq!(reply.status, 200, "{}", reply.json());
            }
        }
        let _ = product.counted();
        product.tick(now).await;
        let cost = &mut costs[usize::from(step > 0)];
        cost.ticks += 1;
        cost.traffic.add(&product);
    }
    let [hot, cold] = [
        "SELECT coalesce(sum(length(blob)), 0) FROM lane_state",
        "SELECT coalesce(sum(length(blob)), 0) FROM detector_cold",
    ];
    let bytes = async |sql: &'static str| {
        let step = db::Step::global(sql, vec![]);
        let reply = tenant.run(db::Batch::read_one(step)).await.expect("a sum");
        reply
            .step(0)
            .expect("a step")
            .one()
            .expect("a row")
            .integer(0)
            .expect("a number")
    };
    (costs[0], costs[1], bytes(hot).await, bytes(cold).await)
}

fn value(name: &SeriesRef, time: Millis) -> f64 {
    let wave = (time.rem_euclid(DAY) / STEP) as f64 / 288.0 * std::f64::consts::TAU;
    let noise = ((name.series_id.raw() ^ time) % 97) as f64 / 97.0;
    (100.0 * (10.0 + wave.sin() + noise)).round() / 100.0
}
