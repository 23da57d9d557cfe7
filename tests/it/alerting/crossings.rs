//! What people are told of a forecast that crosses an edge of an interval: when, and between which times.

use intentvision::clock::{Clock, MINUTE, Millis};
use intentvision::config::Config;
use intentvision::notify::address::Reach;
use intentvision::notify::connector::SystemNetwork;
use intentvision::notify::delivery;
use intentvision::notify::sender::{Limits, Sender};
use intentvision::time;
use serde_json::{Value, json};
use std::sync::Arc;
use tests::on_both;
use tests::product::{Backend, Product};
use tests::receiver::{Answer, Receiver};

/// A whole day, so that all grids agree.
const START: Millis = 1_795_392_000_000;
/// The minute in which the values reach the limit.
const CROSSING: i64 = 100;

async fn start(backend: Backend) -> Product {
    let config = Config {
        allow_private_webhooks: true,
        ..Config::default()
    };
    Product::start_with(backend, Clock::at(START), config).await
}

/// Between -8 and 7, and without a pattern that a model could learn.
fn noise(minute: i64) -> i64 {
    let mixed = minute.cast_unsigned().wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    (mixed >> 60).cast_signed() - 8
}

/// Two series by the minute: `rising` goes up by 1 with some noise, `falling` is its mirror.
async fn send(product: &Product, key: &str, minutes: std::ops::RangeInclusive<i64>) {
    let metrics: Vec<Value> = minutes
        .flat_map(|minute| {
            let value = minute + noise(minute);
            let at = time::format(START + minute * MINUTE);
            [("rising", value), ("falling", -value)]
                .map(|(metric, value)| json!({"metric_key": metric, "value": value, "timestamp": at}))
        })
        .collect();
    let reply = product.post("/v1/ingest", key, &json!({"metrics": metrics})).await;
    assert_eq!(reply.status, 200, "{}", reply.json());
}

/// What was told of a rule when it fired: the reason in the message, and the transition.
struct Told {
    reason: String,
    transition: Value,
}

impl Told {
    fn time(&self, name: &str) -> Millis {
        let found = self.transition["evidence"][name].as_str();
        time::parse(found.unwrap_or_else(|| panic!("{name}: {}", self.transition))).unwrap()
    }
}

on_both! {
    start = start;

    an_edge_that_crosses_fires_and_says_when => async |product: Product| {
        let (_, key) = product.acme().await;
        send(&product, &key, -240..=0).await;
        let receiver = Receiver::start(|_| Answer::Status(204)).await;
        let channel = json!({"name": "on call", "type": "webhook", "config": {"url": receiver.url("/hook")}});
        let channel = product.post("/v1/notification-channels", &key, &channel).await.json();
        for (metric, operator, limit) in [("rising", "gt", 100), ("falling", "lt", -100)] {
            for edge in ["upper", "lower"] {
                let rule = json!({"name": format!("{metric} {edge}"), "metric_key": metric, "severity": "error",
                    "channels": [channel["channel_id"]],
                    "condition": {"type": "forecast", "operator": operator, "value": limit, "horizon": "1h",
                        "interval": {"level": 80, "edge": edge}}});
                let made = product.post("/v1/alert-rules", &key, &rule).await;
                assert_eq!(made.status, 201, "{}", made.json());
            }
        }
        let sender = Sender::new(Arc::new(SystemNetwork), Reach::Private, Limits::default());
        for minute in (5..CROSSING).step_by(5) {
            product.app.clock.set(START + minute * MINUTE);
            send(&product, &key, minute - 4..=minute).await;
            product.tick(START + minute * MINUTE).await;
            delivery::drain(&product.app, &sender, 100).await.unwrap();
        }
        let messages: Vec<Value> = receiver.messages().iter().map(|message| message.json()).collect();
        let told = async |name: &str| {
            let mine = messages.iter().find(|message| message["data"]["rule"]["name"] == name);
            let alert = &mine.unwrap_or_else(|| panic!("{name}: {messages:?}"))["data"]["alert"];
            let path = format!("/v1/alerts/{}", alert["alert_id"].as_str().unwrap());
            let transition = product.get(&path, &key).await.json()["transitions"][0].clone();
            assert_eq!((&transition["to"], &transition["reason"]), (&json!("firing"), &alert["reason"]));
            Told { reason: alert["reason"].as_str().unwrap().to_owned(), transition }
        };
        for (metric, early, late, side) in [("rising", "upper", "lower", "above 100"), ("falling", "lower", "upper", "below -100")] {
            let (warned, certain) = (told(&format!("{metric} {early}")).await, told(&format!("{metric} {late}")).await);
            let [at, from, median, until] = ["crossing_at", "crossing_earliest", "crossing_expected", "crossing_latest"]
                .map(|name| certain.time(name));
            assert!(from < median && median < until && until == at, "{}", certain.transition);
            let off = median - (START + CROSSING * MINUTE);
            assert!(off.abs() <= 15 * MINUTE, "{}", certain.transition);
            let words = format!(
                "; a crossing is expected at {}, between {} and {}",
                time::format(median), time::format(from), time::format(until)
            );
            let begins = format!("the {late} edge of the 80 % interval is {side} in ");
            assert!(certain.reason.starts_with(&begins) && certain.reason.ends_with(&words), "{}", certain.reason);
            let begins = format!("the {early} edge of the 80 % interval is {side} in ");
            assert!(warned.reason.starts_with(&begins), "{}", warned.reason);
            // the edge that warns early is the one that says the earliest time
            assert_eq!(warned.time("crossing_at"), warned.time("crossing_earliest"));
            assert!(warned.transition["at"].as_str() < certain.transition["at"].as_str());
        }
    };
}
