//! The real programs: the function on a real server, and the one process on a file.

use super::{KEY, PATH, fallback, history, question};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tests::events::HttpRequest;
use tests::product::{Backend, Product};
use tests::runtime_api::{Function, Start};
use tests::served::Installation;
use tests::timegpt::{Behaviour, TimeGpt};

const SEALING: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

async fn call(function: &Function, method: Method, path: &str, key: &str, body: &Value) -> (StatusCode, Value) {
    let reply = function.http(HttpRequest::new(method, path).key(key).json(body)).await;
    (reply.status, reply.json())
}

#[tokio::test]
async fn the_function_asks_falls_back_and_keeps_the_key_to_itself() {
    let product = Product::start(Backend::Remote).await;
    let (_, admin) = product.acme().await;
    super::ingest(&product, &admin, &history(24 * 14)).await;
    let service = TimeGpt::start(&[KEY]);
    let function = Start::function("forecast")
        .database(&product.database_url())
        .variable("INTENTVISION_SECRET_KEY", SEALING)
        .variable("INTENTVISION_TIMEGPT_URL", service.url())
        .variable("INTENTVISION_TIMEGPT_MODEL", "timegpt-1")
        .variable("INTENTVISION_TIMEGPT_TIMEOUT_SECONDS", "1")
        .variable("INTENTVISION_LOG", "trace");
    let function = function.start().await.unwrap();
    let forecast = async || {
        let (status, made) = call(&function, Method::POST, "/v1/forecasts", &admin, &question("timegpt")).await;
        assert_eq!(status, 201, "{made}");
        made
    };
    assert_eq!(fallback(&forecast().await), "NO_KEY");
    let (status, shown) = call(&function, Method::PUT, PATH, &admin, &json!({"api_key": KEY})).await;
    assert_eq!((status.as_u16(), &shown["api_key"]), (200, &json!("…acme")));
    let made = forecast().await;
    assert_eq!(
        (&made["backend"], &made["model_info"]["model"]),
        (&json!("timegpt"), &json!("timegpt-1"))
    );
    for (behaviour, code) in [
        (Behaviour::Unauthorized, "KEY_REFUSED"),
        (Behaviour::Unprocessable, "REQUEST_REFUSED"),
        (Behaviour::RateLimited(0), "LIMIT_REACHED"),
        (Behaviour::Slow, "TIMEOUT"),
        (Behaviour::Truncated, "BAD_ANSWER"),
        (Behaviour::Status(503, Some(0)), "SERVICE_FAILED"),
        (Behaviour::Faithful, "CIRCUIT_OPEN"),
    ] {
        service.behave([behaviour.clone()]);
        assert_eq!(fallback(&forecast().await), code, "{behaviour:?}");
    }
    let (_, shown) = call(&function, Method::GET, PATH, &admin, &Value::Null).await;
    assert_eq!(
        (&shown["circuit"]["state"], &shown["usage"][0]["output_tokens"]),
        (&json!("open"), &json!(6))
    );
    assert!(service.take().iter().all(|asked| asked.key == KEY));
    let log = function.log();
    assert!(log.contains("CIRCUIT_OPEN"), "the log would show it");
    let shown: Vec<&str> = log
        .lines()
        .filter(|line| ["canary", SEALING, &admin].iter().any(|secret| line.contains(secret)))
        .collect();
    assert!(shown.is_empty(), "a secret is in the log: {shown:?}");
}

/// A remote database without a secret key refuses to keep one.
#[tokio::test]
async fn a_function_without_a_secret_key_takes_none() {
    let product = Product::start(Backend::Remote).await;
    let (_, admin) = product.acme().await;
    let function = Start::function("forecast").database(&product.database_url());
    let function = function.start().await.unwrap();
    let (status, problem) = call(&function, Method::PUT, PATH, &admin, &json!({"api_key": KEY})).await;
    assert_eq!((status.as_u16(), &problem["code"]), (409, &json!("CONFLICT")));
    let (_, shown) = call(&function, Method::GET, PATH, &admin, &Value::Null).await;
    assert_eq!(shown["configured"], false);
}

#[tokio::test]
async fn a_setting_that_makes_no_sense_ends_the_init_with_its_name() {
    for (name, value) in [
        ("INTENTVISION_TIMEGPT_URL", "http://canary.example"),
        ("INTENTVISION_TIMEGPT_URL", "https://canary@api.example"),
        ("INTENTVISION_TIMEGPT_MODEL", "canary\nmodel"),
        ("INTENTVISION_TIMEGPT_TIMEOUT_SECONDS", "25"),
        ("INTENTVISION_TIMEGPT_TIMEOUT_SECONDS", "0"),
    ] {
        let failed = Start::function("forecast")
            .variable(name, value)
            .start()
            .await
            .unwrap_err();
        assert!(
            failed.log.contains(name) && !failed.log.contains("canary"),
            "{}",
            failed.log
        );
    }
}

#[tokio::test]
async fn the_one_process_on_a_file_asks_and_keeps_the_key_sealed() {
    let folder = tempfile::tempdir().unwrap();
    let service = TimeGpt::start(&[KEY]);
    let log = folder.path().join("log");
    let installation = Installation::new(format!("file:{}", folder.path().join("iv.db").display()), &log)
        .variable("INTENTVISION_TIMEGPT_URL", service.url().into())
        .variable("INTENTVISION_LOG", "trace".into());
    let admin = installation.set_up();
    let mut serve = installation.serve(0).unwrap();
    let client = Client::builder(TokioExecutor::new()).build_http();
    let send = async |method: Method, path: &str, body: Value| {
        let request = Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", serve.address()))
            .header("x-api-key", &admin)
            .header("content-type", "application/json")
            .body(Full::<bytes::Bytes>::from(body.to_string()))
            .unwrap();
        let response = client.request(request).await.unwrap();
        assert!(response.status().is_success(), "{path}: {}", response.status());
        let body = response.into_body().collect().await.unwrap().to_bytes();
        serde_json::from_slice::<Value>(&body).unwrap()
    };
    send(Method::POST, "/v1/ingest", json!({"metrics": history(24 * 14)})).await;
    send(Method::PUT, PATH, json!({"api_key": KEY})).await;
    let made = send(Method::POST, "/v1/forecasts", question("timegpt")).await;
    assert_eq!(made["backend"], "timegpt");
    service.behave([Behaviour::Unprocessable]);
    assert_eq!(
        fallback(&send(Method::POST, "/v1/forecasts", question("timegpt")).await),
        "REQUEST_REFUSED"
    );
    assert_eq!(service.take().len(), 2);
    serve.kill();
    let (mut files, mut found_metric) = (0, false);
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        let holds = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
        assert!(!holds(b"canary"), "the key is on the disk");
        found_metric |= holds(b"shop.orders");
        files += 1;
    }
    assert!(
        files >= 3 && found_metric,
        "database, key file and log are looked through"
    );
}
