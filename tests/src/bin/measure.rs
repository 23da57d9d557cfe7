//! Measures the functions as they are deployed, and prints the tables of docs/performance.md:
//! `cargo run -p tests --bin measure`, or with `-- --as-tested` of the programs that the tests use, which takes
//! no further build and tells about requests and rows, not about CPU and size. Names of functions measure those alone.
//! Linux only.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a measurement that cannot be made ends"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use http::Method;
use intentvision::clock::Clock;
use serde_json::{Value, json};
use tests::events::{HttpReply, HttpRequest, scheduled};
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
const POINTS: usize = 100;

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
    for (name, _, program) in functions.iter().filter(|(_, http, _)| *http) {
        let mut times = Vec::new();
        for _ in 0..STARTS {
            let function = start(name, program, proxy).await;
            times.push(function.init_cpu().expect("CPU time, which only Linux tells"));
        }
        times.sort_unstable();
        let size = fs::metadata(program).expect("the program").len() as f64 / 1e6;
        println!("| {name} | {size:.2} MB | {:.2} ms |", milliseconds(times[STARTS / 2]));
    }

    if let Some((_, _, program)) = functions.iter().find(|(name, ..)| name == "ingest") {
        warm_ingest(program, proxy, &key).await;
    }

    println!("\n| Operation | database requests | rows read | rows written | own CPU |");
    println!("|---|---|---|---|---|");
    for (name, http, program) in &functions {
        let function = start(name, program, proxy).await;
        if *http {
            operations(name, &function, proxy, &key).await;
        } else if name != "migrate" {
            let event = scheduled(&minute());
            measured(name, proxy, &function, async {
                function.invoke(event.clone()).await.expect("the run succeeds");
            })
            .await;
        }
    }
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
    let first = ["ingest", "query", "forecast", "manage-alerts", "manage-keys"];
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

/// What is typical of each HTTP function, in an order in which each finds what it needs.
async fn operations(name: &str, function: &Function, proxy: &Proxy, key: &str) {
    let call = async |what: &str, request: HttpRequest| -> Value {
        let mut reply = Value::Null;
        measured(what, proxy, function, async {
            let answered = function.http(request.key(key)).await;
            assert!(
                answered.status.is_success(),
                "{what}: {} {:?}",
                answered.status,
                answered.body
            );
            reply = serde_json::from_slice(&answered.body).unwrap_or_default();
        })
        .await;
        reply
    };
    match name {
        "ingest" => {
            call("ingest 100 points, new process", points(false, "first")).await;
            call("ingest 100 points, warm", points(false, "second")).await;
            call("ingest 100 points, warm, idempotency key", points(true, "third")).await;
        }
        "query" => {
            call("GET /v1/metrics", HttpRequest::get("/v1/metrics")).await;
            let series = call("GET /v1/series", HttpRequest::get("/v1/series?metric_key=measure.cpu")).await;
            let id = series["items"][0]["series_id"].as_str().expect("a series").to_owned();
            call("GET /v1/series/{id}", HttpRequest::get(&format!("/v1/series/{id}"))).await;
            call(
                "GET /v1/series/{id}/points",
                HttpRequest::get(&format!("/v1/series/{id}/points")),
            )
            .await;
            call("GET /v1/forecasts", HttpRequest::get("/v1/forecasts")).await;
        }
        "forecast" => {
            let body = json!({"metric_key": "measure.cpu", "dimensions": {"host": "web-00"}, "horizon": 24});
            call("POST /v1/forecasts", HttpRequest::post("/v1/forecasts", &body)).await;
        }
        "manage-alerts" => {
            let channel = json!({"name": "hook", "type": "webhook", "config": {"url": "https://hooks.example.com/a"}});
            call(
                "POST /v1/notification-channels",
                HttpRequest::post("/v1/notification-channels", &channel),
            )
            .await;
            let rule = json!({"name": "high", "metric_key": "measure.cpu", "severity": "warning", "channels": [],
                "condition": {"type": "threshold", "operator": "gt", "value": 1000}});
            let rule = call("POST /v1/alert-rules", HttpRequest::post("/v1/alert-rules", &rule)).await;
            let id = rule["rule_id"].as_str().expect("a rule").to_owned();
            call(
                "GET /v1/alert-rules/{id}/instances",
                HttpRequest::get(&format!("/v1/alert-rules/{id}/instances")),
            )
            .await;
            call("GET /v1/alerts", HttpRequest::get("/v1/alerts")).await;
        }
        "manage-keys" => {
            let body = json!({"name": "agent", "scopes": ["ingest:write"]});
            let key = call("POST /v1/api-keys", HttpRequest::post("/v1/api-keys", &body)).await;
            call("GET /v1/api-keys", HttpRequest::get("/v1/api-keys")).await;
            let id = key["key_id"].as_str().expect("a key").to_owned();
            call(
                "DELETE /v1/api-keys/{id}",
                HttpRequest::new(Method::DELETE, &format!("/v1/api-keys/{id}")),
            )
            .await;
        }
        other => panic!("nothing is measured of {other}"),
    }
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

/// A request of points of 100 series, each request a minute after the one before.
fn points(keyed: bool, operation: &str) -> HttpRequest {
    static REQUESTS: AtomicI64 = AtomicI64::new(0);
    let age = 2_000 - REQUESTS.fetch_add(1, Ordering::Relaxed);
    let timestamp = intentvision::time::format(Clock::system().wall() - age * 60_000);
    let metrics: Vec<Value> = (0..POINTS)
        .map(|number| {
            json!({"metric_key": "measure.cpu", "value": 20.0 + number as f64 / 100.0, "timestamp": timestamp,
                "dimensions": {"host": format!("web-{number:02}")}})
        })
        .collect();
    let request = HttpRequest::post("/v1/ingest", &json!({ "metrics": metrics }));
    if keyed {
        request.header("idempotency-key", operation)
    } else {
        request
    }
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
