//! `/v1/detection`.

use db::{Batch, Row, Step};
use http::Method;
use intentvision::id::OrgId;
use intentvision::keys::Environment;
use serde_json::{Value, json};
use tests::on_both;
use tests::product::{Product, Reply};

const PATH: &str = "/v1/detection";

async fn put(product: &Product, key: &str, body: &Value) -> Reply {
    product.call(Method::PUT, PATH, key, Some(body)).await
}

/// `config_version`, `due_at`, `detection_at`, and how many lanes are active.
async fn state(product: &Product, org: &OrgId) -> Row {
    let step = Step::tenant(
        "SELECT s.config_version, s.due_at, s.detection_at, (SELECT count(*) FROM lanes WHERE org_id = s.org_id AND active = 1)
         FROM org_state AS s WHERE s.org_id = (SELECT org_id FROM authority)",
        vec![],
    );
    let tenant = product.app.operator(Some(org.clone()));
    tenant.run(Batch::read_one(step)).await.unwrap().step(0).unwrap().rows[0].clone()
}

on_both! {
    detection_is_off_until_it_is_put => async |product: Product| {
        let (org, key) = product.acme().await;
        let off = json!({"enabled": false, "false_alarms_a_month": 1.0, "direction": "both",
            "minimum_effect": {"absolute": null, "percent": null}, "expectation": "learned"});
        assert_eq!(product.get(PATH, &key).await.json(), off);
        let before = state(&product, &org).await;
        assert_eq!(before.integer(3).unwrap(), 0, "nothing is evaluated for it");

        let wanted = json!({"enabled": true, "false_alarms_a_month": 0.5, "minimum_effect": {"percent": 5}});
        let put_on = put(&product, &key, &wanted).await;
        let on = json!({"enabled": true, "false_alarms_a_month": 0.5, "direction": "both",
            "minimum_effect": {"absolute": null, "percent": 5.0}, "expectation": "learned"});
        assert_eq!((put_on.status.as_u16(), put_on.json()), (200, on.clone()));
        assert_eq!(product.get(PATH, &key).await.json(), on);
        // a lane starts, and is due; a tick that has read the old settings cannot write
        let after = state(&product, &org).await;
        assert_eq!(after.integer(0).unwrap(), before.integer(0).unwrap() + 1);
        assert!(after.opt_integer(1).unwrap().is_some() && after.opt_integer(2).unwrap().is_some());
        assert_eq!(after.integer(3).unwrap(), 1);

        assert_eq!(put(&product, &key, &json!({"enabled": false})).await.json(), off);
        assert_eq!(product.get(PATH, &key).await.json(), off);
        assert_eq!(state(&product, &org).await.integer(0).unwrap(), before.integer(0).unwrap() + 2);
    };

    what_makes_no_sense_changes_nothing => async |product: Product| {
        let (org, key) = product.acme().await;
        put(&product, &key, &json!({"enabled": true, "direction": "down"})).await;
        let (before, version) = (product.get(PATH, &key).await.json(), state(&product, &org).await);
        for (body, words) in [
            (json!({}), "enabled must be true or false"),
            (json!([true]), "enabled must be true or false"),
            (json!({"enabled": "yes"}), "enabled must be true or false"),
            (json!({"enabled": true, "false_alarms_a_month": 0}), "false_alarms_a_month must be between 0.01 and 30"),
            (json!({"enabled": true, "false_alarms_a_month": 31}), "false_alarms_a_month must be between 0.01 and 30"),
            (json!({"enabled": true, "direction": "left"}), "direction must be both, up or down"),
            (json!({"enabled": true, "minimum_effect": {"absolute": -1}}), "minimum_effect.absolute must be a finite number from 0 on"),
            (json!({"enabled": true, "sensitivity": 3}), "unknown field `sensitivity`"),
            (json!({"enabled": false, "direction": "up"}), "settings need \"enabled\": true"),
        ] {
            let reply = put(&product, &key, &body).await;
            assert_eq!(reply.problem(), (400, "SCHEMA_VALIDATION_FAILED".into()), "{body}");
            let detail = reply.json()["detail"].as_str().unwrap().to_owned();
            assert!(detail.contains(words), "{body}: {detail}");
        }
        let other = product.call(Method::PUT, &format!("{PATH}?x=1"), &key, Some(&json!({"enabled": false}))).await;
        assert_eq!(other.problem(), (400, "SCHEMA_VALIDATION_FAILED".into()));
        assert_eq!(product.get(PATH, &key).await.json(), before);
        assert_eq!(state(&product, &org).await, version);
    };

    r31_it_is_of_one_organization_and_readers_cannot_change_it => async |product: Product| {
        let (org, key) = product.acme().await;
        put(&product, &key, &json!({"enabled": true})).await;
        let other = product.organization("other", Environment::Live).await;
        let stranger = product.key(&other, &["admin"]).await;
        assert_eq!(product.get(PATH, &stranger).await.json()["enabled"], false);
        put(&product, &stranger, &json!({"enabled": false})).await;
        assert_eq!(product.get(PATH, &key).await.json()["enabled"], true);
        let reader = product.key(&org, &["alerts:read"]).await;
        assert_eq!(product.get(PATH, &reader).await.status, 200);
        assert_eq!(put(&product, &reader, &json!({"enabled": false})).await.problem(), (403, "FORBIDDEN".into()));
    };
}
