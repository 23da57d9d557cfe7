//! Rows and bytes of the store over simulated days: 1,000 series at 5 minutes over HTTP, requests of 500 points
//! with idempotency keys, maintenance as often as points come.

mod month;
mod rows;
mod tables;
mod tick;

use crate::load::points::{Form, Points, STEP, STEPS_A_DAY};
use crate::product::{Backend, Product};
use crate::traffic::Traffic;
use http::Request;
use intentvision::clock::{Clock, DAY};
use intentvision::config::Config;
use intentvision::id::OrgId;
use tables::Tables;

/// Points of a request.
const REQUEST: usize = 500;
/// The first simulated moment.
const START: i64 = 1_795_392_000_000;
/// Days after which bytes are measured.
const DAYS: [usize; 2] = [2, 35];

/// What to measure.
#[derive(Debug, Clone)]
pub struct Plan {
    /// where the points lie; rows are counted on a server alone
    pub backend: Backend,
    /// how many series
    pub series: usize,
    /// after which days bytes are measured; the last one is the end
    pub days: Vec<usize>,
}

/// What was measured of the days.
#[derive(Debug)]
pub struct Measured {
    product: Product,
    clock: Clock,
    org: OrgId,
    key: String,
    points: Points,
    /// each day that was asked for, with the tables after it
    tables: Vec<(usize, Tables)>,
    ingest: Traffic,
    upkeep: Traffic,
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

    /// Lives through the days.
    ///
    /// # Panics
    /// If the measurement cannot be made.
    pub async fn measure(&self) -> Measured {
        let days = self.days.iter().copied().max().unwrap_or(0);
        let points = Points {
            series: self.series,
            steps: days * STEPS_A_DAY,
            start: START,
        };
        let clock = Clock::at(START);
        let product = Product::start_with(self.backend, clock.clone(), Config::default()).await;
        let (org, key) = product.acme().await;
        let empty = Tables::read(&product).await;
        let mut measured = Measured {
            product,
            clock,
            org,
            key,
            points,
            tables: Vec::new(),
            ingest: Traffic::default(),
            upkeep: Traffic::default(),
        };
        for day in 1..=days {
            measured.live(day).await;
            if self.days.contains(&day) {
                let tables = measured.settled(day).await.without(&empty);
                measured.tables.push((day, tables));
            }
        }
        measured
    }
}

impl Measured {
    /// A day's points, and maintenance as often as they come.
    async fn live(&mut self, day: usize) {
        // what waits a day by the database's clock is due
        let later = self.clock.clone().with_wall_offset(DAY * day as i64 + DAY / 2);
        let later = self.product.again(later).await;
        let series = self.points.series;
        for step in (day - 1) * STEPS_A_DAY..day * STEPS_A_DAY {
            self.clock.set(START + STEP * step as i64);
            let first = step * series;
            for at in (first..first + series).step_by(REQUEST) {
                let count = REQUEST.min(first + series - at);
                send(&self.product, &self.key, &self.points, at, count).await;
            }
            self.ingest.add(&self.product);
            let summary = maintain::run(&later).await.expect("maintenance");
            assert_eq!(summary.failed, 0);
            self.upkeep.add(&self.product);
        }
    }

    /// The tables once nothing waits and the last idempotency keys are gone.
    async fn settled(&self, day: usize) -> Tables {
        let end = self.clock.clone().with_wall_offset(DAY * (day as i64 + 3));
        let end = self.product.again(end).await;
        let summary = maintain::run_everything(&end).await.expect("maintenance");
        assert_eq!((summary.failed, summary.busy), (0, 0));
        let _ = self.product.counted();
        Tables::read(&self.product).await
    }

    fn accepted(&self, day: usize) -> usize {
        day * STEPS_A_DAY * self.points.series
    }

    /// Bytes a point in chunks and segments after the last day.
    #[must_use]
    pub fn bytes_a_point(&self) -> f64 {
        let last = self.tables.last();
        last.map_or(0.0, |(day, tables)| {
            tables.bytes_of_points() as f64 / self.accepted(*day) as f64
        })
    }

    /// Rows written a point, with idempotency keys and without them.
    #[must_use]
    pub fn rows_written_a_point(&self) -> (f64, f64) {
        let points = (self.points.steps * self.points.series) as f64;
        let (all, keys) = rows::rows_written(&self.ingest, &self.upkeep);
        (all as f64 / points, (all - keys) as f64 / points)
    }

    fn print(&self) {
        println!(
            "| After day | bytes a point in chunks and segments | chunks | segments | `time_series`, bytes a series |"
        );
        println!("|---|---|---|---|---|");
        for (day, tables) in &self.tables {
            tables.print(*day, self.accepted(*day), self.points.series);
        }
    }
}

/// Runs the measurement and prints its tables.
///
/// # Panics
/// If it cannot be made.
pub async fn run(arguments: impl Iterator<Item = String>) {
    let plan = Plan::read(arguments);
    let mut measured = plan.measure().await;
    measured.print();
    if plan.backend == Backend::Remote {
        let days = measured.points.steps / STEPS_A_DAY;
        rows::print(&measured.ingest, &measured.upkeep, measured.accepted(days));
        tick::measure(
            &measured.product,
            &measured.clock,
            &measured.key,
            &measured.points,
            days,
        )
        .await;
        month::measure(&mut measured.product, &measured.org, &measured.points).await;
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
