//! Measures the functions as they are deployed, and prints the tables of docs/performance.md:
//! `cargo run -p tests --bin measure`, or with `-- --as-tested` of the programs that the tests use, which takes
//! no further build and tells about requests and rows, not about CPU and size. Names of functions measure those alone.
//! Fails if an HTTP function is larger than it may be. Linux only.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a measurement that cannot be made ends"
)]

mod operations;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use intentvision::clock::Clock;
use operations::{POINTS, points};
use tests::events::{HttpReply, scheduled};
use tests::product::{Backend, Product};
use tests::proxy::Proxy;
use tests::runtime_api::{Function, Start};
use tests::template::Template;
use tests::{binaries, workspace};

/// Starts of each function; the median counts.
const STARTS: usize = 20;
/// Calls before, and calls of, a measurement of warm CPU.
const WARM_UP: usize = 50;
const CALLS: u32 = 300;
/// Bytes that an HTTP function may have as it is deployed: an upload and a cold start that nobody notices.
const SIZE: u64 = 6_000_000;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let product = Product::start(Backend::Remote).await;
    let proxy = product.proxy();
    let (_, key) = product.acme().await;
    let is_flag = |argument: &String| argument == "--as-tested";
    let (flags, chosen): (Vec<String>, Vec<String>) = std::env::args().skip(1).partition(is_flag);
    let functions = functions(
        &chosen,
        if flags.is_empty() {
            binaries::deployed
        } else {
            binaries::program
        },
    );

    println!("| HTTP function | size, stripped | init CPU, median of {STARTS} |");
    println!("|---|---|---|");
    let mut too_large = Vec::new();
    for (name, _, program) in functions.iter().filter(|(_, http, _)| *http) {
        let mut times = Vec::new();
        for _ in 0..STARTS {
            let function = start(name, program, proxy).await;
            times.push(function.init_cpu().expect("CPU time, which only Linux tells"));
        }
        times.sort_unstable();
        let size = fs::metadata(program).expect("the program").len();
        let megabytes = size as f64 / 1e6;
        println!(
            "| {name} | {megabytes:.2} MB | {:.2} ms |",
            milliseconds(times[STARTS / 2])
        );
        if flags.is_empty() && size > SIZE {
            too_large.push(name.as_str());
        }
    }

    if let Some((_, _, program)) = functions.iter().find(|(name, ..)| name == "ingest") {
        warm_ingest(program, proxy, &key).await;
    }

    println!("\n| Operation | database requests | rows read | rows written | own CPU |");
    println!("|---|---|---|---|---|");
    for (name, http, program) in &functions {
        let function = start(name, program, proxy).await;
        if *http {
            operations::of(name, &function, proxy, &key).await;
        } else if name != "migrate" {
            let event = scheduled(&minute());
            measured(name, proxy, &function, async {
                function.invoke(event.clone()).await.expect("the run succeeds");
            })
            .await;
        }
    }
    assert!(
        too_large.is_empty(),
        "larger than {SIZE} bytes: {}",
        too_large.join(", ")
    );
}

async fn warm_ingest(program: &Path, proxy: &Proxy, key: &str) {
    let function = start("ingest", program, proxy).await;
    println!("\n| Warm ingest of {POINTS} points | own CPU a request | database requests |");
    println!("|---|---|---|");
    for keyed in [false, true] {
        for call in 0..WARM_UP {
            expect(
                &function.http(points(keyed, &format!("warm-{call}")).key(key)).await,
                200,
            );
        }
        let before = function.cpu().await;
        let _ = proxy.take();
        for call in 0..CALLS {
            expect(
                &function.http(points(keyed, &format!("call-{call}")).key(key)).await,
                200,
            );
        }
        let used = (function.cpu().await - before) / CALLS;
        let requests = proxy.take().len() as f64 / f64::from(CALLS);
        let how = if keyed { "with an idempotency key" } else { "without" };
        println!("| {how} | {} us | {requests:.2} |", used.as_micros());
    }
}

/// The functions: name, whether an HTTP API calls it, program.
fn functions(chosen: &[String], program: fn(&str) -> PathBuf) -> Vec<(String, bool, PathBuf)> {
    let template = Template::read();
    let answers = |name: &str| {
        let mut all = template.functions();
        all.any(|(function, _, properties)| function == name && Template::events(properties, "HttpApi").count() > 0)
    };
    let mut names = workspace::functions();
    names.retain(|name| chosen.is_empty() || chosen.contains(name));
    // each finds what those before it have made
    let first = [
        "ingest",
        "query",
        "forecast",
        "detect",
        "manage-alerts",
        "test-rules",
        "manage-channels",
    ];
    names.sort_by_key(|name| first.iter().position(|one| one == name).unwrap_or(first.len()));
    let names = names.into_iter();
    names
        .map(|name| (name.clone(), answers(&name), program(&name)))
        .collect()
}

async fn start(name: &str, program: &Path, proxy: &Proxy) -> Function {
    let start = Start::program(name, program.to_owned())
        .database(&proxy.url())
        .variable("INTENTVISION_LOG", "info")
        .variable(
            "INTENTVISION_SECRET_KEY",
            "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        );
    start
        .start()
        .await
        .unwrap_or_else(|failed| panic!("{name} does not start: {}", failed.log))
}

/// Runs an operation, and prints what it asked of the database and used of the processor.
async fn measured(what: &str, proxy: &Proxy, function: &Function, operation: impl Future<Output = ()>) {
    let before = function.cpu().await;
    let _ = proxy.take();
    operation.await;
    let used = function.cpu().await - before;
    let exchanges = proxy.take();
    let read: u64 = exchanges.iter().map(|exchange| exchange.rows_read).sum();
    let written: u64 = exchanges.iter().map(|exchange| exchange.rows_written).sum();
    println!(
        "| {what} | {} | {read} | {written} | {} us |",
        exchanges.len(),
        used.as_micros()
    );
}

/// This minute, as a schedule names it.
fn minute() -> String {
    let now = Clock::system().wall();
    intentvision::time::format(now - now % 60_000)
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn expect(reply: &HttpReply, status: u16) {
    assert_eq!(reply.status.as_u16(), status, "{:?}", reply.body);
}
