//! Series with a clean daily pattern, watched for anomalies.

use crate::alerting::rig::{Rig, START, series};
use db::Row;
use intentvision::clock::{DAY, MINUTE, Millis};
use intentvision::detection::DetectionSettings;
use intentvision::detection::configuration::{self, Configuration};
use intentvision::series::SeriesRef;
use serde_json::{Value, json};

/// The distance of points, in minutes.
pub(super) const STEP: i64 = 5;

/// What a series does: a wave of a day around 200, and noise of 1 %.
pub(super) fn usual(name: &SeriesRef, time: Millis) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a time of the day")]
    let phase = time.rem_euclid(DAY) as f64 / DAY as f64;
    let mut noise = (name.series_id.raw() ^ (time / MINUTE)).cast_unsigned();
    for _ in 0..3 {
        noise ^= noise >> 33;
        noise = noise.wrapping_mul(0xff51_afd7_ed55_8ccd);
    }
    #[expect(clippy::cast_precision_loss, reason = "20 bits")]
    let noise = (noise >> 44) as f64 / f64::from(1 << 20) - 0.5;
    200.0 + 50.0 * (phase * std::f64::consts::TAU).sin() + 4.0 * noise
}

/// One tenth of that: nothing any sane detector misses.
pub(super) fn dropped(name: &SeriesRef, time: Millis) -> f64 {
    usual(name, time) / 10.0
}

/// Stores so many days of history before minute 0, each `step` minutes.
pub(super) async fn history(rig: &Rig, names: &[SeriesRef], days: i64, step: i64) {
    rig.at(-1, 0);
    for name in names {
        let times = (1..=days * DAY / MINUTE / step)
            .rev()
            .map(|back| START - back * step * MINUTE);
        let points: Vec<_> = times.map(|time| (name.clone(), time, usual(name, time))).collect();
        for request in points.chunks(10_000) {
            rig.store(request, true).await;
        }
    }
}

/// Switches detection on, or off.
pub(super) async fn switch(rig: &Rig, enabled: bool) {
    let settings = DetectionSettings::default();
    configuration::put(&rig.tenant(), &Configuration { enabled, settings })
        .await
        .unwrap();
}

/// Series with eight days of history, watched from minute 0 on.
pub(super) async fn watched(hosts: usize) -> (Rig, Vec<SeriesRef>) {
    let rig = Rig::new().await;
    let names: Vec<SeriesRef> = (0..hosts).map(series).collect();
    history(&rig, &names, 8, STEP).await;
    rig.at(0, 500);
    switch(&rig, true).await;
    let summary = rig.tick(1).await;
    assert_eq!(summary.replayed, hosts);
    (rig, names)
}

/// Goes from one minute up to another; at each step the series that have a value send it, and a tick comes.
pub(super) async fn run(
    rig: &Rig,
    names: &[SeriesRef],
    minutes: std::ops::RangeInclusive<i64>,
    value: impl Fn(&SeriesRef, Millis) -> Option<f64>,
) {
    for minute in minutes.filter(|minute| minute % STEP == 0) {
        let time = START + minute * MINUTE;
        let said = names
            .iter()
            .filter_map(|name| Some((name.clone(), time, value(name, time)?)));
        let points: Vec<_> = said.collect();
        rig.at(minute, 0);
        if !points.is_empty() {
            rig.store(&points, false).await;
        }
        rig.tick(minute).await;
    }
}

/// A rule of type anomaly.
pub(super) fn rule(change: impl FnOnce(&mut Value)) -> Value {
    let mut body = json!({
        "name": "load odd", "metric_key": "load", "severity": "warning",
        "condition": {"type": "anomaly", "min_severity": "low"}, "channels": [],
    });
    change(&mut body);
    body
}

/// An anomaly as the database has it.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) series_id: i64,
    /// minutes after the start
    pub(super) from: i64,
    pub(super) until: Option<i64>,
    pub(super) ending: Option<String>,
    pub(super) kind: String,
    pub(super) direction: String,
    pub(super) observed: Option<f64>,
    pub(super) expected: f64,
    pub(super) reason: String,
    pub(super) group: String,
}

/// All anomalies, in order of their beginning.
pub(super) async fn anomalies(rig: &Rig) -> Vec<Found> {
    let rows = rig
        .read(
            "SELECT series_id, timestamp, ended_at, ending, kind, direction, observed, expected, reason, group_id
             FROM anomalies ORDER BY timestamp, series_id",
        )
        .await;
    let minute = |time: Millis| (time - START) / MINUTE;
    let found = |row: &Row| Found {
        series_id: row.integer(0).unwrap(),
        from: minute(row.integer(1).unwrap()),
        until: row.opt_integer(2).unwrap().map(minute),
        ending: row.opt_text(3).unwrap().map(str::to_owned),
        kind: row.text(4).unwrap().to_owned(),
        direction: row.text(5).unwrap().to_owned(),
        observed: row.opt_real(6).unwrap(),
        expected: row.opt_real(7).unwrap().unwrap(),
        reason: row.text(8).unwrap().to_owned(),
        group: row.text(9).unwrap().to_owned(),
    };
    rows.iter().map(found).collect()
}
