//! More alerts at once, and more names of series, than one reply of the database holds.

use super::stage::Stage;
use db::{Batch, Step};
use intentvision::series::{self, MetricPattern};
use serde_json::json;
use tests::product::Backend;

/// The alerts of one minute, of which the server would need more than its 10 MB to tell in one reply.
const ALERTS: usize = 22_000;
/// Series of one request.
const REQUEST: usize = 1_000;

#[tokio::test]
async fn a_storm_is_told_in_one_message_and_so_is_its_end() {
    let stage = Stage::new(Backend::Remote).await;
    let channel = stage.channel("/a").await;
    stage.rule(&[&channel], json!({})).await;
    let hosts: Vec<String> = (0..ALERTS).map(|host| format!("host-{host:06}")).collect();
    for (minute, value, told) in [(1, 150.0, "1 firing first"), (7, 50.0, "7 resolved resolved")] {
        for hosts in hosts.chunks(REQUEST) {
            let values: Vec<(&str, f64)> = hosts.iter().map(|host| (host.as_str(), value)).collect();
            stage.send(minute, &values).await;
        }
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
