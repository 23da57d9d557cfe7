//! A tick that is too much for one worker: parts of it go through the queue to others.

use intentvision::clock::{Clock, HOUR, MINUTE};
use intentvision::config::Config;
use intentvision::keys::Environment;
use intentvision::time;
use serde_json::{Value, json};
use tests::events::{queued, scheduled};
use tests::many_series;
use tests::product::{Backend, Product};
use tests::queue::Queue;
use tests::runtime_api::{Failed, Function};
use tests::tick_cost::workers::{self, Size, Tick};

/// Organizations that each have a rule which is broken, and 15,000 series by their count, so that no two of them share a worker.
struct Large {
    product: Product,
    keys: Vec<String>,
    event: Value,
}

impl Large {
    async fn new(organizations: usize) -> Self {
        let now = Clock::system().wall();
        let then = now - now % MINUTE - HOUR;
        let clock = Clock::at(then);
        let product = Product::start_with(Backend::Remote, clock.clone(), Config::default()).await;
        let mut keys = Vec::new();
        for number in 0..organizations {
            let org = product.organization(&format!("org{number}"), Environment::Live).await;
            let key = product.key(&org, &["admin"]).await;
            let rule = json!({"name": "high", "metric_key": "load", "severity": "critical", "channels": [],
                "condition": {"type": "threshold", "operator": "gt", "value": 10}});
            assert_eq!(product.post("/v1/alert-rules", &key, &rule).await.status, 201);
            many_series::count_as(&product.app.operator(Some(org)), 15_000).await;
            keys.push(key);
        }
        clock.set(then + MINUTE / 2);
        let point = json!({"metrics": [{"metric_key": "load", "value": 11}]});
        for key in &keys {
            assert_eq!(product.post("/v1/ingest", key, &point).await.status, 200);
        }
        clock.set(then + 2 * MINUTE);
        Self {
            product,
            keys,
            event: scheduled(&time::format(then + 2 * MINUTE)),
        }
    }

    async fn firing(&self) -> Vec<usize> {
        let mut firing = Vec::new();
        for key in &self.keys {
            let alerts = self.product.get("/v1/alerts?status=firing", key).await.json();
            firing.push(alerts["items"].as_array().unwrap().len());
        }
        firing
    }
}

/// How many organizations an invocation evaluates, and how many alerts change.
async fn evaluated(function: &Function, event: Value) -> (u64, u64) {
    let reply = function.invoke(event).await.unwrap();
    let count = |name: &str| {
        reply[name]
            .as_u64()
            .unwrap_or_else(|| panic!("{reply} {}", function.log()))
    };
    (count("organizations"), count("transitions"))
}

#[tokio::test]
async fn parts_go_to_other_workers_and_each_organization_is_evaluated_once() {
    let large = Large::new(3).await;
    let queue = Queue::start();
    let function = queue.evaluate_alerts(&large.product.proxy().url()).await;
    assert_eq!(evaluated(&function, large.event.clone()).await, (1, 1));
    assert_eq!(large.firing().await.iter().sum::<usize>(), 1);
    let sent = queue.sent();
    assert_eq!(sent.len(), 1, "{sent:?}");
    assert_eq!(
        (sent[0].0.as_str(), &sent[0].1["QueueUrl"]),
        ("AmazonSQS.SendMessageBatch", &json!(queue.url()))
    );
    let entries = sent[0].1["Entries"].as_array().unwrap();
    let bodies: Vec<&str> = entries
        .iter()
        .map(|entry| entry["MessageBody"].as_str().unwrap())
        .collect();
    assert_eq!(bodies.len(), 2);
    for body in &bodies {
        // SQS may hand out a message twice
        assert_eq!(evaluated(&function, queued(&[body])).await, (1, 1));
        assert_eq!(evaluated(&function, queued(&[body])).await, (1, 0));
    }
    assert_eq!(large.firing().await, [1, 1, 1]);
}

#[tokio::test]
async fn what_the_queue_does_not_take_is_evaluated_here() {
    let large = Large::new(3).await;
    let queue = Queue::refusing(Some(1));
    let function = queue.evaluate_alerts(&large.product.proxy().url()).await;
    assert_eq!(evaluated(&function, large.event.clone()).await, (2, 2));
    drop(queue);
    assert_eq!(evaluated(&function, large.event.clone()).await, (3, 1));
    assert_eq!(large.firing().await, [1, 1, 1]);
}

#[tokio::test]
async fn a_message_that_is_no_part_is_an_error() {
    let product = Product::start(Backend::Remote).await;
    let queue = Queue::start();
    let function = queue.evaluate_alerts(&product.proxy().url()).await;
    for body in [
        "outbox",
        "{}",
        "{\"time\": \"noon\", \"organizations\": []}",
        "{\"time\": \"2026-01-01T00:00:00Z\", \"organizations\": [\"x\"]}",
    ] {
        let reply = function.invoke(queued(&[body])).await;
        assert!(matches!(reply, Err(Failed::Reported(_))), "{body}: {reply:?}");
    }
}

/// As with `tick_cost -- 100000 5 --queue`, in small.
#[tokio::test]
async fn every_series_is_evaluated_once_by_workers_side_by_side() {
    let size = Size {
        series: 900,
        organizations: 3,
        counted: Some(15_000),
    };
    let ticks = workers::ticks(size, 4).await;
    let changes: Vec<u64> = ticks.iter().map(Tick::transitions).collect();
    assert_eq!(changes, [0, 900, 900, 0]);
    for tick in ticks {
        assert_eq!((tick.invocations.len(), tick.again), (3, 0));
    }
}
