//! More alerts at once, and more names of series, than one reply of the database holds.

use super::stage::{START, Stage};
use db::{Batch, Step};
use evaluate_alerts::Count;
use intentvision::alerting::{composite, tick};
use intentvision::auth::Job;
use intentvision::clock::MINUTE;
use intentvision::series::{self, MetricPattern};
use serde_json::{Value, json};
use tests::product::Backend;

/// The alerts of one minute, of which the server would need more than its 10 MB to tell in one reply.
const ALERTS: usize = 22_000;
/// Series of one request.
const REQUEST: usize = 1_000;

/// So many hosts say the same in a minute.
async fn send(stage: &Stage, hosts: usize, minute: i64, value: f64) {
    let hosts: Vec<String> = (0..hosts).map(|host| format!("host-{host:06}")).collect();
    for hosts in hosts.chunks(REQUEST) {
        let values: Vec<(&str, f64)> = hosts.iter().map(|host| (host.as_str(), value)).collect();
        stage.send(minute, &values).await;
    }
}

#[tokio::test]
async fn a_storm_is_told_in_one_message_and_so_is_its_end() {
    let stage = Stage::new(Backend::Remote).await;
    let channel = stage.channel("/a").await;
    stage.rule(&[&channel], json!({})).await;
    for (minute, value, told) in [(1, 150.0, "1 firing first"), (7, 50.0, "7 resolved resolved")] {
        send(&stage, ALERTS, minute, value).await;
        stage.tick(minute).await;
        stage.deliver().await;
        assert_eq!(stage.told("/a").last().map(String::as_str), Some(told));
    }
    for message in stage.receiver.messages() {
        let data = &message.json()["data"];
        let listed = data["alerts"].as_array().unwrap().len();
        assert_eq!(data["unlisted"], json!(ALERTS - listed));
    }
    assert_eq!(stage.receiver.messages().len(), 2);
}

/// A composite rule over one of so many series: the bytes that it reads in the minute where all of them fire, in one where nothing
/// changes and in the one where all of them recover.
async fn read_by_a_composite_rule(hosts: usize) -> [usize; 3] {
    let stage = Stage::new(Backend::Remote).await;
    let rule = stage.rule(&[], json!({})).await;
    let over = json!({"name": "any", "severity": "critical", "channels": [],
        "condition": {"type": "composite", "mode": "any", "rules": [rule]}});
    let over = stage.post("/v1/alert-rules", over).await["rule_id"].clone();
    let evaluator = stage.product.app.system(Job::Evaluate, Some(stage.org.clone()));
    let mut read = [0; 3];
    for (at, (minute, value, changes, status)) in [
        (1, 150.0, 1, "firing"),
        (2, 150.0, 0, "firing"),
        (3, 50.0, 1, "resolved"),
    ]
    .into_iter()
    .enumerate()
    {
        send(&stage, hosts, minute, value).await;
        stage.at(minute, 1_000);
        let scheduled = START + minute * MINUTE;
        let first = tick::evaluate(&evaluator, scheduled, &mut Count(0), &mut Count(0))
            .await
            .unwrap();
        assert_eq!(first.transitions, changes * hosts);
        drop(stage.product.counted());
        assert_eq!(composite::evaluate(&evaluator, scheduled).await.unwrap(), changes);
        let exchanges = stage.product.counted();
        read[at] = exchanges[0].received;
        let path = format!("/v1/alerts?rule_id={}", over.as_str().unwrap());
        let alerts: Value = stage.product.get(&path, &stage.key).await.json();
        assert_eq!(alerts["items"][0]["status"], json!(status), "{alerts}");
    }
    read
}

#[tokio::test]
async fn a_composite_rule_reads_no_more_of_a_storm_than_of_one_alert() {
    let (one, storm) = (
        read_by_a_composite_rule(1).await,
        read_by_a_composite_rule(ALERTS).await,
    );
    for (one, storm) in one.into_iter().zip(storm) {
        // counts have more digits
        assert!(storm < one + 100, "{storm} bytes instead of {one}");
    }
}

/// Series with attributes as long as OpenTelemetry's may be, whose names and labels are more than one reply holds.
#[tokio::test]
async fn series_with_long_names_are_evaluated_and_told_of() {
    const SERIES: usize = 3_000;
    const TOGETHER: usize = 250;
    let stage = Stage::new(Backend::Remote).await;
    let channel = stage.channel("/a").await;
    let groups = json!({"notify": {"group_by": ["host", "attribute-0"]}});
    stage.rule(&[&channel], groups).await;
    let point = |host: usize, value: f64| {
        let mut dimensions = json!({"host": format!("host-{host:06}")});
        for attribute in 0..8 {
            // each of these characters takes two bytes, and four in a reply
            dimensions[format!("attribute-{attribute}")] = "\"".repeat(450).into();
        }
        json!({"metric_key": "load", "value": value, "dimensions": dimensions})
    };
    for (minute, value, open) in [(1, 150.0, SERIES), (7, 50.0, 0)] {
        stage.at(minute - 1, 30_000);
        for first in (0..SERIES).step_by(TOGETHER) {
            let points = (first..first + TOGETHER).map(|host| point(host, value));
            stage.ingest(points.collect()).await;
        }
        stage.tick(minute).await;
        let told = "SELECT count(*), count(noticed) FROM alerts WHERE org_id = (SELECT org_id FROM authority)";
        let groups = "SELECT count(*), count(*) FILTER (WHERE closed = 0) FROM notification_groups
            WHERE org_id = (SELECT org_id FROM authority)";
        for counts in [told, groups] {
            assert_eq!(count(&stage, counts).await, [SERIES, open], "minute {minute}: {counts}");
        }
    }
    let tenant = stage.product.app.operator(Some(stage.org.clone()));
    let pattern = MetricPattern::parse("load").unwrap();
    let matching = series::matching(&tenant, &[pattern]).await.unwrap();
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = series::names(&tenant, None, after).await.unwrap();
        all.extend(page.series);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!((all.len(), all == matching), (SERIES, true));
}

async fn count(stage: &Stage, counts: &'static str) -> [usize; 2] {
    let tenant = stage.product.app.operator(Some(stage.org.clone()));
    let reply = tenant.run(Batch::read_one(Step::tenant(counts, vec![]))).await.unwrap();
    let row = reply.step(0).unwrap().one().unwrap();
    [0, 1].map(|column| usize::try_from(row.integer(column).unwrap()).unwrap())
}
