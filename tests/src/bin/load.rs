//! Loads points into `intentvision serve`, VictoriaMetrics and InfluxDB, and prints what each used for them as
//! rows of docs/performance.md: `cargo run --release -p tests --bin load`. Linux only. Options:
//! `--series 1000`, `--days 35`, `--connections 8`, `--per-request 500,10000`, and names of products to measure
//! those alone (`intentvision`, `victoriametrics`, `influxdb`).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a measurement that cannot be made ends"
)]

use intentvision::clock::Clock;
use tests::load::points::Points;
use tests::load::{Figures, Load, Missing, Product};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let options = Options::read();
    let points = Points::ending_at(Clock::system().wall(), options.series, options.days);
    println!(
        "{} series, {} days at 5 minutes, {} points, {} connections\n",
        options.series,
        options.days,
        points.count(),
        options.connections
    );
    println!(
        "| Product | points a request | points a CPU-second, requests | with all that follows | points a second | p50 | p99 | peak RSS | bytes a point |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for per_request in &options.per_request {
        for product in &options.products {
            let load = Load {
                points,
                per_request: *per_request,
                connections: options.connections,
            };
            print_row(*product, *per_request, product.measure(&load).await);
        }
    }
}

fn print_row(product: Product, per_request: usize, measured: Result<Figures, Missing>) {
    let name = product.name();
    let Ok(figures) = measured else {
        println!("| {name} | {per_request} | not installed | | | | | | |");
        return;
    };
    let points = figures.acknowledged as f64;
    let bytes = |bytes: u64| format!("{:.2}", bytes as f64 / points);
    println!(
        "| {name} | {per_request} | {:.0} | {:.0} | {:.0} | {:.1} ms | {:.1} ms | {:.0} MB | {} |",
        figures.points_of_requests(),
        figures.points_of_all(),
        points / figures.wall.as_secs_f64(),
        1e3 * figures.latency(0.5).as_secs_f64(),
        1e3 * figures.latency(0.99).as_secs_f64(),
        figures.memory as f64 / 1e6,
        match figures.bytes_of_points {
            Some(of_points) => format!("{}, points alone {}", bytes(figures.bytes), bytes(of_points)),
            None => bytes(figures.bytes),
        }
    );
}

struct Options {
    series: usize,
    days: usize,
    connections: usize,
    per_request: Vec<usize>,
    products: Vec<Product>,
}

impl Options {
    fn read() -> Self {
        let mut options = Self {
            series: 1_000,
            days: 35,
            connections: 8,
            per_request: vec![500, 10_000],
            products: Vec::new(),
        };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let mut numbers = || -> Vec<usize> {
                let text = arguments.next().unwrap_or_default();
                text.split(',')
                    .map(|number| number.parse().expect("a number"))
                    .collect()
            };
            match argument.as_str() {
                "--series" => options.series = numbers()[0],
                "--days" => options.days = numbers()[0],
                "--connections" => options.connections = numbers()[0],
                "--per-request" => options.per_request = numbers(),
                "intentvision" => options.products.push(Product::IntentVision),
                "victoriametrics" => options.products.push(Product::VictoriaMetrics),
                "influxdb" => options.products.push(Product::InfluxDb),
                other => panic!("there is no option {other:?}"),
            }
        }
        if options.products.is_empty() {
            options.products = Product::ALL.to_vec();
        }
        options
    }
}
