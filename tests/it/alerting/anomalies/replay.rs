//! A tick run twice, ticks missed, and ticks killed midway end in the same state as one clean run, anomalies included.

use super::scene::{anomalies, dropped, history, rule, switch, usual};
use crate::alerting::replay::{assert_same, killed, ticked};
use crate::alerting::rig::{Rig, START, series};
use evaluate_alerts::Unlimited;
use intentvision::clock::MINUTE;
use intentvision::detection::marks;
use intentvision::series::SeriesRef;
use serde_json::json;

/// Long enough for an incident that is quiet for an hour to end.
const LENGTH: i64 = 90;
const HOSTS: usize = 6;

/// Three days of history a point a minute, detection and a rule; nothing evaluated.
async fn begin() -> Rig {
    let rig = Rig::new().await;
    let names: Vec<SeriesRef> = (0..HOSTS).map(series).collect();
    history(&rig, &names, 3, 1).await;
    rig.at(0, 5_000);
    rig.rule(rule(|rule| rule["keep_firing_for"] = json!("2m"))).await;
    switch(&rig, true).await;
    rig
}

/// What comes in before a minute: three drop for a while, one of them later; one is silent; one is new.
async fn arrivals(rig: &Rig, minute: i64) {
    let time = START + minute * MINUTE;
    rig.at(minute, 0);
    let mut points = Vec::new();
    for host in 0..=HOSTS {
        let name = series(host);
        let drops = match host {
            0 | 1 => (6..=17).contains(&minute),
            2 => (8..=17).contains(&minute),
            _ => false,
        };
        let silent = host == 3 && (3..25).contains(&minute) || host == HOSTS && minute < 20;
        if !silent {
            let value = if drops {
                dropped(&name, time)
            } else {
                usual(&name, time)
            };
            points.push((name, time, value));
        }
    }
    if minute == 20 {
        let past = (1..=300).rev().map(|back| {
            let (name, time) = (series(HOSTS), time - back * MINUTE);
            let value = if back > 10 {
                usual(&name, time)
            } else {
                dropped(&name, time)
            };
            (name, time, value)
        });
        rig.store(&past.collect::<Vec<_>>(), true).await;
    }
    rig.store(&points, false).await;
    // the second one is about a series of which the detector knows nothing yet
    for (host, when) in [(0, 15), (HOSTS, 20)] {
        if minute == when {
            marks::accept_level(&rig.tenant(), series(host).series_id, None)
                .await
                .unwrap();
        }
    }
}

async fn clean() -> Rig {
    let rig = begin().await;
    for minute in 1..=LENGTH {
        arrivals(&rig, minute).await;
        rig.tick(minute).await;
    }
    rig
}

#[tokio::test]
async fn the_clean_run_is_a_story_worth_comparing() {
    let rig = clean().await;
    let endings = rig
        .read("SELECT DISTINCT ending FROM anomalies WHERE ending IS NOT NULL ORDER BY 1")
        .await;
    let endings: Vec<_> = endings.iter().map(|row| row.text(0).unwrap().to_owned()).collect();
    assert_eq!(endings, ["marked", "recovered"]);
    let kinds = rig.read("SELECT 1 FROM anomalies WHERE kind = 'missing'").await;
    assert_eq!(kinds.len(), 1);
    let groups = rig.read("SELECT series FROM anomaly_groups ORDER BY group_id").await;
    assert!(groups[0].integer(0).unwrap() >= 3, "{groups:?}");
    let (log, found) = (rig.log().await, anomalies(&rig).await);
    assert!(log.len() >= 5, "{log:?} {found:?}");
    let applied = rig.read("SELECT applied_at FROM detection_marks").await;
    assert_eq!(applied[0].opt_integer(0).unwrap(), Some(START + 15 * MINUTE));
}

#[tokio::test]
async fn a_tick_run_twice_changes_nothing() {
    let rig = begin().await;
    for minute in 1..=LENGTH {
        arrivals(&rig, minute).await;
        rig.tick(minute).await;
        let before = rig.state().await;
        rig.tick(minute).await;
        assert_eq!(rig.state().await, before, "minute {minute}");
    }
}

#[tokio::test]
async fn missed_ticks_are_made_up_for() {
    let run = async |happens: fn(i64) -> bool| {
        let rig = begin().await;
        ticked(&rig, LENGTH, arrivals, happens).await;
        rig
    };
    let clean = clean().await;
    for happens in [
        |minute| minute == 60 || minute == LENGTH,
        |minute| minute == 1 || minute == 50 || minute == LENGTH,
        |minute| minute % 10 == 0,
    ] {
        assert_same(&run(happens).await, &clean).await;
    }
}

#[tokio::test]
async fn a_tick_that_is_killed_is_made_up_for() {
    let clean = clean().await;
    for after in [false, true] {
        let rig = begin().await;
        for minute in 1..=LENGTH {
            arrivals(&rig, minute).await;
            rig.at(minute, 1_000);
            // in each minute at another batch: reads of history, cold rows and groups, and the writes
            for batches in 1..=12 {
                if killed(&rig, minute, batches, after, &mut Unlimited).await {
                    break;
                }
            }
            rig.tick(minute).await;
        }
        assert_same(&rig, &clean).await;
    }
}
