//! Detectors that go by stored forecasts, where the settings say so.

use super::scene::{STEP, anomalies, rule, run, usual, watched};
use crate::alerting::rig::{Rig, START};
use db::args;
use evaluate_alerts::Unlimited;
use intentvision::alerting::dry_run::{self, DryRunRequest, Report};
use intentvision::clock::{MINUTE, Millis};
use intentvision::detection::DetectionSettings;
use intentvision::detection::configuration::{self, Configuration};
use intentvision::forecasting::PackedForecast;
use intentvision::id::RuleId;
use intentvision::series::SeriesRef;
use intentvision::time;
use prediction::{Quantiles, Step};
use serde_json::json;

async fn expect(rig: &Rig, expectation: &str) {
    let settings = DetectionSettings::parse(json!({"expectation": expectation})).unwrap();
    let on = Configuration {
        enabled: true,
        settings,
    };
    configuration::put(&rig.tenant(), &on).await.unwrap();
}

/// Stores a forecast, made in a minute, of the next two hours: four times what is usual.
async fn forecast(rig: &Rig, name: &SeriesRef, minute: i64) {
    let start = START + minute * MINUTE;
    let steps: Vec<Millis> = (0..24).map(|step| start + step * STEP * MINUTE).collect();
    let mean: Vec<f64> = steps.iter().map(|time| 4.0 * usual(name, *time)).collect();
    let packed = PackedForecast {
        start,
        step: Step::Millis(STEP * MINUTE),
        quantiles: Quantiles {
            probabilities: vec![0.025, 0.975],
            values: mean.iter().map(|mean| vec![mean - 10.0, mean + 10.0]).collect(),
        },
        mean,
    };
    rig.write(
        "INSERT INTO forecasts (org_id, forecast_id, series_id, backend, frequency, horizon, origin, model_info, predictions, created_at)
         SELECT org_id, 'fc_' || ?2, ?3, 'auto', '5m', 24, ?4, '{}', ?5, ?6 FROM authority",
        args![minute, name.series_id, start - STEP * MINUTE, packed.encode(), start],
    )
    .await;
}

#[tokio::test]
async fn a_stored_forecast_is_what_is_expected_if_the_settings_say_so() {
    for (expectation, found) in [("learned", 0), ("forecast", 1)] {
        let (rig, names) = watched(2).await;
        expect(&rig, expectation).await;
        run(&rig, &names, 2..=60, |name, time| Some(usual(name, time))).await;
        assert!(anomalies(&rig).await.is_empty());
        forecast(&rig, &names[0], 60).await;
        run(&rig, &names, 61..=90, |name, time| Some(usual(name, time))).await;
        let told = anomalies(&rig).await;
        assert_eq!(told.len(), found, "{expectation}: {told:?}");
        for one in told {
            assert_eq!(
                (one.series_id, one.direction.as_str()),
                (names[0].series_id.raw(), "down")
            );
            let usual = usual(&names[0], START + one.from * MINUTE);
            assert!((one.expected - 4.0 * usual).abs() < 0.01 * usual, "{one:?}");
            assert!(one.reason.contains("expected"), "{one:?}");
        }
    }
}

/// The rule, from minute 1 on.
async fn tried(rig: &Rig, rule_id: &RuleId) -> Report {
    let body = json!({"rule_id": rule_id, "from": time::format(START + MINUTE)});
    let request = DryRunRequest::parse(body.to_string().as_bytes()).unwrap();
    dry_run::run(&rig.tenant(), &request, Unlimited).await.unwrap()
}

/// `series start end reason` of each alert that ticks raised.
async fn raised(rig: &Rig) -> Vec<String> {
    let rows = rig
        .read(
            "SELECT a.series_id, a.started_at, a.resolved_at,
                (SELECT t.reason FROM transitions AS t WHERE t.alert_id = a.alert_id ORDER BY t.seq LIMIT 1)
             FROM alerts AS a ORDER BY 1, 2",
        )
        .await;
    let line = |row: &db::Row| {
        let (series, start, end) = (row.integer(0), row.integer(1), row.opt_integer(2));
        format!(
            "{} {} {:?} {}",
            series.unwrap(),
            start.unwrap(),
            end.unwrap(),
            row.text(3).unwrap()
        )
    };
    rows.iter().map(line).collect()
}

/// The same of a dry run.
fn found(report: &Report) -> Vec<String> {
    let mut series: Vec<_> = report.series.iter().collect();
    series.sort_by_key(|one| one.series_id);
    let lines = series.iter().flat_map(|one| {
        let raw = one.series_id.unwrap().raw();
        let line = move |episode: &dry_run::Episode| {
            format!("{raw} {} {:?} {}", episode.started_at, episode.ended_at, episode.reason)
        };
        one.episodes.iter().map(line)
    });
    lines.collect()
}

#[tokio::test]
async fn a_dry_run_goes_by_the_forecasts_that_ticks_went_by() {
    for (expectation, alerts) in [("learned", 0), ("forecast", 2)] {
        let (rig, names) = watched(2).await;
        expect(&rig, expectation).await;
        let made = rig.rule(rule(|_| ())).await;
        run(&rig, &names, 2..=60, |name, time| Some(usual(name, time))).await;
        forecast(&rig, &names[0], 60).await;
        run(&rig, &names, 61..=90, |name, time| Some(usual(name, time))).await;
        forecast(&rig, &names[1], 90).await;
        run(&rig, &names, 91..=150, |name, time| Some(usual(name, time))).await;
        let report = tried(&rig, &made.rule_id).await;
        assert_eq!(found(&report), raised(&rig).await, "{expectation}");
        assert_eq!((report.episodes, report.complete), (alerts, true), "{expectation}");
    }
}

#[tokio::test]
async fn of_very_many_forecasts_a_dry_run_reads_some_and_says_so() {
    let (rig, names) = watched(2).await;
    expect(&rig, "forecast").await;
    let made = rig.rule(rule(|_| ())).await;
    run(&rig, &names, 2..=10, |name, time| Some(usual(name, time))).await;
    rig.write(
        "INSERT INTO forecasts (org_id, forecast_id, series_id, backend, frequency, horizon, origin, model_info, predictions, created_at)
         SELECT a.org_id, printf('fc_%05d', n.value), ?2, 'auto', '5m', 24, 0, '{}', x'00', ?3 FROM authority AS a,
            (WITH RECURSIVE c(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM c LIMIT 5001) SELECT value FROM c) AS n",
        args![names[0].series_id, START + 2 * MINUTE],
    )
    .await;
    let report = tried(&rig, &made.rule_id).await;
    assert!(report.complete);
    let said = |warning: &String| warning.starts_with("of 1 series there are more stored forecasts than were read");
    assert!(report.warnings.iter().any(said), "{:?}", report.warnings);
}
