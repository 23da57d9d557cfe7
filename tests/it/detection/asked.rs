//! `POST /v1/anomalies/detect`.

use super::{START, at, ingest, point};
use http::Method;
use intentvision::clock::MINUTE;
use intentvision::keys::Environment;
use serde_json::{Value, json};
use tests::on_both;
use tests::product::{Product, Reply};

const PATH: &str = "/v1/anomalies/detect";
/// Five minutes apart: six days, with a burst in the last.
const STEPS: i64 = 6 * 288;
const BURST: i64 = 5 * 288 + 100;

/// A level with noise that is always the same, and a burst of four points.
fn value(step: i64) -> f64 {
    let noise = (step * 7_919 % 13) as f64 / 16.0;
    if (BURST..BURST + 4).contains(&step) {
        900.0
    } else {
        100.0 + noise
    }
}

fn stored(region: &str) -> Vec<Value> {
    (0..STEPS)
        .map(|step| point("orders", region, 5 * step, value(step)))
        .collect()
}

fn inline() -> Vec<Value> {
    (0..STEPS).map(|step| json!([at(5 * step), value(step)])).collect()
}

async fn detect(product: &Product, key: &str, body: &Value) -> Value {
    let reply = product.post(PATH, key, body).await;
    assert_eq!(reply.status, 200, "{}", reply.json());
    reply.json()
}

async fn refused(product: &Product, key: &str, body: &Value) -> (u16, String, String) {
    let reply: Reply = product.post(PATH, key, body).await;
    let (status, code) = reply.problem();
    (status, code, reply.json()["detail"].as_str().unwrap().to_owned())
}

/// The one anomaly that there is.
fn only(detected: &Value) -> &Value {
    let found = detected["anomalies"].as_array().unwrap();
    assert_eq!(found.len(), 1, "{detected}");
    &found[0]
}

on_both! {
    a_stored_series_and_the_same_points_give_the_same_anomaly => async |product: Product| {
        let (_, key) = product.acme().await;
        ingest(&product, &key, &stored("eu")).await;
        let to = at(5 * STEPS);
        let of_series = detect(&product, &key, &json!({"metric_key": "orders", "to": to})).await;
        assert_eq!((&of_series["replayed"], &of_series["learning"]), (&json!(STEPS), &Value::Null));
        assert_eq!((&of_series["metric_key"], &of_series["dimensions"]), (&json!("orders"), &json!({"region": "eu"})));
        assert_eq!(of_series["settings"]["false_alarms_a_month"], 1.0);
        assert_eq!(of_series.get("points"), None);
        let found = only(&of_series);
        assert_eq!((&found["timestamp"], &found["observed"], &found["direction"]), (&json!(at(5 * BURST)), &json!(900.0), &json!("up")));
        assert!(found["lower"].as_f64() < Some(101.0) && found["upper"].as_f64() > Some(100.0), "{found}");
        assert!(found["reason"].as_str().unwrap().starts_with("orders 900"), "{found}");
        assert!(found["ended_at"].is_string(), "{found}");

        let of_points = detect(&product, &key, &json!({"metric_key": "orders", "points": inline(), "to": to})).await;
        assert_eq!(of_points["anomalies"], of_series["anomalies"]);
        assert_eq!(of_points.get("series_id"), None);
        // nothing is stored, and the order in which points are given does not matter
        assert_eq!(product.get("/v1/anomalies", &key).await.json()["items"], json!([]));
        let mut turned = inline();
        turned.reverse();
        let turned = detect(&product, &key, &json!({"metric_key": "orders", "points": turned, "to": to})).await;
        assert_eq!(turned["anomalies"], of_series["anomalies"]);
    };

    settings_are_those_of_the_request_or_of_the_organization => async |product: Product| {
        let (_, key) = product.acme().await;
        let ask = async |more: Value| {
            let mut body = json!({"points": inline()});
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            detect(&product, &key, &body).await
        };
        assert!(only(&ask(json!({})).await)["reason"].as_str().unwrap().starts_with("value 900"));
        assert_eq!(ask(json!({"settings": {"direction": "down"}})).await["anomalies"], json!([]));
        assert_eq!(ask(json!({"settings": {"minimum_effect": {"absolute": 1000}}})).await["anomalies"], json!([]));
        let on = json!({"enabled": true, "direction": "down", "false_alarms_a_month": 0.1});
        assert_eq!(product.call(Method::PUT, "/v1/detection", &key, Some(&on)).await.status, 200);
        let as_organization = ask(json!({})).await;
        assert_eq!(as_organization["settings"]["false_alarms_a_month"], 0.1);
        assert_eq!(as_organization["anomalies"], json!([]));
        only(&ask(json!({"settings": {}})).await);
    };

    what_is_before_from_only_teaches => async |product: Product| {
        let (_, key) = product.acme().await;
        ingest(&product, &key, &stored("eu")).await;
        let from = at(5 * (BURST - 10));
        let to = at(5 * (BURST + 20));
        let body = json!({"metric_key": "orders", "from": from, "to": to, "include": ["points"]});
        let found = detect(&product, &key, &body).await;
        only(&found);
        assert_eq!(found["replayed"], BURST + 20);
        let points = found["points"].as_array().unwrap();
        assert_eq!((points.len(), &points[0]["timestamp"]), (30, &json!(from)));
        assert_eq!((&points[0]["value"], &points[0]["severity"]), (&json!(value(BURST - 10)), &Value::Null));
        assert!(points[0]["lower"].as_f64() <= points[0]["expected"].as_f64() && points[0]["expected"].is_number(), "{}", points[0]);
        assert!(points[10]["severity"].is_string() && points[10]["evidence"].as_f64() > points[9]["evidence"].as_f64(), "{}", points[10]);
        let before = detect(&product, &key, &json!({"metric_key": "orders", "to": at(5 * BURST)})).await;
        assert_eq!(before["anomalies"], json!([]));
    };

    without_history_it_says_what_is_still_to_learn => async |product: Product| {
        let (_, key) = product.acme().await;
        let points: Vec<Value> = inline().into_iter().take(12).collect();
        let found = detect(&product, &key, &json!({"points": points, "include": ["points"]})).await;
        let learning = &found["learning"];
        assert_eq!((&learning["points"], &learning["span_seconds"]), (&json!(12), &json!(11 * 300)));
        let short_of = learning["points_needed"].as_u64() > Some(12) || learning["span_needed_seconds"].as_i64() > Some(11 * 300);
        assert!(short_of, "{learning}");
        assert_eq!((&found["anomalies"], &found["points"][0]["expected"]), (&json!([]), &Value::Null));
        let none = detect(&product, &key, &json!({"points": []})).await;
        assert_eq!((&none["replayed"], &none["anomalies"]), (&json!(0), &json!([])));
    };

    a_month_of_minutes_is_taken_and_more_than_can_be_shown_is_not => async |product: Product| {
        let (_, key) = product.acme().await;
        let points: Vec<Value> = (0..43_200).map(|minute| point("orders", "eu", minute - 20_000, value(minute % 1_000))).collect();
        ingest(&product, &key, &points).await;
        let found = detect(&product, &key, &json!({"metric_key": "orders"})).await;
        assert_eq!((&found["replayed"], &found["learning"]), (&json!(43_200), &Value::Null));
        let all = json!({"metric_key": "orders", "include": ["points"]});
        let (status, code, detail) = refused(&product, &key, &all).await;
        assert_eq!((status, code.as_str()), (400, "SCHEMA_VALIDATION_FAILED"));
        assert!(detail.starts_with("43200 points are asked for, at most 10000 are shown"), "{detail}");
        let last = json!({"metric_key": "orders", "include": ["points"], "from": at(13_200)});
        assert_eq!(detect(&product, &key, &last).await["points"].as_array().unwrap().len(), 10_000);
    };

    what_makes_no_sense_is_refused => async |product: Product| {
        let (_, key) = product.acme().await;
        for region in ["eu", "us"] {
            ingest(&product, &key, &[point("orders", region, 0, 1.0)]).await;
        }
        let several = product.post(PATH, &key, &json!({"metric_key": "orders"})).await;
        assert_eq!(several.problem(), (409, "CONFLICT".into()));
        assert_eq!(several.json()["candidates"].as_array().unwrap().len(), 2);
        let points: Vec<Value> = (0..10_001).map(|time| json!([time, 1])).collect();
        for (body, status, code, words) in [
            (json!({}), 400, "SCHEMA_VALIDATION_FAILED", "metric_key"),
            (json!({"metric_key": "nothing"}), 404, "NOT_FOUND", "the series was not found"),
            (json!({"metric_key": "9"}), 400, "INVALID_METRIC_KEY", "metric_key"),
            (json!({"metric_key": "orders", "dimensions": {"region": "asia"}}), 404, "NOT_FOUND", "the series was not found"),
            (json!({"metric_key": "orders", "from": "monday"}), 400, "INVALID_TIMESTAMP", "from must be RFC 3339"),
            (json!({"metric_key": "orders", "from": at(5), "to": at(4)}), 400, "SCHEMA_VALIDATION_FAILED", "from must not be after to"),
            (json!({"metric_key": "orders", "sensitivity": 3}), 400, "SCHEMA_VALIDATION_FAILED", "sensitivity"),
            (json!({"metric_key": "orders", "settings": {"direction": "left"}}), 400, "SCHEMA_VALIDATION_FAILED", "direction must be"),
            (json!({"metric_key": "orders", "include": ["all"]}), 400, "SCHEMA_VALIDATION_FAILED", "points"),
            (json!({"points": [[1, 1]], "dimensions": {}}), 400, "SCHEMA_VALIDATION_FAILED", "dimensions"),
            (json!({"points": [["today", 1]]}), 400, "INVALID_TIMESTAMP", "points[0][0]"),
            (json!({"points": [[1, "1"]]}), 400, "SCHEMA_VALIDATION_FAILED", "invalid type"),
            (json!({"points": points}), 413, "PAYLOAD_TOO_LARGE", "at most 10000 points"),
        ] {
            let (got, kind, detail) = refused(&product, &key, &body).await;
            assert_eq!((got, kind.as_str()), (status, code), "{detail}");
            assert!(detail.contains(words), "{detail}");
        }
    };

    r31_it_reads_no_other_organizations_series => async |product: Product| {
        let (org, key) = product.acme().await;
        ingest(&product, &key, &[point("orders", "eu", 0, 1.0)]).await;
        let other = product.organization("other", Environment::Live).await;
        let stranger = product.key(&other, &["admin"]).await;
        let body = json!({"metric_key": "orders"});
        assert_eq!(product.post(PATH, &stranger, &body).await.problem(), (404, "NOT_FOUND".into()));
        let reader = product.key(&org, &["forecasts:read"]).await;
        for body in [body, json!({"points": []})] {
            assert_eq!(product.post(PATH, &reader, &body).await.problem(), (403, "FORBIDDEN".into()));
        }
    };
}

/// Silence is an anomaly as well: it is told at the minute at which the next point is overdue.
#[tokio::test]
async fn missing_points_are_found_while_they_are_missing_and_after() {
    let product = Product::start(tests::product::Backend::Embedded).await;
    let (_, key) = product.acme().await;
    let quiet = |step: i64| (1_000..1_100).contains(&step);
    let points: Vec<Value> = (0..1_500)
        .filter(|step| !quiet(*step))
        .map(|step| json!([at(5 * step), 100.0 + (step % 7) as f64]))
        .collect();
    let whole = detect(&product, &key, &json!({"points": points})).await;
    let found = only(&whole);
    assert_eq!((&found["kind"], &found["observed"]), (&json!("missing"), &Value::Null));
    let ended = intentvision::time::parse(found["ended_at"].as_str().unwrap()).unwrap();
    assert!(
        (START + 5_500 * MINUTE..START + 5_700 * MINUTE).contains(&ended),
        "{found}"
    );
    let until = intentvision::time::parse(found["timestamp"].as_str().unwrap()).unwrap();
    assert!(
        until % MINUTE == 0 && (START + 4_995 * MINUTE..START + 5_100 * MINUTE).contains(&until),
        "{found}"
    );
    // and while it lasts, if the request says that it does
    let so_far = &points[..1_000];
    let open = detect(&product, &key, &json!({"points": so_far, "to": at(5_400)})).await;
    assert_eq!(
        (&only(&open)["timestamp"], &only(&open)["ended_at"]),
        (&found["timestamp"], &Value::Null)
    );
    assert_eq!(
        detect(&product, &key, &json!({"points": so_far})).await["anomalies"],
        json!([])
    );
}
