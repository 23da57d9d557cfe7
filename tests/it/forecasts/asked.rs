//! What a request may ask for beside the horizon: quantiles, seasons, bounds, a model by name.

use super::{history, this_hour};
use serde_json::{Value, json};
use tests::on_both;
use tests::product::Product;

async fn ask(product: &Product, key: &str, more: Value) -> (u16, Value) {
    let mut body = json!({"metric_key": "shop.orders", "horizon": 12});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let reply = product.post("/v1/forecasts", key, &body).await;
    (reply.status.as_u16(), reply.json())
}

on_both! {
    quantiles_come_where_they_were_asked_for_then_and_later => async |product: Product| {
        let (_, key) = product.acme().await;
        product.post("/v1/ingest", &key, &history(this_hour(), "eu")).await;
        let names: Vec<String> = (1..20).map(|twentieth| (f64::from(twentieth) / 20.0).to_string()).collect();
        let quantiles: Vec<f64> = names.iter().map(|name| name.parse().unwrap()).collect();
        let (status, made) = ask(&product, &key, json!({"levels": [80], "quantiles": quantiles})).await;
        assert_eq!(status, 201, "{made}");
        for prediction in made["predictions"].as_array().unwrap() {
            let values: Vec<f64> = names.iter().map(|name| prediction["quantiles"][name].as_f64().unwrap()).collect();
            assert!(values.is_sorted(), "{prediction}");
            assert_eq!(prediction["quantiles"].as_object().unwrap().len(), 19);
            // 0.05 and 0.95 are the ends of 90 %, which nobody asked for
            assert_eq!(prediction["intervals"].as_object().unwrap().keys().collect::<Vec<_>>(), ["80"]);
            assert_eq!(prediction["intervals"]["80"]["upper"], prediction["quantiles"]["0.9"]);
        }
        let path = format!("/v1/forecasts/{}", made["forecast_id"].as_str().unwrap());
        assert_eq!(product.get(&path, &key).await.json()["predictions"], made["predictions"]);
        let (_, plain) = ask(&product, &key, json!({})).await;
        assert_eq!(plain["predictions"][0].get("quantiles"), None);
        assert_eq!(plain["predictions"][0]["intervals"].as_object().unwrap().len(), 2);
    };

    bounds_hold_for_every_number => async |product: Product| {
        let (_, key) = product.acme().await;
        product.post("/v1/ingest", &key, &history(this_hour(), "eu")).await;
        let bounds = json!({"levels": [99.9], "quantiles": [0.001, 0.999], "bounds": {"lower": 101, "upper": 129}});
        let (status, made) = ask(&product, &key, bounds).await;
        assert_eq!(status, 201, "{made}");
        for prediction in made["predictions"].as_array().unwrap() {
            let numbers = ["/value", "/intervals/99.9/lower", "/intervals/99.9/upper", "/quantiles/0.001", "/quantiles/0.999"];
            for at in numbers {
                let number = prediction.pointer(at).and_then(Value::as_f64).unwrap();
                assert!((101.0..=129.0).contains(&number), "{at}: {prediction}");
            }
        }
    };

    the_model_and_the_seasons_asked_for_are_used => async |product: Product| {
        let (_, key) = product.acme().await;
        product.post("/v1/ingest", &key, &history(this_hour(), "eu")).await;
        for backend in prediction::Backend::ALL {
            let (status, made) = ask(&product, &key, json!({"backend": backend.name(), "seasons": [24]})).await;
            assert_eq!((status, &made["backend"]), (201, &json!(backend.name())), "{made}");
            let info = &made["model_info"];
            assert_eq!(info["seasons"], json!([24]), "{info}");
            let members = info["members"].as_array().unwrap();
            let weights: f64 = members.iter().map(|member| member["weight"].as_f64().unwrap()).sum();
            assert!((weights - 1.0).abs() < 1e-9, "{info}");
            assert!(info["rolling_origin_error"].as_f64().is_some_and(|error| error > 0.0), "{info}");
            let model = match backend {
                prediction::Backend::Auto => continue,
                // orders are not rare demand, where those two are the same as this
                prediction::Backend::Tsb | prediction::Backend::Sba => prediction::Backend::ExponentialSmoothing,
                single => single,
            };
            assert_eq!(members[0]["model"], json!(model.name()));
        }
        let (_, none) = ask(&product, &key, json!({"seasons": []})).await;
        assert_eq!(none["model_info"]["seasons"], json!([]));
    };

    what_makes_no_sense_is_told_and_stores_nothing => async |product: Product| {
        let (_, key) = product.acme().await;
        product.post("/v1/ingest", &key, &history(this_hour(), "eu")).await;
        let many: Vec<f64> = (0..100).map(|_| 0.5).collect();
        for (wrong, detail) in [
            (json!({"quantiles": [1]}), "probability 1 is not between 0 and 1"),
            (json!({"quantiles": many}), "quantiles must hold at most 99 numbers"),
            (json!({"levels": [100]}), "level 100 is not between 0 and 100"),
            (json!({"seasons": [1]}), "season 1 is outside 2 to 2520"),
            (json!({"bounds": {"lower": 2, "upper": 1}}), "bounds: the lower one is above the upper one"),
            (json!({"backend": "magic"}), "backend \"magic\" does not exist"),
            (
                json!({"horizon": 10_000, "quantiles": [0.1, 0.2, 0.3, 0.4, 0.5]}),
                "10000 steps with 2 levels and 5 quantiles, two of which count as one interval, are 50000 intervals; at most \
                 40000 are possible",
            ),
        ] {
            let (status, problem) = ask(&product, &key, wrong.clone()).await;
            assert_eq!((status, &problem["code"]), (400, &json!("SCHEMA_VALIDATION_FAILED")), "{wrong}");
            assert_eq!(problem["detail"], json!(detail), "{wrong}");
        }
        assert_eq!(product.get("/v1/forecasts", &key).await.json()["items"], json!([]));
    };
}
