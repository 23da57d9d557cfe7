//! What is kept of watched series, and when it is read and written.

use super::scene::{STEP, anomalies, dropped, history, run, switch, usual, watched};
use crate::alerting::rig::{Rig, series};
use db::args;
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

/// The version byte of the only hot state in a page of a lane: its length before it is 256, as a varint.
fn version_byte(page: &[u8]) -> usize {
    let found: Vec<usize> = (2..page.len())
        .filter(|at| page[at - 2..=*at] == [0x80, 2, 1])
        .collect();
    assert_eq!(found.len(), 1, "{found:?}");
    found[0]
}

/// A state of a version that is not known is learned anew; what was told is still one incident, and ends.
#[tokio::test]
async fn what_was_told_ends_under_another_version_of_the_detector() {
    let (rig, names) = watched(1).await;
    run(&rig, &names, 2..=60, |name, time| Some(usual(name, time))).await;
    run(&rig, &names, 61..=80, |name, time| Some(dropped(name, time))).await;
    assert_eq!(anomalies(&rig).await.len(), 1);
    let pages = rig.read("SELECT blob FROM lane_state WHERE page >= 0").await;
    let mut page = pages[0].blob(0).unwrap().to_vec();
    let at = version_byte(&page);
    page[at] = 255;
    rig.write(
        "UPDATE lane_state SET blob = ?2 WHERE org_id = (SELECT org_id FROM authority) AND page >= 0",
        args![page],
    )
    .await;
    rig.at(81, 0);
    assert_eq!(rig.tick(81).await.replayed, 1);
    run(&rig, &names, 82..=95, |name, time| Some(dropped(name, time))).await;
    let found = anomalies(&rig).await;
    assert_eq!((found.len(), found[0].until), (1, None), "{found:?}");
    run(&rig, &names, 96..=240, |name, time| Some(usual(name, time))).await;
    let found = anomalies(&rig).await;
    assert_eq!(
        (found.len(), found[0].ending.as_deref()),
        (1, Some("recovered")),
        "{found:?}"
    );
}
