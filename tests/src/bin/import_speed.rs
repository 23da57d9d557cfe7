//! How fast `intentvision import` writes into a remote database: a file of its own, a real sqld on loopback, and
//! a proxy that counts the requests. Prints a table row; docs/performance.md says what it means.
//!
//! `cargo run --release -p tests --bin import_speed [-- POINTS [SERIES]]`

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a measurement that cannot be made ends"
)]

use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use intentvision::clock::Clock;
use intentvision::config::Config;
use intentvision::id::Entropy;
use intentvision::{App, migrations};
use tests::binaries;
use tests::proxy::{Exchange, Proxy};
use tests::sqld::Sqld;

/// The way there and back to a hosted database, of which loopback has nothing.
const ROUND_TRIP: Duration = Duration::from_millis(30);
const STEP: i64 = 300_000;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default: u64| {
        let text = arguments.next();
        text.map_or(default, |text| text.parse().expect("a whole number"))
    };
    let (points, series) = (number(1_000_000), number(1_000));
    // built before anything is timed
    let program = binaries::program("intentvision");
    let folder = tempfile::tempdir().expect("a temporary folder");
    println!(
        "| file | points | series | wall | points a minute | requests | rows written | sent | largest request | with {} ms a request |",
        ROUND_TRIP.as_millis()
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    for (name, by_time) in [("series by series", false), ("in order of time", true)] {
        let path = folder.path().join("history.csv");
        write_file(&path, points, series, by_time).expect("the file is written");
        let sqld = Sqld::start();
        let proxy = Proxy::start(sqld.port());
        migrate(&proxy.url());
        let _ = proxy.take();
        let started = Instant::now();
        let status = Command::new(&program)
            .arg("import")
            .arg(&path)
            .args(["--metric-key", "speed"])
            .env("INTENTVISION_DB_URL", proxy.url())
            .status()
            .expect("the program starts");
        let wall = started.elapsed();
        assert!(status.success(), "the import failed");
        print(name, points, series, wall, &proxy.take());
    }
}

fn print(name: &str, points: u64, series: u64, wall: Duration, exchanges: &[Exchange]) {
    let requests = u32::try_from(exchanges.len()).expect("a count");
    let written: u64 = exchanges.iter().map(|exchange| exchange.rows_written).sum();
    let sent: usize = exchanges.iter().map(|exchange| exchange.sent).sum();
    let largest = exchanges.iter().map(|exchange| exchange.sent).max().unwrap_or(0);
    let minute = |wall: Duration| points as f64 / wall.as_secs_f64() * 60.0;
    // one request at a time is on its way
    let far = wall + ROUND_TRIP * requests;
    println!(
        "| {name} | {points} | {series} | {:.1} s | {:.0} | {requests} | {written} | {:.1} MB | {:.2} MB | {:.0} points a minute |",
        wall.as_secs_f64(),
        minute(wall),
        sent as f64 / 1e6,
        largest as f64 / 1e6,
        minute(far)
    );
}

fn migrate(url: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let db = db_remote::connect(url, None).expect("a client");
        let app = App::new(db, Clock::system(), Entropy::system(), Config::default(), None);
        migrations::migrate(&app.operator(None), migrations::all())
            .await
            .expect("migrations apply");
    });
}

/// Values of two decimals with a daily cycle and noise, every five minutes up to now.
fn write_file(path: &Path, points: u64, series: u64, by_time: bool) -> std::io::Result<()> {
    let each = points / series;
    let end = Clock::system().wall() / STEP * STEP;
    let mut file = BufWriter::new(std::fs::File::create(path)?);
    writeln!(file, "timestamp,value,host")?;
    let mut row = |number: u64, at: u64| {
        let timestamp = end - (each - at) as i64 * STEP;
        let day = (at as f64 / 288.0 * std::f64::consts::TAU + number as f64).sin();
        let noise = (number * 31 + at).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56;
        writeln!(
            file,
            "{timestamp},{:.2},host-{number}",
            500.0 + 100.0 * day + noise as f64 / 50.0
        )
    };
    if by_time {
        (0..each).try_for_each(|at| (0..series).try_for_each(|number| row(number, at)))?;
    } else {
        (0..series).try_for_each(|number| (0..each).try_for_each(|at| row(number, at)))?;
    }
    file.flush()
}
