//! Faults against the real programs, for some seconds.

use std::sync::Arc;
use tests::chaos::alerts::{self, Alerts};
use tests::chaos::{Episode, Tally, Ten, episode, ten};
use tests::product::Backend;

async fn slice(backend: Backend) {
    let tally = Arc::new(Tally::default());
    let plan = Episode {
        seed: 3,
        backend,
        rounds: 2,
        requests: 40,
    };
    let report = episode(plan, Arc::clone(&tally)).await;
    assert!(report.is_clean(), "{report}");
    assert!(report.acknowledged > 1_000, "{}", report.acknowledged);
    assert!(tally.total() > 0, "nothing went wrong, so that nothing was tried");
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_lose_no_acknowledged_point_and_make_none_up_embedded() {
    slice(Backend::Embedded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_lose_no_acknowledged_point_and_make_none_up_remote() {
    slice(Backend::Remote).await;
}

async fn crowd(backend: Backend) {
    let seen = ten(Ten { backend, requests: 30 }).await;
    assert_eq!(seen.wrong, Vec::<String>::new());
    assert_eq!(seen.writes.len(), 300);
    assert!(!seen.reads.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_processes_on_one_file_give_no_client_a_busy_error() {
    crowd(Backend::Embedded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_processes_on_one_server_give_no_client_a_busy_error() {
    crowd(Backend::Remote).await;
}

async fn killed(backend: Backend) {
    let tally = Arc::new(Tally::default());
    let plan = Alerts {
        seed: 5,
        backend,
        minutes: 40,
    };
    let verdict = alerts::run(plan, Arc::clone(&tally)).await;
    assert!(verdict.is_clean(), "{verdict}");
    assert!(verdict.alerts > 20 && verdict.messages > verdict.alerts, "{verdict}");
    // how many are killed in time depends on the machine
    let killed = |(kind, _): &(&str, usize)| kind.starts_with("kill");
    assert!(tally.kinds().iter().any(killed), "{:?}", tally.kinds());
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_evaluators_and_notifiers_miss_no_alert_embedded() {
    killed(Backend::Embedded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_evaluators_and_notifiers_miss_no_alert_remote() {
    killed(Backend::Remote).await;
}
