//! Forecast jobs that ask TimeGPT.

use super::*;
use intentvision::budget::{Count, Unlimited};

impl Scene {
    async fn job(&self) -> String {
        let mut body = question("timegpt");
        body["schedule"] = json!("1h");
        let reply = self.product.post("/v1/forecast-jobs", &self.admin, &body).await;
        assert_eq!(reply.status, 201, "{}", reply.json());
        format!("/v1/forecast-jobs/{}", reply.json()["job_id"].as_str().unwrap())
    }

    async fn results(&self, job: &str) -> Vec<Value> {
        let page = self.product.get(&format!("{job}/results"), &self.admin).await.json();
        page["items"].as_array().unwrap().clone()
    }
}

on_both! {
    a_job_asks_once_for_each_series => async |scene: Scene| {
        let job = scene.job().await;
        let ran = run_forecasts::run(&scene.product.app, &mut Unlimited).await.unwrap();
        assert_eq!((ran.completed, scene.service.take().len()), (1, 1), "{ran:?}");
        let results = scene.results(&job).await;
        assert_eq!((&results[0]["backend"], results.len()), (&json!("timegpt"), 1));
        let alone = scene.forecast("timegpt").await;
        let path = format!("/v1/forecasts/{}", results[0]["forecast_id"].as_str().unwrap());
        let whole = scene.product.get(&path, &scene.admin).await.json();
        assert_eq!(whole["model_info"], alone["model_info"]);
        assert_eq!(whole["predictions"].as_array().unwrap().len(), 6);
        let _ = scene.service.take();
        let again = run_forecasts::run(&scene.product.app, &mut Unlimited).await.unwrap();
        assert_eq!((again.due, scene.service.take().len()), (0, 0));
    };
}

#[tokio::test]
async fn without_a_key_a_job_falls_back_and_says_why() {
    let scene = Scene::without_key(Backend::Embedded).await;
    let job = scene.job().await;
    let ran = run_forecasts::run(&scene.product.app, &mut Unlimited).await.unwrap();
    assert_eq!((ran.completed, scene.service.take().len()), (1, 0), "{ran:?}");
    let results = scene.results(&job).await;
    let alone = scene.forecast("timegpt").await;
    assert_eq!(fallback(&results[0]), fallback(&alone));
}

/// A service takes seconds for each series: the budget is asked for each, and what was paid for is kept.
#[tokio::test]
async fn a_job_stops_after_any_series() {
    let scene = Scene::start(Backend::Embedded).await;
    for n in 0..3 {
        let mut points = history(48);
        for point in &mut points {
            point["dimensions"] = json!({"n": n.to_string()});
        }
        ingest(&scene.product, &scene.admin, &points).await;
    }
    let job = scene.job().await;
    let ran = run_forecasts::run(&scene.product.app, &mut Count(3)).await.unwrap();
    assert_eq!((ran.unfinished, scene.service.take().len()), (1, 3), "{ran:?}");
    let ran = run_forecasts::run(&scene.product.app, &mut Count(3)).await.unwrap();
    assert_eq!((ran.completed, scene.service.take().len()), (1, 1), "{ran:?}");
    let results = scene.results(&job).await;
    assert_eq!(results.len(), 4);
    assert!(results.iter().all(|result| result["backend"] == "timegpt"));
}
