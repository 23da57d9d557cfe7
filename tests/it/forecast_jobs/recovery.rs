//! Events that come twice, workers that are killed or overtaken, and runs that fail.

use super::*;
use intentvision::auth::Job;
use intentvision::budget::Count;
use intentvision::clock::MINUTE;
use intentvision::forecasting::jobs::{self, Advanced, Ended, Work};
use tests::proxy::Fault;

async fn prepared(backend: Backend, series: usize) -> (Scene, String) {
    let scene = Scene::start(backend).await;
    scene.ingest("shop.orders", 0..series, -12..0).await;
    let job = scene
        .job(&orders(&json!({"horizon": 2, "backend": "seasonal-naive"})))
        .await;
    (scene, job)
}

/// Takes the job as a worker does, and holds it.
async fn hold(scene: &Scene) -> Option<Box<Work>> {
    let due = jobs::due(&scene.product.app.system(Job::Forecast, None)).await.unwrap();
    let due = due.first()?;
    let tenant = scene.product.app.system(Job::Forecast, Some(due.org_id.clone()));
    match Work::begin(&tenant, &scene.product.app.entropy, &due.job_id)
        .await
        .unwrap()
    {
        Some(Advanced::More(work)) => Some(work),
        _ => None,
    }
}

/// Every series has exactly one result, of one run.
async fn assert_once(scene: &Scene, job: &str, series: usize) {
    let runs = scene.runs(job).await;
    assert_eq!(runs.len(), 1, "{runs:?}");
    assert_eq!(runs[0]["series"], series, "{runs:?}");
    let results = scene.results(job).await;
    let ids: std::collections::BTreeSet<&str> = results.iter().map(|one| one["series_id"].as_str().unwrap()).collect();
    assert_eq!((results.len(), ids.len()), (series, series));
}

#[tokio::test]
async fn an_event_that_comes_twice_makes_one_result() {
    for backend in [Backend::Embedded, Backend::Remote] {
        let (scene, job) = prepared(backend, 70).await;
        let again = scene.product.again(scene.product.app.clock.clone()).await;
        let mut budgets = (Unlimited, Unlimited);
        let (first, second) = futures::join!(
            run_forecasts::run(&scene.product.app, &mut budgets.0),
            run_forecasts::run(&again, &mut budgets.1)
        );
        let (first, second) = (first.unwrap(), second.unwrap());
        assert_eq!(first.completed + second.completed, 1, "{first:?} {second:?}");
        assert_eq!(first.failed + second.failed, 0, "{first:?} {second:?}");
        assert_eq!(scene.run().await.due, 0);
        assert_once(&scene, &job, 70).await;
    }
}

/// While somebody holds the lease nobody else begins; once it has run out the next one goes on where the first stood, and
/// the first one's late write is refused.
#[tokio::test]
async fn a_worker_that_was_frozen_changes_nothing_when_it_comes_back() {
    for backend in [Backend::Embedded, Backend::Remote] {
        let (scene, job) = prepared(backend, 150).await;
        let frozen = hold(&scene).await.unwrap();
        let Ok(Advanced::Paused(frozen)) = frozen.advance(&scene.product.app, &mut Count(1)).await else {
            panic!("it paused after a row");
        };
        assert_eq!(scene.run().await.taken, 1, "the lease is held");
        let later = scene.product.app.clock.clone().with_wall_offset(3 * MINUTE);
        let later = scene.product.again(later).await;
        let taken_over = run_forecasts::run(&later, &mut Count(1)).await.unwrap();
        assert_eq!(taken_over.unfinished, 1, "{taken_over:?}");
        assert_eq!(scene.runs(&job).await[0]["series"], 128);
        let late = frozen.advance(&scene.product.app, &mut Unlimited).await;
        assert!(matches!(late, Ok(Advanced::Ended(Ended::Lost))), "{late:?}");
        assert_eq!(scene.runs(&job).await[0]["series"], 128);
        assert_eq!(run_forecasts::run(&later, &mut Unlimited).await.unwrap().completed, 1);
        assert_once(&scene, &job, 150).await;
    }
}

/// A worker that is killed between its writes: what it wrote stays, and is not made again.
#[tokio::test]
async fn a_killed_run_goes_on_where_it_stood() {
    let (scene, job) = prepared(Backend::Embedded, 100).await;
    let killed = hold(&scene).await.unwrap();
    let Ok(Advanced::Paused(killed)) = killed.advance(&scene.product.app, &mut Count(1)).await else {
        panic!("it paused after a row");
    };
    drop(killed);
    let before = scene.runs(&job).await;
    assert_eq!(
        (&before[0]["series"], &before[0]["completed_at"]),
        (&json!(64), &Value::Null)
    );
    let later = scene.product.app.clock.clone().with_wall_offset(3 * MINUTE);
    let later = scene.product.again(later).await;
    assert_eq!(run_forecasts::run(&later, &mut Unlimited).await.unwrap().completed, 1);
    assert_once(&scene, &job, 100).await;
    assert_eq!(scene.runs(&job).await[0]["started_at"], before[0]["started_at"]);
}

/// The input of a run is what was acknowledged when it began: without anything new there is no second result.
#[tokio::test]
async fn an_input_is_forecast_once() {
    for backend in [Backend::Embedded, Backend::Remote] {
        let (scene, job) = prepared(backend, 2).await;
        assert_eq!(scene.run().await.completed, 1);
        scene.at(1);
        let summary = scene.run().await;
        assert_eq!((summary.completed, summary.unchanged), (0, 1), "{summary:?}");
        assert_once(&scene, &job, 2).await;
        let shown = scene.shown(&job).await;
        assert_eq!(
            (&shown["status"], &shown["next_run_at"]),
            (&json!("completed"), &json!(time::format(START + 2 * HOUR)))
        );
        scene.at(2);
        scene.ingest("shop.orders", 0..1, 0..2).await;
        assert_eq!(scene.run().await.completed, 1);
        assert_eq!(scene.runs(&job).await.len(), 2);
    }
}

/// Slots that were missed are not made up for: one run, and then the next slot of the same schedule.
#[tokio::test]
async fn a_schedule_keeps_its_slots() {
    let (scene, job) = prepared(Backend::Embedded, 1).await;
    assert_eq!(scene.run().await.completed, 1);
    scene.product.app.clock.set(START + 5 * HOUR + 7 * MINUTE);
    scene.ingest("shop.orders", 0..1, 0..5).await;
    assert_eq!(scene.run().await.completed, 1);
    assert_eq!(scene.run().await.due, 0);
    assert_eq!(scene.shown(&job).await["next_run_at"], time::format(START + 6 * HOUR));
}

#[tokio::test]
async fn a_run_that_fails_is_tried_again_with_growing_delays_and_says_why() {
    for backend in [Backend::Embedded, Backend::Remote] {
        let scene = Scene::start(backend).await;
        let job = scene.job(&orders(&json!({"schedule": "1d", "horizon": 1}))).await;
        let mut now = START;
        for (attempt, delay) in [(1, 1), (2, 2), (3, 4), (4, 8)] {
            let summary = scene.run().await;
            assert_eq!((summary.due, summary.failed), (1, 1), "{summary:?}");
            let shown = scene.shown(&job).await;
            assert_eq!(
                (&shown["status"], &shown["attempts"]),
                (&json!("failed"), &json!(attempt))
            );
            assert_eq!(shown["last_error"], "no series of this metric has the dimensions");
            assert_eq!(shown["next_run_at"], time::format(now + delay * MINUTE), "{attempt}");
            assert_eq!(scene.run().await.due, 0, "not before its time");
            now += delay * MINUTE;
            scene.product.app.clock.set(now);
        }
        // the fifth is the last until the next slot
        assert_eq!(scene.run().await.failed, 1);
        let shown = scene.shown(&job).await;
        assert_eq!(
            (&shown["attempts"], &shown["next_run_at"]),
            (&json!(0), &json!(time::format(START + 24 * HOUR)))
        );
        assert_eq!(scene.runs(&job).await, [] as [Value; 0]);
        scene.at(24);
        scene.ingest("shop.orders", 0..1, -12..0).await;
        assert_eq!(scene.run().await.completed, 1);
        let shown = scene.shown(&job).await;
        assert_eq!(
            (&shown["status"], &shown["last_error"]),
            (&json!("completed"), &Value::Null)
        );
    }
}

/// A database that is away in the middle of a run: the run stands where it was, and goes on.
#[tokio::test]
async fn a_lost_database_costs_time_and_nothing_else() {
    let (scene, job) = prepared(Backend::Remote, 70).await;
    let work = hold(&scene).await.unwrap();
    let Ok(Advanced::Paused(work)) = work.advance(&scene.product.app, &mut Count(1)).await else {
        panic!("it paused after a row");
    };
    // 400 is not tried again by the client
    scene
        .product
        .proxy()
        .disturb(Some(Box::new(|_| Some(Fault::Status(400)))));
    let Err((work, error)) = work.advance(&scene.product.app, &mut Unlimited).await else {
        panic!("the database was away");
    };
    scene.product.proxy().disturb(None);
    assert_eq!(work.failed(&error.to_string()).await.unwrap(), Ended::Failed);
    let shown = scene.shown(&job).await;
    assert_eq!((&shown["status"], &shown["attempts"]), (&json!("failed"), &json!(1)));
    assert_eq!(
        shown["last_error"],
        "the service is not available right now, please retry"
    );
    assert_eq!(shown["next_run_at"], time::format(START + MINUTE));
    assert_eq!(scene.runs(&job).await[0]["series"], 64, "what was written stays");
    scene.product.app.clock.set(START + MINUTE);
    assert_eq!(scene.run().await.completed, 1);
    assert_once(&scene, &job, 70).await;
}

/// A reply that is lost after the database has done what it was asked for.
#[tokio::test]
async fn lost_replies_make_no_second_result() {
    for nth in 0..8 {
        let (scene, job) = prepared(Backend::Remote, 70).await;
        let mut left = nth;
        scene.product.proxy().disturb(Some(Box::new(move |_| {
            left -= 1;
            (left == -1).then_some(Fault::LoseReply)
        })));
        let _ = run_forecasts::run(&scene.product.app, &mut Unlimited).await;
        scene.product.proxy().disturb(None);
        // whatever it left: a lease that runs out, a retry that is due later
        scene.product.app.clock.set(START + 5 * MINUTE);
        let later = scene.product.app.clock.clone().with_wall_offset(3 * MINUTE);
        let later = scene.product.again(later).await;
        run_forecasts::run(&later, &mut Unlimited).await.unwrap();
        assert_once(&scene, &job, 70).await;
        assert_eq!(scene.shown(&job).await["status"], "completed", "{nth}");
    }
}

/// One that is killed each time before it writes anything is given up in the end, and said to be.
#[tokio::test]
async fn a_run_that_is_killed_again_and_again_is_given_up_until_its_next_slot() {
    let (scene, job) = prepared(Backend::Embedded, 2).await;
    let mut now = START;
    for minutes in [1, 2, 4, 8, 16] {
        let later = scene.product.app.clock.clone().with_wall_offset(now - START);
        let app = scene.product.again(later).await;
        let due = jobs::due(&app.system(Job::Forecast, None)).await.unwrap();
        let tenant = app.system(Job::Forecast, Some(due[0].org_id.clone()));
        let work = Work::begin(&tenant, &app.entropy, &due[0].job_id).await.unwrap();
        assert!(matches!(work, Some(Advanced::More(_))), "{minutes}");
        now += minutes.max(3) * MINUTE;
        scene.product.app.clock.set(now);
    }
    let later = scene.product.app.clock.clone().with_wall_offset(now - START);
    let app = scene.product.again(later).await;
    assert_eq!(run_forecasts::run(&app, &mut Unlimited).await.unwrap().failed, 1);
    let shown = scene.shown(&job).await;
    assert_eq!(shown["last_error"], "the run was interrupted again and again");
    assert_eq!(shown["next_run_at"], time::format(START + HOUR));
    scene.at(1);
    let later = scene.product.app.clock.clone().with_wall_offset(2 * HOUR);
    let app = scene.product.again(later).await;
    assert_eq!(run_forecasts::run(&app, &mut Unlimited).await.unwrap().completed, 1);
}

/// The deployed program, as its schedule starts it.
#[tokio::test]
async fn the_function_runs_what_is_due() {
    let (scene, job) = prepared(Backend::Remote, 3).await;
    let function = tests::runtime_api::Start::function("run-forecasts")
        .database(&scene.product.proxy().url())
        .start()
        .await
        .unwrap();
    let event = tests::events::scheduled(&time::format(START));
    let summary = function.invoke(event.clone()).await.unwrap();
    assert_eq!(
        (&summary["due"], &summary["completed"]),
        (&json!(1), &json!(1)),
        "{summary}"
    );
    assert_once(&scene, &job, 3).await;
    assert_eq!(function.invoke(event).await.unwrap()["completed"], 0);
}
