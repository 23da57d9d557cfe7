//! The messages that a dry run counts are those that ticks put into the outbox.

use super::*;

/// A channel of its own, and a rule `load > 5` that tells it.
async fn told(product: &Product, key: &str, number: usize, fields: &Value) -> (String, String) {
    let channel =
        json!({"name": format!("c{number}"), "type": "webhook", "config": {"url": "https://example.com/hook"}});
    let channel = product.post("/v1/notification-channels", key, &channel).await.json();
    let channel = channel["channel_id"].as_str().unwrap().to_owned();
    let mut rule = rule(&above(5), fields);
    rule["channels"] = json!([channel]);
    (channel, save(product, key, &rule).await)
}

/// How many messages were decided for each rule, which a dry run counts as well.
async fn decided(product: &Product, key: &str, rules: &[(String, String)]) -> Vec<usize> {
    let mut counts = Vec::new();
    for (channel, rule_id) in rules {
        let path = format!("/v1/deliveries?channel_id={channel}&limit=1000");
        let log = product.get(&path, key).await.json();
        let decided = log["items"].as_array().unwrap().len();
        let saved = json!({"rule_id": rule_id, "from": START});
        let report = product.post(TEST, key, &saved).await.json();
        assert_eq!(
            (&report["notifications"], &report["complete"]),
            (&json!(decided), &json!(true)),
            "{rule_id}"
        );
        counts.push(decided);
    }
    counts
}

#[tokio::test]
async fn a_dry_run_counts_the_messages_that_the_tick_decided() {
    for backend in [Backend::Embedded, Backend::Remote] {
        let (product, key) = product(backend).await;
        let schedule = json!({"name": "coffee", "time_zone": "UTC", "mutes": "during",
            "weekly": [{"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "from": "00:30", "to": "00:50"}]});
        let schedule = product.post("/v1/mute-schedules", &key, &schedule).await.json();
        let mut rules = Vec::new();
        for (number, fields) in [
            json!({}),
            json!({"notify": {"group_by": ["host"]}, "no_data_after": "4m"}),
            json!({"notify": {"group_wait": "2m", "group_interval": "3m", "repeat_interval": "6m"}}),
            json!({"mute_schedules": [schedule["schedule_id"]], "notify": {"group_by": ["host"], "group_interval": "1m"}}),
        ]
        .into_iter()
        .enumerate()
        {
            rules.push(told(&product, &key, number, &fields).await);
        }
        two_hours(&product, &key).await;
        let mut counts = decided(&product, &key, &rules).await;
        assert!(counts.iter().all(|count| *count > 2), "{counts:?}");
        counts.dedup();
        assert_eq!(counts.len(), 4, "how it is told makes a difference");
    }
}

#[tokio::test]
async fn what_inhibits_a_rule_is_tried_too() {
    for backend in [Backend::Embedded, Backend::Remote] {
        let (product, key) = product(backend).await;
        let worse = save(&product, &key, &rule(&above(7), &json!({}))).await;
        let only_b = rule(&above(3), &json!({"dimensions": {"host": "b"}, "no_data_after": "3m"}));
        let only_b = save(&product, &key, &only_b).await;
        let off = save(&product, &key, &rule(&above(1), &json!({"enabled": false}))).await;
        let both = json!({"name": "both", "severity": "critical", "channels": [],
            "condition": {"type": "composite", "mode": "all", "rules": [worse, only_b]}});
        let both = save(&product, &key, &both).await;
        let mut rules = Vec::new();
        for (number, parents) in [
            json!({}),
            json!({"inhibited_by": [off]}),
            json!({"inhibited_by": [worse], "equal": ["host"]}),
            json!({"inhibited_by": [only_b]}),
            json!({"inhibited_by": [both]}),
            json!({"inhibited_by": [worse, only_b], "equal": ["host"]}),
        ]
        .into_iter()
        .enumerate()
        {
            let mut fields = json!({"notify": {"group_by": ["host"], "group_interval": "1m", "repeat_interval": "5m"}});
            fields
                .as_object_mut()
                .unwrap()
                .extend(parents.as_object().unwrap().clone());
            rules.push(told(&product, &key, number, &fields).await);
        }
        two_hours(&product, &key).await;
        let counts = decided(&product, &key, &rules).await;
        assert_eq!(counts[0], counts[1], "a rule that is off inhibits nothing");
        assert!(
            counts[2..].iter().all(|count| (1..counts[0]).contains(count)),
            "{counts:?}"
        );
        let mut distinct = counts[1..].to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        assert!(distinct.len() > 3, "each inhibits in its own way: {counts:?}");
    }
}
