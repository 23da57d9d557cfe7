//! Point 11: "a tick run twice, ten ticks missed, two ticks at once, a tick killed midway end in the same state as one
//! clean run; late and backfilled points never page".

use super::fault::Killed;
use super::rig::{Rig, START, threshold};
use super::story::{LENGTH, arrivals, begin, clean};
use evaluate_alerts::{Count, Unlimited};
use intentvision::App;
use intentvision::budget::Budget;
use intentvision::clock::{DAY, HOUR, MINUTE};
use intentvision::config::Config;
use intentvision::id::Entropy;
use serde_json::json;
use std::sync::Arc;

/// Another process on the same database and clock.
fn another(rig: &Rig, db: Arc<dyn db::Db>) -> App {
    App::new(db, rig.app.clock.clone(), Entropy::seeded(2), Config::default(), None)
}

/// A tick of another process that is killed at one of its batches, before or after the database had it; whether it got to
/// its end before.
pub(super) async fn killed(rig: &Rig, minute: i64, batches: usize, after: bool, forecasts: &mut dyn Budget) -> bool {
    let db = Arc::new(Killed::new(rig.db.clone(), batches, after));
    let app = App::new(
        db.clone(),
        rig.app.clock.clone(),
        Entropy::seeded(2),
        Config::default(),
        None,
    );
    let _ = evaluate_alerts::run(&app, START + minute * MINUTE, &mut Unlimited, forecasts).await;
    db.survived()
}

/// Minutes with what arrives in them, and ticks in some of them.
pub(super) async fn ticked(rig: &Rig, length: i64, arrivals: impl AsyncFn(&Rig, i64), happens: impl Fn(i64) -> bool) {
    for minute in 1..=length {
        arrivals(rig, minute).await;
        if happens(minute) {
            rig.tick(minute).await;
        }
    }
}

pub(super) async fn assert_same(one: &Rig, other: &Rig) {
    let (one, other) = (one.state().await, other.state().await);
    for (table, rows) in &one {
        assert_eq!(rows.len(), other[table].len(), "rows of {table}");
        for (row, copy) in rows.iter().zip(&other[table]) {
            assert_eq!(row, copy, "{table}");
        }
    }
}

#[tokio::test]
async fn the_clean_run_is_a_story_worth_comparing() {
    let rig = clean().await;
    let log = rig.log().await;
    for line in [
        "normal>firing",
        "firing>resolved",
        "pending>firing",
        "recovering>resolved",
        "no_data>",
    ] {
        assert!(log.iter().any(|entry| entry.contains(line)), "{line}: {log:?}");
    }
    assert!(rig.read("SELECT 1 FROM lane_state WHERE page > 0").await.len() >= 2);
    assert!(!rig.messages(2).await.is_empty());
}

#[tokio::test]
async fn a_tick_run_twice_changes_nothing() {
    let rig = begin().await;
    for minute in 1..=LENGTH {
        arrivals(&rig, minute).await;
        rig.tick(minute).await;
        let before = rig.state().await;
        let again = rig.tick(minute).await;
        assert_eq!((again.minutes, again.transitions, again.messages), (0, 0, 0));
        assert_eq!(rig.state().await, before);
    }
    assert_same(&rig, &clean().await).await;
}

#[tokio::test]
async fn missed_ticks_are_made_up_for() {
    // all of them, all but the first, and every second one
    let run = async |happens: fn(i64) -> bool| {
        let rig = begin().await;
        ticked(&rig, LENGTH, arrivals, happens).await;
        rig
    };
    let clean = clean().await;
    for happens in [
        |minute| minute == LENGTH,
        |minute| minute == 1 || minute == LENGTH,
        |minute| minute % 2 == 0,
    ] {
        assert_same(&run(happens).await, &clean).await;
    }
}

#[tokio::test]
async fn a_late_tick_sees_what_one_in_time_saw() {
    let rig = begin().await;
    for minute in 1..=LENGTH {
        arrivals(&rig, minute).await;
    }
    // events in a wrong order, and one of the future
    for minute in [3, 1, 7, 5, LENGTH] {
        rig.at(LENGTH, 1_000);
        evaluate_alerts::run(&rig.app, START + minute * MINUTE, &mut Unlimited, &mut Count(0))
            .await
            .unwrap();
    }
    let ahead = evaluate_alerts::run(&rig.app, START + 99 * MINUTE, &mut Unlimited, &mut Count(0))
        .await
        .unwrap();
    assert_eq!(ahead.minutes, 0, "no minute is later than the product clock");
    assert_same(&rig, &clean().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_ticks_at_once_do_the_work_of_one() {
    let rig = begin().await;
    for minute in 1..=LENGTH {
        arrivals(&rig, minute).await;
        if minute % 3 != 0 {
            continue;
        }
        rig.at(minute, 1_000);
        let others: Vec<_> = (0..3)
            .map(|_| {
                let app = another(&rig, rig.db.clone());
                tokio::spawn(async move {
                    evaluate_alerts::run(&app, START + minute * MINUTE, &mut Unlimited, &mut Count(0))
                        .await
                        .unwrap()
                })
            })
            .collect();
        let mut minutes = 0;
        for other in others {
            let summary = other.await.unwrap();
            assert_eq!(summary.failed, 0);
            minutes += summary.minutes;
        }
        assert_eq!(minutes, 3, "each minute was completed by one of them");
    }
    assert_same(&rig, &clean().await).await;
}

#[tokio::test]
async fn a_tick_killed_at_any_batch_leaves_what_a_clean_run_leaves() {
    let clean = clean().await;
    for after in [false, true] {
        let mut batches = 1;
        loop {
            let rig = begin().await;
            for minute in 1..=LENGTH {
                arrivals(&rig, minute).await;
            }
            rig.at(LENGTH, 1_000);
            let survived = killed(&rig, LENGTH, batches, after, &mut Count(0)).await;
            rig.tick(LENGTH).await;
            assert_same(&rig, &clean).await;
            if survived {
                break;
            }
            batches += 1;
        }
        assert!(batches > 5, "there were batches to be killed at: {batches}");
    }
}

#[tokio::test]
async fn late_and_backfilled_points_never_page() {
    let rig = Rig::new().await;
    rig.at(0, 1_000);
    rig.rule(threshold(|_| ())).await;
    rig.minute(1, Some(50.0)).await;
    for minute in 2..8 {
        rig.at(minute - 1, 30_000);
        let now = START + minute * MINUTE;
        // a late point of this series, a correction, history of it, and a late first point of another
        rig.points(&[(1, now - 16 * MINUTE, 900.0)], false).await;
        rig.points(&[(1, START + 30_000, 900.0)], false).await;
        rig.points(&[(1, now - 30_000, 900.0)], true).await;
        rig.points(&[(2, now - 20 * MINUTE + minute, 900.0)], false).await;
        rig.points(&[(3, now - 30_000, 900.0)], true).await;
        rig.tick(minute).await;
    }
    assert_eq!(rig.log().await, Vec::<String>::new());
    rig.minute(8, Some(900.0)).await;
    assert_eq!(rig.log().await, ["8 normal>firing"]);
}

#[tokio::test]
async fn a_point_that_came_after_the_minute_belongs_to_the_next() {
    let rig = Rig::new().await;
    rig.at(0, 1_000);
    rig.rule(threshold(|_| ())).await;
    rig.at(1, 1);
    rig.send(&[(1, 900.0)]).await;
    rig.tick(1).await;
    assert_eq!(rig.log().await, Vec::<String>::new());
    rig.tick(2).await;
    assert_eq!(rig.log().await, ["2 unknown>firing"]);
}

#[tokio::test]
async fn more_than_sixty_missed_minutes_collapse_and_end_alike() {
    let run = async |kill_at: Option<usize>| {
        let rig = Rig::new().await;
        rig.at(0, 1_000);
        rig.rule(threshold(|rule| rule["for"] = json!("5m"))).await;
        for (minute, value) in [(1, 50.0), (3, 200.0), (100, 200.0), (150, 50.0), (170, 200.0)] {
            rig.at(minute, 30_000);
            rig.send(&[(1, value)]).await;
        }
        rig.at(180, 1_000);
        if let Some(batches) = kill_at {
            killed(&rig, 180, batches, true, &mut Unlimited).await;
        }
        rig.tick(180).await;
        rig
    };
    let clean = run(None).await;
    assert_eq!(
        clean.log().await,
        ["20 pending>firing", "151 firing>resolved", "176 pending>firing"]
    );
    for batches in 1..12 {
        assert_same(&run(Some(batches)).await, &clean).await;
    }
}

#[tokio::test]
async fn a_lane_that_is_a_day_behind_is_skipped_and_says_so() {
    let rig = Rig::new().await;
    rig.at(0, 1_000);
    rig.rule(threshold(|_| ())).await;
    rig.minute(1, Some(900.0)).await;
    assert_eq!(rig.log().await, ["1 unknown>firing"]);
    rig.at(10, 0);
    rig.send(&[(1, 50.0)]).await;
    // all of that was folded meanwhile
    rig.write(
        "UPDATE org_state SET compacted_seq = 2 WHERE org_id = (SELECT org_id FROM authority)",
        vec![],
    )
    .await;
    let late = 1 + DAY / MINUTE + HOUR / MINUTE;
    let summary = rig.tick(late).await;
    assert_eq!(summary.minutes, 1);
    // the instance keeps its state: what was skipped neither resolved nor paged
    assert_eq!(rig.statuses().await, ["firing"]);
    let rows = rig.read("SELECT skipped, watermark FROM lanes").await;
    let skipped: serde_json::Value = serde_json::from_str(rows[0].text(0).unwrap()).unwrap();
    assert_eq!((&skipped["after_seq"], &skipped["to_seq"]), (&json!(1), &json!(2)));
    assert_eq!(skipped["after_minute"], START + MINUTE);
    assert_eq!(rows[0].integer(1).unwrap(), 2);
    rig.minute(late + 1, Some(50.0)).await;
    assert_eq!(rig.statuses().await, ["resolved"]);
}
