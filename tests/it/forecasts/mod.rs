//! Forecasts over HTTP, on both databases.

mod asked;
mod backtests;
mod drift;
mod scores;

use http::Request;
use intentvision::clock::{Clock, HOUR, Millis};
use intentvision::time;
use serde_json::{Value, json};
use tests::on_both;
use tests::product::Product;

/// Two weeks of hours up to `end`, with a daily cycle.
fn history(end: Millis, region: &str) -> Value {
    let metrics: Vec<Value> = (0..24 * 14)
        .map(|hour: i64| {
            let noise = (hour * 7919 % 13) as f64 / 13.0;
            json!({
                "metric_key": "shop.orders",
                "value": 100.0 + if hour % 24 > 8 { 30.0 } else { 0.0 } + noise,
                "timestamp": time::format(end - (24 * 14 - 1 - hour) * HOUR),
                "dimensions": {"region": region},
            })
        })
        .collect();
    json!({"metrics": metrics})
}

fn this_hour() -> Millis {
    Clock::system().now() / HOUR * HOUR
}

on_both! {
    a_forecast_is_stored_and_meets_its_actuals => async |product: Product| {
        let (_, key) = product.acme().await;
        let end = this_hour() - 3 * HOUR;
        assert_eq!(product.post("/v1/ingest", &key, &history(end, "eu")).await.status, 200);
        let body = json!({"metric_key": "shop.orders", "horizon": "24h", "levels": [80, 95]});
        let made = product.post("/v1/forecasts", &key, &body).await;
        assert_eq!(made.status, 201, "{}", made.json());
        let made = made.json();
        assert_eq!((&made["frequency"], &made["backend"]), (&json!("1h"), &json!("auto")));
        let predictions = made["predictions"].as_array().unwrap();
        assert_eq!(predictions.len(), 24);
        assert_eq!(predictions[0]["timestamp"], json!(time::format(end + HOUR)));
        for prediction in predictions {
            let number = |at: &str| prediction.pointer(at).and_then(Value::as_f64).unwrap();
            let ends = ["/intervals/95/lower", "/intervals/80/lower", "/value", "/intervals/80/upper", "/intervals/95/upper"];
            assert!(ends.map(number).is_sorted(), "{prediction}");
        }
        let path = format!("/v1/forecasts/{}", made["forecast_id"].as_str().unwrap());
        let later = json!({"metrics": [{
            "metric_key": "shop.orders", "value": 77, "timestamp": time::format(end + 2 * HOUR), "dimensions": {"region": "eu"}
        }]});
        assert_eq!(product.post("/v1/ingest", &key, &later).await.status, 200);
        let shown = product.get(&path, &key).await.json();
        assert_eq!(shown["predictions"][1]["actual"], json!(77.0));
        assert_eq!(shown["predictions"][0].get("actual"), None);
        assert_eq!(shown["predictions"][1]["value"], made["predictions"][1]["value"]);
        let list = product.get("/v1/forecasts", &key).await.json();
        assert_eq!(list["items"][0]["forecast_id"], made["forecast_id"]);
        assert_eq!(list["items"][0].get("predictions"), None);
    };

    series_are_never_merged => async |product: Product| {
        let (_, key) = product.acme().await;
        for region in ["eu", "us"] {
            assert_eq!(product.post("/v1/ingest", &key, &history(this_hour(), region)).await.status, 200);
        }
        let several = product.post("/v1/forecasts", &key, &json!({"metric_key": "shop.orders", "horizon": 3})).await;
        assert_eq!(several.problem(), (409, "CONFLICT".into()));
        assert_eq!(several.json()["candidates"].as_array().unwrap().len(), 2);
        let one = json!({"metric_key": "shop.orders", "dimensions": {"region": "us"}, "horizon": 3});
        assert_eq!(product.post("/v1/forecasts", &key, &one).await.json()["dimensions"], json!({"region": "us"}));
        let none = json!({"metric_key": "shop.orders", "dimensions": {"region": "asia"}, "horizon": 3});
        assert_eq!(product.post("/v1/forecasts", &key, &none).await.problem(), (404, "NOT_FOUND".into()));
    };

    too_little_history_names_both_numbers => async |product: Product| {
        let (_, key) = product.acme().await;
        product.post("/v1/ingest", &key, &json!({"metrics": [{"metric_key": "ok.one", "value": 2}]})).await;
        let reply = product.post("/v1/forecasts", &key, &json!({"metric_key": "ok.one", "horizon": 3})).await;
        assert_eq!(reply.problem(), (422, "INSUFFICIENT_DATA".into()));
        assert_eq!(reply.json()["detail"], "the series has 1 points, a forecast needs at least 8");
        assert_eq!(product.get("/v1/forecasts", &key).await.json()["items"], json!([]));
    };

    r50_a_repeated_request_makes_one_forecast => async |product: Product| {
        let (_, key) = product.acme().await;
        assert_eq!(product.post("/v1/ingest", &key, &history(this_hour(), "eu")).await.status, 200);
        let send = async || {
            let request = Request::post("/v1/forecasts").header("x-api-key", &key).header("idempotency-key", "f");
            product.send(request, r#"{"metric_key":"shop.orders","horizon":2}"#).await
        };
        let (first, second) = (send().await, send().await);
        assert_eq!((first.status.as_u16(), &first.body), (201, &second.body));
        assert_eq!(product.get("/v1/forecasts", &key).await.json()["items"].as_array().unwrap().len(), 1);
    };

    r31_another_organizations_forecast_is_a_missing_one => async |product: Product| {
        let (_, key) = product.acme().await;
        assert_eq!(product.post("/v1/ingest", &key, &history(this_hour(), "eu")).await.status, 200);
        let made = product.post("/v1/forecasts", &key, &json!({"metric_key": "shop.orders", "horizon": 2})).await.json();
        let other = product.organization("other", intentvision::keys::Environment::Live).await;
        let stranger = product.key(&other, &["admin"]).await;
        let path = format!("/v1/forecasts/{}", made["forecast_id"].as_str().unwrap());
        assert_eq!(product.get(&path, &stranger).await.problem(), (404, "NOT_FOUND".into()));
        assert_eq!(product.get("/v1/forecasts", &stranger).await.json()["items"], json!([]));
        let body = json!({"metric_key": "shop.orders", "horizon": 2});
        assert_eq!(product.post("/v1/forecasts", &stranger, &body).await.problem(), (404, "NOT_FOUND".into()));
    };
}
