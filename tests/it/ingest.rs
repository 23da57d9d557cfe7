//! Points over HTTP, on both databases.

use http::Request;
use intentvision::clock::{Clock, DAY};
use intentvision::config::Config;
use intentvision::keys::Environment;
use serde_json::{Value, json};
use tests::on_both;
use tests::product::{Backend, Product, Reply};

fn points(series: std::ops::Range<usize>) -> Value {
    let metrics: Vec<Value> = series
        .map(|i| json!({"metric_key": "load", "value": i, "dimensions": {"host": format!("h{i}")}}))
        .collect();
    json!({"metrics": metrics})
}

async fn send(product: &Product, key: &str, idempotency: &str, body: &Value) -> Reply {
    let request = Request::post("/v1/ingest")
        .header("x-api-key", key)
        .header("idempotency-key", idempotency);
    product.send(request, body.to_string()).await
}

async fn batches(product: &Product) -> i64 {
    let step = db::Step::global("SELECT count(*) FROM metric_batches", vec![]);
    let reply = product.app.operator(None).run(db::Batch::read_one(step)).await.unwrap();
    reply.step(0).unwrap().one().unwrap().integer(0).unwrap()
}

on_both! {
    good_points_are_stored_when_others_fail => async |product: Product| {
        let (_, key) = product.acme().await;
        let body = json!({"metrics": [
            {"metric_key": "", "value": 1}, {"metric_key": "ok", "value": 2}, {"metric_key": "a", "value": null},
        ]});
        let reply = product.post("/v1/ingest", &key, &body).await;
        let json = reply.json();
        assert_eq!(reply.status, 200);
        assert_eq!((&json["success"], &json["accepted"], &json["rejected"]), (&json!(false), &json!(1), &json!(2)));
        assert_eq!(json["errors"][0]["code"], "INVALID_METRIC_KEY");
        assert_eq!(json["errors"][1], json!({
            "index": 2, "metric_key": "a", "code": "INVALID_VALUE", "message": "value must be a finite number"
        }));
        assert_eq!(json["request_id"].as_str(), reply.headers["x-request-id"].to_str().ok());
    };

    /// What a process remembers of one organization's names makes no series of another's.
    the_same_names_are_series_of_each_organization_that_sends_them => async |product: Product| {
        let (_, one) = product.acme().await;
        let other = product.organization("other", Environment::Live).await;
        let other = product.key(&other, &["admin"]).await;
        for key in [&one, &other] {
            assert_eq!(product.post("/v1/ingest", key, &points(0..3)).await.json()["accepted"], 3);
            assert_eq!(product.post("/v1/ingest", key, &points(2..5)).await.json()["accepted"], 3);
            let series = product.get("/v1/series", key).await.json();
            let hosts: Vec<_> = series["items"].as_array().unwrap().iter().map(|s| s["dimensions"].to_string()).collect();
            assert_eq!(hosts.len(), 5, "{hosts:?}");
        }
    };

    all_refused_is_422_and_changes_nothing => async |product: Product| {
        let (_, key) = product.acme().await;
        let body = json!({"metrics": [{"metric_key": "a", "value": "x"}]});
        let reply = product.post("/v1/ingest", &key, &body).await;
        assert_eq!((reply.status.as_u16(), &reply.json()["accepted"]), (422, &json!(0)));
        assert_eq!(batches(&product).await, 0);
        // and says so only to those who may ask
        let stranger = "iv_live_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX1PhIQg";
        assert_eq!(product.post("/v1/ingest", stranger, &body).await.problem(), (401, "UNAUTHENTICATED".into()));
    };

    /// Requirement 50.
    r50_a_query_belongs_to_the_request => async |product: Product| {
        let (_, key) = product.acme().await;
        let send = async |metric: &str| {
            let request = Request::post(format!("/v1/ingest/csv?metric_key={metric}"))
                .header("x-api-key", &key)
                .header("content-type", "text/csv")
                .header("idempotency-key", "k");
            product.send(request, "timestamp,value\n2026-11-23T09:00:00Z,1\n").await
        };
        assert_eq!(send("a").await.status, 200);
        assert_eq!(send("a").await.headers["idempotency-replayed"], "true");
        assert_eq!(send("b").await.problem(), (422, "IDEMPOTENCY_KEY_REUSED".into()));
    };

    /// Requirement 50.
    r50_one_idempotency_key_one_effect => async |product: Product| {
        let (_, key) = product.acme().await;
        let (one, two) = (points(0..3), points(0..4));
        let first = send(&product, &key, "k", &one).await;
        let again = send(&product, &key, "k", &one).await;
        assert_eq!((first.status.as_u16(), again.status.as_u16()), (200, 200));
        assert_eq!(first.body, again.body);
        assert_eq!(again.headers["idempotency-replayed"], "true");
        assert_eq!(send(&product, &key, "k", &two).await.problem(), (422, "IDEMPOTENCY_KEY_REUSED".into()));
        assert_eq!(batches(&product).await, 1);
        // the field of the body is the same thing, and both together must agree
        let mut field = one.clone();
        field["idempotency_key"] = json!("k2");
        assert_eq!(product.post("/v1/ingest", &key, &field).await.status, 200);
        assert_eq!(send(&product, &key, "k3", &field).await.status, 400);
        assert_eq!(batches(&product).await, 2);
        // another organization may use the same key
        let other = product.organization("other", intentvision::keys::Environment::Live).await;
        let stranger = product.key(&other, &["admin"]).await;
        assert_eq!(send(&product, &stranger, "k", &two).await.status, 200);
    };

    compressed_bodies_and_csv_are_taken => async |product: Product| {
        let (_, key) = product.acme().await;
        let body = points(0..5).to_string();
        let request = Request::post("/v1/ingest").header("x-api-key", &key).header("content-encoding", "gzip");
        assert_eq!(product.send(request, gzip(body.as_bytes())).await.json()["accepted"], 5);
        let request = Request::post("/v1/ingest").header("x-api-key", &key).header("content-encoding", "br");
        assert_eq!(product.send(request, body).await.problem(), (415, "UNSUPPORTED_ENCODING".into()));
        let default_of_curl = Request::post("/v1/ingest")
            .header("x-api-key", &key)
            .header("content-type", "application/x-www-form-urlencoded");
        assert_eq!(product.send(default_of_curl, points(0..5).to_string()).await.json()["accepted"], 5);
        let xml = Request::post("/v1/ingest").header("x-api-key", &key).header("content-type", "text/xml");
        assert_eq!(product.send(xml, "<a/>").await.problem(), (415, "UNSUPPORTED_ENCODING".into()));
        let csv = "timestamp,value,host\n2026-11-01T00:00:00Z,1,a\n2026-11-01T00:05:00Z,2,a\n";
        let request = Request::post("/v1/ingest/csv?metric_key=load").header("x-api-key", &key).header("content-type", "text/csv");
        assert_eq!(product.send(request, csv).await.json()["accepted"], 2);
    };

    wrong_requests_are_problems_with_a_code => async |product: Product| {
        let (_, key) = product.acme().await;
        let post = async |path: &str, body: Vec<u8>| {
            product.send(Request::post(path).header("x-api-key", &key), body).await.problem()
        };
        assert_eq!(post("/v1/ingest", b"{nope".to_vec()).await, (400, "SCHEMA_VALIDATION_FAILED".into()));
        assert_eq!(post("/v1/ingest", vec![b' '; 4 * 1024 * 1024 + 1]).await, (413, "PAYLOAD_TOO_LARGE".into()));
        assert_eq!(post("/v1/ingest/csv", b"value\n1\n".to_vec()).await, (400, "SCHEMA_VALIDATION_FAILED".into()));
        assert_eq!(post("/v1/nothing", vec![]).await, (404, "NOT_FOUND".into()));
        assert_eq!(product.get("/v1/ingest", &key).await.problem(), (405, "METHOD_NOT_ALLOWED".into()));
        assert_eq!(batches(&product).await, 0);
    };

    an_organization_without_its_state_acknowledges_nothing => async |product: Product| {
        let (_, key) = product.acme().await;
        let gone = db::Step::global("DELETE FROM org_state", vec![]);
        product.app.operator(None).run(db::Batch::write_one(gone)).await.unwrap();
        assert_eq!(send(&product, &key, "k", &points(0..3)).await.problem(), (503, "UNAVAILABLE".into()));
        let back = db::Step::global("INSERT INTO org_state (org_id) SELECT org_id FROM organizations", vec![]);
        product.app.operator(None).run(db::Batch::write_one(back)).await.unwrap();
        let again = send(&product, &key, "k", &points(0..3)).await;
        assert_eq!((again.status.as_u16(), again.headers.get("idempotency-replayed")), (200, None));
        assert_eq!(batches(&product).await, 1);
    };

    a_deleted_series_epoch_sends_the_series_again => async |product: Product| {
        let (_, key) = product.acme().await;
        assert_eq!(product.post("/v1/ingest", &key, &points(0..3)).await.status, 200);
        // what a deletion does to the other processes
        let forget = "UPDATE org_state SET series_epoch = series_epoch + 1";
        let gone = "DELETE FROM time_series";
        for sql in [forget, gone] {
            product.app.operator(None).run(db::Batch::write_one(db::Step::global(sql, vec![]))).await.unwrap();
        }
        assert_eq!(product.post("/v1/ingest", &key, &points(0..3)).await.status, 200);
        let step = db::Step::global("SELECT count(*) FROM time_series", vec![]);
        let reply = product.app.operator(None).run(db::Batch::read_one(step)).await.unwrap();
        assert_eq!(reply.step(0).unwrap().one().unwrap().integer(0).unwrap(), 3);
    };
}

/// Requirement 39: exact, with many at once; series that are there go on.
#[tokio::test]
async fn r39_the_series_cap_is_exact_and_existing_series_go_on() {
    for backend in [Backend::Embedded, Backend::Remote] {
        let config = Config {
            max_series: Some(10),
            ..Config::default()
        };
        let product = Product::start_with(backend, Clock::system(), config).await;
        let (_, key) = product.acme().await;
        assert_eq!(
            product.post("/v1/ingest", &key, &points(0..8)).await.json()["accepted"],
            8
        );
        let bodies: Vec<Value> = (0..4).map(|i| points(i..(20 + 5 * i))).collect();
        let replies = futures::future::join_all(bodies.iter().map(|body| product.post("/v1/ingest", &key, body))).await;
        for reply in replies {
            assert_eq!(reply.status, 200);
            let errors = reply.json()["errors"].as_array().cloned().unwrap_or_default();
            assert!(
                errors.iter().all(|error| error["code"] == "SERIES_LIMIT_EXCEEDED"),
                "{errors:?}"
            );
        }
        let step = db::Step::global(
            "SELECT (SELECT count(*) FROM time_series), series_count FROM org_state",
            vec![],
        );
        let reply = product.app.operator(None).run(db::Batch::read_one(step)).await.unwrap();
        let row = reply.step(0).unwrap().one().unwrap();
        assert_eq!((row.integer(0).unwrap(), row.integer(1).unwrap()), (10, 10));
        assert_eq!(
            product.post("/v1/ingest", &key, &points(0..8)).await.json()["accepted"],
            8
        );
        assert_eq!(product.post("/v1/ingest", &key, &points(30..31)).await.status, 422);
    }
}

/// Cold or warm, with an idempotency key or without.
#[tokio::test]
async fn an_ingest_is_one_database_request() {
    let product = Product::start(Backend::Remote).await;
    let (_, key) = product.acme().await;
    let _ = product.proxy().take();
    assert_eq!(product.post("/v1/ingest", &key, &points(0..100)).await.status, 200);
    assert_eq!(product.proxy().take().len(), 1, "cold");
    assert_eq!(product.post("/v1/ingest", &key, &points(0..100)).await.status, 200);
    let warm = product.proxy().take();
    assert_eq!((warm.len(), warm[0].rows_written), (1, 1), "warm");
    assert_eq!(send(&product, &key, "k", &points(0..100)).await.status, 200);
    let keyed = product.proxy().take();
    assert_eq!((keyed.len(), keyed[0].rows_written), (1, 2), "with an idempotency key");
}

fn gzip(data: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn a_point_that_would_not_be_kept_is_refused_by_its_index() {
    let config = Config {
        retention: Some(10 * DAY),
        ..Config::default()
    };
    let now = 1_795_428_000_000;
    let product = Product::start_with(Backend::Embedded, Clock::at(now), config).await;
    let (_, key) = product.acme().await;
    let point = |age: i64| json!({"metric_key": "m", "value": 1, "timestamp": now - age});
    let body = json!({"metrics": [point(10 * DAY), point(10 * DAY + 1)]});
    let reply = product.post("/v1/ingest", &key, &body).await.json();
    assert_eq!((&reply["accepted"], &reply["rejected"]), (&json!(1), &json!(1)));
    let error = &reply["errors"][0];
    assert_eq!(
        (&error["index"], &error["code"]),
        (&json!(1), &json!("INVALID_TIMESTAMP"))
    );
}
