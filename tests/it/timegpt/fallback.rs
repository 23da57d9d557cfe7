//! Whatever happens, there is a forecast, with the reason why it is not that of TimeGPT.

use super::{KEY, PATH, Scene, fallback, on_both, question};
use intentvision::clock::MINUTE;
use intentvision::forecasting::timegpt::{FAILURES, Settings};
use intentvision::forecasting::{self, ForecastRequest, Stored};
use intentvision::id::RequestId;
use intentvision::keys::Environment;
use serde_json::{Value, json};
use std::time::Duration;
use tests::product::Backend;
use tests::server::Server;
use tests::sqld::free_port;
use tests::timegpt::{Behaviour, TimeGpt};

on_both! {
    /// The behaviour, the code that is told, and how many requests were sent.
    every_failure_falls_back_to_auto_with_its_reason => async |scene: Scene| {
        let own = scene.forecast("auto").await;
        let elsewhere = TimeGpt::start(&[KEY]);
        let null = json!([1, 2, null, 4, 5, 6]);
        for (behaviour, code, requests) in [
            (Behaviour::Unauthorized, "KEY_REFUSED", 1),
            (Behaviour::Status(403, None), "KEY_REFUSED", 1),
            (Behaviour::Unprocessable, "REQUEST_REFUSED", 1),
            (Behaviour::Status(400, None), "REQUEST_REFUSED", 1),
            (Behaviour::Status(402, None), "LIMIT_REACHED", 1),
            (Behaviour::RateLimited(0), "LIMIT_REACHED", 3),
            (Behaviour::Status(408, Some(0)), "SERVICE_FAILED", 3),
            (Behaviour::Status(409, Some(0)), "SERVICE_FAILED", 3),
            (Behaviour::Status(500, Some(0)), "SERVICE_FAILED", 1),
            (Behaviour::Status(502, Some(0)), "SERVICE_FAILED", 3),
            (Behaviour::Status(503, Some(0)), "SERVICE_FAILED", 3),
            (Behaviour::Status(504, Some(0)), "SERVICE_FAILED", 3),
            (Behaviour::Redirect(elsewhere.url()), "SERVICE_FAILED", 1),
            (Behaviour::Truncated, "BAD_ANSWER", 1),
            (Behaviour::NaN, "BAD_ANSWER", 1),
            (Behaviour::With("/mean", json!([1, 2, 3])), "BAD_ANSWER", 1),
            (Behaviour::With("/mean", null.clone()), "BAD_ANSWER", 1),
            (Behaviour::With("/intervals/lo-95", null), "BAD_ANSWER", 1),
            (Behaviour::With("/intervals/hi-80", json!([])), "BAD_ANSWER", 1),
            (Behaviour::With("/intervals", Value::Null), "BAD_ANSWER", 1),
        ] {
            let before = scene.usage().await;
            scene.service.behave([behaviour.clone()]);
            let made = scene.forecast("timegpt").await;
            assert_eq!(fallback(&made), code, "{behaviour:?}");
            assert_eq!(scene.service.take().len(), requests, "{behaviour:?}");
            assert_eq!(made["predictions"], own["predictions"], "{behaviour:?}");
            for (name, of_auto) in own["model_info"].as_object().unwrap() {
                assert_eq!(made["model_info"][name], *of_auto, "{behaviour:?}");
            }
            let sent = i64::try_from(requests).unwrap();
            let after = scene.usage().await;
            assert_eq!((after[0] - before[0], after[1] - before[1]), (sent, sent), "{behaviour:?}");
            // a success, so that failures do not add up to an open circuit
            scene.service.behave([Behaviour::Faithful]);
            assert_eq!(scene.forecast("timegpt").await["backend"], "timegpt");
            assert_eq!(scene.service.take().len(), 1);
        }
        assert!(elsewhere.take().is_empty(), "a redirect was followed");
    };

    the_services_own_words_are_passed_on_where_they_help => async |scene: Scene| {
        let reason = async |behaviour: Behaviour| {
            scene.service.behave([behaviour]);
            scene.forecast("timegpt").await["model_info"]["fallback"]["reason"].clone()
        };
        assert_eq!(reason(Behaviour::Unauthorized).await, "TimeGPT refused the API key (401, A12)");
        let limit = "a limit of the organization's TimeGPT plan is reached (429, A21)";
        assert_eq!(reason(Behaviour::RateLimited(0)).await, limit);
        // the stand-in repeats the key here
        assert_eq!(reason(Behaviour::Unprocessable).await, "TimeGPT refused the request (422)");
    };

    retries_come_to_an_answer => async |scene: Scene| {
        scene.service.behave([Behaviour::RateLimited(0), Behaviour::Status(502, Some(0)), Behaviour::Faithful]);
        assert_eq!(scene.forecast("timegpt").await["backend"], "timegpt");
        assert_eq!(scene.service.take().len(), 3);
        assert_eq!(scene.usage().await, [3, 2, 336, 6, 0]);
    };

    /// A wait that the time of a call does not allow is not begun.
    a_long_retry_after_ends_the_call => async |scene: Scene| {
        scene.service.behave([Behaviour::RateLimited(3600)]);
        assert_eq!(fallback(&scene.forecast("timegpt").await), "LIMIT_REACHED");
        assert_eq!(scene.service.take().len(), 1);
    };

    /// After failures in a row nobody asks; after a rest one call does, and closes the circuit.
    the_circuit_opens_and_a_probe_closes_it => async |scene: Scene| {
        scene.service.behave([Behaviour::Status(500, None)]);
        for call in 1..=FAILURES {
            assert_eq!(scene.status().await["circuit"], json!({"state": "closed", "failures": call - 1, "retry_at": null}));
            assert_eq!(fallback(&scene.forecast("timegpt").await), "SERVICE_FAILED");
        }
        assert_eq!(scene.service.take().len(), FAILURES as usize);
        assert_eq!(scene.status().await["circuit"]["state"], "open");
        scene.service.behave([Behaviour::Faithful]);
        for _ in 0..3 {
            assert_eq!(fallback(&scene.forecast("timegpt").await), "CIRCUIT_OPEN");
        }
        assert!(scene.service.take().is_empty(), "an open circuit let a request through");
        let counted = scene.usage().await[0];
        assert_eq!(counted, i64::from(FAILURES), "what was not sent is not counted");

        // the same process a minute later, where the first probe fails and the second does not
        let mut later = scene.product.app.clone();
        let later_forecast = async |later: &intentvision::App| {
            let request = ForecastRequest::parse(question("timegpt").to_string().as_bytes()).unwrap();
            let tenant = later.operator(Some(scene.org.clone()));
            let id = RequestId::new(&later.clock, &later.entropy).unwrap();
            match forecasting::create(later, &tenant, &request, &id, None).await.unwrap() {
                Stored::Now(item) => serde_json::to_value(&item).unwrap(),
                Stored::Before(_) => panic!("there was no idempotency key"),
            }
        };
        later.clock = later.clock.with_wall_offset(MINUTE);
        scene.service.behave([Behaviour::Status(503, Some(0)), Behaviour::Faithful]);
        assert_eq!(fallback(&later_forecast(&later).await), "SERVICE_FAILED");
        assert_eq!(scene.service.take().len(), 1, "a probe is one request");
        assert_eq!(fallback(&later_forecast(&later).await), "CIRCUIT_OPEN");
        later.clock = later.clock.with_wall_offset(3 * MINUTE);
        assert_eq!(later_forecast(&later).await["backend"], "timegpt");
        assert_eq!(scene.forecast("timegpt").await["backend"], "timegpt");
        assert_eq!(scene.service.take().len(), 2);
    };

    /// What one organization, or one request, is refused says nothing about the service.
    refusals_do_not_open_the_circuit => async |scene: Scene| {
        for behaviour in [
            Behaviour::Unauthorized,
            Behaviour::RateLimited(0),
            Behaviour::Unprocessable,
            Behaviour::With("/mean", json!([])),
        ] {
            scene.service.behave([behaviour]);
            for _ in 0..=FAILURES {
                assert_ne!(fallback(&scene.forecast("timegpt").await), "CIRCUIT_OPEN");
            }
        }
    };

    a_test_organization_sends_nothing => async |scene: Scene| {
        let test = scene.stranger(Environment::Test).await;
        let shown = scene.put(&test, KEY).await;
        assert_eq!(shown["configured"], true);
        assert_eq!(fallback(&scene.forecast_of(&test, "timegpt").await), "TEST_ORGANIZATION");
        assert!(scene.service.take().is_empty());
        assert_eq!(scene.product.get(PATH, &test).await.json()["usage"], json!([]));
    };

    without_a_key_nobody_is_asked => async |scene: Scene| {
        let gone = scene.product.call(http::Method::DELETE, PATH, &scene.admin, None).await;
        assert_eq!(gone.status, 204);
        assert_eq!(fallback(&scene.forecast("timegpt").await), "NO_KEY");
        assert!(scene.service.take().is_empty());
    };
}

/// A service that does not answer is given up within the time that is configured.
#[tokio::test]
async fn a_slow_service_is_given_up() {
    let service = TimeGpt::start(&[KEY]);
    service.behave([Behaviour::Slow]);
    let url = service.url();
    let scene = Scene::at(Backend::Embedded, service, &url, Duration::from_secs(1)).await;
    scene.put(&scene.admin, KEY).await;
    assert_eq!(fallback(&scene.forecast("timegpt").await), "TIMEOUT");
    assert_eq!(
        scene.service.take().len(),
        1,
        "it may have been paid for, and is not repeated"
    );
    assert_eq!(scene.usage().await, [1, 1, 0, 0, 0]);
}

/// Whoever asked may go away: what was sent is counted all the same.
#[tokio::test]
async fn a_caller_that_hangs_up_has_its_request_counted() {
    let service = TimeGpt::start(&[KEY]);
    service.behave([Behaviour::Slow]);
    let url = service.url();
    let scene = Scene::at(Backend::Embedded, service, &url, Duration::from_secs(1)).await;
    scene.put(&scene.admin, KEY).await;
    tokio::select! {
        _ = scene.forecast("timegpt") => panic!("there is no answer to wait for"),
        () = scene.service.arrived(1) => {}
    }
    // here the request is dropped, and with it its connection
    let counted = async {
        while scene.usage().await != [1, 1, 0, 0, 0] {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), counted)
        .await
        .expect("it is counted");
}

/// Where nobody listens, nothing was sent, so that it is tried again.
#[tokio::test]
async fn a_service_that_is_not_there_is_tried_again() {
    let nobody = format!("http://127.0.0.1:{}", free_port());
    let service = TimeGpt::start(&[KEY]);
    let scene = Scene::at(Backend::Embedded, service, &nobody, Settings::default().timeout).await;
    scene.put(&scene.admin, KEY).await;
    assert_eq!(fallback(&scene.forecast("timegpt").await), "UNREACHABLE");
    assert_eq!(scene.usage().await, [3, 3, 0, 0, 0]);
}

/// An answer that would fill the memory is not read to its end.
#[tokio::test]
async fn an_endless_answer_is_cut() {
    let endless = Server::start(|_| async {
        let body = bytes::Bytes::from(vec![b' '; 17 * 1024 * 1024]);
        http::Response::new(http_body_util::Full::new(body))
    });
    let url = format!("http://127.0.0.1:{}", endless.port());
    let timeout = Settings::default().timeout;
    let scene = Scene::at(Backend::Embedded, TimeGpt::start(&[]), &url, timeout).await;
    scene.put(&scene.admin, KEY).await;
    let made = scene.forecast("timegpt").await;
    assert_eq!(fallback(&made), "BAD_ANSWER");
    let reason = made["model_info"]["fallback"]["reason"].as_str().unwrap();
    assert!(reason.contains("too long"), "{reason}");
}
