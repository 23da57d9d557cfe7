//! Lanes at their size.

use super::rig::{Rig, START, threshold};
use intentvision::clock::{MINUTE, Millis};

const SERIES: usize = 20_000;

#[tokio::test]
async fn every_series_of_a_full_lane_fires_in_the_same_minute() {
    let rig = Rig::new().await;
    rig.at(0, 1_000);
    rig.rule(threshold(|rule| rule["channels"] = serde_json::json!([])))
        .await;
    for (minute, value) in [(1, 150.0), (2, 50.0)] {
        rig.at(minute - 1, 30_000);
        let values: Vec<(usize, f64)> = (0..SERIES).map(|host| (host, value)).collect();
        for request in values.chunks(10_000) {
            rig.send(request).await;
        }
        let summary = rig.tick(minute).await;
        assert_eq!((summary.minutes, summary.transitions), (1, SERIES));
        let version = rig.read("SELECT version FROM lanes").await[0].integer(0).unwrap();
        assert!(version >= 20, "no write was larger than 2,000 rows: {version}");
        let rows = rig
            .read("SELECT DISTINCT minute FROM transitions ORDER BY minute DESC LIMIT 1")
            .await;
        assert_eq!(rows[0].integer(0).unwrap(), START + minute * MINUTE);
    }
    let closed = rig
        .read("SELECT count(*) FROM alerts WHERE status = 'resolved' AND resolved_at - started_at = 60000")
        .await;
    assert_eq!(closed[0].integer(0).unwrap(), Millis::try_from(SERIES).unwrap());
    let pages = rig.read("SELECT count(*), max(length(blob)) FROM lane_state").await;
    let (count, longest) = (pages[0].integer(0).unwrap(), pages[0].integer(1).unwrap());
    assert!(
        count <= 1 + 2 * 20_000 / 64 && longest <= 4_096,
        "{count} pages, up to {longest} bytes"
    );
}
