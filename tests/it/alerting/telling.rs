//! Stage 2: point 12's "a resolve is always sent for what was told as firing", from the tick's side.

use super::fault::Killed;
use super::rig::{Rig, START, channel, threshold};
use evaluate_alerts::{Count, Unlimited};
use intentvision::clock::MINUTE;
use serde_json::json;
use std::sync::Arc;

const DELIVERED: &str = "UPDATE outbox SET state = 'delivered', attempts = 1 WHERE org_id = (SELECT org_id FROM authority) AND state = 'pending'";

async fn firing() -> (Rig, intentvision::alerting::Rule) {
    let rig = Rig::new().await;
    rig.at(0, 1_000);
    let rule = rig
        .rule(threshold(|rule| rule["channels"] = json!([channel(1), channel(2)])))
        .await;
    rig.minute(1, Some(150.0)).await;
    (rig, rule)
}

#[tokio::test]
async fn each_channel_of_the_rule_is_told_once() {
    let (rig, _) = firing().await;
    rig.minute(2, Some(150.0)).await;
    for number in [1, 2] {
        assert_eq!(rig.messages(number).await, ["alert.firing pending"]);
    }
    assert_eq!(rig.messages(3).await, Vec::<String>::new());
}

#[tokio::test]
async fn what_nobody_was_told_yet_becomes_one_message() {
    let (rig, _) = firing().await;
    rig.minute(2, Some(50.0)).await;
    assert_eq!(
        rig.messages(1).await,
        ["alert.firing superseded", "alert.resolved pending"]
    );
}

#[tokio::test]
async fn an_episode_between_two_ticks_becomes_one_message() {
    let rig = Rig::new().await;
    rig.at(0, 1_000);
    rig.rule(threshold(|_| ())).await;
    for (minute, value) in [(1, 150.0), (2, 50.0)] {
        rig.at(minute - 1, 30_000);
        rig.send(&[(1, value)]).await;
    }
    rig.tick(5).await;
    assert_eq!(rig.log().await, ["1 unknown>firing", "2 firing>resolved"]);
    assert_eq!(
        rig.messages(1).await,
        ["alert.firing superseded", "alert.resolved pending"]
    );
}

#[tokio::test]
async fn the_end_reaches_who_was_told_and_a_new_channel_hears_what_still_fires() {
    let (rig, rule) = firing().await;
    rig.write(DELIVERED, vec![]).await;
    rig.replace(&rule, threshold(|rule| rule["channels"] = json!([channel(3)])))
        .await;
    rig.minute(2, Some(150.0)).await;
    rig.minute(3, Some(50.0)).await;
    for number in [1, 2] {
        assert_eq!(
            rig.messages(number).await,
            ["alert.firing delivered", "alert.resolved pending"]
        );
    }
    assert_eq!(
        rig.messages(3).await,
        ["alert.firing superseded", "alert.resolved pending"]
    );
}

#[tokio::test]
async fn a_slow_lane_is_waited_for_and_a_dead_one_is_not() {
    let (rig, _) = firing().await;
    rig.write(
        "INSERT INTO lanes (org_id, lane_id, first_series, last_series, active, watermark, minute)
         SELECT org_id, 1, 0, 0, 1, 0, ?2 FROM authority",
        db::args![START],
    )
    .await;
    rig.minute(2, Some(50.0)).await;
    assert_eq!(
        rig.messages(1).await.len(),
        1,
        "the other lane has not completed minute 2"
    );
    for minute in 3..=5 {
        rig.minute(minute, None).await;
        assert_eq!(rig.messages(1).await.len(), 1);
    }
    rig.minute(6, None).await;
    assert_eq!(rig.messages(1).await.len(), 2);
}

#[tokio::test]
async fn a_kill_between_the_stages_loses_and_doubles_nothing() {
    for after in [false, true] {
        for batches in 1..14 {
            let rig = Rig::new().await;
            rig.at(0, 1_000);
            rig.rule(threshold(|_| ())).await;
            rig.at(0, 30_000);
            rig.send(&[(1, 150.0)]).await;
            rig.at(1, 1_000);
            let db = Arc::new(Killed::new(rig.db.clone(), batches, after));
            let app = intentvision::App::new(
                db,
                rig.app.clock.clone(),
                intentvision::id::Entropy::seeded(2),
                intentvision::config::Config::default(),
                None,
            );
            let _ = evaluate_alerts::run(&app, START + MINUTE, &mut Unlimited, &mut Count(0)).await;
            rig.tick(1).await;
            assert_eq!(rig.messages(1).await, ["alert.firing pending"], "{batches} {after}");
        }
    }
}
