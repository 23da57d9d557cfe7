//! A dry run reads the histories of several series with one request.

use super::{START, TEST, above, product, rule, send};
use intentvision::clock::MINUTE;
use serde_json::json;
use tests::product::Backend;

const SERIES: usize = 40;

#[tokio::test]
async fn forty_series_take_few_requests_and_come_out_one_by_one() {
    let (product, key) = product(Backend::Remote).await;
    let hosts: Vec<String> = (0..SERIES).map(|number| format!("host-{number:02}")).collect();
    // the first one never, each of the others once more often than the one before
    for minute in 0..2 * SERIES {
        let value = |number: usize| {
            if minute % 2 == 1 && minute / 2 < number {
                9.0
            } else {
                1.0
            }
        };
        let values: Vec<(&str, f64)> = (0..SERIES)
            .map(|number| (hosts[number].as_str(), value(number)))
            .collect();
        send(&product, &key, START + minute as i64 * MINUTE, &values).await;
    }
    product.app.clock.set(START + 2 * SERIES as i64 * MINUTE);
    let _ = product.counted();
    let tried = json!({"rule": rule(&above(5), &json!({})), "from": START});
    let report = product.post(TEST, &key, &tried).await.json();
    let requests = product.counted().len();
    let mut episodes: Vec<(String, u64)> = report["series"]
        .as_array()
        .unwrap_or_else(|| panic!("{report}"))
        .iter()
        .map(|series| {
            let host = series["dimensions"]["host"].as_str().unwrap().to_owned();
            (host, series["episode_count"].as_u64().unwrap())
        })
        .collect();
    episodes.sort();
    let expected: Vec<(String, u64)> = hosts.into_iter().zip(0..).collect();
    assert_eq!(episodes, expected);
    // three groups, each twice, since nothing is there before the first minute; the rule's changes once more
    assert!(requests <= 20, "{requests}");
}
