//! The scheduled functions, as a schedule and a queue start them.

use intentvision::clock::{Clock, HOUR};
use intentvision::config::Config;
use intentvision::{migrations, time};
use serde_json::{Value, json};
use tests::events::{queued, scheduled};
use tests::product::{Backend, Product};
use tests::queue::Queue;
use tests::runtime_api::{Failed, Start};
use tests::sqld::Sqld;

const MINUTE: i64 = 60_000;
const SECRET_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// A product whose time is an hour ago, with a rule on `load` and a point that breaks it.
async fn firing() -> (Product, String, i64) {
    let now = Clock::system().wall();
    let then = now - now % MINUTE - HOUR;
    let clock = Clock::at(then);
    let config = Config {
        allow_private_webhooks: true,
        ..Config::default()
    };
    let product = Product::start_with(Backend::Remote, clock.clone(), config).await;
    let (_, key) = product.acme().await;
    let channel = json!({"name": "hook", "type": "webhook", "config": {"url": "http://127.0.0.1:9/hook"}});
    let channel = product.post("/v1/notification-channels", &key, &channel).await.json();
    let rule = json!({"name": "high", "metric_key": "load", "severity": "critical", "channels": [channel["channel_id"]],
        "condition": {"type": "threshold", "operator": "gt", "value": 10}});
    assert_eq!(product.post("/v1/alert-rules", &key, &rule).await.status, 201);
    clock.set(then + MINUTE / 2);
    let point = json!({"metrics": [{"metric_key": "load", "value": 11}]});
    assert_eq!(product.post("/v1/ingest", &key, &point).await.status, 200);
    (product, key, then)
}

#[tokio::test]
async fn a_tick_fires_and_wakes_up_the_delivery_once() {
    let (product, key, then) = firing().await;
    let queue = Queue::start();
    let function = queue.evaluate_alerts(&product.proxy().url()).await;
    let quiet = function.invoke(scheduled(&time::format(then))).await.unwrap();
    assert_eq!(
        (&quiet["transitions"], &quiet["messages"]),
        (&json!(0), &json!(0)),
        "{quiet}"
    );
    assert!(queue.sent().is_empty(), "nothing to tell, and nothing loaded");
    let event = scheduled(&time::format(then + 2 * MINUTE));
    let told = function.invoke(event.clone()).await.unwrap();
    assert_eq!(
        (&told["transitions"], &told["messages"]),
        (&json!(1), &json!(1)),
        "{told}"
    );
    // the same event again, as EventBridge may send it
    let again = function.invoke(event).await.unwrap();
    assert_eq!(
        (&again["transitions"], &again["messages"]),
        (&json!(0), &json!(0)),
        "{again}"
    );
    let sent = queue.sent();
    assert_eq!(sent.len(), 1, "{sent:?} {}", function.log());
    assert_eq!(sent[0].0, "AmazonSQS.SendMessage");
    assert_eq!(sent[0].1["QueueUrl"], queue.url());
    let alerts = product.get("/v1/alerts", &key).await.json();
    assert_eq!(alerts["items"][0]["status"], "firing", "{alerts}");
}

/// The message is in the outbox, whatever becomes of the hint.
#[tokio::test]
async fn a_queue_that_is_gone_does_not_fail_the_tick() {
    let (product, key, then) = firing().await;
    let queue = Queue::start();
    let function = queue.evaluate_alerts(&product.proxy().url()).await;
    drop(queue);
    let told = function
        .invoke(scheduled(&time::format(then + 2 * MINUTE)))
        .await
        .unwrap();
    assert_eq!(told["messages"], 1, "{told}");
    let deliveries = product.get("/v1/deliveries", &key).await.json();
    assert_eq!(deliveries["items"][0]["state"], "pending", "{deliveries}");
}

/// A deployed function has no way to be allowed private addresses.
#[tokio::test]
async fn deliver_notifications_answers_schedule_and_queue_and_refuses_private_addresses() {
    let (product, key, then) = firing().await;
    let tick = Queue::start().evaluate_alerts(&product.proxy().url()).await;
    tick.invoke(scheduled(&time::format(then + 2 * MINUTE))).await.unwrap();
    let deliver = Start::function("deliver-notifications").database(&product.proxy().url());
    // the key that sealed the channel's secret is the product's own: with another one nothing is sent either
    let deliver = deliver
        .variable("INTENTVISION_SECRET_KEY", SECRET_KEY)
        .start()
        .await
        .unwrap();
    let by_queue = deliver.invoke(queued(&["outbox"])).await.unwrap();
    assert_eq!(by_queue["delivered"], 0, "{by_queue}");
    assert_eq!(by_queue["attempted"], 1, "{by_queue}");
    let by_schedule = deliver
        .invoke(scheduled(&time::format(then + 3 * MINUTE)))
        .await
        .unwrap();
    assert_eq!(by_schedule["delivered"], 0, "{by_schedule}");
    let deliveries = product.get("/v1/deliveries", &key).await.json();
    assert_ne!(deliveries["items"][0]["state"], "delivered", "{deliveries}");
}

#[tokio::test]
async fn maintain_answers_its_schedule() {
    let (product, _, then) = firing().await;
    let function = Start::function("maintain")
        .database(&product.proxy().url())
        .start()
        .await
        .unwrap();
    let summary = function.invoke(scheduled(&time::format(then))).await.unwrap();
    assert_eq!(summary["failed"], 0, "{summary}");
}

#[tokio::test]
async fn migrate_applies_what_is_missing_and_says_what_is_applied() {
    let server = Sqld::start();
    let function = Start::function("migrate")
        .database(&server.url())
        .start()
        .await
        .unwrap();
    let all = migrations::all().len();
    let count = |summary: &Value, list: &str| summary[list].as_array().unwrap().len();
    let before = function.invoke(json!({"action": "status"})).await.unwrap();
    assert_eq!((count(&before, "applied"), count(&before, "pending")), (0, all));
    let done = function.invoke(json!({"action": "migrate"})).await.unwrap();
    assert_eq!((count(&done, "applied_now"), count(&done, "pending")), (all, 0));
    let again = function.invoke(json!({"action": "migrate"})).await.unwrap();
    assert_eq!((count(&again, "applied_now"), count(&again, "applied")), (0, all));
    let wrong = function.invoke(json!({"action": "drop"})).await;
    assert!(matches!(wrong, Err(Failed::Reported(_))), "{wrong:?}");
}

/// What `cargo lambda invoke` is handed in docs/operations.md.
#[tokio::test]
async fn the_event_files_are_events_that_the_functions_read() {
    let (product, ..) = firing().await;
    let scheduled = ["deliver-notifications", "evaluate-alerts", "maintain", "run-forecasts"];
    for name in scheduled.into_iter().chain(["migrate"]) {
        let function = Start::function(name)
            .database(&product.proxy().url())
            .start()
            .await
            .unwrap();
        let text = tests::workspace::read(&format!("tests/events/{name}.json"));
        let reply = function.invoke(serde_json::from_str(&text).unwrap()).await;
        assert!(reply.is_ok(), "{name}: {reply:?} {}", function.log());
    }
}

/// An event without a time is a mistake of whoever set up the schedule: an alarm should tell.
#[tokio::test]
async fn a_tick_without_a_minute_is_an_error() {
    let product = Product::start(Backend::Remote).await;
    let function = Queue::start().evaluate_alerts(&product.proxy().url()).await;
    for event in [json!({}), scheduled("noon")] {
        let reply = function.invoke(event).await;
        assert!(matches!(reply, Err(Failed::Reported(_))), "{reply:?}");
    }
}
