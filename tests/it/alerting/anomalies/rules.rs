//! What rules of type anomaly ask for, of one drop.

use super::scene::{dropped, rule, run, usual, watched};
use crate::alerting::rig::{Rig, series};
use intentvision::alerting::instance::State;
use intentvision::alerting::instances::{self, Standing};
use serde_json::json;

/// The names of the rules that have an alert, resolved or not.
async fn told(rig: &Rig) -> Vec<String> {
    let rows = rig
        .read("SELECT r.name FROM alerts AS a JOIN alert_rules AS r ON r.rule_id = a.rule_id ORDER BY r.name")
        .await;
    rows.iter().map(|row| row.text(0).unwrap().to_owned()).collect()
}

#[tokio::test]
async fn each_rule_fires_for_what_it_asks() {
    let (rig, names) = watched(1).await;
    for (name, fields) in [
        ("any", json!({})),
        ("down", json!({"direction": "down"})),
        ("half", json!({"minimum_effect": {"percent": 50}})),
        ("points", json!({"points": {"at_least": 3, "of": 5}})),
        ("up", json!({"direction": "up"})),
        ("vast", json!({"minimum_effect": {"absolute": 100_000}})),
        ("wide", json!({"minimum_effect": {"absolute": 50, "percent": 99}})),
    ] {
        rig.rule(rule(|body| {
            body["name"] = name.into();
            for (field, value) in fields.as_object().unwrap() {
                body["condition"][field] = value.clone();
            }
        }))
        .await;
    }
    run(&rig, &names, 2..=60, |name, time| Some(usual(name, time))).await;
    run(&rig, &names, 61..=65, |name, time| Some(dropped(name, time))).await;
    assert_eq!(told(&rig).await, ["any", "down", "half"], "one point is not three");
    run(&rig, &names, 66..=90, |name, time| Some(dropped(name, time))).await;
    assert_eq!(told(&rig).await, ["any", "down", "half", "points"]);
    let reasons = rig
        .read("SELECT a.reason FROM alerts AS a JOIN alert_rules AS r ON r.rule_id = a.rule_id WHERE r.name = 'points'")
        .await;
    let reason = reasons[0].text(0).unwrap();
    assert!(
        reason.starts_with("3 of the last 5 points are abnormal: load "),
        "{reason}"
    );
    run(&rig, &names, 91..=240, |name, time| Some(usual(name, time))).await;
    assert_eq!(rig.statuses().await, ["resolved"; 4]);
}

#[tokio::test]
async fn a_young_series_is_not_known_to_a_rule() {
    let rig = Rig::new().await;
    let name = [series(0)];
    let made = rig.rule(rule(|_| ())).await;
    run(&rig, &name, 1..=60, |name, time| Some(usual(name, time))).await;
    run(&rig, &name, 61..=90, |name, time| Some(dropped(name, time))).await;
    let page = instances::list(&rig.tenant(), &made.rule_id, 10, None).await.unwrap();
    let states: Vec<Standing> = page.items.iter().map(|instance| instance.state).collect();
    assert_eq!(states, [Standing::Evaluated(State::Unknown)]);
    assert!(told(&rig).await.is_empty());
}
