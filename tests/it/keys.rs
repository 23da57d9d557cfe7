//! API keys over HTTP: who may do what, and from when to when.

use http::Method;
use intentvision::clock::{Clock, HOUR};
use intentvision::keys::Environment;
use serde_json::json;
use tests::on_both;
use tests::product::{Backend, Product};

const POINT: &str = r#"{"metrics":[{"metric_key":"a","value":1}]}"#;

async fn ingest(product: &Product, key: &str) -> u16 {
    let body = serde_json::from_str(POINT).unwrap();
    product.post("/v1/ingest", key, &body).await.status.as_u16()
}

/// What the list says of a key, found by what it shows of it.
async fn item(product: &Product, admin: &str, key: &str) -> serde_json::Value {
    let list = product.get("/v1/api-keys", admin).await.json();
    let items = list["items"].as_array().cloned().unwrap_or_default();
    items.into_iter().find(|item| item["display"] == key[..12]).unwrap()
}

async fn id_of(product: &Product, admin: &str, key: &str) -> String {
    item(product, admin, key).await["key_id"].as_str().unwrap().to_owned()
}

on_both! {
    a_key_is_shown_once_and_works => async |product: Product| {
        let (_, admin) = product.acme().await;
        let body = json!({"name": "agent", "scopes": ["ingest:write"]});
        let created = product.post("/v1/api-keys", &admin, &body).await;
        assert_eq!(created.status, 201);
        let key = created.json()["key"].as_str().unwrap().to_owned();
        assert!(key.starts_with("iv_live_") && key.len() == 46);
        assert_eq!(ingest(&product, &key).await, 200);
        let list = product.get("/v1/api-keys", &admin).await;
        assert_eq!(list.status, 200);
        let text = String::from_utf8_lossy(&list.body).into_owned();
        assert!(!text.contains(&key) && text.contains(&key[..12]), "{text}");
        let item = item(&product, &admin, &key).await;
        assert_eq!(item["scopes"], json!(["ingest:write"]));
        assert!(item["last_used_at"].is_string());
    };

    /// Requirement 7: deny by default, and no key hands out more than it has.
    r07_scopes_deny_by_default => async |product: Product| {
        let (org, _) = product.acme().await;
        let reader = product.key(&org, &["metrics:read"]).await;
        assert_eq!(ingest(&product, &reader).await, 403);
        assert_eq!(product.get("/v1/api-keys", &reader).await.problem(), (403, "FORBIDDEN".into()));
        let keeper = product.key(&org, &["keys:write", "ingest:write"]).await;
        let ask = async |scopes: serde_json::Value| {
            product.post("/v1/api-keys", &keeper, &json!({"name": "k", "scopes": scopes})).await.status.as_u16()
        };
        assert_eq!(ask(json!(["ingest:write"])).await, 201);
        assert_eq!(ask(json!(["metrics:read"])).await, 403);
        assert_eq!(ask(json!(["admin"])).await, 403);
        assert_eq!(ask(json!(["everything"])).await, 400);
        assert_eq!(ask(json!([])).await, 400);
    };

    /// Requirement 7: nor a longer life.
    r07_a_key_lives_no_longer_than_its_maker => async |product: Product| {
        let (_, admin) = product.acme().await;
        let create = async |by: &str, end: &str| {
            let body = json!({"name": "k", "scopes": ["admin"], "expires_at": end});
            product.post("/v1/api-keys", by, &body).await
        };
        let short = create(&admin, "2100-01-01T00:00:00Z").await.json()["key"].as_str().unwrap().to_owned();
        assert_eq!(create(&short, "2099-01-01T00:00:00Z").await.status, 201);
        assert_eq!(create(&short, "2101-01-01T00:00:00Z").await.status, 403);
        assert_eq!(product.post("/v1/api-keys", &short, &json!({"name": "k", "scopes": ["admin"]})).await.status, 403);
        assert_eq!(create(&admin, "2020-01-01T00:00:00Z").await.status, 400);
    };

    /// Requirement 6: revocation holds from the reply on, in every process.
    r06_revocation_holds_from_the_reply_on => async |product: Product| {
        let (org, admin) = product.acme().await;
        let key = product.key(&org, &["admin"]).await;
        assert_eq!(ingest(&product, &key).await, 200);
        let id = id_of(&product, &admin, &key).await;
        let path = format!("/v1/api-keys/{id}");
        assert_eq!(product.call(Method::DELETE, &path, &admin, None).await.status, 204);
        for _ in 0..20 {
            assert_eq!(ingest(&product, &key).await, 401);
        }
        assert_eq!(product.get("/v1/api-keys", &key).await.problem(), (401, "UNAUTHENTICATED".into()));
        // once more is no error
        assert_eq!(product.call(Method::DELETE, &path, &admin, None).await.status, 204);
        assert!(item(&product, &admin, &key).await["revoked_at"].is_string());
    };

    /// Requirement 8.
    r08_rotation_with_and_without_grace => async |product: Product| {
        let (org, admin) = product.acme().await;
        let old = product.key(&org, &["ingest:write"]).await;
        let id = id_of(&product, &admin, &old).await;
        let path = format!("/v1/api-keys/{id}/rotate");
        let first = product.post(&path, &admin, &json!({"grace_seconds": 3600})).await;
        assert_eq!(first.status, 201);
        let new = first.json()["key"].as_str().unwrap().to_owned();
        assert_eq!((ingest(&product, &old).await, ingest(&product, &new).await), (200, 200));
        assert_eq!(product.get("/v1/metrics-of-nobody", &new).await.status, 404);
        // at once: the grace that was running does not help
        let second = product.post(&path, &admin, &json!({})).await;
        assert_eq!(second.status, 201);
        assert_eq!((ingest(&product, &old).await, ingest(&product, &new).await), (401, 200));
        assert_eq!(product.post(&path, &admin, &json!({})).await.problem(), (409, "CONFLICT".into()));
        assert_eq!(product.post("/v1/api-keys/key_nope/rotate", &admin, &json!({})).await.status, 404);
    };

    /// Requirement 9: by the database's clock, whatever the function's says.
    r09_expiry_is_by_the_clock_of_the_database => async |product: Product| {
        let (_, admin) = product.acme().await;
        let end = intentvision::time::format(Clock::system().wall() + HOUR);
        let body = json!({"name": "k", "scopes": ["admin"], "expires_at": end});
        let key = product.post("/v1/api-keys", &admin, &body).await.json()["key"].as_str().unwrap().to_owned();
        assert_eq!(ingest(&product, &key).await, 200);
        // another process whose product clock is two hours ahead: still valid
        let ahead = product.again(Clock::at(Clock::system().wall() + 2 * HOUR)).await;
        let hash = intentvision::keys::ApiKey::parse(&key).unwrap().hash();
        let authority = intentvision::auth::Authority::key(hash, intentvision::auth::Scope::MetricsRead);
        assert!(ahead.tenant(&authority).check().await.is_ok());
        // the database's clock two hours ahead: over
        let late = product.again(Clock::system().with_wall_offset(2 * HOUR)).await;
        assert!(matches!(late.tenant(&authority).check().await, Err(db::DbError::Credential)));
    };

    /// Requirement 31: another organization's id is answered like a missing one.
    r31_another_organizations_key_is_a_missing_one => async |product: Product| {
        let (_, acme) = product.acme().await;
        let other = product.organization("other", Environment::Live).await;
        let stranger = product.key(&other, &["admin"]).await;
        let id = product.get("/v1/api-keys", &acme).await.json()["items"][0]["key_id"].as_str().unwrap().to_owned();
        let missing = "key_00000000000000000000000000000000";
        for (method, path) in [(Method::DELETE, "/v1/api-keys/ID"), (Method::POST, "/v1/api-keys/ID/rotate")] {
            let foreign = product.call(method.clone(), &path.replace("ID", &id), &stranger, None).await;
            let nothing = product.call(method, &path.replace("ID", missing), &stranger, None).await;
            assert_eq!(foreign.problem(), (404, "NOT_FOUND".into()));
            let same = |reply: &tests::product::Reply| {
                let mut json = reply.json();
                json["request_id"] = json!(null);
                json
            };
            assert_eq!(same(&foreign), same(&nothing));
        }
        assert_eq!(product.get("/v1/api-keys", &stranger).await.json()["items"].as_array().unwrap().len(), 1);
        assert_eq!(ingest(&product, &acme).await, 200);
    };

    /// Requirement 50: the same request once, and no secret in what is kept for a replay.
    r50_a_repeated_creation_makes_one_key_and_does_not_show_it_again => async |product: Product| {
        let (_, admin) = product.acme().await;
        let send = async |name: &str| {
            let request = http::Request::post("/v1/api-keys")
                .header("x-api-key", &admin)
                .header("idempotency-key", "one");
            product.send(request, json!({"name": name, "scopes": ["admin"]}).to_string()).await
        };
        let first = send("k").await;
        let second = send("k").await;
        assert_eq!((first.status.as_u16(), second.status.as_u16()), (201, 201));
        assert_eq!(first.json()["key_id"], second.json()["key_id"]);
        assert!(first.json()["key"].is_string() && second.json()["key"].is_null());
        assert_eq!(second.json()["secret_shown"], json!(true));
        assert_eq!(send("other").await.problem(), (422, "IDEMPOTENCY_KEY_REUSED".into()));
        assert_eq!(product.get("/v1/api-keys", &admin).await.json()["items"].as_array().unwrap().len(), 2);
    };
}

/// Requirement 2: a raw look at the file, its log included.
#[tokio::test]
async fn r02_no_key_stands_in_the_database_file() {
    let product = Product::start(Backend::Embedded).await;
    let (_, admin) = product.acme().await;
    let created = product
        .post("/v1/api-keys", &admin, &json!({"name": "k", "scopes": ["admin"]}))
        .await;
    let key = created.json()["key"].as_str().unwrap().to_owned();
    assert_eq!(ingest(&product, &key).await, 200);
    for entry in std::fs::read_dir(product.folder()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        for secret in [&admin[8..], &key[8..]] {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()));
        }
    }
}

/// Requirement 4, and that reading a key costs no request of its own.
#[tokio::test]
async fn r04_a_key_with_a_typing_error_reaches_no_database() {
    let product = Product::start(Backend::Remote).await;
    let (_, admin) = product.acme().await;
    let _ = product.proxy().take();
    let wrong = format!("{}x", &admin[..45]);
    assert_eq!(ingest(&product, &wrong).await, 401);
    assert_eq!(ingest(&product, "").await, 401);
    assert_eq!(product.proxy().take().len(), 0);
}

/// Requirement 10: at most one write a minute and key, whatever the number of requests.
#[tokio::test]
async fn r10_last_use_is_not_written_with_each_request() {
    let product = Product::start(Backend::Remote).await;
    let (_, admin) = product.acme().await;
    assert_eq!(product.get("/v1/api-keys", &admin).await.status, 200);
    let _ = product.proxy().take();
    for _ in 0..10 {
        assert_eq!(product.get("/v1/api-keys", &admin).await.status, 200);
    }
    let exchanges = product.proxy().take();
    assert_eq!(exchanges.len(), 10);
    assert_eq!(exchanges.iter().map(|exchange| exchange.rows_written).sum::<u64>(), 0);
}
