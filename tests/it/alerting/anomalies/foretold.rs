//! Detectors that go by stored forecasts, where the settings say so.

use super::scene::{STEP, anomalies, run, usual, watched};
use crate::alerting::rig::{Rig, START};
use db::args;
use intentvision::clock::{MINUTE, Millis};
use intentvision::detection::DetectionSettings;
use intentvision::detection::configuration::{self, Configuration};
use intentvision::forecasting::PackedForecast;
use intentvision::series::SeriesRef;
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
