//! Random histories: whatever happens, what was told as firing is told as resolved, once.

use super::stage::{START, Stage};
use http::Method;
use intentvision::clock::MINUTE;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use tests::on_both;
use tests::product::Backend;

on_both! {
    start = Stage::new;

    /// Points, ticks, deliveries and what people do, all at random.
    random_histories_are_told_from_their_beginning_to_their_end => async |stage: Stage| {
        random(stage, 1).await;
    };
}

/// The same on a file, where it is quick, with other numbers.
#[tokio::test]
async fn more_histories_are_told_from_their_beginning_to_their_end() {
    for seed in 2..=12 {
        random(Stage::new(Backend::Embedded).await, seed).await;
    }
}

const HOSTS: [&str; 4] = ["a", "b", "c", "d"];

async fn random(stage: Stage, seed: u64) {
    let mut rng = StdRng::seed_from_u64(seed);
    let (first, second) = (stage.channel("/first").await, stage.channel("/second").await);
    let last = stage.channel("/last").await;
    let routing = json!({"escalate": {"after": "3m", "channels": [last]}, "no_data_after": "4m",
        "notify": {"repeat_interval": "6m", "group_interval": "2m"}});
    let mut rule = stage.rule(&[&first, &second], routing.clone()).await;
    let split = json!({"name": "split", "notify": {"group_by": ["host"]}, "condition": {"type": "threshold", "operator": "gt", "value": 140}});
    stage.rule(&[&second], split).await;
    let second_path = format!("/v1/notification-channels/{second}");
    for minute in 1..=60 {
        let calm = minute > 50;
        let mut values = Vec::new();
        for host in HOSTS {
            match rng.random_range(0..10) {
                _ if calm => values.push((host, 50.0)),
                0..2 => values.push((host, 150.0)),
                2..3 => values.push((host, 120.0)),
                3..5 => values.push((host, 50.0)),
                _ => (),
            }
        }
        stage.send(minute, &values).await;
        match rng.random_range(0..14) {
            0 if !calm => {
                let end = START + (minute + rng.random_range(1..10)) * MINUTE;
                let host = HOSTS[rng.random_range(0..HOSTS.len())];
                let new = json!({"matchers": {"dimensions": {"host": host}}, "reason": "r", "ends_at": intentvision::time::format(end)});
                stage.post("/v1/silences", new).await;
            }
            1 => {
                let new = json!({"matchers": {"metric_key": "*"}, "reason": "r", "until": "resolved"});
                stage.product.post("/v1/silences", &stage.key, &new).await;
            }
            2 | 3 => {
                let list = stage.ask(Method::GET, "/v1/alerts?status=firing", None, 200).await;
                if let Some(alert) = list["items"][0]["alert_id"].as_str() {
                    let verb = if rng.random_range(0..2) == 0 {
                        "acknowledge"
                    } else {
                        "resolve"
                    };
                    stage
                        .ask(Method::POST, &format!("/v1/alerts/{alert}/{verb}"), None, 200)
                        .await;
                }
            }
            4 if !calm => {
                stage
                    .ask(Method::PATCH, &second_path, Some(&json!({"enabled": false})), 200)
                    .await;
            }
            5 => {
                stage
                    .ask(Method::DELETE, &format!("/v1/alert-rules/{rule}"), None, 204)
                    .await;
                rule = stage.rule(&[&first, &second], routing.clone()).await;
            }
            6 | 7 => {
                stage
                    .ask(Method::PATCH, &second_path, Some(&json!({"enabled": true})), 200)
                    .await;
            }
            _ => (),
        }
        // lost, doubled and late ticks
        for _ in 0..rng.random_range(0..3) {
            stage.tick(minute).await;
        }
        if rng.random_range(0..2) == 0 {
            stage.deliver().await;
        }
    }
    stage
        .ask(Method::PATCH, &second_path, Some(&json!({"enabled": true})), 200)
        .await;
    stage.minute(61, &[]).await;
    stage.minute(62, &[]).await;
    for path in ["/first", "/second", "/last"] {
        judge(&stage, path);
    }
    let open = stage.ask(Method::GET, "/v1/alerts?status=firing", None, 200).await;
    assert_eq!(open["items"], json!([]));
    let waiting = stage.ask(Method::GET, "/v1/deliveries?state=pending", None, 200).await;
    assert_eq!(waiting["items"], json!([]));
    // each alert that was open for long and never quiet is not known here; the pure test looks at that
    assert!(!stage.told("/first").is_empty() && !stage.told("/second").is_empty());
}

/// What a channel was told: no message twice, and each alert that was told as open is told as over, once and at last.
fn judge(stage: &Stage, path: &str) {
    let messages = stage.receiver.messages();
    let mut ids = BTreeSet::new();
    let mut heard: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for message in messages.iter().filter(|message| message.path == path) {
        assert!(ids.insert(message.id().to_owned()), "{path}: a message twice");
        let data = message.json()["data"].clone();
        assert!(data["unlisted"].is_null());
        let listed = data["alerts"]
            .as_array()
            .cloned()
            .unwrap_or_else(|| vec![json!({"alert": data["alert"]})]);
        for one in listed {
            let text = |name: &str| one["alert"][name].as_str().unwrap().to_owned();
            heard.entry(text("alert_id")).or_default().push(text("status"));
        }
    }
    for (alert, statuses) in heard {
        let ends = statuses.iter().filter(|status| *status == "resolved").count();
        assert_eq!(
            (ends, statuses.last().unwrap().as_str()),
            (1, "resolved"),
            "{path} {alert}: {statuses:?}"
        );
    }
}
