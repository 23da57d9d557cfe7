//! Which results stay, and what stays of those that go.

use super::*;
use db::{Batch, Step};

/// Runs the job each hour; the series have a point each hour.
async fn hours(scene: &Scene, hours: std::ops::Range<i64>, series: usize) {
    for hour in hours {
        scene.at(hour);
        scene.ingest("shop.orders", 0..series, hour - 1..hour).await;
        let summary = scene.run().await;
        assert_eq!((summary.completed, summary.failed), (1, 0), "{hour}: {summary:?}");
    }
}

async fn rows(scene: &Scene) -> i64 {
    let step = Step::tenant(
        "SELECT count(*) FROM forecast_results WHERE org_id = (SELECT org_id FROM authority)",
        vec![],
    );
    let reply = scene.operator().run(Batch::read_one(step)).await.unwrap();
    reply.step(0).unwrap().one().unwrap().integer(0).unwrap()
}

#[tokio::test]
async fn the_last_two_runs_keep_their_results_and_those_before_their_score() {
    for backend in [Backend::Embedded, Backend::Remote] {
        let scene = Scene::start(backend).await;
        scene.ingest("shop.orders", 0..2, -96..0).await;
        let job = scene.job(&orders(&json!({"backend": "seasonal-naive"}))).await;
        hours(&scene, 0..4, 2).await;
        let runs = scene.runs(&job).await;
        let numbers: Vec<i64> = runs.iter().map(|run| run["run"].as_i64().unwrap()).collect();
        assert_eq!(numbers, [4, 3, 2, 1]);
        let kept: Vec<bool> = runs.iter().map(|run| run["results"].as_bool().unwrap()).collect();
        assert_eq!(kept, [true, true, false, false]);
        assert_eq!((&runs[0]["score"], &runs[1]["score"]), (&Value::Null, &Value::Null));
        // run 1 knew the hours before 0, and went when those up to 2 were there: two steps of two series
        let score = &runs[3]["score"];
        assert_eq!(score["steps"], 4, "{runs:?}");
        let naive = |series: usize, hour: i64| (value(series, hour) - value(series, hour - 24)).abs();
        let errors: Vec<f64> = (0..2)
            .flat_map(|series| (0..2).map(move |hour| naive(series, hour)))
            .collect();
        let mae = errors.iter().sum::<f64>() / 4.0;
        assert!((score["mae"].as_f64().unwrap() - mae).abs() < 1e-6, "{score} {mae}");
        assert!(score["mase"].as_f64().unwrap() > 0.0, "{score}");
        for level in ["80", "95"] {
            assert!(
                (0.0..=1.0).contains(&score["coverage"][level].as_f64().unwrap()),
                "{score}"
            );
        }
        // two rows of results: one for each run that is kept
        assert_eq!(rows(&scene).await, 2);
        let newest = scene.results(&job).await;
        let before = items(&scene.get(&format!("/v1/forecast-jobs/{job}/results?run=3")).await);
        let gone = items(&scene.get(&format!("/v1/forecast-jobs/{job}/results?run=2")).await);
        assert_eq!((newest.len(), before.len(), gone.len()), (2, 2, 0));
        assert_ne!(newest[0]["forecast_id"], before[0]["forecast_id"]);
        let id = before[0]["forecast_id"].as_str().unwrap();
        assert_eq!(
            scene.get(&format!("/v1/forecasts/{id}")).await["series_id"],
            before[0]["series_id"]
        );
        let second = id.replace("00000003", "00000002");
        let reply = scene.product.get(&format!("/v1/forecasts/{second}"), &scene.key).await;
        assert_eq!(reply.problem(), (404, "NOT_FOUND".into()));
    }
}

/// A run that is given up has held forecasts against what came true; the one after it does so again.
#[tokio::test]
async fn what_came_true_is_counted_once() {
    let scene = Scene::start(Backend::Embedded).await;
    scene.ingest("shop.orders", 0..70, -48..0).await;
    let body = orders(&json!({"backend": "seasonal-naive", "horizon": 4}));
    let job = scene.job(&body).await;
    hours(&scene, 0..3, 70).await;
    scene.at(3);
    scene.ingest("shop.orders", 0..70, 2..3).await;
    let mut one = intentvision::budget::Count(1);
    assert_eq!(scene.run_with(&mut one).await.unfinished, 1);
    let mut further = body;
    further["horizon"] = json!(5);
    let path = format!("/v1/forecast-jobs/{job}");
    let reply = scene
        .product
        .call(::http::Method::PUT, &path, &scene.key, Some(&further))
        .await;
    assert_eq!(reply.status, 200);
    assert_eq!(scene.run().await.completed, 1);
    let runs = scene.runs(&job).await;
    // run 2 knew hour 0, and hours 1 and 2 were there when its results went
    assert_eq!(
        (&runs[2]["run"], &runs[2]["score"]["steps"]),
        (&json!(2), &json!(2 * 70)),
        "{runs:?}"
    );
}

/// Results that cannot be read any more keep no run up: they are not scored.
#[tokio::test]
async fn damaged_results_do_not_stop_a_job() {
    let scene = Scene::start(Backend::Embedded).await;
    scene.ingest("shop.orders", 0..2, -48..0).await;
    let job = scene
        .job(&orders(&json!({"backend": "seasonal-naive", "horizon": 4})))
        .await;
    hours(&scene, 0..2, 2).await;
    let damage = Step::tenant(
        "UPDATE forecast_results SET blob = x'2102' WHERE org_id = (SELECT org_id FROM authority)",
        vec![],
    );
    scene.operator().run(Batch::write_one(damage)).await.unwrap();
    let path = format!("/v1/forecast-jobs/{job}/results");
    let reply = scene.product.get(&path, &scene.key).await;
    assert_eq!(reply.problem(), (503, "UNAVAILABLE".into()));
    hours(&scene, 2..4, 2).await;
    assert_eq!(scene.results(&job).await.len(), 2);
    assert_eq!(scene.runs(&job).await[3]["score"], Value::Null);
}

#[tokio::test]
async fn a_deleted_job_takes_its_runs_and_results_with_it() {
    for backend in [Backend::Embedded, Backend::Remote] {
        let scene = Scene::start(backend).await;
        scene.ingest("shop.orders", 0..2, -48..0).await;
        let job = scene.job(&orders(&json!({"horizon": 1}))).await;
        let other = scene.job(&orders(&json!({"horizon": 2}))).await;
        assert_eq!(scene.run().await.completed, 2);
        let result = scene.results(&job).await[0]["forecast_id"].as_str().unwrap().to_owned();
        let path = format!("/v1/forecast-jobs/{job}");
        let deleted = scene
            .product
            .call(::http::Method::DELETE, &path, &scene.key, None)
            .await;
        assert_eq!(deleted.status, 204);
        let reply = scene.product.get(&format!("/v1/forecasts/{result}"), &scene.key).await;
        assert_eq!(reply.problem(), (404, "NOT_FOUND".into()));
        assert_eq!(rows(&scene).await, 1, "those of the other job stay");
        assert_eq!(scene.results(&other).await.len(), 2);
    }
}

/// A job that is stopped while a run is under way does not look as if it still ran.
#[tokio::test]
async fn a_job_that_is_not_enabled_is_not_running() {
    let scene = Scene::start(Backend::Embedded).await;
    scene.ingest("shop.orders", 0..100, -12..0).await;
    let mut body = orders(&json!({"horizon": 1, "backend": "seasonal-naive"}));
    let job = scene.job(&body).await;
    let mut one = intentvision::budget::Count(1);
    assert_eq!(scene.run_with(&mut one).await.unfinished, 1);
    assert_eq!(scene.shown(&job).await["status"], "running");
    body["enabled"] = json!(false);
    let path = format!("/v1/forecast-jobs/{job}");
    let reply = scene
        .product
        .call(::http::Method::PUT, &path, &scene.key, Some(&body))
        .await;
    assert_eq!(
        (reply.status, &reply.json()["status"]),
        (200.try_into().unwrap(), &json!("pending"))
    );
    assert_eq!(scene.shown(&job).await["status"], "pending");
}

/// A change of what is forecast begins anew, one of the schedule does not.
#[tokio::test]
async fn a_change_of_the_request_gives_up_the_run_under_way() {
    let scene = Scene::start(Backend::Embedded).await;
    scene.ingest("shop.orders", 0..100, -12..0).await;
    let body = orders(&json!({"horizon": 1, "backend": "seasonal-naive"}));
    let job = scene.job(&body).await;
    let put = async |body: &Value| {
        let path = format!("/v1/forecast-jobs/{job}");
        let reply = scene
            .product
            .call(::http::Method::PUT, &path, &scene.key, Some(body))
            .await;
        assert_eq!(reply.status, 200, "{}", reply.json());
        reply.json()
    };
    let mut one = intentvision::budget::Count(1);
    assert_eq!(scene.run_with(&mut one).await.unfinished, 1);
    let mut slower = body.clone();
    slower["schedule"] = json!("1d");
    assert_eq!(put(&slower).await["status"], "running");
    assert_eq!(scene.runs(&job).await[0]["series"], 64);
    let mut further = slower.clone();
    further["horizon"] = json!(2);
    assert_eq!(put(&further).await["status"], "pending");
    assert_eq!((scene.runs(&job).await.len(), rows(&scene).await), (0, 0));
    assert_eq!(scene.run().await.completed, 1);
    assert!(scene.results(&job).await.iter().all(|result| result["horizon"] == 2));
    // enabled or not: without a run under way, and without a next one
    further["enabled"] = json!(false);
    assert_eq!(put(&further).await["next_run_at"], Value::Null);
    scene.at(48);
    scene.ingest("shop.orders", 0..1, 0..1).await;
    assert_eq!(scene.run().await.due, 0);
    further["enabled"] = json!(true);
    assert_eq!(put(&further).await["next_run_at"], time::format(START + 48 * HOUR));
    assert_eq!(scene.run().await.completed, 1);
}
