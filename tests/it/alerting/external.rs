//! Alerts that other systems found, as a Prometheus and an Alertmanager send them.

use ::http::{Method, Request};
use db::{Batch, Step};
use intentvision::clock::{Clock, HOUR, MINUTE, Millis};
use intentvision::config::Config;
use intentvision::id::OrgId;
use intentvision::notify::address::Reach;
use intentvision::notify::connector::SystemNetwork;
use intentvision::notify::delivery;
use intentvision::notify::sender::{Limits, Sender};
use intentvision::time;
use serde_json::{Value, json};
use std::sync::Arc;
use tests::on_both;
use tests::product::{Backend, Product};
use tests::receiver::{Answer, Receiver};

const METRIC: &str = "alertmanager:alerts";
const POSTED: &str = "/api/v2/alerts";
const WEBHOOK: &str = "/v1/alertmanager/webhook";
/// A whole day, so that all grids agree.
const START: Millis = 1_795_392_000_000;

/// A product in minute 0, and what happens in it.
struct Scene {
    product: Product,
    org: OrgId,
    admin: String,
    /// may write alerts, and nothing else
    key: String,
    receiver: Receiver,
}

async fn start(backend: Backend) -> Scene {
    let config = Config {
        allow_private_webhooks: true,
        ..Config::default()
    };
    let product = Product::start_with(backend, Clock::at(START), config).await;
    let (org, admin) = product.acme().await;
    let key = product.key(&org, &["alerts:write"]).await;
    let receiver = Receiver::start(|_| Answer::Status(204)).await;
    Scene {
        product,
        org,
        admin,
        key,
        receiver,
    }
}

impl Scene {
    /// A rule that tells the receiver.
    async fn rule(&self) -> String {
        let channel = json!({"name": "on call", "type": "webhook", "config": {"url": self.receiver.url("/hook")}});
        let channel = self
            .product
            .post("/v1/notification-channels", &self.admin, &channel)
            .await
            .json();
        let rule = json!({"name": "Prometheus", "metric_key": METRIC, "severity": "warning",
            "condition": {"type": "external"}, "channels": [channel["channel_id"]]});
        let made = self.product.post("/v1/alert-rules", &self.admin, &rule).await;
        assert_eq!(made.status, 201, "{}", made.json());
        made.json()["rule_id"].as_str().unwrap().to_owned()
    }

    /// Sends alerts, half a minute before a minute.
    async fn send(&self, minute: i64, path: &str, body: &Value) {
        self.product.app.clock.set(START + minute * MINUTE - MINUTE / 2);
        let reply = self.product.post(path, &self.key, body).await;
        assert_eq!(
            (reply.status.as_u16(), &reply.json()["rejected"]),
            (200, &json!(0)),
            "{}",
            reply.json()
        );
    }

    /// The tick of a minute, and the types of the messages that follow.
    async fn minute(&self, minute: i64) -> Vec<String> {
        let now = START + minute * MINUTE;
        self.product.app.clock.set(now);
        self.product.tick(now).await;
        let before = self.receiver.messages().len();
        let sender = Sender::new(Arc::new(SystemNetwork), Reach::Private, Limits::default());
        delivery::drain(&self.product.app, &sender, 100).await.unwrap();
        let kind = |message: &tests::receiver::Message| message.json()["type"].as_str().unwrap().to_owned();
        self.receiver.messages()[before..].iter().map(kind).collect()
    }

    /// The alerts, the newest first.
    async fn alerts(&self) -> Vec<Value> {
        let list = self.product.get("/v1/alerts", &self.admin).await.json();
        list["items"].as_array().unwrap().clone()
    }

    async fn statuses(&self) -> Vec<String> {
        let alerts = self.alerts().await;
        alerts
            .iter()
            .map(|alert| alert["status"].as_str().unwrap().to_owned())
            .collect()
    }

    async fn items(&self, path: &str) -> Vec<Value> {
        let list = self.product.get(path, &self.admin).await.json();
        list["items"].as_array().unwrap().clone()
    }
}

/// An alert of the one host, as it is posted.
fn down(change: impl FnOnce(&mut Value)) -> Value {
    let mut alert = json!({"labels": {"alertname": "Down", "host": "a"}, "annotations": {"description": "a is down"}});
    change(&mut alert);
    json!([alert])
}

/// The webhook of an Alertmanager about that one host.
fn told(status: &str, starts_at: Millis) -> Value {
    let ends_at = match status {
        "firing" => "0001-01-01T00:00:00Z".to_owned(),
        _ => time::format(starts_at + MINUTE),
    };
    json!({"version": "4", "status": status, "receiver": "r", "groupKey": "{}:{}", "truncatedAlerts": 0, "alerts": [{
        "status": status, "labels": {"alertname": "Down", "host": "a", "severity": "page"},
        "annotations": {"summary": "a is down", "runbook_url": "https://example.com/down"},
        "startsAt": time::format(starts_at), "endsAt": ends_at,
        "generatorURL": "http://prometheus.example.com/graph", "fingerprint": "0123456789abcdef",
    }]})
}

on_both! {
    start = start;

    /// A Prometheus that is gone says nothing more: what it said last has an end.
    what_is_no_longer_repeated_is_over_at_its_end => async |scene: Scene| {
        let end = time::format(START + 8 * MINUTE);
        let alert = down(|alert| alert["endsAt"] = json!(end));
        scene.send(1, POSTED, &alert).await;
        // nobody had asked for it: a rule without channels shows what there is
        let rules = scene.items("/v1/alert-rules").await;
        assert_eq!((&rules[0]["name"], &rules[0]["condition"]), (&json!("Alertmanager"), &json!({"type": "external"})));
        scene.send(1, POSTED, &alert).await;
        assert_eq!(scene.items("/v1/alert-rules").await.len(), 1);
        for minute in 1..=9 {
            assert_eq!(scene.minute(minute).await, Vec::<String>::new());
            let expected = if minute < 8 { "firing" } else { "resolved" };
            assert_eq!(scene.statuses().await, [expected], "{minute}");
        }
        let id = scene.alerts().await[0]["alert_id"].as_str().unwrap().to_owned();
        let detail = scene.product.get(&format!("/v1/alerts/{id}"), &scene.admin).await.json();
        let transitions = detail["transitions"].as_array().unwrap();
        let reasons: Vec<&Value> = transitions.iter().map(|transition| &transition["reason"]).collect();
        assert_eq!(reasons, ["a is down", "it is over, or nobody says it any longer"]);
    };

    /// So two Prometheus servers, or two Alertmanagers of a cluster, are one.
    what_is_said_twice_is_told_once => async |scene: Scene| {
        scene.rule().await;
        let firing = told("firing", START);
        scene.send(1, WEBHOOK, &firing).await;
        scene.send(1, WEBHOOK, &firing).await;
        assert_eq!(scene.minute(1).await, ["alert.firing"]);
        scene.send(2, WEBHOOK, &firing).await;
        assert_eq!(scene.minute(2).await, Vec::<String>::new());
        // an Alertmanager says nothing while it holds, for hours
        assert_eq!(scene.minute(180).await, Vec::<String>::new());
        let alert = scene.alerts().await.remove(0);
        assert_eq!((&alert["severity"], &alert["reason"], &alert["value"]), (&json!("critical"), &json!("a is down"), &Value::Null));
        assert_eq!(alert["summary"], "Prometheus: Down{host=\"a\",severity=\"page\"}: a is down");
        let path = format!("/v1/alerts/{}", alert["alert_id"].as_str().unwrap());
        let detail = scene.product.get(&path, &scene.admin).await.json();
        assert_eq!(detail["external"], json!({
            "annotations": {"summary": "a is down", "runbook_url": "https://example.com/down"},
            "generator_url": "http://prometheus.example.com/graph", "starts_at": time::format(START),
        }));
        let resolved = told("resolved", START);
        scene.send(181, WEBHOOK, &resolved).await;
        scene.send(181, WEBHOOK, &resolved).await;
        assert_eq!(scene.minute(181).await, ["alert.resolved"]);
        scene.send(182, WEBHOOK, &resolved).await;
        assert_eq!(scene.minute(182).await, Vec::<String>::new());
        assert_eq!(scene.statuses().await, ["resolved"]);
    };

    the_end_of_what_nobody_knew_is_told_to_nobody => async |scene: Scene| {
        scene.rule().await;
        scene.send(1, WEBHOOK, &told("resolved", START - HOUR)).await;
        scene.send(1, POSTED, &down(|alert| alert["endsAt"] = json!(time::format(START - HOUR)))).await;
        assert_eq!(scene.minute(1).await, Vec::<String>::new());
        assert_eq!(scene.alerts().await, Vec::<Value>::new());
    };

    /// An Alertmanager that has said it once will not say it again for hours.
    a_rule_that_is_made_later_finds_what_holds => async |scene: Scene| {
        scene.send(1, WEBHOOK, &told("firing", START)).await;
        scene.minute(1).await;
        scene.minute(120).await;
        scene.rule().await;
        assert_eq!(scene.minute(121).await, ["alert.firing"]);
    };

    resolved_by_hand_it_stays_quiet_until_it_begins_anew => async |scene: Scene| {
        scene.rule().await;
        scene.send(1, WEBHOOK, &told("firing", START)).await;
        assert_eq!(scene.minute(1).await, ["alert.firing"]);
        let path = format!("/v1/alerts/{}/resolve", scene.alerts().await[0]["alert_id"].as_str().unwrap());
        assert_eq!(scene.product.call(Method::POST, &path, &scene.admin, None).await.status, 200);
        assert_eq!(scene.minute(2).await, ["alert.resolved"]);
        scene.send(3, WEBHOOK, &told("firing", START)).await;
        assert_eq!(scene.minute(3).await, Vec::<String>::new());
        // its end was lost on the way
        scene.send(6, WEBHOOK, &told("firing", START + 5 * MINUTE)).await;
        assert_eq!(scene.minute(6).await, ["alert.firing"]);
        assert_eq!(scene.statuses().await, ["firing", "resolved"]);
    };

    what_is_no_alert_is_refused_and_the_rest_is_taken => async |scene: Scene| {
        let (product, key) = (&scene.product, &scene.key);
        let wrong = async |path: &str, body: &'static str| {
            let request = Request::post(path).header("content-type", "application/json");
            product.send(request.header("authorization", format!("Bearer {key}")), body).await.problem()
        };
        for (path, body) in [(POSTED, "[{"), (POSTED, "{}"), (POSTED, "[]"), (WEBHOOK, r#"{"version":"3","alerts":[]}"#), (WEBHOOK, "[]")] {
            assert_eq!(wrong(path, body).await, (400, "SCHEMA_VALIDATION_FAILED".into()), "{path} {body}");
        }
        let none = product.post(POSTED, key, &json!([{"labels": {}}])).await;
        assert_eq!((none.status.as_u16(), &none.json()["errors"][0]["index"]), (422, &json!(0)));
        // nothing of that left anything
        assert_eq!(scene.items("/v1/series").await.len() + scene.items("/v1/alert-rules").await.len(), 0);
        let long = "v".repeat(2_000);
        let mixed = json!([{"labels": {"alertname": "A"}}, {"labels": {"alertname": long}}]);
        let reply = product.post(POSTED, key, &mixed).await;
        let refused = &reply.json()["errors"][0];
        assert_eq!((reply.status.as_u16(), &refused["index"], &refused["code"]), (200, &json!(1), &json!("INVALID_DIMENSIONS")));
        let other = product.key(&scene.org, &["ingest:write", "alerts:read"]).await;
        assert_eq!(product.post(POSTED, &other, &mixed).await.problem().0, 403);
        for (metric, more) in [("load", json!({})), ("alertmanager:*", json!({})), (METRIC, json!({"grace": "1h"})), (METRIC, json!({"no_data_after": "1h"}))] {
            let mut rule = json!({"name": "r", "metric_key": metric, "severity": "error", "condition": {"type": "external"}, "channels": []});
            rule.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            assert_eq!(product.post("/v1/alert-rules", &scene.admin, &rule).await.problem().0, 400, "{rule}");
        }
    };

    what_is_said_of_it_goes_with_its_series => async |scene: Scene| {
        scene.send(1, POSTED, &down(|_| ())).await;
        scene.minute(1).await;
        let series = scene.items("/v1/series").await[0]["series_id"].as_str().unwrap().to_owned();
        let tenant = scene.product.app.operator(Some(scene.org.clone()));
        let kept = async || {
            maintain::run_everything(&scene.product.app).await.unwrap();
            let count = "SELECT count(*) FROM external_alerts WHERE org_id = (SELECT org_id FROM authority)";
            let reply = tenant.run(Batch::read_one(Step::tenant(count, vec![]))).await.unwrap();
            reply.step(0).unwrap().one().unwrap().integer(0).unwrap()
        };
        assert_eq!(kept().await, 1);
        let path = format!("/v1/series/{series}");
        assert_eq!(scene.product.call(Method::DELETE, &path, &scene.admin, None).await.status, 204);
        scene.minute(2).await;
        assert_eq!(scene.statuses().await, ["resolved"]);
        assert_eq!(kept().await, 0);
    };

    /// Its values say when something ends: they are no measurements.
    neither_detectors_nor_rules_of_all_metrics_look_at_it => async |scene: Scene| {
        let on = scene.product.call(Method::PUT, "/v1/detection", &scene.admin, Some(&json!({"enabled": true}))).await;
        assert_eq!(on.status, 200);
        let rule = json!({"name": "all", "metric_key": "*", "severity": "error", "channels": [],
            "condition": {"type": "threshold", "operator": "gt", "value": 1}});
        assert_eq!(scene.product.post("/v1/alert-rules", &scene.admin, &rule).await.status, 201);
        scene.send(1, POSTED, &down(|_| ())).await;
        scene.minute(1).await;
        let alerts = scene.alerts().await;
        assert_eq!(alerts.len(), 1, "{alerts:?}");
        assert_eq!(alerts[0]["reason"], "a is down");
        let series = scene.items("/v1/series").await[0]["series_id"].as_str().unwrap().to_owned();
        let status = scene.product.get(&format!("/v1/series/{series}/detection"), &scene.admin).await.json();
        assert_eq!(status["state"], "off", "{status}");
    };

    /// More at once than a server takes as one text.
    a_request_may_say_a_lot => async |scene: Scene| {
        let said = "\"".repeat(4_000);
        let alert = |number: usize| json!({"labels": {"alertname": "down", "host": number.to_string()},
            "annotations": {"summary": said, "description": said, "runbook": said}, "startsAt": time::format(START)});
        let all: Vec<Value> = (0..150).map(alert).collect();
        scene.send(1, POSTED, &json!(all)).await;
        scene.minute(1).await;
        let alerts = scene.alerts().await;
        assert_eq!(alerts.len(), 150);
        let id = alerts[149]["alert_id"].as_str().unwrap();
        let alert = scene.product.get(&format!("/v1/alerts/{id}"), &scene.admin).await.json();
        assert_eq!(alert["external"]["annotations"]["runbook"], said, "{alert}");
    };
}
