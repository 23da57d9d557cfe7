//! Point 2: a rule is tried on history, over HTTP and on both databases.

mod messages;
mod requests;

use ::http::Method;
use intentvision::clock::{Clock, MINUTE, Millis};
use intentvision::config::Config;
use intentvision::time;
use serde_json::{Value, json};
use tests::product::{Backend, Product};

/// A whole day, so that all grids agree.
const START: Millis = 1_795_392_000_000;
const TEST: &str = "/v1/alert-rules/test";

fn rule(condition: &Value, fields: &Value) -> Value {
    let mut rule =
        json!({"name": "r", "metric_key": "load", "severity": "error", "channels": [], "condition": condition});
    rule.as_object_mut()
        .unwrap()
        .extend(fields.as_object().unwrap().clone());
    rule
}

fn above(limit: i64) -> Value {
    json!({"type": "threshold", "operator": "gt", "value": limit})
}

async fn product(backend: Backend) -> (Product, String) {
    let product = Product::start_with(backend, Clock::at(START), Config::default()).await;
    let (_, key) = product.acme().await;
    (product, key)
}

/// Sends what hosts have at a time, which is now.
async fn send(product: &Product, key: &str, now: Millis, values: &[(&str, f64)]) {
    product.app.clock.set(now);
    let entry = |(host, value): &(&str, f64)| json!({"metric_key": "load", "value": value, "timestamp": time::format(now), "dimensions": {"host": host}});
    let metrics: Vec<Value> = values.iter().map(entry).collect();
    let reply = product.post("/v1/ingest", key, &json!({"metrics": metrics})).await;
    assert_eq!(reply.status, 200, "{}", reply.json());
}

/// Two hours of three hosts that rise, fall and go silent, each minute with its tick; a fourth speaks when nobody else does.
async fn two_hours(product: &Product, key: &str) {
    let mut dice = 7_u64;
    let mut throw = |sides: u64| {
        dice = dice
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (dice >> 33) % sides
    };
    let mut silent = [0_u64; 3];
    let mut level = [4.0_f64; 3];
    for minute in 1..=120 {
        let mut values = Vec::new();
        for (host, name) in ["a", "b", "c"].into_iter().enumerate() {
            if throw(12) == 0 {
                silent[host] = throw(14);
            }
            if throw(6) == 0 {
                level[host] = [2.0, 4.0, 6.0, 8.0][usize::try_from(throw(4)).unwrap()];
            }
            if silent[host] == 0 {
                values.push((name, level[host]));
            }
            silent[host] = silent[host].saturating_sub(1);
        }
        if values.is_empty() {
            values.push(("d", 1.0));
        }
        let within = i64::try_from(throw(59)).unwrap() * 1_000 + 500;
        send(product, key, START + (minute - 1) * MINUTE + within, &values).await;
        product.app.clock.set(START + minute * MINUTE);
        product.tick(START + minute * MINUTE).await;
    }
}

/// `series start-end reason / end reason` of each alert that the tick raised.
async fn raised(product: &Product, key: &str, rule_id: &str) -> Vec<String> {
    let list = product.get(&format!("/v1/alerts?rule_id={rule_id}"), key).await.json();
    let mut raised = Vec::new();
    for alert in list["items"].as_array().unwrap() {
        let path = format!("/v1/alerts/{}", alert["alert_id"].as_str().unwrap());
        let alert = product.get(&path, key).await.json();
        let log = alert["transitions"].as_array().unwrap();
        let last = log.last().filter(|last| last["to"] == "resolved");
        raised.push(format!(
            "{} {}-{} {} {} / {}",
            alert["series_id"],
            alert["started_at"],
            alert["resolved_at"],
            log[0]["value"],
            log[0]["reason"],
            last.map_or(&Value::Null, |last| &last["reason"]),
        ));
    }
    raised.sort();
    raised
}

/// The same of a dry run.
fn found(report: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for series in report["series"].as_array().unwrap() {
        for episode in series["episodes"].as_array().unwrap() {
            found.push(format!(
                "{} {}-{} {} {} / {}",
                series["series_id"],
                episode["started_at"],
                episode["ended_at"],
                episode["value"],
                episode["reason"],
                episode["ended_because"],
            ));
        }
    }
    found.sort();
    found
}

#[tokio::test]
async fn a_dry_run_finds_the_alerts_that_the_tick_raised() {
    for backend in [Backend::Embedded, Backend::Remote] {
        let (product, key) = product(backend).await;
        let rules = [
            rule(&above(5), &json!({})),
            rule(
                &above(5),
                &json!({"for": "2m", "keep_firing_for": "90s", "no_data_after": "4m"}),
            ),
            rule(
                &json!({"type": "threshold", "operator": "gte", "value": 7, "recover": 3}),
                &json!({"dimensions": {"host": "b"}}),
            ),
            rule(&json!({"type": "missing_data", "after": "5m"}), &json!({})),
        ];
        let mut ids = Vec::new();
        for rule in &rules {
            ids.push(save(&product, &key, rule).await);
        }
        two_hours(&product, &key).await;
        let _ = product.counted();
        for (rule, id) in rules.iter().zip(&ids) {
            let saved = json!({"rule_id": id, "from": START});
            let report = product.post(TEST, &key, &saved).await.json();
            let raised = raised(&product, &key, id).await;
            assert!(raised.len() > 1, "{raised:?}");
            assert_eq!(found(&report), raised, "{rule}");
            let series = if rule["dimensions"].is_null() { 4 } else { 1 };
            assert_eq!(
                (&report["complete"], &report["series_evaluated"], &report["episodes"]),
                (&json!(true), &json!(series), &json!(raised.len()))
            );
            let unsaved = json!({"rule": rule, "from": time::format(START)});
            assert_eq!(product.post(TEST, &key, &unsaved).await.json(), report);
        }
        let written: u64 = product.counted().iter().map(|exchange| exchange.rows_written).sum();
        assert_eq!(written, 0, "a dry run has written something");
    }
}

async fn save(product: &Product, key: &str, rule: &Value) -> String {
    let made = product.post("/v1/alert-rules", key, rule).await;
    assert_eq!(made.status, 201, "{}", made.json());
    made.json()["rule_id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_composite_rule_is_tried_on_what_the_rules_that_it_names_would_have_done() {
    for backend in [Backend::Embedded, Backend::Remote] {
        let (product, key) = product(backend).await;
        let high = save(&product, &key, &rule(&above(5), &json!({"no_data_after": "3m"}))).await;
        let only_b = save(&product, &key, &rule(&above(3), &json!({"dimensions": {"host": "b"}}))).await;
        let off = save(&product, &key, &rule(&above(1), &json!({"enabled": false}))).await;
        let of = |condition: Value, fields: Value| {
            let mut body = json!({"name": "both", "severity": "critical", "channels": [], "condition": condition});
            body.as_object_mut()
                .unwrap()
                .extend(fields.as_object().unwrap().clone());
            body
        };
        let all = json!({"type": "composite", "mode": "all", "rules": [high, only_b]});
        let inner = save(&product, &key, &of(all, json!({}))).await;
        let any = json!({"type": "composite", "mode": "count", "at_least": 2, "rules": [inner, only_b, off]});
        let outer = save(&product, &key, &of(any, json!({"for": "2m", "keep_firing_for": "1m"}))).await;
        two_hours(&product, &key).await;
        for rule_id in [inner, outer] {
            let report = product
                .post(TEST, &key, &json!({"rule_id": rule_id, "from": START}))
                .await
                .json();
            let raised = raised(&product, &key, &rule_id).await;
            assert!(!raised.is_empty());
            assert_eq!(found(&report), raised);
            assert_eq!(
                (&report["complete"], &report["series"][0]["series_id"]),
                (&json!(true), &Value::Null)
            );
        }
    }
}

#[tokio::test]
async fn a_noisy_rule_is_told_with_what_would_make_it_quiet() {
    let (product, key) = product(Backend::Embedded).await;
    // six minutes in each half hour are high, each time a little more
    for step in 0..96_i64 {
        let high = step % 6 == 5;
        #[expect(clippy::cast_precision_loss, reason = "small")]
        let value = if high { 100.0 + step as f64 } else { 50.0 };
        send(&product, &key, START + step * 5 * MINUTE, &[("a", value), ("b", 50.0)]).await;
    }
    let end = START + 96 * 5 * MINUTE;
    product.app.clock.set(end);
    let tried = json!({"rule": rule(&above(90), &json!({})), "from": START});
    let report = product.post(TEST, &key, &tried).await.json();
    assert_eq!(
        (&report["episodes"], &report["notifications"]),
        (&json!(16), &json!(31)),
        "{report}"
    );
    assert_eq!(report["notifications_per_month"], 2790.0);
    assert_eq!(report["longest"], "5m");
    assert_eq!(report["open_at_end"], 1);
    let suggestions = report["suggestions"].as_array().unwrap();
    let of = |field: &str, value: Value| suggestions.iter().find(|one| one[field] == value).unwrap();
    assert_eq!(of("for", json!("15m"))["episodes"], 0);
    assert_eq!(of("value", json!(190.0))["episodes"], 1);
    let warnings = report["warnings"].to_string();
    for words in [
        "nobody would be told",
        "about 2790 messages a month",
        "fire right now, on 1 series",
        "more than 10 %",
    ] {
        assert!(warnings.contains(words), "{warnings}");
    }
    let names: Vec<&str> = report["series"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["dimensions"]["host"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["a", "b"]);
    // a quiet rule has nothing to be said of
    let quiet = json!({"rule": rule(&above(1_000), &json!({})), "from": START});
    let report = product.post(TEST, &key, &quiet).await.json();
    assert_eq!((&report["episodes"], &report["suggestions"]), (&json!(0), &json!([])));
    assert_eq!(
        report["warnings"],
        json!(["the rule has no channels: nobody would be told"])
    );
}

#[tokio::test]
async fn a_rule_that_could_not_be_saved_cannot_be_tried() {
    let (product, key) = product(Backend::Embedded).await;
    let missing = "chan_00000000000070008000000000000000";
    for (field, value) in [
        ("condition", json!({"type": "nonsense"})),
        (
            "condition",
            json!({"type": "threshold", "operator": "gt", "value": 1, "recover": 2}),
        ),
        ("channels", json!([missing])),
        ("name", json!("")),
        ("metric_key", json!("9")),
        ("for", json!("soon")),
        ("surprise", json!(1)),
    ] {
        let mut wrong = rule(&above(1), &json!({}));
        wrong[field] = value;
        let saved = product.post("/v1/alert-rules", &key, &wrong).await;
        let tried = product.post(TEST, &key, &json!({"rule": wrong})).await;
        assert_eq!(tried.problem(), saved.problem(), "{field}");
        if field != "surprise" && field != "for" {
            assert_eq!(tried.json()["detail"], saved.json()["detail"], "{field}");
        }
    }
    let unknown = json!({"rule_id": "rule_00000000000070008000000000000000"});
    assert_eq!(
        product.post(TEST, &key, &unknown).await.problem(),
        (404, "NOT_FOUND".into())
    );
    let late = json!({"rule": rule(&above(1), &json!({})), "from": START});
    assert_eq!(
        product.post(TEST, &key, &late).await.problem(),
        (400, "INVALID_TIMESTAMP".into())
    );
    assert_eq!(product.call(Method::GET, TEST, &key, None).await.status, 405);
}
