//! Stored forecasts against what came true: live while it comes, and for good once it is complete. Product time is the
//! test's.

use super::history;
use intentvision::auth::Job;
use intentvision::clock::{Clock, DAY, HOUR, Millis};
use intentvision::config::Config;
use intentvision::{forecasting, lease, time};
use serde_json::{Value, json};
use tests::product::{Backend, Product};

/// The hour of the last point of the history: 2026-11-23T08:00:00Z.
const ORIGIN: Millis = 1_795_420_800_000;

/// A product with a history up to [`ORIGIN`], at that time.
pub(super) async fn product(backend: Backend) -> (Product, String) {
    let product = Product::start_with(backend, Clock::at(ORIGIN), Config::default()).await;
    let (_, key) = product.acme().await;
    assert_eq!(
        product.post("/v1/ingest", &key, &history(ORIGIN, "eu")).await.status,
        200
    );
    (product, key)
}

/// Moves the clock, and lets these values come.
pub(super) async fn come(product: &Product, key: &str, now: Millis, values: &[(Millis, f64)]) {
    product.app.clock.set(now);
    let point = |(at, value): &(Millis, f64)| json!({"metric_key": "shop.orders", "value": value, "timestamp": time::format(*at), "dimensions": {"region": "eu"}});
    let metrics: Vec<Value> = values.iter().map(point).collect();
    let reply = product.post("/v1/ingest", key, &json!({"metrics": metrics})).await;
    assert_eq!(reply.status, 200, "{}", reply.json());
}

pub(super) async fn forecast(product: &Product, key: &str, horizon: u32) -> Value {
    let body = json!({"metric_key": "shop.orders", "horizon": horizon});
    let made = product.post("/v1/forecasts", key, &body).await;
    assert_eq!(made.status, 201, "{}", made.json());
    made.json()
}

async fn shown(product: &Product, key: &str, made: &Value) -> Value {
    let path = format!("/v1/forecasts/{}", made["forecast_id"].as_str().unwrap());
    product.get(&path, key).await.json()
}

async fn listed(product: &Product, key: &str) -> Value {
    product.get("/v1/forecasts", key).await.json()["items"][0].clone()
}

async fn maintain(product: &Product) -> usize {
    let summary = maintain::run(&product.app).await.unwrap();
    assert_eq!(summary.failed, 0);
    summary.scored
}

/// The times and values of a forecast, moved by `by`.
fn values(made: &Value, by: f64) -> Vec<(Millis, f64)> {
    let predictions = made["predictions"].as_array().unwrap().iter();
    let value = |prediction: &Value| {
        let at = time::parse_rfc3339(prediction["timestamp"].as_str().unwrap()).unwrap();
        (at, prediction["value"].as_f64().unwrap() + by)
    };
    predictions.map(value).collect()
}

fn near(value: &Value, expected: f64) -> bool {
    (value.as_f64().unwrap() - expected).abs() < 1e-6
}

#[tokio::test]
async fn a_forecast_is_scored_while_its_actual_values_come_and_for_good_once_they_are_there() {
    for backend in [Backend::Embedded, Backend::Remote] {
        let (product, key) = product(backend).await;
        let made = forecast(&product, &key, 24).await;
        assert_eq!((made.get("realised"), made.get("drift")), (None, None));
        assert_eq!(shown(&product, &key, &made).await.get("realised"), None);

        // six values as forecast
        come(&product, &key, ORIGIN + 6 * HOUR, &values(&made, 0.0)[..6]).await;
        let live = shown(&product, &key, &made).await;
        let realised = &live["realised"];
        assert_eq!((&realised["complete"], &realised["steps"]), (&json!(false), &json!(6)));
        assert_eq!(realised["coverage"], json!({"80": 1.0, "95": 1.0}));
        assert!(
            near(&realised["mae"], 0.0) && near(&realised["mase"], 0.0),
            "{realised}"
        );
        assert_eq!(live["drift"], json!(false));
        assert_eq!(maintain(&product).await, 0);
        assert_eq!(listed(&product, &key).await.get("realised"), None);

        // the others a thousand too high; the last step is over after 25 hours
        come(&product, &key, ORIGIN + 25 * HOUR - 1, &values(&made, 1_000.0)[6..]).await;
        assert_eq!(maintain(&product).await, 0);
        product.app.clock.set(ORIGIN + 25 * HOUR);
        assert_eq!(maintain(&product).await, 1);
        let done = shown(&product, &key, &made).await["realised"].clone();
        assert_eq!((&done["complete"], &done["steps"]), (&json!(true), &json!(24)));
        assert_eq!(done["coverage"], json!({"80": 0.25, "95": 0.25}));
        assert!(near(&done["mae"], 750.0), "{done}");
        assert_eq!(listed(&product, &key).await["realised"], done);

        // that stays, whatever comes later
        come(&product, &key, ORIGIN + 25 * HOUR, &values(&made, 5.0)[..1]).await;
        assert_eq!(maintain(&product).await, 0);
        assert_eq!(shown(&product, &key, &made).await["realised"], done);
    }
}

#[tokio::test]
async fn what_is_missing_is_waited_for_a_day_and_no_longer() {
    for backend in [Backend::Embedded, Backend::Remote] {
        let (product, key) = product(backend).await;
        let made = forecast(&product, &key, 4).await;
        let end = ORIGIN + 5 * HOUR;
        come(&product, &key, end, &values(&made, 1.0)[..3]).await;
        for now in [end, end + HOUR, end + DAY - 1] {
            product.app.clock.set(now);
            assert_eq!(maintain(&product).await, 0, "{now}");
        }
        product.app.clock.set(end + DAY);
        assert_eq!(maintain(&product).await, 1);
        let realised = listed(&product, &key).await["realised"].clone();
        assert_eq!((&realised["complete"], &realised["steps"]), (&json!(true), &json!(3)));
        assert!(near(&realised["mae"], 1.0), "{realised}");

        // and of one of which nothing comes there is nothing to tell
        let silent = forecast(&product, &key, 4).await;
        product.app.clock.set(end + 3 * DAY);
        assert_eq!(maintain(&product).await, 1);
        assert_eq!(shown(&product, &key, &silent).await.get("realised"), None);
        assert_eq!(maintain(&product).await, 0);
    }
}

/// Two at once, and one that finds the lease taken: each forecast is counted once.
#[tokio::test]
async fn a_forecast_is_counted_once_however_many_score() {
    for backend in [Backend::Embedded, Backend::Remote] {
        let (product, key) = product(backend).await;
        let org = intentvision::tenancy::all(&product.app.system(Job::Maintain, None))
            .await
            .unwrap()
            .remove(0);
        let tenant = product.app.system(Job::Maintain, Some(org));
        let made = forecast(&product, &key, 2).await;
        come(&product, &key, ORIGIN + 3 * HOUR, &values(&made, 1.0)).await;
        let held = lease::take(&tenant, &product.app.entropy, "score-forecasts", HOUR)
            .await
            .unwrap()
            .unwrap();
        let busy = forecasting::score_due(&tenant, &product.app.entropy).await.unwrap();
        assert!(busy.busy && busy.scored == 0);
        held.release(&tenant).await.unwrap();
        let other = product.again(product.app.clock.clone()).await;
        let (first, second) = tokio::join!(
            forecasting::score_due(&tenant, &product.app.entropy),
            forecasting::score_due(&tenant, &other.entropy)
        );
        assert_eq!(first.unwrap().scored + second.unwrap().scored, 1);
        let count = db::Step::tenant(
            "SELECT e.forecasts FROM authority AS a JOIN forecast_errors AS e ON e.org_id = a.org_id",
            vec![],
        );
        let reply = tenant.run(db::Batch::read_one(count)).await.unwrap();
        assert_eq!(reply.step(0).unwrap().one().unwrap().integer(0).unwrap(), 1);
    }
}

/// A forecast of before migration 009: it does not say what was asked for, nor when it ends.
#[tokio::test]
async fn older_forecasts_are_shown_and_scored_too() {
    for backend in [Backend::Embedded, Backend::Remote] {
        let (product, key) = product(backend).await;
        let made = forecast(&product, &key, 3).await;
        let older = db::Step::global(
            "UPDATE forecasts SET shown = NULL, naive_error = NULL, score_at = created_at",
            vec![],
        );
        product
            .app
            .operator(None)
            .run(db::Batch::write_one(older))
            .await
            .unwrap();
        assert_eq!(maintain(&product).await, 0);
        assert_eq!(shown(&product, &key, &made).await["predictions"], made["predictions"]);
        come(&product, &key, ORIGIN + 4 * HOUR, &values(&made, 2.0)).await;
        assert_eq!(maintain(&product).await, 1);
        let realised = listed(&product, &key).await["realised"].clone();
        assert_eq!((&realised["steps"], &realised["mase"]), (&json!(3), &Value::Null));
    }
}

/// A blob that this version cannot read is not in the way of the others.
#[tokio::test]
async fn a_damaged_forecast_holds_nobody_up() {
    let (product, key) = product(Backend::Embedded).await;
    let damaged = forecast(&product, &key, 2).await;
    let step = db::Step::global(
        "UPDATE forecasts SET predictions = x'20ff', score_at = 0 WHERE forecast_id = ?1",
        db::args![damaged["forecast_id"].as_str().unwrap()],
    );
    product
        .app
        .operator(None)
        .run(db::Batch::write_one(step))
        .await
        .unwrap();
    let made = forecast(&product, &key, 2).await;
    come(&product, &key, ORIGIN + 3 * HOUR, &values(&made, 1.0)).await;
    assert_eq!(maintain(&product).await, 1);
    assert_eq!(shown(&product, &key, &made).await["realised"]["complete"], json!(true));
}
