//! What a run makes, and how it is found.

use super::*;
use tests::on_both;

async fn on(backend: Backend, test: impl AsyncFn(Scene)) {
    test(Scene::start(backend).await).await;
}

#[tokio::test]
async fn each_result_is_a_stored_forecast_with_an_address() {
    for backend in [Backend::Embedded, Backend::Remote] {
        on(backend, async |scene| {
            scene.ingest("shop.orders", 0..3, -336..0).await;
            let job = scene.job(&orders(&json!({"levels": [80, 95]}))).await;
            let summary = scene.run().await;
            assert_eq!((summary.due, summary.completed), (1, 1), "{summary:?}");
            let shown = scene.shown(&job).await;
            assert_eq!(
                (
                    &shown["status"],
                    &shown["last_series"],
                    &shown["attempts"],
                    &shown["last_error"]
                ),
                (&json!("completed"), &json!(3), &json!(0), &Value::Null)
            );
            assert_eq!(shown["last_run_at"], time::format(START));
            assert_eq!(shown["next_run_at"], time::format(START + HOUR));
            let results = scene.results(&job).await;
            assert_eq!(results.len(), 3);
            for result in results {
                assert_eq!((&result["job_id"], &result["horizon"]), (&json!(job), &json!(24)));
                assert_eq!(result.get("predictions"), None);
                let whole = scene
                    .get(&format!("/v1/forecasts/{}", result["forecast_id"].as_str().unwrap()))
                    .await;
                for name in [
                    "forecast_id",
                    "series_id",
                    "dimensions",
                    "model_info",
                    "frequency",
                    "origin",
                    "created_at",
                ] {
                    assert_eq!(whole[name], result[name], "{name}");
                }
                // the same forecast as one that is asked for alone, as far as packing keeps it
                let body = json!({"metric_key": "shop.orders", "dimensions": whole["dimensions"], "horizon": 24});
                let alone = scene.product.post("/v1/forecasts", &scene.key, &body).await.json();
                assert_eq!(
                    (&alone["model_info"], &alone["origin"]),
                    (&whole["model_info"], &whole["origin"])
                );
                let predictions = whole["predictions"].as_array().unwrap();
                assert_eq!(predictions.len(), 24);
                for (packed, exact) in predictions.iter().zip(alone["predictions"].as_array().unwrap()) {
                    assert_eq!(packed["timestamp"], exact["timestamp"]);
                    for at in ["/value", "/intervals/80/lower", "/intervals/95/upper"] {
                        let number = |value: &Value| value.pointer(at).and_then(Value::as_f64).unwrap();
                        assert!((number(packed) - number(exact)).abs() < 1e-6, "{at}: {packed} {exact}");
                    }
                }
            }
            // a point that comes true is shown with it
            scene.at(1);
            scene.ingest("shop.orders", 0..1, 0..1).await;
            let of_zero = scene
                .results(&job)
                .await
                .into_iter()
                .find(|result| result["dimensions"]["n"] == "0")
                .unwrap();
            let whole = scene
                .get(&format!("/v1/forecasts/{}", of_zero["forecast_id"].as_str().unwrap()))
                .await;
            assert_eq!(whole["predictions"][0]["actual"], json!(value(0, 0)));
        })
        .await;
    }
}

#[tokio::test]
async fn a_selector_means_the_series_that_have_its_dimensions() {
    for backend in [Backend::Embedded, Backend::Remote] {
        on(backend, async |scene| {
            scene.ingest("shop.orders", 0..260, -12..0).await;
            scene.ingest("shop.other", 0..2, -12..0).await;
            let of = json!({"dimensions": {"parity": "even"}, "horizon": 1, "backend": "seasonal-naive"});
            let job = scene.job(&orders(&of)).await;
            assert_eq!(scene.run().await.completed, 1);
            let results = scene.results(&job).await;
            assert_eq!(results.len(), 130);
            assert!(
                results
                    .iter()
                    .all(|result| result["dimensions"]["parity"] == "even" && result["metric_key"] == "shop.orders")
            );
            let ids: Vec<&str> = results
                .iter()
                .map(|result| result["series_id"].as_str().unwrap())
                .collect();
            assert!(ids.is_sorted());
            let wrong = format!("/v1/forecast-jobs/{job}/results?cursor=bm9uc2Vuc2U");
            assert_eq!(scene.product.get(&wrong, &scene.key).await.problem().0, 400);
        })
        .await;
    }
}

/// One that cannot be forecast is skipped, counted, and keeps nobody up.
#[tokio::test]
async fn a_series_with_too_little_history_is_skipped_with_the_reason() {
    let scene = Scene::start(Backend::Embedded).await;
    scene.ingest("shop.orders", 0..2, -12..0).await;
    scene.ingest("shop.orders", 2..3, -2..0).await;
    let job = scene.job(&orders(&json!({"horizon": 1}))).await;
    assert_eq!(scene.run().await.completed, 1);
    let run = &scene.runs(&job).await[0];
    assert_eq!((&run["series"], &run["skipped"]), (&json!(2), &json!(1)));
    let reason = run["reason"].as_str().unwrap();
    assert!(
        reason.starts_with("ser_") && reason.ends_with("the series has 2 points, a forecast needs at least 8"),
        "{reason}"
    );
}

/// A horizon in time is as many steps as each series needs; too many are told.
#[tokio::test]
async fn a_horizon_may_be_a_duration() {
    let scene = Scene::start(Backend::Embedded).await;
    scene.ingest("shop.orders", 0..1, -48..0).await;
    let job = scene
        .job(&orders(&json!({"horizon": "12h", "backend": "seasonal-naive"})))
        .await;
    let far = scene
        .job(&orders(&json!({"horizon": "60d", "backend": "seasonal-naive"})))
        .await;
    let summary = scene.run().await;
    assert_eq!((summary.completed, summary.failed), (1, 1), "{summary:?}");
    assert_eq!(scene.results(&job).await[0]["horizon"], 12);
    let error = scene.shown(&far).await["last_error"].as_str().unwrap().to_owned();
    assert!(
        error.contains("1440 steps with 4 quantiles are 7200 numbers a series"),
        "{error}"
    );
}

on_both! {
    r31_another_organizations_job_and_results_are_missing_ones => async |product: Product| {
        let (_, key) = product.acme().await;
        let now = product.app.clock.now() / HOUR * HOUR;
        let points: Vec<Value> = (1..24)
            .map(|hour| json!({"metric_key": "shop.orders", "value": hour, "timestamp": time::format(now - hour * HOUR)}))
            .collect();
        assert_eq!(product.post("/v1/ingest", &key, &json!({"metrics": points})).await.status, 200);
        let made = product.post("/v1/forecast-jobs", &key, &orders(&json!({"horizon": 1}))).await.json();
        assert_eq!(run_forecasts::run(&product.app, &mut Unlimited).await.unwrap().completed, 1);
        let job = format!("/v1/forecast-jobs/{}", made["job_id"].as_str().unwrap());
        let results = product.get(&format!("{job}/results"), &key).await.json();
        let result = format!("/v1/forecasts/{}", results["items"][0]["forecast_id"].as_str().unwrap());
        assert_eq!(product.get(&result, &key).await.status, 200);
        let other = product.organization("other", intentvision::keys::Environment::Live).await;
        let stranger = product.key(&other, &["admin"]).await;
        for path in [&job, &format!("{job}/results"), &format!("{job}/runs"), &result] {
            assert_eq!(product.get(path, &stranger).await.problem(), (404, "NOT_FOUND".into()), "{path}");
        }
    };
}
