use super::rig::{Rig, START, channel, threshold};
use intentvision::clock::MINUTE;
use serde_json::{Value, json};

/// How long the story is, in minutes.
pub(super) const LENGTH: i64 = 12;
/// Its series: more than one page.
const HOSTS: usize = 150;

/// The rules: every type that the tick knows but forecasts, every timer.
pub(super) async fn rules(rig: &Rig) {
    let second = |change: &mut Value| change["channels"] = json!([channel(1), channel(2)]);
    rig.rule(threshold(|_| ())).await;
    rig.rule(threshold(|rule| {
        second(rule);
        rule["condition"]["recover"] = json!(80);
        rule["for"] = json!("2m");
        rule["keep_firing_for"] = json!("1m");
        rule["no_data_after"] = json!("3m");
        rule["dimensions"] = json!({"host": "h00001"});
    }))
    .await;
    rig.rule(threshold(|rule| {
        second(rule);
        rule["condition"] = json!({"type": "missing_data", "after": "4m"});
    }))
    .await;
}

/// What comes in between the minute before and this one: the same in each run.
pub(super) async fn arrivals(rig: &Rig, minute: i64) {
    let wave = |host: usize| {
        let phase = (usize::try_from(minute).unwrap() + host) % 7;
        [20.0, 90.0, 110.0, 130.0, 105.0, 85.0, 60.0][phase]
    };
    rig.at(minute - 1, 10_000);
    // some are silent for a while, some begin late
    let speaks = |host: &usize| !(host % 5 == 3 && (4..10).contains(&minute)) && (host % 11 != 4 || minute > 3);
    let values: Vec<(usize, f64)> = (0..HOSTS).filter(speaks).map(|host| (host, wave(host))).collect();
    let (first, second) = values.split_at(HOSTS / 3);
    rig.send(first).await;
    rig.at(minute - 1, 40_000);
    rig.send(second).await;
    // neither late nor backfilled points count, nor corrections of what was seen
    let now = START + minute * MINUTE;
    rig.points(&[(0, now - 40 * MINUTE, 900.0), (1, now - 20 * MINUTE, 900.0)], false)
        .await;
    rig.points(&[(2, now, 900.0)], true).await;
    rig.points(&[(0, now - 50_000, 1e6)], false).await;
}

/// Starts the story: history, rules, nothing evaluated.
pub(super) async fn begin() -> Rig {
    let rig = Rig::new().await;
    rig.at(-1, 0);
    rig.send(&(0..HOSTS / 2).map(|host| (host, 50.0)).collect::<Vec<_>>())
        .await;
    rig.at(0, 5_000);
    rules(&rig).await;
    rig
}

/// The story with a tick after each minute.
pub(super) async fn clean() -> Rig {
    let rig = begin().await;
    for minute in 1..=LENGTH {
        arrivals(&rig, minute).await;
        rig.tick(minute).await;
    }
    rig
}
