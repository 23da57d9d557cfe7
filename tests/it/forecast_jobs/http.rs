//! What HTTP takes and shows.

use super::*;
use ::http::{Method, Request};
use tests::on_both;

on_both! {
    a_job_is_kept_shown_changed_and_deleted => async |product: Product| {
        let (_, key) = product.acme().await;
        let body = orders(&json!({"dimensions": {"region": "eu"}, "horizon": "24h", "levels": [80]}));
        let made = product.post("/v1/forecast-jobs", &key, &body).await;
        assert_eq!(made.status, 201);
        let made = made.json();
        let path = format!("/v1/forecast-jobs/{}", made["job_id"].as_str().unwrap());
        let mut expected = json!({
            "metric_key": "shop.orders", "dimensions": {"region": "eu"}, "horizon": "24h", "frequency": null,
            "backend": "auto", "levels": [80.0], "schedule": "1h", "enabled": true, "status": "pending",
            "last_run_at": null, "last_series": null, "last_error": null, "attempts": 0,
        });
        for name in ["job_id", "next_run_at", "created_at", "updated_at"] {
            assert!(made[name].is_string(), "{made}");
            expected[name] = made[name].clone();
        }
        assert_eq!(made, expected);
        let shown = product.get(&path, &key).await.json();
        for name in ["next_run_at", "created_at", "updated_at"] {
            // this process' clock and the database's are not read at the same moment
            expected[name] = shown[name].clone();
        }
        assert_eq!(shown, expected);
        assert_eq!(product.get("/v1/forecast-jobs", &key).await.json(), json!({"items": [shown], "next_cursor": null}));

        let other = orders(&json!({"schedule": "2d", "enabled": false, "frequency": "1h", "backend": "theta"}));
        let changed = product.call(Method::PUT, &path, &key, Some(&other)).await;
        assert_eq!(changed.status, 200, "{}", changed.json());
        let changed = changed.json();
        for (name, value) in [
            ("dimensions", json!({})), ("horizon", json!(24)), ("frequency", json!("1h")), ("backend", json!("theta")),
            ("levels", json!([80.0, 95.0])), ("schedule", json!("2d")), ("enabled", json!(false)), ("next_run_at", Value::Null),
        ] {
            assert_eq!(changed[name], value, "{name}");
        }
        assert_eq!(product.call(Method::DELETE, &path, &key, None).await.status, 204);
        for method in [Method::GET, Method::DELETE] {
            assert_eq!(product.call(method, &path, &key, None).await.problem(), (404, "NOT_FOUND".into()));
        }
        assert_eq!(product.call(Method::PUT, &path, &key, Some(&other)).await.problem(), (404, "NOT_FOUND".into()));
        for part in ["results", "runs"] {
            assert_eq!(product.get(&format!("{path}/{part}"), &key).await.problem(), (404, "NOT_FOUND".into()));
        }
    };

    lists_come_in_pages => async |product: Product| {
        let (_, key) = product.acme().await;
        let mut ids = Vec::new();
        for _ in 0..3 {
            let made = product.post("/v1/forecast-jobs", &key, &orders(&json!({}))).await.json();
            ids.push(made["job_id"].clone());
        }
        let first = product.get("/v1/forecast-jobs?limit=2", &key).await.json();
        let path = format!("/v1/forecast-jobs?limit=2&cursor={}", first["next_cursor"].as_str().unwrap());
        let second = product.get(&path, &key).await.json();
        let found: Vec<Value> = items(&first).iter().chain(&items(&second)).map(|job| job["job_id"].clone()).collect();
        ids.sort_by_key(ToString::to_string);
        assert_eq!((found, &second["next_cursor"]), (ids, &Value::Null));
    };

    r50_a_repeated_request_makes_one_job => async |product: Product| {
        let (_, key) = product.acme().await;
        let body = orders(&json!({})).to_string();
        let send = async |body: String| {
            let request = Request::post("/v1/forecast-jobs").header("x-api-key", &key).header("idempotency-key", "j");
            product.send(request, body).await
        };
        let (first, second) = (send(body.clone()).await, send(body.clone()).await);
        assert_eq!((first.status.as_u16(), &first.body), (201, &second.body));
        assert_eq!(items(&product.get("/v1/forecast-jobs", &key).await.json()).len(), 1);
        let another = orders(&json!({"horizon": 1})).to_string();
        assert_eq!(send(another).await.problem(), (422, "IDEMPOTENCY_KEY_REUSED".into()));
    };
}

/// What is refused, with its code and words; and nothing is kept of it.
#[tokio::test]
async fn what_is_wrong_is_told_and_changes_nothing() {
    let product = Product::start(Backend::Embedded).await;
    let (_, key) = product.acme().await;
    let code = "SCHEMA_VALIDATION_FAILED";
    let schedule = "schedule must be a duration from 1m to 366d, such as \"1h\" or \"1d\"";
    let horizon = "horizon must be a number of steps from 1 to 10000, or a duration such as \"24h\"";
    for (change, code, detail) in [
        (
            json!({"metric_key": "9 lives"}),
            "INVALID_METRIC_KEY",
            "metric_key is not a metric key",
        ),
        (json!({"schedule": null}), code, schedule),
        (json!({"schedule": "0s"}), code, schedule),
        (json!({"schedule": "400d"}), code, schedule),
        (json!({"schedule": "@hourly"}), code, schedule),
        (json!({"enabled": "yes"}), code, "enabled must be true or false"),
        (json!({"horizon": 0}), code, horizon),
        (json!({"horizon": "soon"}), code, horizon),
        (
            json!({"horizon": 801}),
            code,
            "801 steps with 4 quantiles are 4005 numbers a series; a job makes at most 4000",
        ),
        (json!({"levels": []}), code, "levels must hold 1 to 10 numbers"),
    ] {
        let body = orders(&change);
        let reply = product.post("/v1/forecast-jobs", &key, &body).await;
        assert_eq!(reply.problem(), (400, code.to_owned()), "{change}");
        assert_eq!(reply.json()["detail"], detail, "{change}");
    }
    for change in [
        json!({"backend": "magic"}),
        json!({"dimensions": {"a": 1}}),
        json!({"frequency": "often"}),
        json!({"more": 1}),
    ] {
        let reply = product.post("/v1/forecast-jobs", &key, &orders(&change)).await;
        assert_eq!(reply.problem(), (400, code.to_owned()), "{change}");
    }
    assert_eq!(
        items(&product.get("/v1/forecast-jobs", &key).await.json()),
        [] as [Value; 0]
    );
    for path in ["", "?limit=0", "/nothing", "/job_01990f3e7a6b7c10a1b2c3d4e5f60718"] {
        let status = product
            .get(&format!("/v1/forecast-jobs{path}"), &key)
            .await
            .status
            .as_u16();
        assert_eq!(
            status,
            match path {
                "" => 200,
                "?limit=0" => 400,
                _ => 404,
            },
            "{path}"
        );
    }
}

#[tokio::test]
async fn an_organization_has_at_most_a_hundred_jobs() {
    let product = Product::start(Backend::Embedded).await;
    let (_, key) = product.acme().await;
    for _ in 0..100 {
        assert_eq!(
            product
                .post("/v1/forecast-jobs", &key, &orders(&json!({})))
                .await
                .status,
            201
        );
    }
    let reply = product.post("/v1/forecast-jobs", &key, &orders(&json!({}))).await;
    assert_eq!(reply.problem(), (409, "CONFLICT".into()));
    assert_eq!(reply.json()["detail"], "an organization has at most 100 forecast jobs");
}

/// Reading needs `forecasts:read`, all else `forecasts:write`.
#[tokio::test]
async fn r27_jobs_ask_for_the_scopes_of_forecasts() {
    let product = Product::start(Backend::Embedded).await;
    let (org, key) = product.acme().await;
    let reader = product.key(&org, &["forecasts:read"]).await;
    let made = product
        .post("/v1/forecast-jobs", &key, &orders(&json!({})))
        .await
        .json();
    let path = format!("/v1/forecast-jobs/{}", made["job_id"].as_str().unwrap());
    for part in ["", "/results", "/runs"] {
        assert_eq!(
            product.get(&format!("{path}{part}"), &reader).await.status,
            200,
            "{part}"
        );
    }
    let body = orders(&json!({}));
    for (method, path) in [
        (Method::POST, "/v1/forecast-jobs"),
        (Method::PUT, &path),
        (Method::DELETE, &path),
    ] {
        let reply = product.call(method, path, &reader, Some(&body)).await;
        assert_eq!(reply.problem(), (403, "FORBIDDEN".into()));
    }
}
