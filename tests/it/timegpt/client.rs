//! The client by itself: detection, which no route uses yet, and large bodies.

use super::KEY;
use intentvision::clock::Clock;
use intentvision::forecasting::timegpt::{
    BaseUrl, CircuitState, DETECTION_HISTORY, Failure, History, Settings, TimeGpt as Client, TimeGptKey,
};
use prediction::Step;
use serde_json::json;
use tests::timegpt::{Behaviour, TimeGpt};

const HOUR: Step = Step::Millis(3_600_000);

struct Rig {
    service: TimeGpt,
    client: Client,
    key: TimeGptKey,
}

impl Rig {
    fn start() -> Self {
        let service = TimeGpt::start(&[KEY]);
        let settings = Settings {
            base: BaseUrl::parse(&service.url()).unwrap(),
            ..Settings::default()
        };
        Self {
            service,
            client: Client::new(settings),
            key: TimeGptKey::parse(KEY).unwrap(),
        }
    }
}

/// A daily cycle with one value that has no business there.
fn history(length: usize, spike: usize) -> History {
    let cells: Vec<f64> = (0..length)
        .map(|hour| (super::value(hour) + if hour == spike { 900.0 } else { 0.0 }) / 3.0)
        .collect();
    History::newest(&cells, DETECTION_HISTORY).unwrap()
}

#[tokio::test]
async fn anomalies_are_found_after_a_head_without_verdict() {
    let rig = Rig::start();
    let history = history(24 * 14, 24 * 14 - 3);
    let call = rig
        .client
        .detect(&Clock::system(), &rig.key, &history, HOUR, 99.0)
        .await;
    let found = call.result.unwrap();
    assert_eq!(found.unjudged, 24);
    let verdicts: Vec<usize> = (0..found.anomalous.len()).filter(|at| found.anomalous[*at]).collect();
    assert_eq!(verdicts, [24 * 13 - 3]);
    assert_eq!(found.expected.len(), 24 * 13);
    assert_eq!((found.expected[0], found.band.level), (history.values()[0], 99.0));
    let spike = history.values()[24 + verdicts[0]];
    assert!(spike > found.band.upper[verdicts[0]]);
    assert_eq!(
        (call.spent.requests, call.spent.failures, call.spent.tokens.input),
        (1, 0, 336)
    );
    let [asked] = &rig.service.take()[..] else {
        panic!("one request")
    };
    assert_eq!(asked.path, "/v2/anomaly_detection");
    assert_eq!((&asked.body["level"], &asked.body["freq"]), (&json!(99), &json!("h")));
}

#[tokio::test]
async fn a_detection_that_fails_says_why() {
    let rig = Rig::start();
    let history = history(100, 50);
    for (behaviour, code) in [
        (Behaviour::Unauthorized, "KEY_REFUSED"),
        (Behaviour::RateLimited(0), "LIMIT_REACHED"),
        (Behaviour::With("/sizes", json!([101])), "BAD_ANSWER"),
        (Behaviour::With("/sizes", json!([50, 26])), "BAD_ANSWER"),
        (Behaviour::With("/anomaly", json!([true])), "BAD_ANSWER"),
        (Behaviour::With("/intervals", json!(null)), "BAD_ANSWER"),
        (Behaviour::Truncated, "BAD_ANSWER"),
        (Behaviour::Status(500, None), "SERVICE_FAILED"),
    ] {
        rig.service.behave([behaviour.clone()]);
        let call = rig
            .client
            .detect(&Clock::system(), &rig.key, &history, HOUR, 99.0)
            .await;
        assert_eq!(call.result.unwrap_err().code(), code, "{behaviour:?}");
        assert_eq!(call.spent.failures, call.spent.requests, "{behaviour:?}");
    }
    rig.service.behave([Behaviour::Wrapped]);
    let call = rig
        .client
        .detect(&Clock::system(), &rig.key, &history, HOUR, 95.0)
        .await;
    assert_eq!(call.result.unwrap().unjudged, 24);
}

/// The service's own client compresses what is larger than a mebibyte, and so do we.
#[tokio::test]
async fn a_large_body_goes_out_compressed() {
    let rig = Rig::start();
    let clock = Clock::system();
    for (length, compressed) in [(1_000, false), (DETECTION_HISTORY, true)] {
        let history = history(length, 500);
        let call = rig.client.detect(&clock, &rig.key, &history, HOUR, 99.0).await;
        assert_eq!(call.result.unwrap().unjudged, 24);
        let [asked] = &rig.service.take()[..] else {
            panic!("one request")
        };
        assert_eq!(
            (asked.compressed, asked.body["series"]["sizes"][0].as_u64()),
            (compressed, Some(length as u64))
        );
    }
}

/// Forecasts and detections meet one circuit: it stands for the service.
#[tokio::test]
async fn one_circuit_stands_for_the_service() {
    let rig = Rig::start();
    let clock = Clock::system();
    let history = history(100, 50);
    rig.service.behave([Behaviour::Status(500, None)]);
    for _ in 0..3 {
        let call = rig.client.detect(&clock, &rig.key, &history, HOUR, 99.0).await;
        assert!(matches!(call.result, Err(Failure::Failed { .. })));
    }
    let call = rig.client.forecast(&clock, &rig.key, &history, HOUR, 3, &[80.0]).await;
    assert_eq!(
        (call.result.unwrap_err(), call.spent.requests),
        (Failure::CircuitOpen, 0)
    );
    assert_eq!(rig.client.circuit(&clock).state, CircuitState::Open);
}
