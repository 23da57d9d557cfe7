//! Rows and bytes of the store over simulated days: 1,000 series at 5 minutes over HTTP, requests of 500 points
//! with idempotency keys, maintenance as often as points come.

mod month;
mod tables;
mod tick;
mod traffic;

use crate::load::points::{Form, Points, STEP, STEPS_A_DAY};
use crate::product::{Backend, Product};
use http::Request;
use intentvision::clock::{Clock, DAY};
use intentvision::config::Config;
use maintain::Summary;
use tables::Tables;
use traffic::Traffic;

/// Points of a request.
const REQUEST: usize = 500;
/// The first simulated moment.
const START: i64 = 1_795_392_000_000;
/// Days after which bytes are measured.
const DAYS: [usize; 2] = [2, 35];

/// What to measure.
struct Plan {
    backend: Backend,
    series: usize,
    days: Vec<usize>,
}

impl Plan {
    fn read(mut arguments: impl Iterator<Item = String>) -> Self {
        let mut plan = Self {
            backend: Backend::Remote,
            series: 1_000,
            days: DAYS.to_vec(),
        };
        while let Some(argument) = arguments.next() {
            let mut number = || arguments.next().and_then(|text| text.parse().ok()).expect("a number");
            match argument.as_str() {
                "--file" => plan.backend = Backend::Embedded,
                "--series" => plan.series = number(),
                "--days" => plan.days = vec![number()],
                other => panic!("unknown argument {other}"),
            }
        }
        plan
    }
}

/// Runs the measurement and prints its tables.
///
/// # Panics
/// If it cannot be made.
pub async fn run(arguments: impl Iterator<Item = String>) {
    let plan = Plan::read(arguments);
    let days = plan.days.iter().copied().max().unwrap_or(0);
    let points = Points {
        series: plan.series,
        steps: days * STEPS_A_DAY,
        start: START,
    };
    let clock = Clock::at(START);
    let mut product = Product::start_with(plan.backend, clock.clone(), Config::default()).await;
    let (org, key) = product.acme().await;
    let empty = Tables::read(&product).await;

    println!(
        "| After day | bytes a point in chunks and segments | chunks | segments | `time_series`, bytes a series |"
    );
    println!("|---|---|---|---|---|");
    let mut ingest = Traffic::default();
    let mut upkeep = Traffic::default();
    let mut accepted = 0;
    for day in 1..=days {
        // what waits a day by the database's clock is due
        let later = product
            .again(clock.clone().with_wall_offset(DAY * day as i64 + DAY / 2))
            .await;
        for step in (day - 1) * STEPS_A_DAY..day * STEPS_A_DAY {
            clock.set(START + STEP * step as i64);
            let first = step * plan.series;
            for at in (first..first + plan.series).step_by(REQUEST) {
                let count = REQUEST.min(first + plan.series - at);
                send(&product, &key, &points, at, count).await;
                accepted += count;
            }
            ingest.add(&product);
            let summary = maintain::run(&later).await.expect("maintenance");
            assert_eq!(summary.failed, 0);
            upkeep.add(&product);
        }
        if plan.days.contains(&day) {
            // the last keys too must go, and whatever waits
            let end = product
                .again(clock.clone().with_wall_offset(DAY * (day as i64 + 3)))
                .await;
            let done: Summary = maintain::run_everything(&end).await.expect("maintenance");
            assert_eq!(done.failed, 0);
            let _ = product.counted();
            let tables = Tables::read(&product).await;
            tables.print(day, accepted, plan.series, &empty);
        }
    }
    if plan.backend == Backend::Remote {
        traffic::print(&ingest, &upkeep, accepted);
        tick::measure(&product, &clock, &key, &points, days).await;
        month::measure(&mut product, &org, &points).await;
    }
}

/// Sends a part of the points, under a key of its own.
async fn send(product: &Product, key: &str, points: &Points, first: usize, count: usize) {
    let request = Request::post("/v1/ingest")
        .header("authorization", format!("Bearer {key}"))
        .header("content-type", "application/json")
        .header("idempotency-key", format!("from-{first}"));
    let reply = product.send(request, points.body(Form::Json, first, count)).await;
    assert!(reply.status.is_success(), "{} {:?}", reply.status, reply.body);
}
