//! What surrounds the routes: health, headers, problems, and the net under a panic.

use axum::body::Body;
use http::{Request, StatusCode};
use intentvision::auth::Scope;
use intentvision::http::{Routes, service};
use query::OPENAPI;
use serde_json::json;
use tests::on_both;
use tests::product::{Backend, Product};
use tower::ServiceExt;

async fn boom() -> StatusCode {
    panic!("on purpose")
}

on_both! {
    health_and_the_document_need_no_key => async |product: Product| {
        for path in ["/health/live", "/health/ready"] {
            let reply = product.send(Request::get(path), "").await;
            assert_eq!((reply.status.as_u16(), reply.json()), (200, json!({"status": "ok"})));
        }
        let document = product.send(Request::get("/openapi.json"), "").await;
        assert_eq!((document.status, &document.body[..]), (StatusCode::OK, OPENAPI.as_bytes()));
    };

    what_cannot_be_read_is_a_problem_of_bounded_size => async |product: Product| {
        let (_, key) = product.acme().await;
        // an id whose bytes are not UTF-8
        let wrong = product.get("/v1/series/%ff", &key).await;
        assert_eq!(wrong.problem(), (400, "SCHEMA_VALIDATION_FAILED".into()));
        // a parser quotes what it found
        let long = "x".repeat(1_000_000);
        let refused = product.post("/v1/ingest", &key, &json!({"metrics": long})).await;
        assert_eq!(refused.problem(), (400, "SCHEMA_VALIDATION_FAILED".into()));
        assert!(refused.body.len() < 2_000, "{}", refused.body.len());
    };

    a_gap_in_the_evaluation_shows_for_a_week => async |product: Product| {
        let (org, _) = product.acme().await;
        let now = product.app.clock.now();
        let skipped = json!({"at": now - 1_000}).to_string();
        let lane = db::Step::global(
            "INSERT INTO lanes (org_id, lane_id, first_series, last_series, active, watermark, minute, skipped)
             VALUES (?1, 0, 0, 9223372036854775807, 1, 0, 0, ?2)",
            db::args![&org, skipped],
        );
        product.app.operator(None).run(db::Batch::write_one(lane)).await.unwrap();
        let shown = product.send(Request::get("/health/ready"), "").await.json();
        assert_eq!((&shown["status"], &shown["skipped"]["lanes"]), (&json!("ok"), &json!(1)));
        let old = db::Step::global("UPDATE lanes SET skipped = ?1", db::args![json!({"at": 1}).to_string()]);
        product.app.operator(None).run(db::Batch::write_one(old)).await.unwrap();
        assert_eq!(product.send(Request::get("/health/ready"), "").await.json(), json!({"status": "ok"}));
    };

    /// Requirement 66.
    r66_every_reply_carries_its_headers => async |product: Product| {
        for path in ["/health/live", "/v1/series", "/nowhere"] {
            let reply = product.send(Request::get(path), "").await;
            let header = |name: &str| reply.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("").to_owned();
            assert!(header("x-request-id").starts_with("req_"), "{path}");
            assert_eq!(header("cache-control"), "no-store");
            assert_eq!(header("x-content-type-options"), "nosniff");
            assert_eq!(header("content-security-policy"), "default-src 'none'; frame-ancestors 'none'");
        }
        let wrong_method = product.send(Request::put("/v1/ingest"), "").await;
        assert_eq!(wrong_method.headers["allow"], "POST");
        let refused = product.send(Request::get("/v1/series"), "").await;
        assert_eq!(refused.problem(), (401, "UNAUTHENTICATED".into()));
        assert_eq!(refused.headers["www-authenticate"], "Bearer");
    };
}

#[tokio::test]
async fn a_panic_answers_503_and_the_process_goes_on() {
    let product = Product::start(Backend::Embedded).await;
    let routes = Routes::new().get("/boom", Scope::Admin, boom);
    let service = service(product.app.clone(), routes);
    for _ in 0..2 {
        let reply = service
            .clone()
            .oneshot(Request::get("/boom").body(Body::empty()).unwrap())
            .await
            .unwrap();
        assert_eq!(reply.status(), 503);
        assert_eq!(reply.headers()["content-type"], "application/problem+json");
        assert!(reply.headers().contains_key("retry-after"));
    }
    let alive = service
        .oneshot(Request::get("/health/live").body(Body::empty()).unwrap())
        .await
        .unwrap();
    assert_eq!(alive.status(), 200);
}

/// A database that is gone is 503 with Retry-After, and back when it is back.
#[tokio::test]
async fn a_database_that_is_away_is_503_until_it_is_back() {
    let mut product = Product::start(Backend::Remote).await;
    let (_, key) = product.acme().await;
    product.server().kill();
    let body = json!({"metrics": [{"metric_key": "a", "value": 1}]});
    let refused = product.post("/v1/ingest", &key, &body).await;
    assert_eq!(refused.problem(), (503, "UNAVAILABLE".into()));
    assert!(refused.headers.contains_key("retry-after"));
    assert_eq!(product.send(Request::get("/health/ready"), "").await.status, 503);
    assert_eq!(product.send(Request::get("/health/live"), "").await.status, 200);
    product.server().restart();
    assert_eq!(product.post("/v1/ingest", &key, &body).await.status, 200);
    assert_eq!(product.send(Request::get("/health/ready"), "").await.status, 200);
}
