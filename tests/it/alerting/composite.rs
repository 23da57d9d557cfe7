//! Rules over other rules: how many must fire, what silence of one does, and that a run that is missed, doubled or killed
//! changes nothing.

use super::replay::killed;
use super::rig::{Rig, START, threshold};
use evaluate_alerts::Count;
use intentvision::alerting::instance::State;
use intentvision::alerting::instances::{self, Standing};
use intentvision::alerting::{Draft, Rule, alerts, rules};
use intentvision::clock::MINUTE;
use intentvision::id::AlertId;
use serde_json::{Value, json};

/// A rule over one host, with a name.
fn of_host(host: usize) -> Value {
    threshold(|rule| {
        rule["name"] = json!(format!("host {host}"));
        rule["dimensions"] = json!({"host": format!("h{host:05}")});
        rule["channels"] = json!([]);
        rule["no_data_after"] = json!("3m");
    })
}

fn composite(mode: &str, rules: &[&Rule], change: impl FnOnce(&mut Value)) -> Value {
    let ids: Vec<_> = rules.iter().map(|rule| &rule.rule_id).collect();
    threshold(|rule| {
        rule["name"] = json!(mode);
        rule["condition"] = json!({"type": "composite", "mode": mode, "rules": ids});
        rule.as_object_mut().unwrap().remove("metric_key");
        change(rule);
    })
}

/// Two rules, and one of each mode over them.
async fn begin() -> (Rig, Rule, Rule) {
    let rig = Rig::new().await;
    rig.at(0, 1_000);
    let (one, other) = (rig.rule(of_host(1)).await, rig.rule(of_host(2)).await);
    rig.rule(composite("any", &[&one, &other], |_| ())).await;
    rig.rule(composite("all", &[&one, &other], |rule| rule["for"] = json!("1m")))
        .await;
    (rig, one, other)
}

/// What two hosts send in each minute; nothing for 0.
const STORY: [(f64, f64); 12] = [
    (50.0, 50.0),
    (150.0, 50.0),
    (150.0, 150.0),
    (150.0, 150.0),
    (150.0, 150.0),
    (0.0, 150.0),
    (0.0, 150.0),
    (0.0, 150.0),
    (0.0, 150.0),
    (150.0, 150.0),
    (50.0, 150.0),
    (50.0, 50.0),
];
const LENGTH: i64 = 12;

async fn send(rig: &Rig, minute: i64) {
    let (one, other) = STORY[usize::try_from(minute - 1).unwrap()];
    rig.at(minute, 0);
    let points: Vec<_> = [(1, one), (2, other)]
        .into_iter()
        .filter(|(_, value)| *value > 0.0)
        .collect();
    rig.send(&points).await;
}

/// `name minute from>to` of the composite rules.
async fn told(rig: &Rig) -> Vec<String> {
    let rows = rig
        .read(
            "SELECT r.name, t.minute, t.from_state, t.to_state, t.reason FROM transitions AS t JOIN alert_rules AS r USING (org_id, rule_id)
             WHERE t.series_id = -1 ORDER BY t.minute, r.name",
        )
        .await;
    let line = |row: &db::Row| {
        let minute = (row.integer(1).unwrap() - START) / MINUTE;
        let text = |at| row.text(at).unwrap();
        format!("{} {minute} {}>{}: {}", text(0), text(2), text(3), text(4))
    };
    rows.iter().map(line).collect()
}

const TOLD: [&str; 4] = [
    "any 2 normal>firing: 1 of 2 rules fire: host 1",
    "all 4 pending>firing: 2 of 2 rules fire: host 1, host 2",
    // one is silent from minute 8 on, which ends nothing
    "all 11 firing>resolved: 1 of 2 rules fire: host 2",
    "any 12 firing>resolved: 0 of 2 rules fire",
];

#[tokio::test]
async fn all_and_any_of_other_rules() {
    let (rig, ..) = begin().await;
    for minute in 1..=LENGTH {
        send(&rig, minute).await;
        rig.tick(minute).await;
        rig.tick(minute).await;
    }
    assert_eq!(told(&rig).await, TOLD);
    let alerts = rig
        .read("SELECT summary, severity, status FROM alerts WHERE series_id = -1 ORDER BY alert_id")
        .await;
    assert_eq!(alerts[0].text(0).unwrap(), "any: 1 of 2 rules fire: host 1");
    assert_eq!(
        (alerts[0].text(1).unwrap(), alerts[0].text(2).unwrap()),
        ("critical", "resolved")
    );
    let messages = rig.messages(1).await;
    let ended = messages.iter().filter(|message| message.starts_with("alert.resolved"));
    assert_eq!(ended.count(), 2, "{messages:?}");
}

#[tokio::test]
async fn so_many_of_other_rules_and_of_composite_ones() {
    let rig = Rig::new().await;
    rig.at(0, 1_000);
    let mut hosts = Vec::new();
    for host in 1..=3 {
        hosts.push(rig.rule(of_host(host)).await);
    }
    let all: Vec<&Rule> = hosts.iter().collect();
    let two = rig
        .rule(composite("count", &all, |rule| {
            rule["condition"]["at_least"] = json!(2)
        }))
        .await;
    rig.rule(composite("all", &[&two, &hosts[2]], |_| ())).await;
    for (minute, values) in (1..).zip([
        [150.0, 50.0, 50.0],
        [150.0, 150.0, 50.0],
        [150.0, 150.0, 150.0],
        [50.0, 50.0, 150.0],
    ]) {
        rig.at(minute, 0);
        rig.send(&[(1, values[0]), (2, values[1]), (3, values[2])]).await;
        rig.tick(minute).await;
    }
    assert_eq!(
        told(&rig).await,
        [
            "count 2 normal>firing: 2 of 3 rules fire: host 1, host 2",
            "all 3 normal>firing: 2 of 2 rules fire: count, host 3",
            "all 4 firing>resolved: 1 of 2 rules fire: host 3",
            "count 4 firing>resolved: 1 of 3 rules fire: host 3",
        ]
    );
}

#[tokio::test]
async fn missed_doubled_and_killed_runs_end_in_the_same_state() {
    let clean = async {
        let (rig, ..) = begin().await;
        for minute in 1..=LENGTH {
            send(&rig, minute).await;
            rig.tick(minute).await;
        }
        rig
    }
    .await;
    let states = "SELECT rule_id, blob FROM composite_states ORDER BY rule_id";
    for every in [3, 5, LENGTH] {
        let (rig, ..) = begin().await;
        for minute in 1..=LENGTH {
            send(&rig, minute).await;
            if minute % every == 0 || minute == LENGTH {
                rig.tick(minute).await;
            }
        }
        assert_eq!(told(&rig).await, TOLD);
        assert_eq!(rig.read(states).await, clean.read(states).await);
    }
    for batches in 0..12 {
        let (rig, ..) = begin().await;
        for minute in 1..=LENGTH {
            send(&rig, minute).await;
            rig.at(minute, 1_000);
            killed(&rig, minute, batches, minute % 2 == 0, &mut Count(0)).await;
        }
        rig.tick(LENGTH).await;
        assert_eq!(told(&rig).await, TOLD);
        assert_eq!(rig.read(states).await, clean.read(states).await);
    }
}

/// The alert of a silent series that was resolved by hand is over, although the series stays silent until it fires.
#[tokio::test]
async fn a_silent_alert_that_was_resolved_by_hand_is_not_open_wherever_a_run_begins() {
    for missed in [false, true] {
        let rig = Rig::new().await;
        rig.at(0, 1_000);
        let (one, other) = (rig.rule(of_host(1)).await, rig.rule(of_host(2)).await);
        rig.rule(composite("any", &[&one, &other], |_| ())).await;
        let story = [
            (50.0, 150.0),
            (0.0, 150.0),
            (0.0, 150.0),
            (0.0, 150.0),
            (0.0, 150.0),
            (0.0, 150.0),
            (0.0, 50.0),
            (150.0, 50.0),
        ];
        for (minute, (one, other)) in (1..).zip(story) {
            rig.at(minute, 0);
            let points = [(1, one), (2, other)].into_iter().filter(|(_, value)| *value > 0.0);
            rig.send(&points.collect::<Vec<_>>()).await;
            if minute == 6 {
                let silent = rig.read("SELECT alert_id FROM alerts WHERE status = 'no_data'").await;
                let silent = AlertId::parse(silent[0].text(0).unwrap()).unwrap();
                alerts::resolve(&rig.tenant(), &silent).await.unwrap();
            }
            if !(missed && minute == 7) {
                rig.tick(minute).await;
            }
        }
        let first = rig.log().await;
        assert!(first.contains(&"8 no_data>firing".to_owned()), "{first:?}");
        assert_eq!(
            told(&rig).await,
            [
                "any 1 unknown>firing: 1 of 2 rules fire: host 2",
                "any 7 firing>resolved: 0 of 2 rules fire",
                "any 8 normal>firing: 1 of 2 rules fire: host 1",
            ],
            "missed {missed}"
        );
    }
}

/// What is read at a time ends before what is missed does.
#[tokio::test]
async fn an_hour_that_was_missed_is_made_up_for() {
    let rig = Rig::new().await;
    rig.at(0, 1_000);
    let (one, other) = (rig.rule(of_host(1)).await, rig.rule(of_host(2)).await);
    rig.rule(composite("any", &[&one, &other], |_| ())).await;
    for (minute, value) in [(1, 150.0), (30, 50.0), (31, 150.0), (45, 50.0), (55, 150.0)] {
        rig.at(minute, 0);
        rig.send(&[(1, value)]).await;
    }
    rig.tick(60).await;
    assert_eq!(
        told(&rig).await,
        [
            "any 1 unknown>firing: 1 of 2 rules fire: host 1",
            "any 30 firing>resolved: 0 of 2 rules fire",
            "any 31 normal>firing: 1 of 2 rules fire: host 1",
            "any 45 firing>resolved: 0 of 2 rules fire",
            "any 55 normal>firing: 1 of 2 rules fire: host 1",
        ]
    );
}

#[tokio::test]
async fn what_ends_a_composite_rule_closes_its_alert_once() {
    for (words, change) in [("deleted", 0), ("disabled", 1), ("changed", 2)] {
        let rig = Rig::new().await;
        rig.at(0, 1_000);
        let (one, other) = (rig.rule(of_host(1)).await, rig.rule(of_host(2)).await);
        let any = rig.rule(composite("any", &[&one, &other], |_| ())).await;
        rig.minute(1, Some(150.0)).await;
        assert_eq!(rig.statuses().await, ["firing", "firing"]);
        let shown = instances::list(&rig.tenant(), &any.rule_id, 10, None).await.unwrap();
        let firing = Standing::Evaluated(State::Firing);
        assert_eq!((shown.items[0].series_id, shown.items[0].state), (None, firing));
        rig.at(1, 30_000);
        match change {
            0 => rules::delete(&rig.tenant(), &any.rule_id).await.unwrap(),
            1 => {
                rig.replace(
                    &any,
                    composite("any", &[&one, &other], |rule| rule["enabled"] = json!(false)),
                )
                .await
            }
            _ => rig.replace(&any, composite("all", &[&one, &other], |_| ())).await,
        }
        for minute in 2..5 {
            rig.minute(minute, Some(150.0)).await;
        }
        let told = told(&rig).await;
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(
            told[1].ends_with(&format!("2 firing>resolved: the rule was {words}")),
            "{told:?}"
        );
    }
}

#[tokio::test]
async fn what_a_composite_rule_may_name() {
    let (rig, one, other) = begin().await;
    let tenant = rig.tenant();
    let draft = |body: Value| serde_json::from_value::<Draft>(body).unwrap().check().unwrap();
    let create = async |body: Value| rules::create(&tenant, &rig.app.entropy, draft(body), None).await;
    let gone = rig.rule(of_host(3)).await;
    rules::delete(&tenant, &gone.rule_id).await.unwrap();
    let error = create(composite("any", &[&one, &gone], |_| ())).await.unwrap_err();
    assert_eq!(error.status(), 400);
    assert!(error.to_string().contains("not there"), "{error}");
    // over itself, by way of another
    let outer = rig.rule(composite("any", &[&one], |_| ())).await;
    let outermost = rig.rule(composite("any", &[&outer], |_| ())).await;
    for member in [&outer, &outermost] {
        let circle = draft(composite("any", &[&other, member], |_| ()));
        let error = rules::replace(&tenant, &outer.rule_id, &circle).await.unwrap_err();
        assert_eq!(error.status(), 400, "{error}");
    }
    assert_eq!(rules::delete(&tenant, &outer.rule_id).await.unwrap_err().status(), 409);
    rules::delete(&tenant, &outermost.rule_id).await.unwrap();
    rules::delete(&tenant, &outer.rule_id).await.unwrap();
    for change in [
        json!({"metric_key": "load"}),
        json!({"dimensions": {"a": "b"}}),
        json!({"no_data_after": "5m"}),
        json!({"delay": "5m"}),
        json!({"grace": "5m"}),
    ] {
        let body = composite("any", &[&one], |rule| {
            rule.as_object_mut()
                .unwrap()
                .extend(change.as_object().unwrap().clone())
        });
        assert!(
            serde_json::from_value::<Draft>(body).unwrap().check().is_err(),
            "{change}"
        );
    }
    let nameless = threshold(|rule| drop(rule.as_object_mut().unwrap().remove("metric_key")));
    assert!(serde_json::from_value::<Draft>(nameless).unwrap().check().is_err());
}
