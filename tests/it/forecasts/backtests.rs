//! `POST /v1/backtests`, on both databases.

use super::{history, this_hour};
use intentvision::clock::HOUR;
use intentvision::time;
use serde_json::{Value, json};
use tests::on_both;
use tests::product::Product;

fn numbers(list: &Value, name: &str) -> Vec<f64> {
    let items = list.as_array().unwrap().iter();
    items.map(|item| item[name].as_f64().unwrap()).collect()
}

on_both! {
    every_backend_is_held_against_seasonal_naive => async |product: Product| {
        let (_, key) = product.acme().await;
        let end = this_hour();
        product.post("/v1/ingest", &key, &history(end, "eu")).await;
        let body = json!({"metric_key": "shop.orders", "horizon": "1d", "windows": 3, "quantiles": [0.05, 0.5, 0.95]});
        let reply = product.post("/v1/backtests", &key, &body).await;
        assert_eq!(reply.status, 200, "{}", reply.json());
        let table = reply.json();
        assert_eq!((&table["horizon"], &table["stride"], &table["frequency"]), (&json!(24), &json!(24), &json!("1h")));
        assert_eq!(table["dimensions"], json!({"region": "eu"}));
        let rows = table["backends"].as_array().unwrap();
        let mut tested: Vec<&str> = rows.iter().map(|row| row["backend"].as_str().unwrap()).collect();
        assert_eq!(table["best"], json!(tested[0]));
        assert!(numbers(&table["backends"], "mae").is_sorted());
        let mut known: Vec<&str> = prediction::Backend::ALL.iter().map(|backend| backend.name()).collect();
        known.sort_unstable();
        tested.sort_unstable();
        assert_eq!(tested, known);
        let naive = rows.iter().find(|row| row["backend"] == "seasonal-naive").unwrap();
        assert_eq!(naive["skill"], json!(0.0));
        for row in rows {
            assert_eq!(row["steps"], json!(72));
            let skill = 1.0 - row["mae"].as_f64().unwrap() / naive["mae"].as_f64().unwrap();
            assert!((row["skill"].as_f64().unwrap() - skill).abs() < 1e-9, "{row}");
            for name in ["rmse", "smape", "mase", "pinball"] {
                assert!(row[name].as_f64().is_some_and(|value| value > 0.0), "{name}: {row}");
            }
            assert_eq!(row["coverage"].as_object().unwrap().keys().collect::<Vec<_>>(), ["80", "95"]);
            let starts: Vec<&Value> = row["windows"].as_array().unwrap().iter().map(|window| &window["start"]).collect();
            let expected = [3, 2, 1].map(|day| json!(time::format(end - (24 * day - 1) * HOUR)));
            assert_eq!(starts, expected.iter().collect::<Vec<_>>());
            let mean = numbers(&row["windows"], "mae").iter().sum::<f64>() / 3.0;
            assert!((row["mae"].as_f64().unwrap() - mean).abs() < 1e-9);
        }
        assert_eq!(product.get("/v1/forecasts", &key).await.json()["items"], json!([]));
        // and the same again
        let mut again = product.post("/v1/backtests", &key, &body).await.json();
        again["request_id"] = table["request_id"].clone();
        assert_eq!(again, table);
    };

    a_history_that_is_too_short_names_both_numbers => async |product: Product| {
        let (_, key) = product.acme().await;
        product.post("/v1/ingest", &key, &history(this_hour(), "eu")).await;
        let body = json!({"metric_key": "shop.orders", "horizon": 66});
        let reply = product.post("/v1/backtests", &key, &body).await;
        assert_eq!(reply.problem(), (422, "INSUFFICIENT_DATA".into()));
        assert_eq!(reply.json()["detail"], "the history has 336 steps, the backtest needs at least 338");
        let fewer = json!({"metric_key": "shop.orders", "horizon": 66, "windows": 4, "backends": ["theta"]});
        assert_eq!(product.post("/v1/backtests", &key, &fewer).await.status, 200);
    };

    what_makes_no_sense_is_told => async |product: Product| {
        let (_, key) = product.acme().await;
        for region in ["eu", "us"] {
            product.post("/v1/ingest", &key, &history(this_hour(), region)).await;
        }
        let send = async |more: Value| {
            let mut body = json!({"metric_key": "shop.orders", "dimensions": {"region": "eu"}, "horizon": 24});
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            product.post("/v1/backtests", &key, &body).await
        };
        for (wrong, detail) in [
            (json!({"windows": 0}), "windows must be a number from 1 to 50"),
            (json!({"stride": 0}), "stride must be a number of steps from 1 on"),
            (json!({"backends": []}), "backends must hold at least one name"),
            (json!({"backends": ["magic"]}), "backends: backend \"magic\" does not exist"),
            (
                json!({"backends": ["auto", "timegpt"]}),
                "backends: timegpt cannot be tested here; each window would be a request that you pay for",
            ),
            (
                json!({"backends": ["auto"], "windows": 50, "horizon": 10_000}),
                "50 windows of 2 backends with 15336 steps each are 1533600 steps of work; at most 1000000 are possible: \
                 take fewer windows or backends, or a shorter horizon",
            ),
        ] {
            let reply = send(wrong.clone()).await;
            assert_eq!(reply.problem(), (400, "SCHEMA_VALIDATION_FAILED".into()), "{wrong}");
            assert_eq!(reply.json()["detail"], json!(detail), "{wrong}");
        }
        assert_eq!(send(json!({"dimensions": null})).await.problem(), (409, "CONFLICT".into()));
        assert_eq!(send(json!({"metric_key": "shop.none"})).await.problem(), (404, "NOT_FOUND".into()));
        assert_eq!(send(json!({"metric_key": "9"})).await.problem(), (400, "INVALID_METRIC_KEY".into()));
    };
}
