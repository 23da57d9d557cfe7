//! What users say of anomalies and series.

use super::{START, at, items, shop};
use db::{Batch, Row, Step};
use http::Request;
use intentvision::clock::MINUTE;
use intentvision::id::OrgId;
use intentvision::keys::Environment;
use serde_json::{Value, json};
use tests::anomalies::Incident;
use tests::on_both;
use tests::product::Product;

const NOBODY: &str = "anom_01990f3e7a6b7c10a1b2c3d4e5f60718";

/// `seq, series_id, mark, at, anomaly_id, applied_at` of every mark, in order.
async fn marks(product: &Product, org: &OrgId) -> Vec<Row> {
    let step = Step::tenant(
        "SELECT seq, series_id, mark, at, anomaly_id, applied_at FROM detection_marks
         WHERE org_id = (SELECT org_id FROM authority) ORDER BY seq",
        vec![],
    );
    let tenant = product.app.operator(Some(org.clone()));
    tenant
        .run(Batch::read_one(step))
        .await
        .unwrap()
        .step(0)
        .unwrap()
        .rows
        .clone()
}

async fn due(product: &Product, org: &OrgId) -> bool {
    let step = Step::tenant(
        "SELECT due_at IS NOT NULL FROM org_state WHERE org_id = (SELECT org_id FROM authority)",
        vec![],
    );
    let tenant = product.app.operator(Some(org.clone()));
    let reply = tenant.run(Batch::read_one(step)).await.unwrap();
    reply.step(0).unwrap().rows[0].integer(0).unwrap() != 0
}

on_both! {
    a_label_is_shown_and_kept_for_the_tick => async |product: Product| {
        let (org, key) = product.acme().await;
        let [orders, ..] = shop(&product, &key).await;
        let id = Incident::new(&orders, START + MINUTE).write(&product, &org).await;
        assert!(!due(&product, &org).await);
        let labels = format!("/v1/series/{orders}/labels");
        let said = product.post(&labels, &key, &json!({"anomaly_id": id, "label": "bad_data"})).await;
        assert_eq!((said.status.as_u16(), said.json()), (201, json!({
            "series_id": orders, "mark": "bad_data", "anomaly_id": id, "at": null,
        })));
        assert!(due(&product, &org).await, "the next tick applies it");
        let shown = product.get(&format!("/v1/anomalies/{id}"), &key).await.json();
        assert_eq!(shown["label"], "bad_data");
        assert!(shown["labelled_by"].as_str().unwrap().starts_with("key_") && shown["labelled_at"].is_string(), "{shown}");

        // the last one counts for whoever looks, the detector is told of all
        assert_eq!(product.post(&labels, &key, &json!({"anomaly_id": id, "label": "real"})).await.status, 201);
        assert_eq!(product.get(&format!("/v1/anomalies/{id}"), &key).await.json()["label"], "real");
        let kept = items(&product.get(&labels, &key).await);
        let told: Vec<_> = kept.iter().map(|mark| (&mark["seq"], &mark["mark"], &mark["at"], &mark["anomaly_id"])).collect();
        let (time, anomaly) = (json!(at(1)), json!(id));
        assert_eq!(told, [
            (&json!(2), &json!("real"), &time, &anomaly),
            (&json!(1), &json!("bad_data"), &time, &anomaly),
        ]);
        assert_eq!(kept[0]["applied_at"], Value::Null);
        let second = items(&product.get(&format!("{labels}?limit=1&cursor=Mg"), &key).await);
        assert_eq!((second.len(), &second[0]["seq"]), (1, &json!(1)));
    };

    a_label_of_a_time_is_about_the_anomaly_that_was_open_then => async |product: Product| {
        let (org, key) = product.acme().await;
        let [orders, us, _] = shop(&product, &key).await;
        let minute = |minute: i64| START + minute * MINUTE;
        let over = Incident { ended_at: Some(minute(20)), ..Incident::new(&orders, minute(10)) }.write(&product, &org).await;
        let open = Incident::new(&orders, minute(30)).write(&product, &org).await;
        Incident::new(&us, minute(0)).write(&product, &org).await;
        let labels = format!("/v1/series/{orders}/labels");
        for (minute, label, anomaly) in [(15, "expected", Some(&over)), (25, "real", None), (40, "bad_data", Some(&open))] {
            let reply = product.post(&labels, &key, &json!({"at": at(minute), "label": label})).await;
            let said = reply.json();
            assert_eq!((reply.status.as_u16(), &said["at"], &said["anomaly_id"]), (201, &json!(at(minute)), &json!(anomaly)));
            let last = &items(&product.get(&labels, &key).await)[0];
            assert_eq!((&last["mark"], &last["at"], &last["anomaly_id"]), (&json!(label), &json!(at(minute)), &json!(anomaly)));
        }
        let label = async |id: &str| product.get(&format!("/v1/anomalies/{id}"), &key).await.json()["label"].clone();
        assert_eq!(label(&over).await, "expected");
        assert_eq!(label(&open).await, "bad_data");
        let unlabelled = items(&product.get(&format!("/v1/anomalies?series_id={us}"), &key).await);
        assert_eq!(unlabelled[0]["label"], Value::Null);
    };

    an_accepted_level_is_a_mark_of_now => async |product: Product| {
        let (org, key) = product.acme().await;
        let [orders, ..] = shop(&product, &key).await;
        let open = Incident::new(&orders, START).write(&product, &org).await;
        let before = product.app.clock.now();
        let accepted = product.post(&format!("/v1/series/{orders}/accept-level"), &key, &json!({})).await;
        let said = accepted.json();
        assert_eq!((accepted.status.as_u16(), &said["mark"], &said["anomaly_id"]), (201, &json!("new_normal"), &json!(open)));
        let kept = marks(&product, &org).await;
        assert_eq!((kept.len(), kept[0].text(2).unwrap(), kept[0].text(4).unwrap()), (1, "new_normal", open.as_str()));
        assert!((before..=product.app.clock.now()).contains(&kept[0].integer(3).unwrap()));
        assert!(due(&product, &org).await);
        // it is no label
        assert_eq!(product.get(&format!("/v1/anomalies/{open}"), &key).await.json()["label"], Value::Null);
    };

    r50_a_repeated_request_marks_once => async |product: Product| {
        let (org, key) = product.acme().await;
        let [orders, ..] = shop(&product, &key).await;
        let id = Incident::new(&orders, START).write(&product, &org).await;
        let label = json!({"anomaly_id": id, "label": "expected"}).to_string();
        let other_label = r#"{"at": 1, "label": "real"}"#;
        for (path, body, another, idempotency_key) in [("labels", label.as_str(), other_label, "a"), ("accept-level", "", "{}", "b")] {
            let send = async |body: &str| {
                let request = Request::post(format!("/v1/series/{orders}/{path}"))
                    .header("x-api-key", &key)
                    .header("idempotency-key", idempotency_key);
                product.send(request, body.to_owned()).await
            };
            let (first, second) = (send(body).await, send(body).await);
            assert_eq!((first.status.as_u16(), &first.body), (201, &second.body), "{path}");
            assert_eq!(second.headers["idempotency-replayed"], "true");
            let other = send(another).await;
            assert_eq!(other.problem(), (422, "IDEMPOTENCY_KEY_REUSED".into()), "{path}");
        }
        assert_eq!(marks(&product, &org).await.len(), 2);
    };

    what_is_not_there_or_makes_no_sense_changes_nothing => async |product: Product| {
        let (org, key) = product.acme().await;
        let [orders, us, _] = shop(&product, &key).await;
        let of_us = Incident::new(&us, START).write(&product, &org).await;
        let labels = format!("/v1/series/{orders}/labels");
        let accept = format!("/v1/series/{orders}/accept-level");
        let ahead = intentvision::time::format(product.app.clock.now() + 6 * MINUTE);
        for (path, body, status, code) in [
            (&labels, json!({"anomaly_id": NOBODY, "label": "real"}), 404, "NOT_FOUND"),
            (&labels, json!({"anomaly_id": "key_1", "label": "real"}), 404, "NOT_FOUND"),
            (&labels, json!({"anomaly_id": of_us, "label": "real"}), 404, "NOT_FOUND"),
            (&"/v1/series/ser_0123456789abcdef/labels".to_owned(), json!({"at": 1, "label": "real"}), 404, "NOT_FOUND"),
            (&"/v1/series/orders/labels".to_owned(), json!({"at": 1, "label": "real"}), 404, "NOT_FOUND"),
            (&"/v1/series/ser_0123456789abcdef/accept-level".to_owned(), json!({}), 404, "NOT_FOUND"),
            (&labels, json!({"at": ahead, "label": "real"}), 400, "INVALID_TIMESTAMP"),
            (&labels, json!({"at": "today", "label": "real"}), 400, "INVALID_TIMESTAMP"),
            (&labels, json!({"label": "real"}), 400, "SCHEMA_VALIDATION_FAILED"),
            (&labels, json!({"anomaly_id": of_us, "at": 1, "label": "real"}), 400, "SCHEMA_VALIDATION_FAILED"),
            (&labels, json!({"at": 1, "label": "new_normal"}), 400, "SCHEMA_VALIDATION_FAILED"),
            (&labels, json!({"at": 1, "label": "real", "why": "x"}), 400, "SCHEMA_VALIDATION_FAILED"),
            (&format!("{labels}?x=1"), json!({"at": 1, "label": "real"}), 400, "SCHEMA_VALIDATION_FAILED"),
            (&accept, json!({"level": 1}), 400, "SCHEMA_VALIDATION_FAILED"),
            (&format!("{accept}?x=1"), json!({}), 400, "SCHEMA_VALIDATION_FAILED"),
        ] {
            assert_eq!(product.post(path, &key, &body).await.problem(), (status, code.into()), "{path} {body}");
        }
        let broken = product.send(Request::post(&accept).header("x-api-key", &key), "{bad".to_owned()).await;
        assert_eq!(broken.problem(), (400, "SCHEMA_VALIDATION_FAILED".into()));
        assert_eq!(marks(&product, &org).await, []);
        assert_eq!(product.get(&format!("/v1/anomalies/{of_us}"), &key).await.json()["label"], Value::Null);
        assert!(!due(&product, &org).await);
    };

    r31_nobody_labels_what_is_another_organizations => async |product: Product| {
        let (org, key) = product.acme().await;
        let [orders, ..] = shop(&product, &key).await;
        let id = Incident::new(&orders, START).write(&product, &org).await;
        let other = product.organization("other", Environment::Live).await;
        let stranger = product.key(&other, &["admin"]).await;
        let labels = format!("/v1/series/{orders}/labels");
        for (path, body) in [
            (&labels, json!({"anomaly_id": id, "label": "bad_data"})),
            (&labels, json!({"at": at(0), "label": "bad_data"})),
            (&format!("/v1/series/{orders}/accept-level"), json!({})),
        ] {
            assert_eq!(product.post(path, &stranger, &body).await.problem(), (404, "NOT_FOUND".into()), "{path} {body}");
        }
        assert_eq!(product.get(&labels, &stranger).await.problem(), (404, "NOT_FOUND".into()));
        // also where it has the same series: the anomaly is not its own
        shop(&product, &stranger).await;
        let theirs = json!({"anomaly_id": id, "label": "bad_data"});
        assert_eq!(product.post(&labels, &stranger, &theirs).await.problem(), (404, "NOT_FOUND".into()));
        assert_eq!(product.post(&labels, &stranger, &json!({"at": at(0), "label": "bad_data"})).await.status, 201);
        assert_eq!(marks(&product, &org).await, []);
        assert_eq!(product.get(&format!("/v1/anomalies/{id}"), &key).await.json()["label"], Value::Null);
        let reader = product.key(&org, &["forecasts:read"]).await;
        assert_eq!(product.get(&labels, &reader).await.status, 200);
        let write = product.post(&labels, &reader, &json!({"at": at(0), "label": "real"})).await;
        assert_eq!(write.problem(), (403, "FORBIDDEN".into()));
    };
}
