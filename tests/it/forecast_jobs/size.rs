//! Many series in one run: a handful of requests, and no more time than the function has.

use super::*;
use intentvision::budget::Count;
use tests::forecast_jobs::cost;

/// 1,000 series are two pieces: a read or two, one write and what goes around it.
#[tokio::test]
async fn a_run_reads_hundreds_of_series_together() {
    let cost = cost(1_000).await;
    assert_eq!(cost.series, 1_000);
    assert!(cost.traffic.requests <= 16, "{cost:?}");
    assert!(cost.traffic.rows_read <= 33 * 1_000, "{cost:?}");
    assert!(cost.traffic.rows_written <= 100, "{cost:?}");
}

/// A run that its budget ends goes on in the next one, where it stood, until all series are done; nothing is made twice.
#[tokio::test]
async fn a_run_that_is_out_of_time_goes_on_in_the_next() {
    for backend in [Backend::Embedded, Backend::Remote] {
        let scene = Scene::start(backend).await;
        scene.ingest("shop.orders", 0..300, -12..0).await;
        let job = scene
            .job(&orders(&json!({"horizon": 2, "backend": "seasonal-naive"})))
            .await;
        // 300 series are five rows of 64
        for (turn, done) in [(1, 128), (2, 256)] {
            let summary = scene.run_with(&mut Count(2)).await;
            assert_eq!(
                (summary.completed, summary.unfinished),
                (0, 1),
                "turn {turn}: {summary:?}"
            );
            let run = &scene.runs(&job).await[0];
            assert_eq!((&run["series"], &run["completed_at"]), (&json!(done), &Value::Null));
            assert_eq!(scene.shown(&job).await["status"], "running");
            assert_eq!(
                scene.results(&job).await,
                [] as [Value; 0],
                "an unfinished run is not shown"
            );
        }
        let summary = scene.run_with(&mut Count(2)).await;
        assert_eq!((summary.completed, summary.unfinished), (1, 0), "{summary:?}");
        let results = scene.results(&job).await;
        assert_eq!(results.len(), 300);
        let series: std::collections::BTreeSet<&str> = results
            .iter()
            .map(|result| result["series_id"].as_str().unwrap())
            .collect();
        assert_eq!(series.len(), 300, "each once");
        assert_eq!(scene.runs(&job).await.len(), 1);
        assert_eq!(scene.shown(&job).await["last_series"], 300);
    }
}

/// Jobs take turns: a small one need not wait until a large one is done.
#[tokio::test]
async fn a_large_job_does_not_keep_a_small_one_waiting() {
    let scene = Scene::start(Backend::Embedded).await;
    scene.ingest("large", 0..900, -8..0).await;
    scene.ingest("small", 0..1, -8..0).await;
    let body =
        |metric: &str| json!({"metric_key": metric, "horizon": 1, "schedule": "1h", "backend": "seasonal-naive"});
    let large = scene.job(&body("large")).await;
    let small = scene.job(&body("small")).await;
    // a turn is 12 rows; the large job has 15
    let summary = scene.run_with(&mut Count(13)).await;
    assert_eq!(
        (summary.due, summary.completed, summary.unfinished),
        (2, 1, 1),
        "{summary:?}"
    );
    assert_eq!(scene.shown(&small).await["status"], "completed");
    assert_eq!(scene.shown(&large).await["status"], "running");
    assert_eq!(scene.run().await.completed, 1);
    assert_eq!(scene.shown(&large).await["last_series"], 900);
}
