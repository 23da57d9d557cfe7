//! What is kept of watched series, and when it is read and written.

use super::scene::{STEP, history, run, switch, usual, watched};
use crate::alerting::rig::{Rig, series};
use evaluate_alerts::Count;
use intentvision::series::SeriesRef;

#[tokio::test]
async fn more_history_than_the_budget_has_takes_several_ticks() {
    let rig = Rig::new().await;
    let names: Vec<SeriesRef> = (0..40).map(series).collect();
    history(&rig, &names, 1, STEP).await;
    rig.at(0, 500);
    switch(&rig, true).await;
    let mut replayed = Vec::new();
    for minute in 1..=5 {
        replayed.push(rig.tick_within(minute, &mut Count(1), &mut Count(0)).await.replayed);
    }
    assert_eq!(replayed, [16, 16, 8, 0, 0]);
    assert_eq!(rig.tick(6).await.replayed, 0);
}

/// Days of a row end together; a row that gets too large is split, and none is left of it.
#[tokio::test]
async fn cold_rows_are_written_once_a_day_and_split() {
    let (rig, names) = watched(60).await;
    let buckets = async || {
        let rows = rig.read("SELECT bucket FROM detector_cold ORDER BY bucket").await;
        rows.iter().map(|row| row.integer(0).unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(buckets().await, [1]);
    let blob = async || rig.read("SELECT blob FROM detector_cold").await;
    let before = blob().await;
    run(&rig, &names, 5..=10, |name, time| Some(usual(name, time))).await;
    let rolled = blob().await;
    assert_ne!(rolled, before, "the day ended at midnight, which is minute 0");
    run(&rig, &names, 15..=60, |name, time| Some(usual(name, time))).await;
    assert_eq!(blob().await, rolled, "nothing is written in the middle of a day");
    let more: Vec<SeriesRef> = (0..70).map(series).collect();
    run(&rig, &more, 65..=65, |name, time| Some(usual(name, time))).await;
    // the row of a half is split off when the day of one of its series ends
    run(&rig, &more, 70..=13 * 60, |name, time| Some(usual(name, time))).await;
    assert_eq!(buckets().await, [2, 3]);
    switch(&rig, false).await;
    rig.tick(13 * 60 + 1).await;
    assert!(buckets().await.is_empty());
    let lanes = rig.read("SELECT active FROM lanes").await;
    assert_eq!(lanes[0].integer(0).unwrap(), 0, "nothing is left to watch");
    assert!(rig.read("SELECT 1 FROM lane_state").await.is_empty());
}
