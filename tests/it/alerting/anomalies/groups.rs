//! Incidents of several series at the same time.

use super::scene::{STEP, anomalies, dropped, history, run, switch, usual};
use crate::alerting::rig::Rig;
use intentvision::series::{Dimensions, MetricKey, SeriesRef};
use serde_json::Value;
use std::collections::BTreeSet;

/// Twenty hosts: the first six in one region.
fn hosts() -> Vec<SeriesRef> {
    let host = |index: usize| {
        let region = if index < 6 { "eu" } else { "us" };
        let pairs = [
            ("app", "shop".to_owned()),
            ("host", format!("h{index}")),
            ("region", region.to_owned()),
        ];
        let dimensions = Dimensions::new(pairs.map(|(key, value)| (key.to_owned(), value))).unwrap();
        SeriesRef::new(MetricKey::parse("load").unwrap(), dimensions)
    };
    (0..20).map(host).collect()
}

#[tokio::test]
async fn five_series_that_drop_together_are_one_group_with_what_they_share() {
    let rig = Rig::new().await;
    let names = hosts();
    history(&rig, &names, 8, STEP).await;
    rig.at(0, 500);
    switch(&rig, true).await;
    rig.tick(1).await;
    run(&rig, &names, 2..=60, |name, time| Some(usual(name, time))).await;
    let down: BTreeSet<_> = names[..5].iter().map(|name| name.series_id).collect();
    // one of them a step later, and another one, elsewhere, much later
    let value = |late: i64| {
        let (down, names) = (&down, &names);
        move |name: &SeriesRef, time| {
            let drops = down.contains(&name.series_id) && (name.series_id != names[4].series_id || late > 0);
            let elsewhere = name.series_id == names[19].series_id && late > 1;
            Some(if drops || elsewhere {
                dropped(name, time)
            } else {
                usual(name, time)
            })
        }
    };
    run(&rig, &names, 61..=65, value(0)).await;
    run(&rig, &names, 66..=90, value(1)).await;
    let open = rig
        .read("SELECT ended_at, series, contributors, severity FROM anomaly_groups")
        .await;
    assert_eq!(open.len(), 1, "{:?}", anomalies(&rig).await);
    assert_eq!(
        (open[0].opt_integer(0).unwrap(), open[0].integer(1).unwrap()),
        (None, 5)
    );
    let contributors: Value = serde_json::from_str(open[0].text(2).unwrap()).unwrap();
    let first = &contributors[0];
    assert_eq!(
        (&first["key"], &first["value"]),
        (&"region".into(), &"eu".into()),
        "{contributors}"
    );
    assert_eq!((&first["series"], &first["watched"]), (&5.into(), &6.into()));
    assert_eq!(contributors.as_array().unwrap().len(), 1, "{contributors}");
    run(&rig, &names, 91..=100, value(2)).await;
    let found = anomalies(&rig).await;
    let groups: BTreeSet<_> = found.iter().map(|one| one.group.as_str()).collect();
    assert_eq!((found.len(), groups.len()), (6, 2), "{found:?}");
    run(&rig, &names, 101..=240, |name, time| Some(usual(name, time))).await;
    let over = rig
        .read("SELECT ended_at IS NOT NULL, series FROM anomaly_groups ORDER BY group_id")
        .await;
    let over: Vec<_> = over
        .iter()
        .map(|row| (row.integer(0).unwrap(), row.integer(1).unwrap()))
        .collect();
    assert_eq!(over, [(1, 5), (1, 1)], "{:?}", anomalies(&rig).await);
}
