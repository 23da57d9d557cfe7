//! Each rule type from its creation to its end, and what a change of a rule does.

use super::rig::{Rig, START, channel, series, threshold};
use intentvision::alerting::{alert_detail, alerts, rules};
use intentvision::clock::MINUTE;
use intentvision::id::AlertId;
use serde_json::json;

async fn start(body: serde_json::Value) -> (Rig, intentvision::alerting::Rule) {
    let rig = Rig::new().await;
    rig.at(0, 1_000);
    let rule = rig.rule(body).await;
    (rig, rule)
}

async fn only_alert(rig: &Rig) -> AlertId {
    let rows = rig
        .read("SELECT alert_id FROM alerts ORDER BY alert_id DESC LIMIT 1")
        .await;
    AlertId::parse(rows[0].text(0).unwrap()).unwrap()
}

#[tokio::test]
async fn a_threshold_with_every_timer() {
    let (rig, _) = start(threshold(|rule| {
        rule["condition"]["recover"] = json!(80);
        rule["for"] = json!("2m");
        rule["keep_firing_for"] = json!("2m");
    }))
    .await;
    let values = [50.0, 110.0, 110.0, 110.0, 90.0, 70.0, 90.0, 70.0, 70.0, 70.0, 70.0];
    for (minute, value) in (1..).zip(values) {
        rig.minute(minute, Some(value)).await;
    }
    // pending since 2, fires at 4; 90 is no recovery; recovering since 6, firing again at 7; since 8, over at 10
    assert_eq!(rig.log().await, ["4 pending>firing", "10 recovering>resolved"]);
    let alert = alert_detail::get(&rig.tenant(), &only_alert(&rig).await)
        .await
        .unwrap()
        .alert;
    assert_eq!(
        (alert.started_at, alert.resolved_at),
        (START + 4 * MINUTE, Some(START + 10 * MINUTE))
    );
    assert_eq!(
        alert.summary,
        r#"load high: load{host="h00001"}: the value is 110, above 100"#
    );
    assert_eq!(alert.reason, "the value is back at 70");
    let log = alert.transitions.unwrap();
    assert_eq!((log.len(), log[0].value, log[1].value), (2, Some(110.0), Some(70.0)));
}

#[tokio::test]
async fn missing_data_fires_with_no_new_point_per_series() {
    let (rig, _) = start(threshold(|rule| {
        rule["condition"] = json!({"type": "missing_data", "after": "3m"})
    }))
    .await;
    rig.at(0, 30_000);
    rig.send(&[(1, 1.0), (2, 1.0)]).await;
    for minute in 1..8 {
        rig.at(minute - 1, 40_000);
        rig.send(&[(2, 1.0)]).await;
        rig.tick(minute).await;
    }
    // only the series that went silent, 3 minutes after the minute of its last point
    assert_eq!(rig.log().await, ["4 normal>firing"]);
    rig.minute(8, Some(1.0)).await;
    assert_eq!(rig.log().await, ["4 normal>firing", "8 firing>resolved"]);
    let rows = rig.read("SELECT reason FROM transitions ORDER BY seq").await;
    assert_eq!(rows[0].text(0).unwrap(), "no new point for 3 min");
    assert_eq!(rows[1].text(0).unwrap(), "points arrive again");
}

#[tokio::test]
async fn no_data_is_a_state_of_its_own_and_pages_once() {
    let (rig, _) = start(threshold(|rule| rule["no_data_after"] = json!("2m"))).await;
    rig.minute(1, Some(150.0)).await;
    for minute in 2..6 {
        rig.minute(minute, None).await;
    }
    assert_eq!(rig.statuses().await, ["no_data"]);
    rig.minute(6, Some(150.0)).await;
    assert_eq!(
        rig.log().await,
        ["1 unknown>firing", "3 firing>no_data", "6 no_data>firing"]
    );
    assert_eq!(rig.statuses().await, ["firing"], "the same alert");
    rig.minute(7, Some(50.0)).await;
    assert_eq!(
        rig.messages(1).await,
        [
            "alert.firing superseded",
            "alert.no_data superseded",
            "alert.resolved pending"
        ],
        "back from the silence there was no second page, and one message says how it ended"
    );
}

#[tokio::test]
async fn a_value_stands_without_no_data_after() {
    let (rig, _) = start(threshold(|_| ())).await;
    rig.minute(1, Some(150.0)).await;
    for minute in 2..40 {
        rig.minute(minute, None).await;
    }
    assert_eq!(rig.log().await, ["1 unknown>firing"]);
}

#[tokio::test]
async fn a_new_rule_is_tried_on_the_last_value_while_that_is_fresh() {
    let rig = Rig::new().await;
    rig.at(0, 0);
    rig.points(
        &[
            (1, START - 10 * MINUTE, 150.0),
            (2, START - 20 * MINUTE, 150.0),
            (3, START - MINUTE, 50.0),
        ],
        false,
    )
    .await;
    rig.at(0, 1_000);
    rig.rule(threshold(|_| ())).await;
    rig.tick(1).await;
    assert_eq!(rig.log().await, ["1 unknown>firing"]);
    // a second rule meets series that are tracked already, and those that only it watches
    rig.at(1, 30_000);
    rig.rule(threshold(|rule| rule["condition"]["value"] = json!(40))).await;
    rig.tick(2).await;
    assert_eq!(
        rig.log().await,
        ["1 unknown>firing", "2 unknown>firing", "2 unknown>firing"]
    );
    for minute in 3..9 {
        rig.tick(minute).await;
    }
    assert_eq!(rig.log().await.len(), 3, "what was not fresh stays unknown");
}

#[tokio::test]
async fn a_rule_does_not_reach_back_before_it_was_made() {
    let rig = Rig::new().await;
    rig.at(0, 1_000);
    rig.rule(threshold(|rule| rule["condition"]["value"] = json!(1e9)))
        .await;
    for (minute, value) in [(1, 150.0), (4, 150.0), (5, 50.0)] {
        rig.at(minute, 30_000);
        rig.send(&[(1, value)]).await;
        if minute == 4 {
            rig.at(4, 40_000);
            rig.rule(threshold(|_| ())).await;
        }
    }
    // no tick until now: minute 5 is the first that the second rule sees
    rig.tick(6).await;
    assert_eq!(rig.log().await, ["5 unknown>firing", "6 firing>resolved"]);
}

#[tokio::test]
async fn what_ends_a_firing_rule_closes_its_alert_and_tells() {
    for (words, change) in [("deleted", 0), ("disabled", 1), ("changed", 2)] {
        let (rig, rule) = start(threshold(|_| ())).await;
        rig.minute(1, Some(150.0)).await;
        rig.write(
            "UPDATE outbox SET state = 'delivered', attempts = 1 WHERE org_id = (SELECT org_id FROM authority)",
            vec![],
        )
        .await;
        rig.at(1, 30_000);
        match change {
            0 => rules::delete(&rig.tenant(), &rule.rule_id).await.unwrap(),
            1 => {
                rig.replace(&rule, threshold(|rule| rule["enabled"] = json!(false)))
                    .await
            }
            _ => {
                rig.replace(&rule, threshold(|rule| rule["condition"]["value"] = json!(1_000)))
                    .await
            }
        }
        assert_eq!(rig.statuses().await, ["firing"], "the tick applies it");
        rig.tick(2).await;
        assert_eq!(rig.statuses().await, ["resolved"]);
        assert_eq!(
            rig.messages(1).await,
            ["alert.firing delivered", "alert.resolved pending"],
            "{words}"
        );
        let rows = rig.read("SELECT reason FROM transitions ORDER BY seq DESC").await;
        assert_eq!(rows[0].text(0).unwrap(), format!("the rule was {words}"));
        rig.tick(3).await;
        assert_eq!(rig.log().await.len(), 2);
        let active = rig.read("SELECT active FROM lanes").await[0].integer(0).unwrap();
        assert_eq!(active, i64::from(change == 2), "a lane without an enabled rule ends");
    }
}

#[tokio::test]
async fn a_deleted_series_closes_its_alert_and_a_point_begins_anew() {
    let (rig, _) = start(threshold(|_| ())).await;
    rig.minute(1, Some(150.0)).await;
    rig.at(1, 30_000);
    intentvision::store::delete(&rig.tenant(), series(1).series_id)
        .await
        .unwrap();
    rig.tick(2).await;
    assert_eq!(rig.statuses().await, ["resolved"]);
    let rows = rig.read("SELECT reason FROM transitions ORDER BY seq DESC").await;
    assert_eq!(rows[0].text(0).unwrap(), "the series was deleted");
    rig.minute(3, Some(150.0)).await;
    assert_eq!(rig.statuses().await, ["resolved", "firing"]);
}

#[tokio::test]
async fn the_tombstone_of_a_rule_goes_when_its_closing_message_is_sent() {
    let (rig, rule) = start(threshold(|_| ())).await;
    rig.minute(1, Some(150.0)).await;
    rules::delete(&rig.tenant(), &rule.rule_id).await.unwrap();
    assert!(
        rules::get(&rig.tenant(), &rule.rule_id).await.is_err(),
        "nobody sees it"
    );
    rig.tick(2).await;
    rig.tick(3).await;
    assert_eq!(rig.read("SELECT 1 FROM alert_rules").await.len(), 1);
    rig.write(
        "UPDATE outbox SET state = 'delivered' WHERE org_id = (SELECT org_id FROM authority) AND state = 'pending'",
        vec![],
    )
    .await;
    rig.tick(4).await;
    assert_eq!(rig.read("SELECT 1 FROM alert_rules").await.len(), 0);
}

#[tokio::test]
async fn a_change_of_name_channels_or_timers_keeps_what_fires() {
    let (rig, rule) = start(threshold(|_| ())).await;
    rig.minute(1, Some(150.0)).await;
    rig.replace(
        &rule,
        threshold(|rule| {
            rule["name"] = json!("other");
            rule["severity"] = json!("info");
            rule["for"] = json!("1h");
            rule["channels"] = json!([channel(2)]);
        }),
    )
    .await;
    rig.minute(2, Some(150.0)).await;
    assert_eq!(rig.log().await, ["1 unknown>firing"]);
    // the channel that was told is told the end, although the rule no longer names it
    rig.write(
        "UPDATE outbox SET state = 'delivered', attempts = 1 WHERE org_id = (SELECT org_id FROM authority)",
        vec![],
    )
    .await;
    rig.minute(3, Some(50.0)).await;
    assert_eq!(
        rig.messages(1).await,
        ["alert.firing delivered", "alert.resolved pending"]
    );
    // and the one that it names now heard of what still fired
    assert_eq!(
        rig.messages(2).await,
        ["alert.firing delivered", "alert.resolved pending"]
    );
}

#[tokio::test]
async fn a_lane_starts_again_with_the_next_rule_and_not_with_old_points() {
    let (rig, rule) = start(threshold(|_| ())).await;
    rules::delete(&rig.tenant(), &rule.rule_id).await.unwrap();
    rig.tick(1).await;
    assert_eq!(rig.read("SELECT 1 FROM lane_state").await.len(), 0);
    rig.minute(2, Some(150.0)).await;
    rig.at(60, 0);
    rig.send(&[(1, 50.0)]).await;
    rig.at(60, 1_000);
    rig.rule(threshold(|_| ())).await;
    rig.minute(61, Some(60.0)).await;
    assert_eq!(rig.log().await, Vec::<String>::new());
    rig.minute(62, Some(150.0)).await;
    assert_eq!(rig.log().await, ["62 normal>firing"]);
}

#[tokio::test]
async fn a_resolve_by_hand_shows_at_once_and_arms_again_after_a_false_minute() {
    let (rig, _) = start(threshold(|_| ())).await;
    rig.minute(1, Some(150.0)).await;
    let id = only_alert(&rig).await;
    rig.at(1, 20_000);
    let shown = alerts::resolve(&rig.tenant(), &id).await.unwrap();
    assert_eq!(serde_json::to_value(&shown).unwrap()["status"], "resolved");
    assert_eq!(rig.statuses().await, ["firing"], "only the tick writes it");
    rig.minute(2, Some(150.0)).await;
    assert_eq!(rig.log().await, ["1 unknown>firing", "2 firing>resolved"]);
    rig.minute(3, Some(160.0)).await;
    rig.minute(4, Some(50.0)).await;
    assert_eq!(rig.log().await.len(), 2, "still the same episode");
    rig.minute(5, Some(160.0)).await;
    assert_eq!(rig.log().await[2..], ["5 normal>firing"]);
    assert_eq!(rig.statuses().await, ["resolved", "firing"]);
    // what is over stays as it is
    assert_eq!(
        alerts::resolve(&rig.tenant(), &id).await.unwrap().resolved_at,
        Some(START + 2 * MINUTE)
    );
}

#[tokio::test]
async fn an_alert_that_is_acknowledged_goes_on_as_before() {
    let (rig, _) = start(threshold(|_| ())).await;
    rig.minute(1, Some(150.0)).await;
    let id = only_alert(&rig).await;
    let first = alerts::acknowledge(&rig.tenant(), &id).await.unwrap();
    rig.at(1, 50_000);
    let again = alerts::acknowledge(&rig.tenant(), &id).await.unwrap();
    assert_eq!(first.acknowledged_at, again.acknowledged_at);
    rig.minute(2, Some(150.0)).await;
    rig.minute(3, Some(50.0)).await;
    let over = alert_detail::get(&rig.tenant(), &id).await.unwrap().alert;
    assert_eq!(over.acknowledged_by.as_deref(), Some("operator"));
    assert_eq!(serde_json::to_value(over.status).unwrap(), "resolved");
    assert_eq!(alerts::acknowledge(&rig.tenant(), &id).await.unwrap_err().status(), 409);
}
