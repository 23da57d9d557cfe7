//! The mark of a series whose forecasts' errors leave their history, on both databases.

use super::scores::{come, forecast, product};
use intentvision::clock::{Clock, HOUR, Millis};
use intentvision::time;
use serde_json::json;
use tests::product::{Backend, Product};

/// Hours of each forecast.
const HOURS: i64 = 4;

/// Between -0.5 and 0.5, and not to be foreseen: the finalizer of `MurmurHash3` (A. Appleby).
fn noise(hour: i64) -> f64 {
    let mut hash = (hour.unsigned_abs() + 1).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    (hash ^ (hash >> 33)) as f64 / u64::MAX as f64 - 0.5
}

/// Four hours of the daily pattern of the history with noise of this size: they are forecast, come, and are scored.
async fn round(product: &Product, key: &str, number: i64, size: f64) {
    let made = forecast(product, key, 4).await;
    let now = product.app.clock.now();
    let first = time::parse_rfc3339(made["predictions"][0]["timestamp"].as_str().unwrap()).unwrap();
    let hours: Vec<(Millis, f64)> = (0..HOURS)
        .map(|hour| {
            // the history begins 335 hours before its end
            let of_pattern = (335 + 1 + number * HOURS + hour) % 24;
            (
                first + hour * HOUR,
                100.5 + if of_pattern > 8 { 30.0 } else { 0.0 } + size * noise(number * HOURS + hour),
            )
        })
        .collect();
    come(product, key, now + HOURS * HOUR, &hours).await;
    // the last of them is over an hour after it came
    let scored = product.again(Clock::at(now + (HOURS + 1) * HOUR)).await;
    assert_eq!(maintain::run(&scored).await.unwrap().scored, 1);
}

#[tokio::test]
async fn errors_that_leave_their_history_are_marked_with_a_reason() {
    for backend in [Backend::Embedded, Backend::Remote] {
        let (product, key) = product(backend).await;
        let newest = async || product.get("/v1/forecasts?limit=1", &key).await.json()["items"][0].clone();
        for number in 0..14 {
            round(&product, &key, number, 1.0).await;
            assert_eq!(newest().await["drift"], json!(false), "{number}");
        }
        let since = product.app.clock.now() + HOUR;
        let mut marked = newest().await;
        for number in 14..22 {
            round(&product, &key, number, 40.0).await;
            marked = newest().await;
            if marked["drift"] == json!(true) {
                break;
            }
        }
        assert_eq!(marked["drift"], json!(true), "{marked}");
        let told = time::parse_rfc3339(marked["drift_since"].as_str().unwrap()).unwrap();
        assert!((since - 2 * HOURS * HOUR..=since).contains(&told), "{marked}");
        let reason = marked["drift_reason"].as_str().unwrap();
        assert!(
            reason.starts_with("the errors of the last ")
                && reason.ends_with(" times as large as usual, measured by their intervals"),
            "{reason}"
        );
        let path = format!("/v1/forecasts/{}", marked["forecast_id"].as_str().unwrap());
        assert_eq!(
            product.get(&path, &key).await.json()["drift_reason"],
            marked["drift_reason"]
        );
    }
}
