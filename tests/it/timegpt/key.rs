//! The key of an organization: stored sealed, and shown nowhere.

use super::{KEY, PATH, Scene, fallback, on_both};
use db::{Batch, Step, args};
use http::Method;
use intentvision::forecasting::timegpt::{self, TimeGptKey};
use intentvision::id::Entropy;
use intentvision::keys::Environment;
use intentvision::secrets::Sealer;
use serde_json::{Value, json};
use tests::product::Backend;
use tests::timegpt::Behaviour;

on_both! {
    a_key_is_stored_replaced_and_forgotten => async |scene: Scene| {
        let first = scene.status().await;
        assert_eq!((&first["backend"], &first["configured"]), (&json!("timegpt"), &json!(true)));
        assert_eq!(first["api_key"], "…acme");
        let replaced = scene.put(&scene.admin, "  nixak-another-key-0123\n").await;
        assert_eq!(replaced["api_key"], "…0123");
        scene.service.behave([Behaviour::Faithful]);
        assert_eq!(fallback(&scene.forecast("timegpt").await), "KEY_REFUSED");
        assert_eq!(scene.service.take()[0].key, "nixak-another-key-0123");

        let delete = async || scene.product.call(Method::DELETE, PATH, &scene.admin, None).await;
        assert_eq!(delete().await.status, 204);
        assert_eq!(delete().await.problem(), (404, "NOT_FOUND".into()));
        let gone = scene.status().await;
        assert_eq!((&gone["configured"], &gone["api_key"], &gone["updated_at"]), (&json!(false), &Value::Null, &Value::Null));
        assert_eq!(gone["usage"][0]["requests"], 1, "usage stays on record");
    };

    another_organization_sees_and_changes_only_its_own => async |scene: Scene| {
        let other = scene.stranger(Environment::Live).await;
        assert_eq!(scene.product.get(PATH, &other).await.json()["configured"], false);
        let delete = scene.product.call(Method::DELETE, PATH, &other, None).await;
        assert_eq!(delete.problem(), (404, "NOT_FOUND".into()));
        scene.put(&other, "nixak-of-the-other-organization").await;
        assert_eq!(scene.product.call(Method::DELETE, PATH, &other, None).await.status, 204);
        assert_eq!(scene.status().await["api_key"], "…acme");
    };

    /// Requirement 46: a sealed key that is copied into another organization's row does not open there.
    r46_a_sealed_key_is_of_one_organization => async |scene: Scene| {
        let other = scene.stranger(Environment::Live).await;
        let step = Step::global(
            "INSERT INTO timegpt_keys (org_id, api_key, updated_at)
             SELECT (SELECT org_id FROM organizations WHERE name = 'other'), api_key, updated_at
             FROM timegpt_keys WHERE org_id = ?1",
            args![&scene.org],
        );
        scene.product.app.operator(None).run(Batch::write_one(step)).await.unwrap();
        let shown = scene.product.get(PATH, &other).await.json();
        assert_eq!((&shown["configured"], &shown["api_key"]), (&json!(true), &Value::Null));
        assert_eq!(fallback(&scene.forecast_of(&other, "timegpt").await), "KEY_UNREADABLE");
        assert!(scene.service.take().is_empty());
    };

    only_an_admin_key_reaches_it => async |scene: Scene| {
        let writer = scene.product.key(&scene.org, &["forecasts:write", "keys:write", "alerts:write"]).await;
        let body = json!({"api_key": "nixak-of-a-mere-writer"});
        for (method, body) in [(Method::GET, None), (Method::PUT, Some(&body)), (Method::DELETE, None)] {
            let reply = scene.product.call(method, PATH, &writer, body).await;
            assert_eq!(reply.problem(), (403, "FORBIDDEN".into()));
        }
        // but it may use it
        assert_eq!(scene.forecast_of(&writer, "timegpt").await["backend"], "timegpt");
        assert_eq!(scene.status().await["api_key"], "…acme");
    };
}

#[tokio::test]
async fn bad_input_changes_nothing_and_is_not_repeated() {
    let scene = Scene::start(Backend::Embedded).await;
    for wrong in [
        json!({}),
        json!([]),
        json!("canary-123456"),
        json!({"api_key": null}),
        json!({"api_key": ["canary-123456"]}),
        json!({"api_key": "short"}),
        json!({"api_key": "canary-1234 56"}),
        json!({"api_key": "canary-1234\r\nx-other: 56"}),
        json!({"api_key": "canary-".repeat(80)}),
        json!({"api_key": "canary-123456", "model": "timegpt-1"}),
    ] {
        let reply = scene.product.call(Method::PUT, PATH, &scene.admin, Some(&wrong)).await;
        assert_eq!(reply.problem(), (400, "SCHEMA_VALIDATION_FAILED".into()), "{wrong}");
        assert!(
            !reply.json()["detail"].as_str().unwrap().contains("canary-1234"),
            "{}",
            reply.json()
        );
    }
    assert_eq!(scene.status().await["api_key"], "…acme");
    let unknown = scene.product.get(&format!("{PATH}?key=1"), &scene.admin).await;
    assert_eq!(unknown.problem(), (400, "SCHEMA_VALIDATION_FAILED".into()));
}

/// Requirement 46: no key is taken that could not be sealed, and none is used that does not open.
#[tokio::test]
async fn r46_without_the_secret_key_none_is_stored_and_none_is_used() {
    let scene = Scene::without_key(Backend::Embedded).await;
    let mut app = scene.product.app.clone();
    app.sealer = None;
    let tenant = app.operator(Some(scene.org.clone()));
    let key = TimeGptKey::parse(KEY).unwrap();
    let refused = timegpt::put(&app, &tenant, &key).await.unwrap_err();
    assert_eq!(refused.status(), 409);
    assert!(refused.to_string().contains("INTENTVISION_SECRET_KEY"), "{refused}");
    assert_eq!(scene.status().await["configured"], false);

    let entropy = Entropy::system();
    let another = Sealer::new(&Sealer::generate_key(&entropy).unwrap()).unwrap();
    app.sealer = Some(another.into());
    timegpt::put(&app, &tenant, &key).await.unwrap();
    assert_eq!(fallback(&scene.forecast("timegpt").await), "KEY_UNREADABLE");
    assert!(scene.service.take().is_empty());
}

/// Requirement 46: whatever the service says about it, the key is not in the file, nor in a reply.
#[tokio::test]
async fn r46_the_key_is_not_in_the_database_file() {
    let scene = Scene::without_key(Backend::Embedded).await;
    let put = http::Request::put(PATH)
        .header("x-api-key", &scene.admin)
        .header("idempotency-key", "one");
    let reply = scene.product.send(put, json!({"api_key": KEY}).to_string()).await;
    assert_eq!(reply.status, 200);
    let mut replies = vec![reply.json(), scene.status().await];
    for behaviour in [
        Behaviour::Faithful,
        Behaviour::Unauthorized,
        Behaviour::Unprocessable,
        Behaviour::Truncated,
    ] {
        scene.service.behave([behaviour]);
        replies.push(scene.forecast("timegpt").await);
    }
    replies.push(scene.product.get("/v1/forecasts", &scene.admin).await.json());
    assert!(
        replies.iter().all(|reply| !reply.to_string().contains("canary")),
        "{replies:?}"
    );
    assert!(scene.service.take().iter().all(|asked| asked.key == KEY));
    let mut found_metric = false;
    for entry in std::fs::read_dir(scene.product.folder()).unwrap() {
        let file = std::fs::read(entry.unwrap().path()).unwrap();
        let holds = |needle: &[u8]| file.windows(needle.len()).any(|window| window == needle);
        assert!(!holds(KEY.as_bytes()) && !holds(b"canary"));
        found_metric |= holds(b"shop.orders");
    }
    assert!(found_metric, "the search would find what is there");
}
