//! Forecast rules: they fire before the value crosses, and say when it will.

use super::fault::Killed;
use super::rig::{Rig, START, threshold};
use evaluate_alerts::{Budget, Count, Unlimited};
use intentvision::alerting::instance::State;
use intentvision::alerting::instances::{self, Standing};
use intentvision::clock::{MINUTE, Millis};
use intentvision::id::RuleId;
use serde_json::json;

/// A series that rises by 1 a minute and is at 0 in minute 0; limit 100, an hour ahead.
async fn rising() -> Rig {
    let rig = Rig::new().await;
    rig.at(0, 0);
    let history: Vec<(usize, Millis, f64)> = (-120..=0)
        .map(|minute| (1, START + Millis::from(minute) * MINUTE, f64::from(minute)))
        .collect();
    rig.points(&history, false).await;
    rig.at(0, 1_000);
    rig.rule(threshold(|rule| {
        rule["condition"] = json!({"type": "forecast", "operator": "gt", "value": 100, "horizon": "1h"});
    }))
    .await;
    rig
}

async fn minute(rig: &Rig, minute: i32, budget: &mut dyn Budget) -> usize {
    rig.at(i64::from(minute), 0);
    rig.send(&[(1, f64::from(minute))]).await;
    rig.tick_with(minute.into(), budget).await.forecasts
}

/// Where the rule stands, and why it cannot be evaluated.
async fn stands(rig: &Rig) -> (Standing, Option<String>) {
    let rule_id = rig.read("SELECT rule_id FROM alert_rules").await[0]
        .text(0)
        .unwrap()
        .to_owned();
    let page = instances::list(&rig.tenant(), &RuleId::parse(&rule_id).unwrap(), 10, None)
        .await
        .unwrap();
    (page.items[0].state, page.items[0].error.clone())
}

#[tokio::test]
async fn it_fires_before_the_value_does_and_says_when() {
    let rig = rising().await;
    for now in 1..=60 {
        minute(&rig, now, &mut Unlimited).await;
    }
    let log = rig.log().await;
    assert_eq!(log.len(), 1, "{log:?}");
    let fired: i32 = log[0].split(' ').next().unwrap().parse().unwrap();
    // the limit is reached in minute 100 and seen about an hour ahead
    assert!((35..=55).contains(&fired), "{log:?}");
    assert!(
        log[0].ends_with("normal>firing"),
        "before that the forecast was fine: {log:?}"
    );
    let reason = rig.read("SELECT reason FROM transitions").await[0]
        .text(0)
        .unwrap()
        .to_owned();
    assert!(
        reason.starts_with("expected above 100 in ") && reason.contains(", at 2026-11-23T0"),
        "{reason}"
    );
    assert!(
        [", between 2026-11-23T0", ", not before 2026-11-23T0", "Z or later"]
            .iter()
            .any(|words| reason.contains(words)),
        "the time has a range: {reason}"
    );
    assert!(reason.ends_with(", with a probability of at least 50 %"), "{reason}");
}

#[tokio::test]
async fn without_a_forecast_it_is_in_error_and_with_an_old_one_an_alert_goes_on() {
    let rig = rising().await;
    let state = async || rig.read("SELECT blob FROM lane_state WHERE page >= 0").await.len();
    assert_eq!(minute(&rig, 1, &mut Count(0)).await, 0);
    assert_eq!(rig.read("SELECT 1 FROM rule_forecasts").await.len(), 0);
    assert_eq!(state().await, 1);
    let (standing, error) = stands(&rig).await;
    assert_eq!(standing, Standing::Error);
    assert!(error.unwrap().starts_with("there is no forecast yet"));
    for now in 2..=60 {
        minute(&rig, now, &mut Unlimited).await;
    }
    assert_eq!(rig.statuses().await, ["firing"]);
    let firing = Standing::Evaluated(State::Firing);
    assert_eq!(stands(&rig).await, (firing, None));
    // the series falls back, and no forecast is made: what fires goes on firing
    for now in 61..=90 {
        rig.at(now, 0);
        rig.send(&[(1, 0.0)]).await;
        rig.tick(now).await;
    }
    assert_eq!(rig.statuses().await, ["firing"]);
    let (standing, error) = stands(&rig).await;
    assert_eq!(
        (standing, error.unwrap().as_str()),
        (firing, "the newest forecast is too old to go by")
    );
    // nor is a tick that does not come the end of anything
    rig.at(96, 0);
    let (standing, error) = stands(&rig).await;
    assert_eq!(
        (standing, error.unwrap().as_str()),
        (firing, "no rule was evaluated since 2026-11-23T01:30:00Z")
    );
}

#[tokio::test]
async fn a_forecast_counts_from_the_next_minute_and_two_are_kept() {
    let rig = rising().await;
    assert_eq!(minute(&rig, 1, &mut Unlimited).await, 1);
    let valid_from = async || {
        let rows = rig
            .read("SELECT valid_from FROM rule_forecasts ORDER BY valid_from")
            .await;
        rows.iter()
            .map(|row| (row.integer(0).unwrap() - START) / MINUTE)
            .collect::<Vec<_>>()
    };
    assert_eq!(valid_from().await, [2]);
    for now in 2..=30 {
        minute(&rig, now, &mut Unlimited).await;
    }
    let kept = valid_from().await;
    assert_eq!(kept.len(), 2);
    assert!(kept[1] > 20);
}

/// Five hosts with twenty minutes of points, and a rule that looks an hour ahead.
async fn five_hosts() -> Rig {
    let rig = Rig::new().await;
    rig.at(0, 0);
    let history: Vec<(usize, Millis, f64)> = (0..5_usize)
        .flat_map(|host| (-20..=0).map(move |minute| (host, START + Millis::from(minute) * MINUTE, 1.0)))
        .collect();
    rig.points(&history, false).await;
    rig.at(0, 1_000);
    rig.rule(threshold(|rule| {
        rule["condition"] = json!({"type": "forecast", "operator": "gt", "value": 100, "horizon": "1h"});
    }))
    .await;
    rig
}

#[tokio::test]
async fn the_budget_bounds_what_a_tick_computes_and_the_rest_waits() {
    let rig = five_hosts().await;
    let computed = [
        rig.tick_with(1, &mut Count(2)).await.forecasts,
        rig.tick_with(2, &mut Count(2)).await.forecasts,
        rig.tick_with(3, &mut Count(2)).await.forecasts,
        rig.tick_with(4, &mut Count(2)).await.forecasts,
    ];
    assert_eq!(computed, [2, 2, 1, 0]);
}

/// What a tick had no time for is made between ticks, and counts from a minute that no tick is evaluating.
#[tokio::test]
async fn forecasts_that_a_tick_left_are_made_by_run_forecasts() {
    let rig = five_hosts().await;
    assert_eq!(rig.tick_with(1, &mut Count(2)).await.forecasts, 2);
    let left = async || {
        rig.read("SELECT forecasts_left FROM lanes").await[0]
            .integer(0)
            .unwrap()
    };
    assert_eq!(left().await, 3);
    assert_eq!(run_forecasts::catch_up(&rig.app, &mut Count(2)).await.unwrap(), 2);
    assert_eq!(left().await, 1);
    assert_eq!(run_forecasts::catch_up(&rig.app, &mut Unlimited).await.unwrap(), 1);
    assert_eq!(left().await, 0);
    assert_eq!(run_forecasts::catch_up(&rig.app, &mut Unlimited).await.unwrap(), 0);
    let rows = rig
        .read("SELECT valid_from FROM rule_forecasts ORDER BY valid_from")
        .await;
    let minutes: Vec<i64> = rows
        .iter()
        .map(|row| (row.integer(0).unwrap() - START) / MINUTE)
        .collect();
    assert_eq!(minutes, [2, 2, 3, 3, 3]);
    assert_eq!(rig.tick_with(2, &mut Unlimited).await.forecasts, 0, "none is due");
}

#[tokio::test]
async fn the_same_stored_forecasts_give_the_same_state() {
    let run = async |missed: bool| {
        let rig = rising().await;
        for now in 1..=45 {
            minute(&rig, now, &mut Unlimited).await;
        }
        for now in 46..=50 {
            rig.at(now, 0);
            rig.send(&[(1, 99.0)]).await;
            if !missed {
                rig.tick(now).await;
            }
        }
        rig.tick(50).await;
        rig.state().await
    };
    assert_eq!(run(false).await, run(true).await);
}

#[tokio::test]
async fn a_tick_killed_while_it_forecasts_has_evaluated_all_the_same() {
    for batches in 1..9 {
        let rig = rising().await;
        rig.at(1, 0);
        rig.send(&[(1, 150.0)]).await;
        rig.at(1, 1_000);
        let db = std::sync::Arc::new(Killed::new(rig.db.clone(), batches, true));
        let app = intentvision::App::new(
            db,
            rig.app.clock.clone(),
            intentvision::id::Entropy::seeded(2),
            intentvision::config::Config::default(),
            None,
        );
        let _ = evaluate_alerts::run(&app, START + MINUTE, &mut Unlimited, &mut Unlimited).await;
        rig.tick_with(1, &mut Unlimited).await;
        rig.tick_with(2, &mut Unlimited).await;
        assert!(!rig.read("SELECT 1 FROM rule_forecasts").await.is_empty(), "{batches}");
    }
}

#[tokio::test]
async fn a_value_beyond_the_limit_is_a_crossing_that_has_come() {
    let rig = rising().await;
    minute(&rig, 1, &mut Unlimited).await;
    minute(&rig, 2, &mut Unlimited).await;
    assert_eq!(rig.log().await, Vec::<String>::new());
    // the forecasts that are stored say that all will be well, and none is made
    for (now, value) in [(3, 500.0), (4, 3.0)] {
        rig.at(now, 0);
        rig.send(&[(1, value)]).await;
        rig.tick(now).await;
    }
    let reasons = rig.read("SELECT reason FROM transitions ORDER BY seq").await;
    let reasons: Vec<&str> = reasons.iter().map(|row| row.text(0).unwrap()).collect();
    assert_eq!(
        reasons,
        ["the value is 500, above 100 already", "no longer expected above 100"]
    );
}
