//! Point 10: an alert says why it paged somebody.

use ::http::Method;
use intentvision::clock::{Clock, DAY, HOUR, MINUTE, Millis};
use intentvision::config::Config;
use intentvision::notify::address::Reach;
use intentvision::notify::connector::SystemNetwork;
use intentvision::notify::delivery;
use intentvision::notify::sender::{Limits, Sender};
use intentvision::time;
use query::OPENAPI;
use serde_json::{Value, json};
use std::sync::Arc;
use tests::product::{Backend, Product};
use tests::receiver::{Answer, Receiver};
use tests::schema::violations;

/// A whole day, so that all grids agree.
const START: Millis = 1_795_392_000_000;

async fn product(backend: Backend) -> (Product, String) {
    let config = Config {
        allow_private_webhooks: true,
        ..Config::default()
    };
    let product = Product::start_with(backend, Clock::at(START), config).await;
    let (_, key) = product.acme().await;
    (product, key)
}

async fn make(product: &Product, key: &str, path: &str, body: &Value) -> Value {
    let made = product.post(path, key, body).await;
    assert_eq!(made.status, 201, "{}", made.json());
    made.json()
}

async fn send(product: &Product, key: &str, points: &[(Millis, f64)]) {
    let entry = |(at, value): &(Millis, f64)| json!({"metric_key": "load", "value": value, "timestamp": time::format(*at), "dimensions": {"host": "a"}});
    for some in points.chunks(5_000) {
        let metrics: Vec<Value> = some.iter().map(entry).collect();
        let reply = product.post("/v1/ingest", key, &json!({"metrics": metrics})).await;
        assert_eq!(reply.status, 200, "{}", reply.json());
    }
}

/// A minute with a value, and its tick.
async fn minute(product: &Product, key: &str, minute: i64, value: Option<f64>) {
    let now = START + minute * MINUTE;
    product.app.clock.set(now);
    if let Some(value) = value {
        send(product, key, &[(now, value)]).await;
    }
    product.tick(now).await;
}

async fn only_alert(product: &Product, key: &str) -> Value {
    let list = product.get("/v1/alerts", key).await.json();
    let items = list["items"].as_array().unwrap();
    assert_eq!(items.len(), 1, "{list}");
    let path = format!("/v1/alerts/{}", items[0]["alert_id"].as_str().unwrap());
    let reply = product.get(&path, key).await;
    assert_eq!(reply.status, 200, "{}", reply.json());
    let document: Value = serde_json::from_str(OPENAPI).unwrap();
    let schema = json!({"$ref": "#/components/schemas/AlertDetail"});
    assert_eq!(violations(&document, &schema, &reply.json()), Vec::<String>::new());
    reply.json()
}

/// Identities that are new in each run by what they are of.
fn without_ids(value: &Value) -> Value {
    match value {
        Value::String(text) => {
            let (prefix, rest) = text.split_once('_').unwrap_or(("", ""));
            let is_id = rest.len() == 32 && rest.bytes().all(|byte| byte.is_ascii_hexdigit());
            if is_id { json!(prefix) } else { value.clone() }
        }
        Value::Array(items) => items.iter().map(without_ids).collect(),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| (name.clone(), without_ids(value)));
            Value::Object(fields.collect())
        }
        other => other.clone(),
    }
}

#[tokio::test]
async fn it_says_what_the_rule_was_what_the_values_were_and_who_was_told() {
    for backend in [Backend::Embedded, Backend::Remote] {
        let (product, key) = product(backend).await;
        let receiver = Receiver::start(|_| Answer::Status(503)).await;
        let channel = json!({"name": "on call", "type": "webhook", "config": {"url": receiver.url("/hook")}});
        let channel = make(&product, &key, "/v1/notification-channels", &channel).await;
        let mut rule = json!({
            "name": "load high", "metric_key": "load", "severity": "critical", "channels": [channel["channel_id"]],
            "condition": {"type": "threshold", "operator": "gt", "value": 100}, "for": "1m", "no_data_after": "3m",
        });
        let made = make(&product, &key, "/v1/alert-rules", &rule).await;
        for (at, value) in [(1, 90.0), (2, 120.0), (3, 130.5)] {
            minute(&product, &key, at, Some(value)).await;
        }
        for offset in [0, 6_000] {
            let app = process(&product, offset);
            let sender = Sender::new(Arc::new(SystemNetwork), Reach::Private, Limits::default());
            delivery::drain(&app, &sender, 100).await.unwrap();
            receiver.change(|_| Answer::Status(204));
        }
        // what the rule is now is not what paged anybody
        rule["name"] = json!("other");
        rule["for"] = json!("5m");
        let path = format!("/v1/alert-rules/{}", made["rule_id"].as_str().unwrap());
        assert_eq!(product.call(Method::PUT, &path, &key, Some(&rule)).await.status, 200);
        for at in 4..=6 {
            minute(&product, &key, at, None).await;
        }
        let alert = only_alert(&product, &key).await;
        let id = alert["alert_id"].as_str().unwrap();
        for verb in ["acknowledge", "resolve"] {
            let path = format!("/v1/alerts/{id}/{verb}");
            assert_eq!(product.call(Method::POST, &path, &key, None).await.status, 200);
        }
        minute(&product, &key, 7, None).await;
        let mut alert = only_alert(&product, &key).await;
        let messages = alert["messages"].take();
        let was = alert.as_object_mut().unwrap().remove("rule").unwrap();
        let rule_then = [
            &was["name"],
            &was["for"],
            &was["condition"]["value"],
            &was["no_data_after"],
        ];
        assert_eq!(json!(rule_then), json!(["load high", "1m", 100.0, "3m"]));
        let snapshot: Value = serde_json::from_str(include_str!("alert_detail.json")).unwrap();
        alert.as_object_mut().unwrap().remove("messages");
        let found = without_ids(&alert);
        assert_eq!(found, snapshot, "{}", serde_json::to_string_pretty(&found).unwrap());
        let first = messages.as_array().unwrap().last().unwrap();
        let told = [
            &first["channel_name"],
            &first["channel_type"],
            &first["type"],
            &first["state"],
        ];
        assert_eq!(told, ["on call", "webhook", "alert.firing", "delivered"], "{messages}");
        let attempts = first["attempts"].as_array().unwrap();
        let outcomes: Vec<_> = attempts
            .iter()
            .map(|one| (one["outcome"].as_str(), one["status"].as_i64()))
            .collect();
        assert_eq!(outcomes, [(Some("retry"), Some(503)), (Some("delivered"), Some(204))]);
    }
}

fn process(product: &Product, offset: Millis) -> intentvision::App {
    let mut app = product.app.clone();
    app.clock = Clock::system().with_wall_offset(offset);
    app
}

/// Two days of noise around 4 by the minute, up to the start.
fn noise() -> Vec<(Millis, f64)> {
    let value = |minute: i64| 4.0 + 0.05 * f64::from(i32::try_from((minute * 7_919 + minute / 7) % 11).unwrap());
    (0..2 * DAY / MINUTE)
        .rev()
        .map(|back| (START - back * MINUTE, value(back)))
        .collect()
}

#[tokio::test]
async fn of_an_anomaly_it_keeps_the_expected_range_and_of_silence_its_length() {
    let (product, key) = product(Backend::Embedded).await;
    send(&product, &key, &noise()).await;
    let rule = |condition: Value| json!({"name": "r", "metric_key": "load", "severity": "error", "channels": [], "condition": condition});
    make(
        &product,
        &key,
        "/v1/alert-rules",
        &rule(json!({"type": "anomaly", "min_severity": "low"})),
    )
    .await;
    minute(&product, &key, 1, Some(4.1)).await;
    minute(&product, &key, 2, Some(90.0)).await;
    minute(&product, &key, 3, Some(91.0)).await;
    let alert = only_alert(&product, &key).await;
    let anomaly = &alert["transitions"][0]["evidence"]["anomaly"];
    let number = |name: &str| anomaly[name].as_f64().unwrap_or_else(|| panic!("{name}: {alert}"));
    assert!(number("lower") < number("expected") && number("expected") < number("upper") && number("upper") < 90.0);
    assert!(number("score") > 0.0 && number("evidence") > 0.0);
    assert_eq!(
        (&anomaly["direction"], anomaly["member"].is_string()),
        (&json!("up"), true)
    );
    assert_eq!(
        alert["points"]["items"].as_array().unwrap().last().unwrap()["value"],
        91.0
    );
}

#[tokio::test]
async fn of_a_forecast_it_keeps_the_time_of_the_crossing_and_of_a_long_alert_its_two_ends() {
    let (product, key) = product(Backend::Embedded).await;
    #[expect(clippy::cast_precision_loss, reason = "small")]
    let rising: Vec<(Millis, f64)> = (-600..=0)
        .map(|minute| (START + minute * MINUTE, minute as f64))
        .collect();
    send(&product, &key, &rising).await;
    let rule = json!({"name": "r", "metric_key": "load", "severity": "error", "channels": [],
        "condition": {"type": "forecast", "operator": "gt", "value": 30, "horizon": "1h"}});
    make(&product, &key, "/v1/alert-rules", &rule).await;
    minute(&product, &key, 1, Some(1.0)).await;
    minute(&product, &key, 2, Some(2.0)).await;
    let alert = only_alert(&product, &key).await;
    let crossing = alert["transitions"][0]["evidence"]["crossing_at"].as_str();
    let crossing = time::parse(crossing.unwrap_or_else(|| panic!("{alert}"))).unwrap();
    assert!(
        (START + 20 * MINUTE..START + 45 * MINUTE).contains(&crossing),
        "{alert}"
    );
    assert_eq!(
        (&alert["points"]["complete"], &alert["rule"]["condition"]["value"]),
        (&json!(true), &json!(30.0))
    );
    // half a day later
    #[expect(clippy::cast_precision_loss, reason = "small")]
    let more: Vec<(Millis, f64)> = (3..=720)
        .map(|minute| (START + minute * MINUTE, minute as f64))
        .collect();
    product.app.clock.set(START + 12 * HOUR);
    send(&product, &key, &more).await;
    let points = only_alert(&product, &key).await["points"].clone();
    let items = points["items"].as_array().unwrap();
    assert!(items.len() <= 500 && items.len() > 450, "{}", items.len());
    assert_eq!(
        (&points["complete"], &items[items.len() - 1]["value"]),
        (&json!(false), &json!(720.0))
    );
}
