//! Who is told what, from outside: rules, silences, schedules and acknowledgements over HTTP, points through the front door, real
//! receivers, on both databases.

use http::Method;
use intentvision::clock::{Clock, MINUTE, Millis};
use intentvision::config::Config;
use intentvision::notify::address::Reach;
use intentvision::notify::connector::SystemNetwork;
use intentvision::notify::delivery;
use intentvision::notify::sender::{Limits, Sender};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tests::product::{Backend, Product};
use tests::receiver::{Answer, Receiver};

/// Minute 0: 2026-11-23T00:00:00Z, a Monday.
const START: Millis = 1_795_392_000_000;

struct Stage {
    product: Product,
    key: String,
    receiver: Receiver,
}

impl Stage {
    async fn new(backend: Backend) -> Self {
        let config = Config {
            allow_private_webhooks: true,
            ..Config::default()
        };
        let product = Product::start_with(backend, Clock::at(START), config).await;
        let (_, key) = product.acme().await;
        Self {
            product,
            key,
            receiver: Receiver::start(|_| Answer::Status(200)).await,
        }
    }

    fn at(&self, minute: i64, ms: Millis) {
        self.product.app.clock.set(START + minute * MINUTE + ms);
    }

    async fn ask(&self, method: Method, path: &str, body: Option<&Value>, status: u16) -> Value {
        let reply = self.product.call(method, path, &self.key, body).await;
        assert_eq!(reply.status, status, "{path}: {}", reply.json());
        reply.json()
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        self.ask(Method::POST, path, Some(&body), 201).await
    }

    /// A channel that arrives at this path.
    async fn channel(&self, path: &str) -> String {
        let body = json!({"name": path, "type": "webhook", "config": {"url": self.receiver.url(path)}});
        let made = self.post("/v1/notification-channels", body).await;
        made["channel_id"].as_str().unwrap().to_owned()
    }

    /// A rule `load > 100`, changed.
    async fn rule(&self, channels: &[&str], change: Value) -> String {
        let mut body = json!({"name": "load high", "metric_key": "load", "severity": "critical", "channels": channels,
            "condition": {"type": "threshold", "operator": "gt", "value": 100}});
        for (field, value) in change.as_object().unwrap() {
            body[field] = value.clone();
        }
        let made = self.post("/v1/alert-rules", body).await;
        made["rule_id"].as_str().unwrap().to_owned()
    }

    async fn send(&self, minute: i64, values: &[(&str, f64)]) {
        self.at(minute - 1, 30_000);
        let point =
            |(host, value): &(&str, f64)| json!({"metric_key": "load", "value": value, "dimensions": {"host": host}});
        let metrics: Vec<Value> = values.iter().map(point).collect();
        if !metrics.is_empty() {
            self.ask(Method::POST, "/v1/ingest", Some(&json!({"metrics": metrics})), 200)
                .await;
        }
    }

    async fn tick(&self, minute: i64) {
        self.at(minute, 1_000);
        self.product.tick(START + minute * MINUTE).await;
    }

    async fn deliver(&self) {
        let sender = Sender::new(Arc::new(SystemNetwork), Reach::Private, Limits::default());
        delivery::drain(&self.product.app, &sender, 1_000).await.unwrap();
    }

    /// What arrives in a minute, its tick, and its messages.
    async fn minute(&self, minute: i64, values: &[(&str, f64)]) {
        self.send(minute, values).await;
        self.tick(minute).await;
        self.deliver().await;
    }

    /// `minute type why` of each message to a path.
    fn told(&self, path: &str) -> Vec<String> {
        let messages = self.receiver.messages();
        let mine = messages
            .iter()
            .filter(|message| message.path == path)
            .map(tests::receiver::Message::json);
        mine.map(|body| {
            let at = intentvision::time::parse(body["timestamp"].as_str().unwrap()).unwrap();
            let kind = body["type"]
                .as_str()
                .unwrap()
                .strip_prefix("alert.")
                .unwrap()
                .to_owned();
            format!(
                "{} {kind} {}",
                (at - START) / MINUTE,
                body["data"]["why"].as_str().unwrap()
            )
        })
        .collect()
    }

    async fn open_alert(&self) -> String {
        let list = self.ask(Method::GET, "/v1/alerts?status=firing", None, 200).await;
        list["items"][0]["alert_id"].as_str().unwrap().to_owned()
    }
}

/// Declares a test on each database.
macro_rules! on_both {
    ($($(#[$doc:meta])* $name:ident => $body:expr;)*) => {$(
        mod $name {
            use super::*;

            $(#[$doc])*
            #[tokio::test]
            async fn embedded() {
                ($body)(Stage::new(Backend::Embedded).await).await;
            }

            $(#[$doc])*
            #[tokio::test]
            async fn remote() {
                ($body)(Stage::new(Backend::Remote).await).await;
            }
        }
    )*};
}

on_both! {
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

    /// Points, ticks, deliveries and what people do, all at random.
    random_histories_are_told_from_their_beginning_to_their_end => async |stage: Stage| {
        random(stage, 1).await;
    };
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
