//! Who is told what, from outside: rules, silences, schedules and acknowledgements over HTTP, points through the front door, real
//! receivers, on both databases.

use super::stage::{START, Stage};
use http::Method;
use intentvision::clock::MINUTE;
use serde_json::{Value, json};
use tests::on_both;

on_both! {
    start = Stage::new;

    many_series_are_one_message_that_lists_the_most_urgent => async |stage: Stage| {
        let channel = stage.channel("/a").await;
        stage.rule(&[&channel], json!({})).await;
        let names: Vec<String> = (0..60).map(|host| format!("h{host}")).collect();
        let high: Vec<(&str, f64)> = names.iter().map(|host| (host.as_str(), 150.0)).collect();
        stage.minute(1, &high).await;
        assert_eq!(stage.told("/a"), ["1 firing first"]);
        let data = stage.receiver.messages()[0].json()["data"].clone();
        assert_eq!(data["alerts"].as_array().unwrap().len(), 20);
        assert_eq!(data["unlisted"], 40);
        assert_eq!(data["alert"], data["alerts"][0]["alert"]);
        let alerts = stage.ask(Method::GET, "/v1/alerts?limit=100", None, 200).await;
        assert_eq!(alerts["items"].as_array().unwrap().len(), 60);
        // one ends, another begins: told together, when the interval is over
        stage.minute(2, &[("h0", 50.0), ("new", 150.0)]).await;
        for minute in 3..=6 {
            stage.minute(minute, &[]).await;
        }
        assert_eq!(stage.told("/a"), ["1 firing first", "6 firing changed"]);
        let alert_id = alerts["items"][0]["alert_id"].as_str().unwrap();
        let log = stage.ask(Method::GET, &format!("/v1/deliveries?alert_id={alert_id}"), None, 200).await;
        assert!(!log["items"].as_array().unwrap().is_empty());
        assert_eq!((&log["items"][0]["alerts"], &log["items"][0]["why"]), (&json!(61), &json!("changed")));
        let low: Vec<(&str, f64)> = high.iter().map(|(host, _)| (*host, 50.0)).chain([("new", 50.0)]).collect();
        stage.minute(7, &low).await;
        assert_eq!(stage.told("/a").last().unwrap(), "7 resolved resolved");
    };

    a_silence_says_what_it_mutes_and_what_fires_at_its_end_is_told => async |stage: Stage| {
        let channel = stage.channel("/a").await;
        let rule = stage.rule(&[&channel], json!({"notify": {"group_by": ["host"]}})).await;
        stage.minute(1, &[("a", 150.0), ("b", 150.0), ("c", 50.0)]).await;
        let new = json!({"matchers": {"metric_key": "lo*", "dimensions": {"host": "a"}}, "reason": "deployment",
            "ends_at": intentvision::time::format(START + 10 * MINUTE)});
        let made = stage.post("/v1/silences", new).await;
        assert_eq!((&made["mutes"]["alert_count"], &made["mutes"]["rules"], &made["mutes"]["series"]), (&json!(1), &json!(1), &json!(1)));
        assert_eq!(made["mutes"]["alerts"][0]["rule_id"], rule.as_str());
        assert!(made["created_by"].as_str().unwrap().starts_with("key_"), "{made}");
        let path = format!("/v1/silences/{}", made["silence_id"].as_str().unwrap());
        let read = stage.ask(Method::GET, &path, None, 200).await;
        assert_eq!((&read["mutes"], &read["active"]), (&made["mutes"], &json!(true)));
        let whole_rule = json!({"matchers": {"rule_id": rule}, "reason": "all", "until": "resolved"});
        let second = stage.post("/v1/silences", whole_rule).await;
        assert_eq!((&second["mutes"]["alert_count"], &second["mutes"]["series"]), (&json!(2), &Value::Null));
        // "b" and, silenced, "c": told is only the end of what was told
        stage.minute(2, &[("b", 50.0), ("c", 150.0)]).await;
        stage.minute(3, &[("c", 50.0)]).await;
        assert_eq!(stage.told("/a"), ["1 firing first", "1 firing first", "2 resolved resolved"]);
        let end = format!("/v1/silences/{}", second["silence_id"].as_str().unwrap());
        assert_eq!(stage.ask(Method::GET, &end, None, 200).await["until"], "resolved", "\"a\" still fires");
        stage.ask(Method::DELETE, &end, None, 204).await;
        stage.minute(10, &[]).await;
        assert_eq!(stage.told("/a")[3..], ["10 firing silence_ended"]);
        let over = stage.ask(Method::GET, "/v1/silences?active=false", None, 200).await;
        assert_eq!(over["items"].as_array().unwrap().len(), 2);
        // the alert itself says what kept it quiet
        let alerts = stage.ask(Method::GET, "/v1/alerts", None, 200).await;
        for alert in alerts["items"].as_array().unwrap() {
            let path = format!("/v1/alerts/{}", alert["alert_id"].as_str().unwrap());
            let detail = stage.ask(Method::GET, &path, None, 200).await;
            let mut reasons: Vec<&str> = detail["silences"].as_array().unwrap().iter()
                .map(|silence| silence["reason"].as_str().unwrap()).collect();
            // both were made in the same millisecond of the product's clock
            reasons.sort_unstable();
            let expected: &[&str] = match detail["series"]["dimensions"]["host"].as_str().unwrap() {
                "a" => &["all", "deployment"],
                _ => &["all"],
            };
            assert_eq!(reasons, expected, "{detail}");
        }
        // nothing is open that this would keep quiet
        stage.minute(11, &[("a", 50.0)]).await;
        assert_eq!(stage.told("/a").last().unwrap(), "11 resolved resolved");
        let nothing = json!({"matchers": {"rule_id": rule}, "reason": "all", "until": "resolved"});
        stage.ask(Method::POST, "/v1/silences", Some(&nothing), 409).await;
        stage.ask(Method::POST, "/v1/silences", Some(&json!({"matchers": {}, "reason": "x", "until": "resolved"})), 400).await;
    };

    a_silence_until_resolved_ends_and_the_next_alert_is_told => async |stage: Stage| {
        let channel = stage.channel("/a").await;
        stage.rule(&[&channel], json!({})).await;
        stage.minute(1, &[("a", 150.0)]).await;
        let silence = json!({"matchers": {"metric_key": "load"}, "reason": "known", "until": "resolved"});
        stage.post("/v1/silences", silence).await;
        stage.minute(2, &[("a", 160.0)]).await;
        stage.minute(3, &[("a", 50.0)]).await;
        let list = stage.ask(Method::GET, "/v1/silences", None, 200).await;
        stage.at(4, 0);
        assert_eq!(list["items"][0]["ends_at"], intentvision::time::format(START + 4 * MINUTE));
        stage.minute(4, &[("a", 150.0)]).await;
        assert_eq!(stage.told("/a"), ["1 firing first", "3 resolved resolved", "4 firing first"]);
    };

    working_hours_keep_quiet_what_began_before_and_tell_what_began_within => async |stage: Stage| {
        let channel = stage.channel("/a").await;
        let schedule = json!({"name": "night", "time_zone": "Europe/Berlin", "mutes": "during",
            "weekly": [{"days": ["mon"], "from": "01:03", "to": "01:08"}]});
        let quiet = stage.channel("/quiet").await;
        let mut of_channel = schedule.clone();
        of_channel["channels"] = json!([quiet]);
        stage.post("/v1/mute-schedules", of_channel).await;
        let made = stage.post("/v1/mute-schedules", schedule.clone()).await;
        let schedule_id = made["schedule_id"].as_str().unwrap();
        let path = format!("/v1/mute-schedules/{schedule_id}");
        stage.rule(&[&channel], json!({"notify": {"group_by": ["host"], "repeat_interval": "5m", "group_interval": "1m"},
            "mute_schedules": [schedule_id]})).await;
        stage.rule(&[&quiet], json!({"notify": {"group_by": ["host"]}})).await;
        stage.minute(1, &[("before", 150.0)]).await;
        stage.minute(4, &[("within", 150.0), ("short", 150.0)]).await;
        let read = stage.ask(Method::GET, &path, None, 200).await;
        assert_eq!((&read["muting"], &read["changes_at"]), (&json!(true), &json!("2026-11-23T00:08:00Z")));
        stage.minute(6, &[("short", 50.0)]).await;
        stage.minute(7, &[]).await;
        assert_eq!(stage.told("/a"), ["1 firing first"]);
        stage.minute(9, &[]).await;
        for path in ["/a", "/quiet"] {
            assert_eq!(stage.told(path), ["1 firing first", "8 firing first"]);
        }
        stage.ask(Method::DELETE, &path, None, 409).await;
        let mut wrong = schedule;
        wrong["time_zone"] = json!("Mars/Olympus");
        stage.ask(Method::PUT, &path, Some(&wrong), 400).await;
    };

    an_escalation_comes_unless_somebody_acknowledges => async |stage: Stage| {
        let (first, second) = (stage.channel("/first").await, stage.channel("/second").await);
        let routing = json!({"escalate": {"after": "3m", "channels": [second]},
            "notify": {"repeat_interval": "4m", "group_interval": "1m"}});
        stage.rule(&[&first], routing).await;
        stage.minute(1, &[("a", 150.0)]).await;
        for minute in 2..=6 {
            stage.minute(minute, &[]).await;
        }
        assert_eq!(stage.told("/second"), ["4 firing escalation"]);
        assert_eq!(stage.told("/first"), ["1 firing first", "5 firing repeat"]);
        let alert = stage.open_alert().await;
        stage.ask(Method::POST, &format!("/v1/alerts/{alert}/acknowledge"), None, 200).await;
        stage.minute(20, &[("a", 150.0)]).await;
        stage.minute(21, &[("a", 50.0)]).await;
        assert_eq!(stage.told("/first")[2..], ["21 resolved resolved"]);
        assert_eq!(stage.told("/second")[1..], ["21 resolved resolved"]);
        // acknowledged in time
        stage.minute(30, &[("a", 150.0)]).await;
        let alert = stage.open_alert().await;
        stage.ask(Method::POST, &format!("/v1/alerts/{alert}/acknowledge"), None, 200).await;
        stage.minute(40, &[("a", 50.0)]).await;
        assert_eq!(stage.told("/first")[3..], ["30 firing first", "40 resolved resolved"]);
        assert_eq!(stage.told("/second").len(), 2);
    };

    a_parent_that_fires_keeps_its_children_quiet => async |stage: Stage| {
        let channel = stage.channel("/a").await;
        let parent = stage.rule(&[], json!({"name": "very high", "condition": {"type": "threshold", "operator": "gt", "value": 200}})).await;
        let child = stage.rule(&[&channel], json!({"inhibited_by": [parent], "equal": ["host"]})).await;
        stage.minute(1, &[("a", 250.0), ("b", 150.0)]).await;
        stage.minute(2, &[("a", 150.0)]).await;
        for minute in 3..=6 {
            stage.minute(minute, &[]).await;
        }
        // "b" at once, and "a" when its parent is over
        assert_eq!(stage.told("/a"), ["1 firing first", "6 firing changed"]);
        // no rule inhibits itself, nor in a circle, nor one that is not there
        let rule = |inhibited_by: &str| json!({"name": "x", "metric_key": "load", "severity": "info", "channels": [],
            "condition": {"type": "threshold", "operator": "gt", "value": 1}, "inhibited_by": [inhibited_by]});
        for (path, by) in [(&child, &child), (&parent, &child)] {
            let reply = stage.ask(Method::PUT, &format!("/v1/alert-rules/{path}"), Some(&rule(by)), 400).await;
            assert!(reply["detail"].as_str().unwrap().contains("itself"), "{reply}");
        }
        let nobody = "rule_00000000000070008000000000000000";
        let reply = stage.ask(Method::POST, "/v1/alert-rules", Some(&rule(nobody)), 400).await;
        assert!(reply["detail"].as_str().unwrap().contains(nobody), "{reply}");
    };

    a_channel_that_was_disabled_hears_of_what_still_fires => async |stage: Stage| {
        let channel = stage.channel("/a").await;
        let path = format!("/v1/notification-channels/{channel}");
        stage.rule(&[&channel], json!({"notify": {"group_by": ["host"]}})).await;
        stage.minute(1, &[("told", 150.0)]).await;
        // decided, and given up before it was sent
        stage.send(2, &[("lost", 150.0)]).await;
        stage.tick(2).await;
        stage.ask(Method::PATCH, &path, Some(&json!({"enabled": false})), 200).await;
        stage.minute(3, &[("told", 50.0), ("meanwhile", 150.0), ("short", 150.0)]).await;
        stage.minute(4, &[("short", 50.0)]).await;
        assert_eq!(stage.told("/a"), ["1 firing first"]);
        stage.ask(Method::PATCH, &path, Some(&json!({"enabled": true})), 200).await;
        stage.minute(5, &[]).await;
        let mut told = stage.told("/a")[1..].to_vec();
        told.sort();
        assert_eq!(told, ["3 resolved resolved", "5 firing first", "5 firing first"]);
        stage.minute(6, &[("lost", 50.0), ("meanwhile", 50.0)]).await;
        assert_eq!(stage.told("/a")[4..], ["6 resolved resolved", "6 resolved resolved"]);
    };
}
