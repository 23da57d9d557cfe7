//! What one series does, and what is found.

use super::scene::{anomalies, dropped, history, rule, run, switch, usual, watched};
use crate::alerting::rig::{Rig, START, series};
use intentvision::clock::{HOUR, MINUTE};
use intentvision::detection::{Label, LabelRequest, Subject, marks, status};
use intentvision::series::SeriesRef;
use serde_json::json;

#[tokio::test]
async fn a_drop_is_one_anomaly_that_ends_and_the_rule_says_why() {
    let (rig, names) = watched(1).await;
    rig.rule(rule(|_| ())).await;
    run(&rig, &names, 2..=60, |name, time| Some(usual(name, time))).await;
    assert!(anomalies(&rig).await.is_empty(), "what is usual is no news");
    run(&rig, &names, 61..=90, |name, time| Some(dropped(name, time))).await;
    let found = anomalies(&rig).await;
    assert_eq!(found.len(), 1, "{found:?}");
    let one = &found[0];
    assert!((65..=80).contains(&one.from) && one.until.is_none(), "{one:?}");
    assert_eq!(
        (one.series_id, one.direction.as_str()),
        (names[0].series_id.raw(), "down")
    );
    assert!(one.observed.unwrap() < 30.0 && one.expected > 150.0, "{one:?}");
    assert!(one.reason.starts_with("load "), "{one:?}");
    let alerts = rig.read("SELECT status, severity, reason FROM alerts").await;
    assert_eq!(alerts.len(), 1);
    assert_eq!(
        (alerts[0].text(0).unwrap(), alerts[0].text(1).unwrap()),
        ("firing", "warning")
    );
    assert!(alerts[0].text(2).unwrap().starts_with("load "), "{alerts:?}");
    run(&rig, &names, 91..=240, |name, time| Some(usual(name, time))).await;
    let found = anomalies(&rig).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].ending.as_deref(), Some("recovered"));
    assert!((95..=240).contains(&found[0].until.unwrap()), "{found:?}");
    assert_eq!(rig.statuses().await, ["resolved"]);
    assert_eq!(rig.log().await.len(), 2);
}

#[tokio::test]
async fn a_level_shift_is_one_anomaly_and_then_the_new_normal() {
    let (rig, names) = watched(1).await;
    run(&rig, &names, 2..=60, |name, time| Some(usual(name, time))).await;
    run(&rig, &names, 61..=61 + 30 * 60, |name, time| {
        Some(3.0 * usual(name, time))
    })
    .await;
    let found = anomalies(&rig).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(
        (found[0].direction.as_str(), found[0].ending.as_deref()),
        ("up", Some("new_normal"))
    );
    assert!(found[0].until.unwrap() <= 61 + 24 * 60, "{found:?}");
}

#[tokio::test]
async fn silence_is_an_anomaly_that_ends_when_values_come_again() {
    let (rig, names) = watched(1).await;
    run(&rig, &names, 2..=60, |name, time| Some(usual(name, time))).await;
    run(&rig, &names, 61..=180, |_, _| None).await;
    let found = anomalies(&rig).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].kind.as_str(), found[0].observed), ("missing", None));
    run(&rig, &names, 181..=240, |name, time| Some(usual(name, time))).await;
    let found = anomalies(&rig).await;
    assert_eq!(
        (found.len(), found[0].ending.as_deref()),
        (1, Some("recovered")),
        "{found:?}"
    );
}

/// Marks are applied in the minute after they were made, once, also of a series of which nothing is kept.
#[tokio::test]
async fn what_users_say_ends_the_incident() {
    let (rig, names) = watched(1).await;
    run(&rig, &names, 2..=60, |name, time| Some(usual(name, time))).await;
    run(&rig, &names, 61..=85, |name, time| Some(dropped(name, time))).await;
    rig.at(86, 0);
    let label = async |name: &SeriesRef| {
        let request = LabelRequest {
            subject: Subject::Time(START + 85 * MINUTE),
            label: Label::Expected,
        };
        marks::label(&rig.tenant(), name.series_id, &request, None)
            .await
            .unwrap();
    };
    label(&names[0]).await;
    rig.send(&[(7, 1.0)]).await;
    label(&series(7)).await;
    rig.tick(87).await;
    let found = anomalies(&rig).await;
    assert_eq!(
        (found.len(), found[0].ending.as_deref()),
        (1, Some("marked")),
        "{found:?}"
    );
    let applied = rig.read("SELECT applied_at FROM detection_marks ORDER BY seq").await;
    let minutes: Vec<_> = applied.iter().map(|row| row.opt_integer(0).unwrap()).collect();
    assert_eq!(minutes, [Some(START + 86 * MINUTE); 2]);
    let group = rig.read("SELECT ended_at, series FROM anomaly_groups").await;
    assert_eq!(group[0].opt_integer(0).unwrap(), Some(START + 86 * MINUTE));
}

/// An incident of the history is not told, and neither is its end; what comes later is.
#[tokio::test]
async fn a_replay_of_history_tells_nothing() {
    let rig = Rig::new().await;
    let names = [series(1)];
    history(&rig, &names, 8, 5).await;
    let odd = |from: i64, to: i64| {
        let times = (from..to).map(|step| START + step * 5 * MINUTE);
        times
            .map(|time| (names[0].clone(), time, dropped(&names[0], time)))
            .collect::<Vec<_>>()
    };
    // one is over, the other one goes on; both came as corrections of history
    rig.store(&odd(-300, -290), true).await;
    rig.store(&odd(-5, 0), true).await;
    rig.at(0, 500);
    switch(&rig, true).await;
    rig.rule(rule(|_| ())).await;
    assert_eq!(rig.tick(1).await.replayed, 1);
    run(&rig, &names, 2..=120, |name, time| Some(usual(name, time))).await;
    assert!(anomalies(&rig).await.is_empty());
    assert!(rig.statuses().await.is_empty());
    run(&rig, &names, 121..=150, |name, time| Some(dropped(name, time))).await;
    assert_eq!(anomalies(&rig).await.len(), 1);
    assert_eq!(rig.statuses().await, ["firing"]);
}

/// Points that come after the detection was switched on, and before its first minute, are part of what is replayed; they may
/// be of a time before that.
#[tokio::test]
async fn what_comes_before_the_first_minute_of_detection_is_told() {
    for time in [START + 20_000, START - MINUTE] {
        let rig = Rig::new().await;
        let names = [series(1), series(2)];
        history(&rig, &names, 8, 5).await;
        rig.at(0, 500);
        switch(&rig, true).await;
        rig.rule(rule(|_| ())).await;
        rig.at(0, 20_000);
        rig.store(&[(names[0].clone(), time, 50.0 * usual(&names[0], time))], false)
            .await;
        assert_eq!(rig.tick(1).await.replayed, 2);
        let found = anomalies(&rig).await;
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(
            (found[0].series_id, found[0].direction.as_str()),
            (names[0].series_id.raw(), "up")
        );
        assert!(found[0].until.is_none() && !found[0].group.is_empty(), "{found:?}");
        rig.tick(2).await;
        assert_eq!(rig.statuses().await, ["firing"]);
    }
}

/// A detector that is still learning is shown what came of the past since, whether as history or late.
#[tokio::test]
async fn history_that_comes_later_is_learned() {
    for backfill in [false, true] {
        let rig = Rig::new().await;
        let name = series(1);
        rig.at(0, 500);
        switch(&rig, true).await;
        let past = |hour: i64| {
            let time = START - hour * HOUR;
            (name.clone(), time, usual(&name, time))
        };
        rig.store(&(663..=672).rev().map(past).collect::<Vec<_>>(), backfill)
            .await;
        assert_eq!(rig.tick(1).await.replayed, 1);
        rig.store(&(1..=662).rev().map(past).collect::<Vec<_>>(), backfill)
            .await;
        assert_eq!(rig.tick(2).await.replayed, 1);
        let status = status::get(&rig.tenant(), name.series_id).await.unwrap();
        let status = serde_json::to_value(status).unwrap();
        assert_eq!(status["state"], "ready", "{status}");
        assert_eq!(rig.tick(3).await.replayed, 0);
    }
}

/// A rule of type anomaly watches its series without detection being on, and only those.
#[tokio::test]
async fn a_rule_alone_watches_its_series() {
    let rig = Rig::new().await;
    let names = [series(1), series(2)];
    history(&rig, &names, 8, 5).await;
    rig.at(0, 500);
    let made = rig
        .rule(rule(|rule| {
            rule["dimensions"] = json!({"host": "h00001"});
            rule["condition"]["direction"] = json!("down");
        }))
        .await;
    assert_eq!(rig.tick(1).await.replayed, 1);
    run(&rig, &names, 2..=60, |name, time| Some(usual(name, time))).await;
    run(&rig, &names, 61..=90, |name, time| Some(dropped(name, time))).await;
    let found = anomalies(&rig).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].series_id, names[0].series_id.raw());
    assert_eq!(rig.statuses().await, ["firing"]);
    // nobody watches any longer
    rig.replace(&made, rule(|rule| rule["enabled"] = json!(false))).await;
    run(&rig, &names, 91..=95, |name, time| Some(usual(name, time))).await;
    let found = anomalies(&rig).await;
    assert_eq!(
        (found[0].until.is_some(), found[0].ending.is_none()),
        (true, true),
        "{found:?}"
    );
    assert_eq!(rig.statuses().await, ["resolved"]);
    assert!(rig.read("SELECT 1 FROM detector_cold").await.is_empty());
}
