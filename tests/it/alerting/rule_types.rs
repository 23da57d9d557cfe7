//! Rule types that look at more than the last value: each from its creation over a series that is there to its end.

use super::replay::assert_same;
use super::rig::{Rig, START, threshold};
use intentvision::clock::MINUTE;
use intentvision::series::{Dimensions, MetricKey, SeriesRef};
use serde_json::{Value, json};

/// A rule with this condition, over one series that had a value a minute for an hour.
async fn start(condition: Value, history: impl Fn(i64) -> f64) -> Rig {
    let rig = Rig::new().await;
    rig.at(0, 0);
    let points: Vec<_> = (-60..=0)
        .map(|minute| (1, START + minute * MINUTE, history(minute)))
        .collect();
    rig.points(&points, false).await;
    rig.at(0, 1_000);
    rig.rule(threshold(|rule| rule["condition"] = condition)).await;
    rig
}

async fn minutes(rig: &Rig, from: i64, values: &[f64]) {
    for (minute, value) in (from..).zip(values) {
        rig.at(minute, 0);
        rig.send(&[(1, *value)]).await;
        rig.tick(minute).await;
    }
}

async fn reasons(rig: &Rig) -> Vec<String> {
    let rows = rig.read("SELECT reason FROM transitions ORDER BY seq").await;
    rows.iter().map(|row| row.text(0).unwrap().to_owned()).collect()
}

#[tokio::test]
async fn so_many_of_the_last_points() {
    let condition = json!({"type": "threshold", "operator": "gt", "value": 100, "points": {"at_least": 3, "of": 5}});
    let rig = start(condition, |_| 50.0).await;
    minutes(&rig, 1, &[110.0, 50.0, 110.0, 50.0, 120.0, 50.0, 50.0]).await;
    assert_eq!(rig.log().await, ["5 normal>firing", "6 firing>resolved"]);
    assert_eq!(
        reasons(&rig).await,
        [
            "3 of the last 5 points are above 100; the last is 120",
            "2 of the last 5 points are above 100; the last is 50"
        ]
    );
}

#[tokio::test]
async fn a_rule_that_counts_points_knows_those_that_came_before_it() {
    let condition = json!({"type": "threshold", "operator": "gt", "value": 100, "points": {"at_least": 3, "of": 5}});
    let rig = start(condition, |minute| if minute > -3 { 150.0 } else { 50.0 }).await;
    rig.tick(1).await;
    assert_eq!(rig.log().await, ["1 unknown>firing"]);
}

#[tokio::test]
async fn what_a_window_comes_to() {
    for (aggregation, limit, fires, reason) in [
        ("avg", 60.0, 3, "the average of the last 10 min is 62, above 60"),
        ("sum", 650.0, 4, "the sum of the last 10 min is 660, above 650"),
        ("max", 80.0, 1, "the largest value of the last 10 min is 90, above 80"),
        ("last", 80.0, 1, "the last value of the last 10 min is 90, above 80"),
    ] {
        let condition =
            json!({"type": "threshold", "operator": "gt", "value": limit, "aggregation": aggregation, "window": "10m"});
        let rig = start(condition, |_| 50.0).await;
        minutes(&rig, 1, &[90.0; 5]).await;
        assert_eq!(
            rig.log().await,
            [format!("{fires} normal>firing").replace("1 normal", "1 unknown")],
            "{aggregation}"
        );
        assert_eq!(reasons(&rig).await, [reason]);
        let value = rig.read("SELECT value FROM alerts").await[0]
            .opt_real(0)
            .unwrap()
            .unwrap();
        assert!(
            reason.contains(&format!(" is {value},")),
            "the alert has the value that was judged"
        );
    }
}

/// A window slides on in silence: points that leave it count no longer. Only of a count is nothing a number.
#[tokio::test]
async fn a_window_without_points_is_no_value_but_for_their_number() {
    let rule = |aggregation, operator, value: f64| json!({"type": "threshold", "operator": operator, "value": value, "aggregation": aggregation, "window": "5m"});
    let rig = start(rule("count", "lt", 3.0), |_| 50.0).await;
    for minute in 1..8 {
        rig.tick(minute).await;
    }
    assert_eq!(rig.log().await, ["3 normal>firing"]);
    assert_eq!(
        reasons(&rig).await,
        ["the number of points of the last 5 min is 2, below 3"]
    );
    let rig = start(rule("avg", "gt", 40.0), |_| 50.0).await;
    for minute in 1..30 {
        rig.tick(minute).await;
    }
    assert_eq!(rig.log().await, ["1 unknown>firing"], "silence resolves nothing");
}

#[tokio::test]
async fn a_series_that_is_younger_than_the_window_is_unknown() {
    let rig = Rig::new().await;
    rig.at(0, 1_000);
    let condition = json!({"type": "threshold", "operator": "gt", "value": 1, "aggregation": "sum", "window": "5m"});
    rig.rule(threshold(|rule| rule["condition"] = condition)).await;
    minutes(&rig, 1, &[10.0; 8]).await;
    assert_eq!(rig.log().await, ["5 unknown>firing"]);
    assert_eq!(reasons(&rig).await, ["the sum of the last 5 min is 50, above 1"]);
}

#[tokio::test]
async fn a_change_within_a_window() {
    let rule = |operator, value: f64, more: Value| {
        let mut rule = json!({"type": "rate_of_change", "window": "10m", "operator": operator, "value": value});
        rule.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        rule
    };
    let percent = || json!({"unit": "percent"});
    for (condition, value, fired, over) in [
        (
            rule("gt", 20.0, json!({})),
            75.0,
            "the change within 10 min is 25, from 50 to 75: above 20",
            "the change is back at 0",
        ),
        (
            rule("lt", -20.0, percent()),
            25.0,
            "the change within 10 min is -50 %, from 50 to 25: below -20 %",
            "the change is back at 0 %",
        ),
        (
            rule("gte", 2.0, json!({"per": "1m"})),
            75.0,
            "the change within 10 min is 2.5 per 1m, from 50 to 75: at or above 2 per 1m",
            "the change is back at 0 per 1m",
        ),
    ] {
        let rig = start(condition, |_| 50.0).await;
        minutes(&rig, 1, &[50.0, value]).await;
        minutes(&rig, 3, &[50.0; 8]).await;
        assert_eq!(rig.log().await, ["2 normal>firing", "3 firing>resolved"]);
        assert_eq!(reasons(&rig).await, [fired, over]);
    }
    // in silence the change stands, and a rule knows at once what the value was
    let rig = start(
        rule("gt", 20.0, json!({})),
        |minute| if minute > -5 { 90.0 } else { 50.0 },
    )
    .await;
    for minute in 1..30 {
        rig.tick(minute).await;
    }
    assert_eq!(rig.log().await, ["1 unknown>firing"]);
}

#[tokio::test]
async fn missing_data_learns_how_often_points_come() {
    let rig = Rig::new().await;
    rig.at(0, 1_000);
    rig.rule(threshold(|rule| rule["condition"] = json!({"type": "missing_data"})))
        .await;
    // one series has a point every five minutes, the other one each minute, until the twentieth
    for minute in 1..=40 {
        rig.at(minute, 0);
        let mut points = Vec::new();
        if minute <= 20 {
            points.push((2, 1.0));
            if minute % 5 == 0 {
                points.push((1, 1.0));
            }
        }
        if !points.is_empty() {
            rig.send(&points).await;
        }
        rig.tick(minute).await;
    }
    assert_eq!(rig.log().await, ["25 normal>firing", "35 normal>firing"]);
    assert_eq!(
        reasons(&rig).await,
        [
            "no new point for 5 min; they come every 1 min",
            "no new point for 15 min; they come every 5 min"
        ]
    );
    rig.at(41, 0);
    rig.send(&[(1, 1.0)]).await;
    rig.tick(41).await;
    assert_eq!(reasons(&rig).await[2..], ["points arrive again"]);
}

/// A rule with a delay looks at a value when it is so old; by then it may have been corrected.
#[tokio::test]
async fn a_delay_waits_for_corrections_and_late_points() {
    let late = || threshold(|rule| rule["delay"] = json!("3m"));
    let rig = Rig::new().await;
    rig.at(0, 1_000);
    rig.rule(late()).await;
    rig.rule(threshold(|_| ())).await;
    let at = |minute: i64, value| (1, START + minute * MINUTE, value);
    let script = [
        (1, vec![at(1, 150.0)]),
        // the first point is corrected, and one comes late
        (3, vec![at(3, 50.0), at(1, 50.0)]),
        (4, vec![at(2, 160.0)]),
        (5, vec![at(5, 50.0)]),
        (6, vec![at(6, 50.0)]),
    ];
    let mut script = script.into_iter().peekable();
    for minute in 1..=8 {
        if let Some((_, points)) = script.next_if(|(then, _)| *then == minute) {
            rig.at(minute, 0);
            rig.points(&points, false).await;
        }
        rig.tick(minute).await;
    }
    // without a delay the wrong value fires at once, and the late one is not seen
    assert_eq!(
        rig.log().await,
        [
            "1 unknown>firing",
            "3 firing>resolved",
            "5 normal>firing",
            "6 firing>resolved"
        ]
    );
    assert_eq!(reasons(&rig).await[2], "the value is 160, above 100");
}

/// The state of windows goes through the lane: ticks that are missed, doubled or killed leave the same.
#[tokio::test]
async fn missed_and_killed_ticks_leave_the_same_windows() {
    let conditions = [
        json!({"type": "threshold", "operator": "gt", "value": 100, "points": {"at_least": 2, "of": 3}}),
        json!({"type": "threshold", "operator": "gt", "value": 80, "aggregation": "avg", "window": "4m"}),
        json!({"type": "threshold", "operator": "lt", "value": 3, "aggregation": "count", "window": "3m"}),
        json!({"type": "rate_of_change", "window": "2m", "operator": "gt", "value": 30, "unit": "percent"}),
        json!({"type": "missing_data", "after": "auto"}),
    ];
    let begin = async || {
        let rig = start(conditions[0].clone(), |minute| {
            60.0 + f64::from(u8::try_from(minute % 7 + 7).unwrap())
        })
        .await;
        for condition in &conditions[1..] {
            for delay in ["0s", "2m"] {
                let can_wait = condition["type"] != "missing_data";
                if delay == "0s" || can_wait {
                    rig.rule(threshold(|rule| {
                        rule["condition"] = condition.clone();
                        rule["delay"] = json!(delay);
                    }))
                    .await;
                }
            }
        }
        rig
    };
    let send = async |rig: &Rig, minute: i64| {
        let now = START + minute * MINUTE;
        rig.at(minute, 0);
        match minute {
            4..=8 => rig.points(&[(1, now, 150.0), (2, now, 5.0)], false).await,
            // one that is late and one that is corrected
            9 => {
                rig.points(
                    &[(1, now, 70.0), (1, now - 90_000, 300.0), (2, now - 2 * MINUTE, 9.0)],
                    false,
                )
                .await
            }
            12..30 => {}
            _ => rig.points(&[(1, now, 65.0)], false).await,
        }
    };
    let clean = begin().await;
    for minute in 1..=35 {
        send(&clean, minute).await;
        clean.tick(minute).await;
        clean.tick(minute).await;
    }
    let log = clean.log().await;
    assert!(log.len() > 12, "{log:?}");
    for happens in [|minute: i64| minute == 35, |minute| minute % 7 == 0] {
        let rig = begin().await;
        for minute in 1..=35 {
            send(&rig, minute).await;
            if happens(minute) {
                rig.tick(minute).await;
            }
        }
        assert_same(&rig, &clean).await;
    }
    for batches in 0..9 {
        let rig = begin().await;
        for minute in 1..=35 {
            send(&rig, minute).await;
            if minute % 6 == 0 {
                rig.at(minute, 1_000);
                super::replay::killed(&rig, minute, batches, batches % 2 == 0, &mut evaluate_alerts::Count(0)).await;
            }
            if minute % 9 == 0 {
                rig.tick(minute).await;
            }
        }
        rig.tick(35).await;
        assert_same(&rig, &clean).await;
    }
}

/// A rule is quiet about a series that is new, and not about one that was there before it.
#[tokio::test]
async fn a_series_that_is_new_does_not_fire_within_its_grace() {
    let rig = Rig::new().await;
    rig.at(0, 0);
    rig.points(&[(2, START - 10 * MINUTE, 50.0), (2, START, 150.0)], false)
        .await;
    rig.at(0, 1_000);
    rig.rule(threshold(|rule| {
        rule["grace"] = json!("4m");
        rule["no_data_after"] = json!("2m");
    }))
    .await;
    rig.tick(1).await;
    assert_eq!(rig.log().await, ["1 unknown>firing"], "the one that was there");
    rig.at(2, 0);
    rig.send(&[(1, 150.0), (2, 150.0)]).await;
    for minute in 2..=5 {
        rig.at(minute, 500);
        rig.send(&[(2, 150.0)]).await;
        rig.tick(minute).await;
    }
    assert_eq!(rig.log().await.len(), 1, "neither its value nor its silence counts yet");
    rig.at(6, 0);
    rig.send(&[(1, 150.0), (2, 150.0)]).await;
    rig.tick(6).await;
    assert_eq!(rig.log().await, ["1 unknown>firing", "6 unknown>firing"]);
}

/// A rule with a pattern has an instance of its own for each series of each metric that it matches.
#[tokio::test]
async fn a_pattern_matches_the_series_of_several_metrics() {
    let rig = Rig::new().await;
    rig.at(0, 1_000);
    rig.rule(threshold(|rule| {
        rule["metric_key"] = json!("http.*.latency");
        rule["dimensions"] = json!({"region": "eu"});
    }))
    .await;
    // one that names a metric besides
    rig.rule(threshold(|rule| rule["metric_key"] = json!("http.get.latency")))
        .await;
    let named = |metric: &str, region: &str| {
        let dimensions = Dimensions::new([
            ("host".to_owned(), "a".to_owned()),
            ("region".to_owned(), region.to_owned()),
        ]);
        SeriesRef::new(MetricKey::parse(metric).unwrap(), dimensions.unwrap())
    };
    let names = [
        named("http.get.latency", "eu"),
        named("http.get.latency", "us"),
        named("http.post.latency", "eu"),
        named("http.get.errors", "eu"),
        named("grpc.get.latency", "eu"),
    ];
    for (minute, value) in [(1, 150.0), (2, 50.0)] {
        rig.at(minute, 0);
        let points: Vec<_> = names
            .iter()
            .map(|name| (name.clone(), START + minute * MINUTE, value))
            .collect();
        rig.store(&points, false).await;
        rig.tick(minute).await;
    }
    let rows = rig.read("SELECT summary, status FROM alerts ORDER BY summary").await;
    let summaries: Vec<&str> = rows.iter().map(|row| row.text(0).unwrap()).collect();
    let about =
        |metric, region| format!(r#"load high: {metric}{{host="a",region="{region}"}}: the value is 150, above 100"#);
    assert_eq!(
        summaries,
        [
            about("http.get.latency", "eu"),
            about("http.get.latency", "eu"),
            about("http.get.latency", "us"),
            about("http.post.latency", "eu"),
        ]
    );
    assert!(rows.iter().all(|row| row.text(1).unwrap() == "resolved"));
}
