//! A page of a list has fewer items than were asked for where so many are more than a database or a gateway sends at once.

use std::collections::BTreeSet;

use intentvision::clock::{Clock, Millis};
use intentvision::config::Config;
use serde_json::{Value, json};
use tests::on_both;
use tests::product::{Backend, Product};

const START: Millis = 1_795_392_000_000;
const MINUTE: Millis = 60_000;
/// What the HTTP API of AWS lets a function answer, which hands its body over as JSON text: half of that for the worst of texts.
const LARGEST: usize = 3_000_000;
const SERIES: usize = 180;
/// Characters of one series' dimensions, about as many as they may have; twice as many bytes as JSON, of which all series have more than a
/// database sends at once, and a third of them more than a page has.
const LONG: usize = 30 * 1_000;

/// A series whose name is as long as it may be, and has to be escaped.
fn point(number: usize) -> Value {
    let mut dimensions: serde_json::Map<String, Value> = (0..28)
        .map(|key| (format!("k{key}"), json!("\"".repeat(LONG / 30))))
        .collect();
    dimensions.insert("host".into(), json!(number.to_string()));
    dimensions.insert("third".into(), json!((number % 3).to_string()));
    json!({"metric_key": "cpu", "timestamp": intentvision::time::format(START), "value": 99, "dimensions": dimensions})
}

/// All items of a list, by the field that tells them apart, of pages none of which is too large.
async fn all(product: &Product, key: &str, path: &str, id: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut cursor = String::new();
    loop {
        let reply = product.get(&format!("{path}?limit=10000{cursor}"), key).await;
        let page = reply.json();
        let items = page["items"].as_array().unwrap_or_else(|| panic!("{path}: {page}"));
        assert!(
            reply.body.len() <= LARGEST && !items.is_empty(),
            "{path}: {} bytes",
            reply.body.len()
        );
        found.extend(items.iter().map(|item| item[id].as_str().unwrap().to_owned()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return found,
        }
    }
}

async fn start(backend: Backend) -> Product {
    Product::start_with(backend, Clock::at(START), Config::default()).await
}

on_both! {
    start = start;

    lists_of_long_names_come_whole_in_pages_that_fit => async |product: Product| {
        let (_, key) = product.acme().await;
        let numbers: Vec<usize> = (0..SERIES).collect();
        for part in numbers.chunks(45) {
            let points: Vec<Value> = part.iter().map(|number| point(*number)).collect();
            let reply = product.post("/v1/ingest", &key, &json!({"metrics": points})).await;
            assert_eq!(reply.status, 200, "{}", reply.json());
        }
        let rule = json!({"name": "high", "metric_key": "cpu", "dimensions": {"third": "0"}, "severity": "warning", "channels": [],
            "condition": {"type": "threshold", "operator": "gt", "value": 1}});
        let made = product.post("/v1/alert-rules", &key, &rule).await.json();
        product.app.clock.set(START + MINUTE);
        product.tick(START + MINUTE).await;

        let instances = format!("/v1/alert-rules/{}/instances", made["rule_id"].as_str().unwrap());
        for (path, id, count) in [
            ("/v1/series", "series_id", SERIES),
            (&instances, "series_id", SERIES / 3),
            ("/v1/alerts", "alert_id", SERIES / 3),
        ] {
            let found = all(&product, &key, path, id).await;
            let different: BTreeSet<&String> = found.iter().collect();
            assert_eq!((found.len(), different.len()), (count, count), "{path}");
        }
    };
}
