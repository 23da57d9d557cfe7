//! Point 13: rules, instances and alerts over HTTP, on both databases.

use ::http::Method;
use evaluate_alerts::Unlimited;
use intentvision::clock::{Clock, MINUTE, Millis};
use intentvision::keys::Environment;
use serde_json::{Value, json};
use tests::on_both;
use tests::product::Product;

fn body(channels: &[&str]) -> Value {
    json!({
        "name": "load high", "metric_key": "load", "dimensions": {"host": "a"}, "severity": "critical",
        "condition": {"type": "threshold", "operator": "gt", "value": 100.0, "recover": 90.0},
        "channels": channels, "for": "0s", "keep_firing_for": "0s", "no_data_after": "10m", "enabled": true,
    })
}

async fn channel(product: &Product, key: &str) -> String {
    let body = json!({"name": "sink", "type": "webhook", "config": {"url": "https://example.com/hook"}});
    let reply = product.post("/v1/notification-channels", key, &body).await;
    assert_eq!(reply.status, 201, "{}", reply.json());
    reply.json()["channel_id"].as_str().unwrap().to_owned()
}

/// The tick of the minute after `now`, as the schedule would run it then.
async fn tick(product: &Product, now: Millis) -> evaluate_alerts::Summary {
    let minute = now.div_euclid(MINUTE) * MINUTE + MINUTE;
    let app = product.again(Clock::at(minute)).await;
    evaluate_alerts::run(&app, minute, &mut Unlimited, &mut Unlimited)
        .await
        .unwrap()
}

on_both! {
    a_rule_is_made_read_changed_listed_and_deleted => async |product: Product| {
        let (_, key) = product.acme().await;
        let channel = channel(&product, &key).await;
        let made = product.post("/v1/alert-rules", &key, &body(&[&channel])).await;
        assert_eq!(made.status, 201);
        let mut rule = made.json();
        let path = format!("/v1/alert-rules/{}", rule["rule_id"].as_str().unwrap());
        for (field, value) in body(&[&channel]).as_object().unwrap() {
            assert_eq!(&rule[field], value, "{field}");
        }
        let read = product.get(&path, &key).await.json();
        rule["created_at"] = read["created_at"].clone();
        rule["updated_at"] = read["updated_at"].clone();
        assert_eq!(read, rule);
        let mut change = body(&[]);
        change["name"] = json!("other");
        change["enabled"] = json!(false);
        let changed = product.call(Method::PUT, &path, &key, Some(&change)).await;
        assert_eq!((changed.status.as_u16(), &changed.json()["name"], &changed.json()["enabled"]), (200, &json!("other"), &json!(false)));
        let list = product.get("/v1/alert-rules?metric_key=load&enabled=false&severity=critical", &key).await.json();
        assert_eq!(list["items"].as_array().unwrap().len(), 1);
        for none in ["metric_key=other", "enabled=true", "severity=info"] {
            assert_eq!(product.get(&format!("/v1/alert-rules?{none}"), &key).await.json()["items"], json!([]));
        }
        assert_eq!(product.call(Method::DELETE, &path, &key, None).await.status, 204);
        assert_eq!(product.get(&path, &key).await.problem(), (404, "NOT_FOUND".into()));
        assert_eq!(product.call(Method::DELETE, &path, &key, None).await.status, 404);
        assert_eq!(product.get("/v1/alert-rules", &key).await.json()["items"], json!([]));
    };

    wrong_rules_change_nothing => async |product: Product| {
        let (_, key) = product.acme().await;
        let missing = "chan_00000000000070008000000000000000";
        for (field, value, words) in [
            ("condition", json!({"type": "composite"}), "mode"),
            ("condition", json!({"type": "threshold", "operator": "gt", "value": 1, "recover": 2}), "recover"),
            ("condition", json!({"type": "anomaly", "min_severity": "bad"}), "low, medium, high or critical"),
            ("condition", json!({"type": "anomaly", "min_severity": "low", "points": {"at_least": 3, "of": 2}}), "at_least"),
            ("channels", json!([missing]), missing),
            ("name", json!(""), "name"),
            ("for", json!("soon"), "duration"),
            ("surprise", json!(1), "surprise"),
        ] {
            let mut wrong = body(&[]);
            wrong[field] = value;
            let reply = product.post("/v1/alert-rules", &key, &wrong).await;
            assert_eq!(reply.problem(), (400, "SCHEMA_VALIDATION_FAILED".into()), "{field}");
            assert!(reply.json()["detail"].as_str().unwrap().contains(words), "{}", reply.json());
        }
        let mut wrong = body(&[]);
        wrong["metric_key"] = json!("9");
        assert_eq!(product.post("/v1/alert-rules", &key, &wrong).await.problem(), (400, "INVALID_METRIC_KEY".into()));
        assert_eq!(product.get("/v1/alert-rules", &key).await.json()["items"], json!([]));
        assert_eq!(product.get("/v1/alert-rules?enabeld=true", &key).await.status, 400);
        assert_eq!(product.get("/v1/alerts?status=open", &key).await.status, 400);
        for path in ["/v1/alert-rules/rule_x", "/v1/alerts/alert_x", "/v1/alert-rules/rule_x/instances"] {
            assert_eq!(product.get(path, &key).await.status, 404);
        }
    };

    one_idempotency_key_makes_one_rule => async |product: Product| {
        let (_, key) = product.acme().await;
        let send = async |body: &Value| {
            let request = ::http::Request::post("/v1/alert-rules").header("x-api-key", &key).header("idempotency-key", "k");
            product.send(request, body.to_string()).await
        };
        let (first, again) = (send(&body(&[])).await, send(&body(&[])).await);
        assert_eq!((first.status.as_u16(), &first.body), (201, &again.body));
        assert_eq!(again.headers["idempotency-replayed"], "true");
        let mut other = body(&[]);
        other["name"] = json!("other");
        assert_eq!(send(&other).await.problem(), (422, "IDEMPOTENCY_KEY_REUSED".into()));
        assert_eq!(product.get("/v1/alert-rules", &key).await.json()["items"].as_array().unwrap().len(), 1);
    };

    an_alert_is_listed_acknowledged_and_resolved => async |product: Product| {
        let (_, key) = product.acme().await;
        let channel = channel(&product, &key).await;
        let rule = product.post("/v1/alert-rules", &key, &body(&[&channel])).await.json();
        let rule_id = rule["rule_id"].as_str().unwrap();
        let metrics = json!({"metrics": [
            {"metric_key": "load", "value": 150, "dimensions": {"host": "a", "zone": "1"}},
            {"metric_key": "load", "value": 150, "dimensions": {"host": "b"}},
        ]});
        assert_eq!(product.post("/v1/ingest", &key, &metrics).await.status, 200);
        let summary = tick(&product, product.app.clock.now()).await;
        assert_eq!((summary.failed, summary.transitions, summary.messages), (0, 1, 1));

        let instances = product.get(&format!("/v1/alert-rules/{rule_id}/instances"), &key).await.json();
        assert_eq!(instances["items"].as_array().unwrap().len(), 1, "dimensions match by subset");
        assert_eq!((&instances["items"][0]["state"], &instances["items"][0]["value"]), (&json!("firing"), &json!(150.0)));
        assert_eq!(instances["items"][0]["dimensions"], json!({"host": "a", "zone": "1"}));

        let list = product.get(&format!("/v1/alerts?status=firing&rule_id={rule_id}"), &key).await.json();
        let alert = &list["items"][0];
        assert_eq!(list["items"].as_array().unwrap().len(), 1);
        assert_eq!((&alert["severity"], &alert["value"], &alert["resolved_at"]), (&json!("critical"), &json!(150.0), &Value::Null));
        let series = alert["series_id"].as_str().unwrap();
        assert_eq!(product.get(&format!("/v1/alerts?series_id={series}"), &key).await.json()["items"].as_array().unwrap().len(), 1);
        assert_eq!(product.get("/v1/alerts?status=resolved", &key).await.json()["items"], json!([]));

        let path = format!("/v1/alerts/{}", alert["alert_id"].as_str().unwrap());
        let acknowledged = product.call(Method::POST, &format!("{path}/acknowledge"), &key, None).await;
        assert_eq!((acknowledged.status.as_u16(), &acknowledged.json()["status"]), (200, &json!("firing")));
        assert!(acknowledged.json()["acknowledged_by"].as_str().unwrap().starts_with("key_"));
        assert_eq!(acknowledged.json()["transitions"][0]["to"], "firing");
        let resolved = product.call(Method::POST, &format!("{path}/resolve"), &key, None).await;
        assert_eq!((resolved.status.as_u16(), &resolved.json()["status"]), (200, &json!("resolved")));
        assert_eq!(product.get("/v1/alerts?status=firing", &key).await.json()["items"], json!([]));
        assert_eq!(product.call(Method::POST, &format!("{path}/acknowledge"), &key, None).await.status, 409);
        let summary = tick(&product, product.app.clock.now() + MINUTE).await;
        assert_eq!((summary.failed, summary.transitions, summary.messages), (0, 1, 1));
        assert_eq!(product.get(&path, &key).await.json()["transitions"].as_array().unwrap().len(), 2);
    };

    others_and_readers_cannot_touch_them => async |product: Product| {
        let (org, key) = product.acme().await;
        let rule = product.post("/v1/alert-rules", &key, &body(&[])).await.json();
        let metrics = json!({"metrics": [{"metric_key": "load", "value": 150, "dimensions": {"host": "a"}}]});
        product.post("/v1/ingest", &key, &metrics).await;
        tick(&product, product.app.clock.now()).await;
        let alert = product.get("/v1/alerts", &key).await.json()["items"][0]["alert_id"].as_str().unwrap().to_owned();
        let rule = rule["rule_id"].as_str().unwrap();
        let other = product.organization("other", Environment::Live).await;
        let stranger = product.key(&other, &["admin"]).await;
        let reader = product.key(&org, &["alerts:read"]).await;
        let writes = [
            (Method::PUT, format!("/v1/alert-rules/{rule}"), Some(body(&[]))),
            (Method::DELETE, format!("/v1/alert-rules/{rule}"), None),
            (Method::POST, format!("/v1/alerts/{alert}/acknowledge"), None),
            (Method::POST, format!("/v1/alerts/{alert}/resolve"), None),
        ];
        for (method, path, body) in &writes {
            assert_eq!(product.call(method.clone(), path, &stranger, body.as_ref()).await.problem(), (404, "NOT_FOUND".into()), "{path}");
            assert_eq!(product.call(method.clone(), path, &reader, body.as_ref()).await.problem(), (403, "FORBIDDEN".into()), "{path}");
        }
        for path in [format!("/v1/alert-rules/{rule}"), format!("/v1/alert-rules/{rule}/instances"), format!("/v1/alerts/{alert}")] {
            assert_eq!(product.get(&path, &stranger).await.status, 404, "{path}");
            assert_eq!(product.get(&path, &reader).await.status, 200, "{path}");
        }
        assert_eq!(product.get("/v1/alerts", &stranger).await.json()["items"], json!([]));
        let theirs = channel(&product, &stranger).await;
        assert_eq!(product.post("/v1/alert-rules", &key, &body(&[&theirs])).await.status, 400);
        // nothing of that had an effect
        let now = product.get(&format!("/v1/alerts/{alert}"), &key).await.json();
        assert_eq!((&now["status"], &now["acknowledged_by"]), (&json!("firing"), &Value::Null));
    };

    lists_go_on_where_they_ended => async |product: Product| {
        let (_, key) = product.acme().await;
        for _ in 0..3 {
            product.post("/v1/alert-rules", &key, &body(&[])).await;
        }
        let metrics = json!({"metrics": [{"metric_key": "load", "value": 150, "dimensions": {"host": "a"}}]});
        product.post("/v1/ingest", &key, &metrics).await;
        tick(&product, product.app.clock.now()).await;
        for path in ["/v1/alert-rules", "/v1/alerts"] {
            let first = product.get(&format!("{path}?limit=2"), &key).await.json();
            let cursor = first["next_cursor"].as_str().unwrap();
            let second = product.get(&format!("{path}?limit=2&cursor={cursor}"), &key).await.json();
            assert_eq!((first["items"].as_array().unwrap().len(), second["items"].as_array().unwrap().len()), (2, 1));
            assert_eq!(second["next_cursor"], Value::Null);
            assert_ne!(first["items"][1], second["items"][0]);
        }
    };
}
