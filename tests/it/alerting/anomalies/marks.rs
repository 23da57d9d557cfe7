//! What users say of incidents before the last one.

use super::scene::{anomalies, dropped, run, usual, watched};
use crate::alerting::rig::Rig;
use intentvision::clock::{DAY, MINUTE, Millis};
use intentvision::detection::{Label, LabelRequest, Subject, marks};
use intentvision::id::AnomalyId;
use intentvision::series::SeriesRef;

const DAY_OF: i64 = DAY / MINUTE;

/// Half an hour of values that are far too low from a minute on, and what is usual from `from` until a day has passed.
async fn a_day_with_a_drop(rig: &Rig, names: &[SeriesRef], from: i64, drop: i64) {
    let is_low = |time: Millis| {
        let minute = (time - crate::alerting::rig::START) / MINUTE;
        (drop..drop + 30).contains(&minute)
    };
    let value = |name: &SeriesRef, time: Millis| {
        Some(if is_low(time) {
            dropped(name, time)
        } else {
            usual(name, time)
        })
    };
    run(rig, names, from..=from + DAY_OF - 1, value).await;
}

async fn label(rig: &Rig, minute: i64, name: &SeriesRef, anomaly_id: &str, label: Label) {
    rig.at(minute, 1);
    let request = LabelRequest {
        subject: Subject::Anomaly(AnomalyId::parse(anomaly_id).unwrap()),
        label,
    };
    marks::label(&rig.tenant(), name.series_id, &request, None)
        .await
        .unwrap();
}

/// Drops at 02:00 on one day and at 09:00 on the next; the ids of both.
async fn two_drops() -> (Rig, Vec<SeriesRef>, Vec<String>) {
    let (rig, names) = watched(1).await;
    a_day_with_a_drop(&rig, &names, 2, 120).await;
    a_day_with_a_drop(&rig, &names, 2 + DAY_OF, DAY_OF + 540).await;
    let rows = rig.read("SELECT anomaly_id FROM anomalies ORDER BY timestamp").await;
    let ids: Vec<String> = rows.iter().map(|row| row.text(0).unwrap().to_owned()).collect();
    assert_eq!(ids.len(), 2, "{:?}", anomalies(&rig).await);
    (rig, names, ids)
}

#[tokio::test]
async fn an_older_incident_that_is_expected_is_not_told_again() {
    let (rig, names, ids) = two_drops().await;
    let day = 2 * DAY_OF;
    label(&rig, day + 1, &names[0], &ids[0], Label::Expected).await;
    label(&rig, day + 1, &names[0], &ids[1], Label::Expected).await;
    a_day_with_a_drop(&rig, &names, day + 2, day + 120).await;
    assert_eq!(anomalies(&rig).await.len(), 2, "{:?}", anomalies(&rig).await);
    // and taken back
    label(&rig, day + DAY_OF + 1, &names[0], &ids[0], Label::Real).await;
    a_day_with_a_drop(&rig, &names, day + DAY_OF + 2, day + DAY_OF + 120).await;
    assert_eq!(anomalies(&rig).await.len(), 3, "{:?}", anomalies(&rig).await);
}

#[tokio::test]
async fn an_incident_that_is_over_and_was_wrong_data_is_taken_out_of_what_is_learned() {
    let (rig, names, ids) = two_drops().await;
    let day = 2 * DAY_OF;
    label(&rig, day + 1, &names[0], &ids[1], Label::BadData).await;
    assert_eq!(rig.tick(day + 2).await.replayed, 1);
    label(&rig, day + 2, &names[0], &ids[0], Label::BadData).await;
    assert_eq!(rig.tick(day + 3).await.replayed, 1);
    assert_eq!(rig.tick(day + 4).await.replayed, 0, "once");
    run(&rig, &names, day + 5..=day + 300, |name, time| Some(usual(name, time))).await;
    assert_eq!(anomalies(&rig).await.len(), 2, "{:?}", anomalies(&rig).await);
}
