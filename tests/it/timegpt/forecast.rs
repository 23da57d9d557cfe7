//! Forecasts that TimeGPT makes.

use super::{KEY, PATH, Scene, fallback, history, ingest, on_both, question, value};
use http::Request;
use intentvision::forecasting::timegpt::FORECAST_HISTORY;
use intentvision::keys::Environment;
use serde_json::{Value, json};
use tests::product::Backend;
use tests::timegpt::Behaviour;

on_both! {
    a_forecast_of_timegpt_has_its_numbers_and_the_intervals_asked_for => async |scene: Scene| {
        let own = scene.forecast("auto").await;
        assert!(scene.service.take().is_empty(), "auto asks nobody");
        let made = scene.forecast("timegpt").await;
        let [asked] = &scene.service.take()[..] else { panic!("one request") };
        assert_eq!((&asked.path[..], &asked.key[..], &asked.model[..]), ("/v2/forecast", KEY, "timegpt-2.1"));
        let values: Vec<f64> = (0..24 * 14).map(value).collect();
        assert_eq!(asked.body, json!({
            "model": "timegpt-2.1", "series": {"y": values, "sizes": [24 * 14]}, "freq": "h", "h": 6, "level": [80, 95, 99.5],
        }));
        assert_eq!(made["backend"], "timegpt");
        assert_eq!(made["model_info"], json!({
            "model": "timegpt-2.1", "input_tokens": 336, "output_tokens": 6, "finetune_tokens": 0,
            "observations": 336, "fitted": 336, "filled": 0,
        }));
        let predictions = made["predictions"].as_array().unwrap();
        assert_eq!(predictions.len(), 6);
        for (step, (prediction, own)) in predictions.iter().zip(own["predictions"].as_array().unwrap()).enumerate() {
            assert_eq!(prediction["timestamp"], own["timestamp"]);
            // what the stand-in foresees
            assert_eq!(prediction["value"], values[24 * 13 + step]);
            let end = |level: &str, side: &str| prediction["intervals"][level][side].as_f64().unwrap();
            let middle = prediction["value"].as_f64().unwrap();
            let ends = [
                end("99.5", "lower"), end("95", "lower"), end("80", "lower"), middle,
                end("80", "upper"), end("95", "upper"), end("99.5", "upper"),
            ];
            assert!(ends.is_sorted_by(|a, b| a < b), "{ends:?}");
            let half = |level: &str| (end(level, "upper") - end(level, "lower")) / 2.0;
            assert!((half("80") / 80.0 - half("99.5") / 99.5).abs() < 1e-9, "{prediction}");
        }
        let path = format!("/v1/forecasts/{}", made["forecast_id"].as_str().unwrap());
        let stored = scene.product.get(&path, &scene.admin).await.json();
        for name in ["backend", "model_info", "predictions"] {
            assert_eq!(stored[name], made[name]);
        }
        assert_eq!(scene.usage().await, [1, 0, 336, 6, 0]);
    };

    a_wrapped_answer_is_the_same => async |scene: Scene| {
        let bare = scene.forecast("timegpt").await;
        scene.service.behave([Behaviour::Wrapped]);
        let wrapped = scene.forecast("timegpt").await;
        for name in ["backend", "model_info", "predictions"] {
            assert_eq!(wrapped[name], bare[name]);
        }
    };

    usage_is_summed_by_day_and_by_organization => async |scene: Scene| {
        let other = scene.stranger(Environment::Live).await;
        for _ in 0..2 {
            scene.forecast("timegpt").await;
        }
        scene.service.behave([Behaviour::RateLimited(0), Behaviour::Faithful]);
        scene.forecast("timegpt").await;
        assert_eq!(scene.usage().await, [4, 1, 3 * 336, 18, 0]);
        // a test that runs over midnight sees two
        assert!((1..=2).contains(&scene.status().await["usage"].as_array().unwrap().len()));
        assert_eq!(scene.product.get(PATH, &other).await.json()["usage"], json!([]));
    };

    /// Each organization asks with its own key, and without one nobody asks for it.
    organizations_have_keys_of_their_own => async |scene: Scene| {
        let other = scene.stranger(Environment::Live).await;
        assert_eq!(fallback(&scene.forecast_of(&other, "timegpt").await), "NO_KEY");
        assert!(scene.service.take().is_empty());
        scene.put(&other, "nixak-of-the-other-organization").await;
        assert_eq!(fallback(&scene.forecast_of(&other, "timegpt").await), "KEY_REFUSED");
        assert_eq!(scene.service.take()[0].key, "nixak-of-the-other-organization");
        assert_eq!(scene.forecast("timegpt").await["backend"], "timegpt");
        assert_eq!(scene.service.take()[0].key, KEY);
    };

    /// What was paid for once is not asked for again.
    r50_a_repeated_request_asks_once => async |scene: Scene| {
        let send = async || {
            let request = Request::post("/v1/forecasts").header("x-api-key", &scene.admin).header("idempotency-key", "f");
            scene.product.send(request, question("timegpt").to_string()).await
        };
        let (first, second) = (send().await, send().await);
        assert_eq!((first.status.as_u16(), &first.body), (201, &second.body));
        assert_eq!(second.headers["idempotency-replayed"], "true");
        assert_eq!(scene.service.take().len(), 1);
        let request = Request::post("/v1/forecasts").header("x-api-key", &scene.admin).header("idempotency-key", "f");
        let other = scene.product.send(request, question("timegpt").to_string().replace('6', "7")).await;
        assert_eq!(other.problem(), (422, "IDEMPOTENCY_KEY_REUSED".into()));
        assert!(scene.service.take().is_empty());
    };
}

/// Gaps are filled before anything is sent, and only the newest values are.
#[tokio::test]
async fn what_is_sent_has_no_gap_and_an_end() {
    let scene = Scene::start(Backend::Embedded).await;
    let long = FORECAST_HISTORY + 100;
    let mut points = history(long);
    points.drain(long - 5..long - 2);
    for point in &mut points {
        point["dimensions"] = json!({"region": "eu"});
    }
    ingest(&scene.product, &scene.admin, &points).await;
    let mut body = question("timegpt");
    body["dimensions"] = json!({"region": "eu"});
    let made = scene.product.post("/v1/forecasts", &scene.admin, &body).await.json();
    assert_eq!(made["backend"], "timegpt");
    let info = &made["model_info"];
    assert_eq!(
        (&info["fitted"], &info["filled"]),
        (&json!(FORECAST_HISTORY), &json!(3))
    );
    let [asked] = &scene.service.take()[..] else {
        panic!("one request")
    };
    let sent: Vec<f64> = asked.body["series"]["y"]
        .as_array()
        .unwrap()
        .iter()
        .map(|y| y.as_f64().unwrap())
        .collect();
    assert_eq!((sent.len(), sent[0]), (FORECAST_HISTORY, value(100)));
    let end = &sent[sent.len() - 6..];
    let (before, after) = (value(long - 6), value(long - 2));
    for (place, filled) in end.iter().enumerate() {
        let line = before + (after - before) * place as f64 / 4.0;
        let expected = if place == 5 { value(long - 1) } else { line };
        assert!((filled - expected).abs() < 1e-9, "{end:?}");
    }
}

/// Intervals that cross each other, as those of a service may, are nested in the reply.
#[tokio::test]
async fn intervals_are_nested_whatever_the_service_says() {
    let scene = Scene::start(Backend::Embedded).await;
    let swapped = |name| Behaviour::With(name, json!(vec![-1000.0; 6]));
    scene.service.behave([swapped("/intervals/lo-80")]);
    let made = scene.forecast("timegpt").await;
    assert_eq!(made["backend"], "timegpt");
    for prediction in made["predictions"].as_array().unwrap() {
        let lower = |level: &str| prediction["intervals"][level]["lower"].as_f64().unwrap();
        assert!(
            lower("99.5") <= lower("95") && lower("95") <= lower("80"),
            "{prediction}"
        );
    }
}

/// Quantiles are the ends of intervals, and no number leaves the limits of the request.
#[tokio::test]
async fn quantiles_and_bounds_are_those_of_the_request() {
    let scene = Scene::start(Backend::Embedded).await;
    let mut body = question("timegpt");
    body["levels"] = json!([80]);
    body["quantiles"] = json!([0.05, 0.1, 0.5, 0.95]);
    let free = scene.product.post("/v1/forecasts", &scene.admin, &body).await.json();
    assert_eq!(free["backend"], "timegpt");
    assert_eq!(scene.service.take()[0].body["level"], json!([0, 80, 90]));
    for prediction in free["predictions"].as_array().unwrap() {
        let quantile = |name: &str| prediction["quantiles"][name].as_f64().unwrap();
        assert_eq!(quantile("0.5"), prediction["value"]);
        assert_eq!(quantile("0.1"), prediction["intervals"]["80"]["lower"]);
        assert!(
            quantile("0.05") < quantile("0.1")
                && quantile("0.95") > prediction["intervals"]["80"]["upper"].as_f64().unwrap()
        );
    }
    body["bounds"] = json!({"lower": 99.9, "upper": 100.1});
    let bound = scene.product.post("/v1/forecasts", &scene.admin, &body).await.json();
    assert_eq!(bound["backend"], "timegpt");
    for prediction in bound["predictions"].as_array().unwrap() {
        let interval = &prediction["intervals"]["80"];
        assert_eq!((&interval["lower"], &interval["upper"]), (&json!(99.9), &json!(100.1)));
        assert!((99.9..=100.1).contains(&prediction["value"].as_f64().unwrap()));
    }
}

/// What this house would refuse is refused before anything is sent.
#[tokio::test]
async fn a_request_that_makes_no_sense_asks_nobody() {
    let scene = Scene::start(Backend::Embedded).await;
    let with = |name: &str, value: Value| {
        let mut body = question("timegpt");
        body[name] = value;
        body
    };
    for (body, status) in [
        (with("horizon", json!(0)), 400),
        (with("horizon", json!(10_000)), 201),
        (with("levels", json!([100])), 400),
        (with("frequency", json!("1y")), 201),
        (with("metric_key", json!("nothing")), 404),
        (with("backend", json!("TimeGPT")), 400),
        (with("bounds", json!({"lower": 2, "upper": 1})), 400),
    ] {
        let reply = scene.product.post("/v1/forecasts", &scene.admin, &body).await;
        assert_eq!(reply.status, status, "{body} {}", reply.json());
        assert_eq!(scene.service.take().len(), usize::from(status == 201), "{body}");
    }
    let few = json!({"metrics": [{"metric_key": "few", "value": 1}]});
    scene.product.post("/v1/ingest", &scene.admin, &few).await;
    let reply = scene
        .product
        .post("/v1/forecasts", &scene.admin, &with("metric_key", json!("few")))
        .await;
    assert_eq!(reply.problem(), (422, "INSUFFICIENT_DATA".into()));
    assert!(scene.service.take().is_empty());
}
