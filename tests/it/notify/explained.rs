//! What a picture shows of an alert that a tick has found: history, what was expected, and what was told.

use intentvision::clock::{Clock, DAY, MINUTE, Millis};
use intentvision::config::Config;
use intentvision::notify::address::Reach;
use intentvision::notify::connector::SystemNetwork;
use intentvision::notify::delivery;
use intentvision::notify::sender::{Limits, Sender};
use intentvision::time;
use serde_json::{Value, json};
use std::sync::Arc;
use tests::product::{Backend, Product};
use tests::receiver::{Answer, Receiver};

/// A whole day, so that all grids agree.
const START: Millis = 1_795_392_000_000;

/// Two days of noise on a daily wave, each two minutes, up to the start.
fn history() -> Vec<(Millis, f64)> {
    let value = |at: Millis| {
        #[expect(clippy::cast_precision_loss, reason = "a part of a day")]
        let day = at.rem_euclid(DAY) as f64 / DAY as f64 * std::f64::consts::TAU;
        let noise = f64::from(i32::try_from(at / MINUTE * 7_919 % 101).unwrap()) / 100.0;
        40.0 + 10.0 * day.sin() + 2.0 * noise
    };
    (0..1_440)
        .rev()
        .map(|back| START - back * 2 * MINUTE)
        .map(|at| (at, value(at)))
        .collect()
}

async fn send(product: &Product, key: &str, points: &[(Millis, f64)]) {
    let entry = |(at, value): &(Millis, f64)| json!({"metric_key": "load", "value": value, "timestamp": time::format(*at), "dimensions": {"host": "a"}});
    let metrics: Vec<Value> = points.iter().map(entry).collect();
    let reply = product.post("/v1/ingest", key, &json!({"metrics": metrics})).await;
    assert_eq!(reply.status, 200, "{}", reply.json());
}

/// The picture as its channel is sent it, here as SVG, of a rule with this condition once these values came; and the detail
/// of the alert.
async fn told(backend: Backend, condition: Value, values: &[f64]) -> (String, Value) {
    let config = Config {
        allow_private_webhooks: true,
        ..Config::default()
    };
    let product = Product::start_with(backend, Clock::at(START), config).await;
    let (_, key) = product.acme().await;
    send(&product, &key, &history()).await;
    let receiver = Receiver::start(|_| Answer::Said(200, r#"{"id":"77"}"#)).await;
    let channel = json!({"name": "ops", "type": "discord", "config": {"url": receiver.url("/api/webhooks/1/token")}});
    let channel = product.post("/v1/notification-channels", &key, &channel).await.json();
    let rule = json!({"name": "r", "metric_key": "load", "severity": "error", "channels": [channel["channel_id"]], "condition": condition});
    assert_eq!(product.post("/v1/alert-rules", &key, &rule).await.status, 201);
    for (value, step) in values.iter().zip(1..) {
        let now = START + step * 2 * MINUTE;
        product.app.clock.set(now);
        send(&product, &key, &[(now, *value)]).await;
        product.tick(now).await;
    }
    let svg = |svg: &str| Ok(svg.as_bytes().to_vec());
    let sender = Sender::new(Arc::new(SystemNetwork), Reach::Private, Limits::default()).with_painter(svg);
    let mut app = product.app.clone();
    app.clock = Clock::system();
    assert_eq!(delivery::drain(&app, &sender, 10).await.unwrap().delivered, 1);
    let body = String::from_utf8_lossy(&receiver.messages()[0].body).into_owned();
    let from = body.find("<svg").unwrap_or_else(|| panic!("no picture: {body}"));
    let until = body.find("</svg>").unwrap() + "</svg>".len();
    let alerts = product.get("/v1/alerts", &key).await.json();
    let path = format!("/v1/alerts/{}", alerts["items"][0]["alert_id"].as_str().unwrap());
    (body[from..until].to_owned(), product.get(&path, &key).await.json())
}

/// For who wants to see it: `PICTURE_OUT` names a folder.
fn keep(name: &str, svg: &str) {
    if let Ok(folder) = std::env::var("PICTURE_OUT") {
        std::fs::write(format!("{folder}/{name}.png"), picture::png(svg).unwrap()).unwrap();
    }
}

/// How many points a path of the drawing has.
fn points(path: &str) -> usize {
    path.matches(['M', 'L']).count()
}

async fn anomaly(backend: Backend) {
    let condition = json!({"type": "anomaly", "min_severity": "low"});
    let (svg, alert) = told(backend, condition, &[40.5, 41.0, 90.0, 91.0]).await;
    keep("anomaly", &svg);
    let anomaly = &alert["transitions"][0]["evidence"]["anomaly"];
    let value = anomaly["value"].as_f64().unwrap_or_else(|| panic!("{alert}"));
    let reason = alert["transitions"][0]["reason"].as_str().unwrap();
    for text in [
        format!(">{}</text>", picture::number(value)),
        format!(">r: {reason}</text>"),
    ] {
        assert!(svg.contains(&text), "{text}: {svg}");
    }
    let band = svg
        .lines()
        .find(|line| line.contains("fill-opacity=\"0.3\"/>") && line.starts_with("<path"));
    let band = points(band.unwrap_or_else(|| panic!("no range: {svg}")));
    // both its ends, for each point that is shown
    assert!(band >= 2 * 550, "{band}");
    for legend in [">expected</text>", ">unusual</text>", ">measured</text>"] {
        assert!(svg.contains(legend), "{legend}: {svg}");
    }
}

#[tokio::test]
async fn an_anomaly_is_shown_with_what_was_expected_embedded() {
    anomaly(Backend::Embedded).await;
}

#[tokio::test]
async fn an_anomaly_is_shown_with_what_was_expected_remote() {
    anomaly(Backend::Remote).await;
}

/// The value that the message tells is the one that is marked, beside the limit of the sums and not of the points.
#[tokio::test]
async fn a_sum_is_shown_as_the_rule_sees_it() {
    let condition = json!({"type": "threshold", "operator": "gt", "value": 500, "aggregation": "sum", "window": "20m"});
    let (svg, alert) = told(Backend::Embedded, condition, &[60.0, 200.0]).await;
    keep("sum", &svg);
    let value = alert["value"].as_f64().unwrap_or_else(|| panic!("{alert}"));
    assert!(value > 500.0, "{alert}");
    for text in [
        format!(">{}</text>", picture::number(value)),
        ">the sum of the last 20 min</text>".to_owned(),
        ">above 500</text>".to_owned(),
    ] {
        assert!(svg.contains(&text), "{text}: {svg}");
    }
}
