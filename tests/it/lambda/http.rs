//! What every HTTP function answers, through the Runtime API.

use std::io::Write;

use http::{Method, StatusCode};
use tests::events::HttpRequest;
use tests::runtime_api::{Failed, Start};
use tests::sqld::{Sqld, free_port};

use super::migrate;
use crate::architecture::http_functions;

#[tokio::test]
async fn every_http_function_starts_answers_health_and_refuses_what_it_does_not_know() {
    let server = Sqld::start();
    migrate(&server.url(), None).await;
    for name in http_functions() {
        let function = Start::function(&name).database(&server.url()).start().await.unwrap();
        let live = function.http(HttpRequest::get("/health/live")).await;
        assert_eq!(live.status, StatusCode::OK, "{name}");
        assert_eq!(live.json(), serde_json::json!({"status": "ok"}), "{name}");
        assert!(live.header("x-request-id").starts_with("req_"), "{name}");
        assert_eq!(live.header("cache-control"), "no-store", "{name}");
        let ready = function.http(HttpRequest::get("/health/ready")).await;
        assert_eq!(ready.status, StatusCode::OK, "{name}: {}", function.log());
        let missing = function.http(HttpRequest::get("/v1/nothing?key=value")).await;
        assert_eq!(missing.status, StatusCode::NOT_FOUND, "{name}");
        assert_eq!(missing.header("content-type"), "application/problem+json", "{name}");
        assert_eq!(missing.json()["code"], "NOT_FOUND", "{name}");
        let wrong = function.http(HttpRequest::new(Method::DELETE, "/health/live")).await;
        assert_eq!(wrong.json()["code"], "METHOD_NOT_ALLOWED", "{name}");
    }
}

/// A database that nobody has migrated is reached, and is not ready.
#[tokio::test]
async fn a_function_without_its_schema_is_not_ready() {
    let server = Sqld::start();
    let function = Start::function("query").database(&server.url()).start().await.unwrap();
    let ready = function.http(HttpRequest::get("/health/ready")).await;
    assert_eq!(ready.status, StatusCode::SERVICE_UNAVAILABLE);
}

/// A database that does not answer yet is no reason not to start: the first request tells.
#[tokio::test]
async fn a_function_starts_without_its_database_and_says_so() {
    let nobody = format!("http://127.0.0.1:{}", free_port());
    let function = Start::function("ingest").database(&nobody).start().await.unwrap();
    let live = function.http(HttpRequest::get("/health/live")).await;
    assert_eq!(live.status, StatusCode::OK);
    let ready = function.http(HttpRequest::get("/health/ready")).await;
    assert_eq!(ready.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(ready.json()["code"], "UNAVAILABLE");
    assert_eq!(ready.header("retry-after"), "5");
}

/// An HTTP API hands compressed bodies over in base64.
#[tokio::test]
async fn a_compressed_body_arrives_as_it_was_sent() {
    let nobody = format!("http://127.0.0.1:{}", free_port());
    let function = Start::function("ingest").database(&nobody).start().await.unwrap();
    let gzip = |text: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    };
    // the key's form is looked at before the body, and its row after it: so these tell how far it came
    let key = "iv_live_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX1PhIQg";
    let send = |body: Vec<u8>| {
        let request = HttpRequest::new(Method::POST, "/v1/ingest").body("application/json", body);
        function.http(request.header("content-encoding", "gzip").key(key))
    };
    let read = send(gzip(br#"{"metrics":[{"metric_key":"a","value":1}]}"#)).await;
    assert_eq!(
        read.status,
        StatusCode::SERVICE_UNAVAILABLE,
        "read, and no database to ask"
    );
    let broken = send(gzip(b"{nope")).await;
    assert_eq!(broken.json()["code"], "SCHEMA_VALIDATION_FAILED");
    let plain = send(b"{}".to_vec()).await;
    assert_eq!(plain.status, StatusCode::BAD_REQUEST, "not gzip");
}

/// The file that docs/operations.md hands to `cargo lambda invoke`.
#[tokio::test]
async fn the_event_file_of_ingest_is_a_request_that_the_function_reads() {
    let server = Sqld::start();
    let function = Start::function("ingest").database(&server.url()).start().await.unwrap();
    let event = serde_json::from_str(&tests::workspace::read("tests/events/ingest.json")).unwrap();
    let reply = function.invoke(event).await.unwrap();
    assert_ne!(reply["statusCode"], 404);
    assert_ne!(reply["statusCode"], 400, "{reply}");
}

#[tokio::test]
async fn what_is_no_request_is_an_error_and_the_function_goes_on() {
    let nobody = format!("http://127.0.0.1:{}", free_port());
    let mut function = Start::function("ingest").database(&nobody).start().await.unwrap();
    let refused = function.invoke(serde_json::json!({"Records": []})).await;
    assert!(matches!(refused, Err(Failed::Reported(_))), "{refused:?}");
    let live = function.http(HttpRequest::get("/health/live")).await;
    assert_eq!(live.status, StatusCode::OK);
    function.kill();
    let gone = function.invoke(HttpRequest::get("/health/live").event()).await;
    assert!(matches!(gone, Err(Failed::Ended(_))), "{gone:?}");
}
