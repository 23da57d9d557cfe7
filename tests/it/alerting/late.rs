//! What must not get lost when ticks are late, or people act between them.

use super::stage::{START, Stage};
use http::Method;
use intentvision::clock::MINUTE;
use serde_json::json;
use tests::on_both;
use tests::product::Backend;

on_both! {
    start = Stage::new;

    a_silence_that_ended_while_no_tick_came_is_told => async |stage: Stage| {
        let channel = stage.channel("/a").await;
        stage.rule(&[&channel], json!({"notify": {"group_by": ["host"]}})).await;
        stage.minute(1, &[("a", 150.0)]).await;
        let silence = json!({"matchers": {"metric_key": "load"}, "reason": "deployment",
            "ends_at": intentvision::time::format(START + 5 * MINUTE)});
        stage.post("/v1/silences", silence).await;
        stage.minute(2, &[("b", 150.0)]).await;
        stage.minute(12, &[]).await;
        let mut told = stage.told("/a");
        told.sort();
        assert_eq!(told, ["1 firing first", "5 firing silence_ended", "5 firing silence_ended"]);
    };

    /// The silence ends within the hours of a schedule: what it kept quiet is told after them.
    a_silence_that_ended_within_quiet_hours_is_told_after_them => async |stage: Stage| {
        let channel = stage.channel("/a").await;
        let schedule = json!({"name": "night", "time_zone": "UTC", "mutes": "during", "channels": [channel],
            "weekly": [{"days": ["mon"], "from": "00:03", "to": "00:10"}]});
        stage.post("/v1/mute-schedules", schedule).await;
        stage.rule(&[&channel], json!({"notify": {"group_by": ["host"]}})).await;
        stage.minute(1, &[("a", 150.0)]).await;
        let silence = json!({"matchers": {"metric_key": "load"}, "reason": "deployment",
            "ends_at": intentvision::time::format(START + 5 * MINUTE)});
        stage.post("/v1/silences", silence).await;
        for minute in 2..=9 {
            stage.minute(minute, &[]).await;
        }
        assert_eq!(stage.told("/a"), ["1 firing first"]);
        stage.minute(10, &[]).await;
        stage.minute(11, &[]).await;
        assert_eq!(stage.told("/a"), ["1 firing first", "10 firing silence_ended"]);
    };

    what_nobody_evaluates_is_in_error_and_an_alert_goes_on => async |stage: Stage| {
        let rule = stage.rule(&[], json!({})).await;
        stage.minute(1, &[("a", 150.0), ("b", 50.0)]).await;
        let path = format!("/v1/alert-rules/{rule}/instances");
        let states = async || {
            let mut shown = Vec::new();
            for item in stage.ask(Method::GET, &path, None, 200).await["items"].as_array().unwrap() {
                let since = item["since"].as_str().map(|since| (intentvision::time::parse(since).unwrap() - START) / MINUTE);
                shown.push(json!([item["dimensions"]["host"], item["state"], since, item["error"]]));
            }
            shown.sort_by_key(|item| item[0].to_string());
            json!(shown)
        };
        assert_eq!(states().await, json!([["a", "firing", 1, null], ["b", "normal", 1, null]]));
        stage.at(7, 0);
        let late = "no rule was evaluated since 2026-11-23T00:01:00Z";
        assert_eq!(states().await, json!([["a", "firing", 1, late], ["b", "error", null, late]]));
        stage.tick(7).await;
        assert_eq!(states().await, json!([["a", "firing", 1, null], ["b", "normal", 1, null]]));
        // one that is off waits for no tick
        stage.at(13, 0);
        let off = json!({"name": "off", "metric_key": "load", "severity": "info", "channels": [], "enabled": false,
            "condition": {"type": "threshold", "operator": "gt", "value": 1}});
        stage.ask(Method::PUT, &format!("/v1/alert-rules/{rule}"), Some(&off), 200).await;
        let error = json!(null);
        assert!(states().await.as_array().unwrap().iter().all(|item| item[3] == error));
    };

    what_a_deleted_schedule_kept_quiet_is_told_in_the_next_minute => async |stage: Stage| {
        let channel = stage.channel("/a").await;
        let schedule = json!({"name": "night", "time_zone": "UTC", "mutes": "during", "channels": [channel],
            "weekly": [{"days": ["mon"], "from": "00:00", "to": "20:00"}]});
        let made = stage.post("/v1/mute-schedules", schedule).await;
        stage.rule(&[&channel], json!({})).await;
        stage.minute(1, &[("a", 150.0)]).await;
        stage.minute(2, &[]).await;
        assert_eq!(stage.told("/a"), [""; 0]);
        let path = format!("/v1/mute-schedules/{}", made["schedule_id"].as_str().unwrap());
        stage.ask(Method::DELETE, &path, None, 204).await;
        stage.minute(3, &[]).await;
        assert_eq!(stage.told("/a"), ["3 firing first"]);
    };

    /// The evaluator is behind when somebody resolves what he sees: what begins after that is another alert, and stays open.
    a_resolve_by_hand_ends_what_was_seen_and_nothing_that_began_after_it => async |stage: Stage| {
        let channel = stage.channel("/a").await;
        stage.rule(&[&channel], json!({})).await;
        stage.minute(1, &[("a", 150.0)]).await;
        let seen = stage.open_alert().await;
        stage.send(2, &[("a", 50.0)]).await;
        stage.send(5, &[("a", 150.0)]).await;
        stage.at(3, 0);
        stage.ask(Method::POST, &format!("/v1/alerts/{seen}/resolve"), None, 200).await;
        stage.minute(7, &[]).await;
        assert_ne!(stage.open_alert().await, seen);
        let mut told = stage.told("/a");
        told.sort();
        assert_eq!(told, ["1 firing first", "2 resolved resolved", "5 firing first"]);
        // and one that is resolved by hand in time ends then
        let second = stage.open_alert().await;
        stage.at(8, 0);
        stage.ask(Method::POST, &format!("/v1/alerts/{second}/resolve"), None, 200).await;
        stage.minute(9, &[]).await;
        assert_eq!(stage.told("/a").last().unwrap(), "8 resolved resolved");
    };

    /// A group that lives on lists who fires now: not him whose end its channel has not heard of yet.
    what_is_over_is_not_listed_as_firing => async |stage: Stage| {
        let channel = stage.channel("/a").await;
        stage.rule(&[&channel], json!({"notify": {"group_interval": "1m"}})).await;
        stage.minute(1, &[("a", 150.0), ("b", 150.0)]).await;
        stage.send(2, &[("a", 50.0), ("c", 150.0)]).await;
        stage.tick(2).await;
        // the message of minute 2 waits while "c" recovers and "d" begins
        stage.send(3, &[("c", 50.0), ("d", 150.0)]).await;
        stage.tick(3).await;
        stage.deliver().await;
        stage.minute(4, &[]).await;
        let last = stage.receiver.messages().last().unwrap().json();
        let mut listed: Vec<_> = last["data"]["alerts"].as_array().unwrap().iter()
            .map(|one| format!("{} {}", one["series"]["dimensions"]["host"].as_str().unwrap(), one["alert"]["status"].as_str().unwrap()))
            .collect();
        listed.sort();
        assert!(listed.contains(&"b firing".to_owned()) && listed.contains(&"d firing".to_owned()), "{listed:?}");
        assert!(!listed.contains(&"a firing".to_owned()) && !listed.contains(&"c firing".to_owned()), "{listed:?}");
    };
}

/// A minute's decision costs what is open, and not what an organization was ever told.
#[tokio::test]
async fn a_decision_reads_what_is_open_and_no_history() {
    let stage = Stage::new(Backend::Remote).await;
    let channel = stage.channel("/a").await;
    let notify = json!({"notify": {"group_by": ["host"], "repeat_interval": "5m"}});
    stage.rule(&[&channel], notify).await;
    let names: Vec<String> = (0..80).map(|host| format!("h{host}")).collect();
    let all = |value: f64| -> Vec<(&str, f64)> { names.iter().map(|host| (host.as_str(), value)).collect() };
    stage.minute(1, &[("a", 150.0)]).await;
    let mut reads = Vec::new();
    for start in [0, 10, 20] {
        stage.minute(start + 2, &all(150.0)).await;
        stage.minute(start + 3, &all(50.0)).await;
        stage.minute(start + 6, &[]).await;
        stage.minute(start + 10, &[]).await;
        drop(stage.product.counted());
        // "a" is told again
        stage.tick(start + 11).await;
        let read: u64 = stage.product.counted().iter().map(|exchange| exchange.rows_read).sum();
        reads.push(read);
        stage.deliver().await;
    }
    assert!(stage.told("/a").ends_with(&["31 firing repeat".to_owned()]));
    assert!(reads[2] <= reads[0] + 20, "{reads:?} rows read");
}
