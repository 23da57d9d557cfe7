//! Metrics, series and points over HTTP, on both databases.

use http::{Method, Request, StatusCode};
use intentvision::id::OrgId;
use intentvision::keys::Environment;
use serde_json::{Value, json};
use tests::on_both;
use tests::product::{Backend, Product, Reply};

/// 2026-11-23T00:00:00Z plus minutes.
fn at(minute: i64) -> String {
    intentvision::time::format(1_795_392_000_000 + minute * 60_000)
}

async fn ingest(product: &Product, key: &str, points: Vec<Value>) {
    let reply = product.post("/v1/ingest", key, &json!({"metrics": points})).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.json());
}

fn point(metric_key: &str, minute: i64, value: f64, dimensions: &Value) -> Value {
    json!({"metric_key": metric_key, "timestamp": at(minute), "value": value, "dimensions": dimensions})
}

/// Four series of two metrics, two points each.
async fn shop(product: &Product) -> (OrgId, String) {
    let (org, key) = product.acme().await;
    let mut points = Vec::new();
    for minute in [0, 5] {
        let value = minute as f64;
        points.push(point(
            "orders",
            minute,
            1.0 + value,
            &json!({"region": "eu", "shop": "a"}),
        ));
        points.push(point(
            "orders",
            minute,
            2.0 + value,
            &json!({"region": "us", "shop": "a"}),
        ));
        points.push(point(
            "orders",
            minute,
            3.0 + value,
            &json!({"region": "eu", "shop": "b"}),
        ));
        points.push(point("queue.depth", minute, 4.5, &json!({})));
    }
    ingest(product, &key, points).await;
    (org, key)
}

fn items(reply: &Reply) -> Vec<Value> {
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.json());
    reply.json()["items"].as_array().unwrap().clone()
}

async fn only_series(product: &Product, key: &str) -> String {
    let all = items(&product.get("/v1/series", key).await);
    assert_eq!(all.len(), 1);
    all[0]["series_id"].as_str().unwrap().to_owned()
}

/// All items of a list, page by page.
async fn pages(product: &Product, key: &str, path: &str) -> Vec<Vec<Value>> {
    let mut pages = Vec::new();
    let mut cursor = String::new();
    loop {
        let reply = product.get(&format!("{path}{cursor}"), key).await;
        pages.push(items(&reply));
        match reply.json()["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return pages,
        }
    }
}

on_both! {
    a_deleted_series_is_gone_with_the_reply_and_a_point_brings_it_back => async |product: Product| {
        let (_, key) = shop(&product).await;
        let all = items(&product.get("/v1/series?metric_key=queue.depth", &key).await);
        let path = format!("/v1/series/{}", all[0]["series_id"].as_str().unwrap());
        assert_eq!(product.call(Method::DELETE, &path, &key, None).await.status, StatusCode::NO_CONTENT);
        for path in [path.clone(), format!("{path}/points")] {
            assert_eq!(product.get(&path, &key).await.problem(), (404, "NOT_FOUND".into()));
        }
        assert_eq!(product.call(Method::DELETE, &path, &key, None).await.problem(), (404, "NOT_FOUND".into()));
        assert_eq!(items(&product.get("/v1/metrics", &key).await).len(), 1);
        ingest(&product, &key, vec![point("queue.depth", 9, 7.0, &json!({}))]).await;
        let points = items(&product.get(&format!("{path}/points"), &key).await);
        assert_eq!(points, [json!({"timestamp": at(9), "value": 7.0})]);
    };

    metrics_are_listed_with_their_number_of_series => async |product: Product| {
        let (_, key) = shop(&product).await;
        assert_eq!(
            product.get("/v1/metrics", &key).await.json(),
            json!({"items": [{"metric_key": "orders", "series_count": 3}, {"metric_key": "queue.depth", "series_count": 1}],
                   "next_cursor": null})
        );
        let pages = pages(&product, &key, "/v1/metrics?limit=1").await;
        assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [1, 1]);
    };

    series_are_filtered_by_subset_and_shown_with_their_newest_point => async |product: Product| {
        let (_, key) = shop(&product).await;
        let count = async |filter: &str| items(&product.get(&format!("/v1/series?{filter}"), &key).await).len();
        assert_eq!(count("").await, 4);
        assert_eq!(count("metric_key=orders").await, 3);
        assert_eq!(count("metric_key=orders&dimensions%5Bregion%5D=eu").await, 2);
        assert_eq!(count("dimensions[region]=eu&dimensions[shop]=b").await, 1);
        assert_eq!(count("dimensions[region]=mars").await, 0);
        assert_eq!(count("metric_key=none").await, 0);
        let found = items(&product.get("/v1/series?dimensions[shop]=b", &key).await);
        let series_id = found[0]["series_id"].as_str().unwrap();
        assert_eq!(found[0], json!({
            "series_id": series_id, "metric_key": "orders", "dimensions": {"region": "eu", "shop": "b"},
            "frequency": null, "start_time": null, "end_time": at(5), "point_count": null, "last_value": 8.0
        }));
        assert_eq!(product.get(&format!("/v1/series/{series_id}"), &key).await.json(), found[0]);
    };

    series_are_listed_in_pages => async |product: Product| {
        let (_, key) = shop(&product).await;
        let pages = pages(&product, &key, "/v1/series?limit=3").await;
        assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [3, 1]);
        assert_eq!(pages.concat(), items(&product.get("/v1/series", &key).await));
    };

    points_are_read_raw_by_range_and_in_pages => async |product: Product| {
        let (_, key) = product.acme().await;
        ingest(&product, &key, (0..100).map(|m| point("m", m, m as f64 / 4.0, &json!({}))).collect()).await;
        let path = format!("/v1/series/{}/points", only_series(&product, &key).await);
        let all = items(&product.get(&path, &key).await);
        assert_eq!(all.len(), 100);
        assert_eq!(all[3], json!({"timestamp": at(3), "value": 0.75}));
        let range = items(&product.get(&format!("{path}?from={}&to={}", at(10), at(20)), &key).await);
        assert_eq!(range, all[10..20], "`to` is not included");
        let paged = pages(&product, &key, &format!("{path}?from={}&limit=40", at(5))).await;
        assert_eq!(paged.iter().map(Vec::len).collect::<Vec<_>>(), [40, 40, 15]);
        assert_eq!(paged.concat(), all[5..]);
    };

    points_are_aggregated_by_step => async |product: Product| {
        let (_, key) = product.acme().await;
        ingest(&product, &key, (0..90).map(|m| point("m", m, m as f64, &json!({}))).collect()).await;
        let path = format!("/v1/series/{}/points", only_series(&product, &key).await);
        for (agg, expected) in [
            ("avg", [29.5, 74.5]), ("sum", [1_770.0, 2_235.0]), ("min", [0.0, 60.0]),
            ("max", [59.0, 89.0]), ("count", [60.0, 30.0]), ("last", [59.0, 89.0]),
        ] {
            let found = items(&product.get(&format!("{path}?step=1h&agg={agg}"), &key).await);
            let expected = [json!({"timestamp": at(0), "value": expected[0]}), json!({"timestamp": at(60), "value": expected[1]})];
            assert_eq!(found, expected, "{agg}");
        }
        let paged = pages(&product, &key, &format!("{path}?step=5m&limit=10")).await;
        assert_eq!(paged.iter().map(Vec::len).collect::<Vec<_>>(), [10, 8]);
        assert_eq!(paged.concat(), items(&product.get(&format!("{path}?step=5m"), &key).await));
    };

    steps_of_a_day_follow_the_time_zone_of_the_organization => async |product: Product| {
        let (_, key) = product.acme().await;
        ingest(&product, &key, (0..3).map(|h| point("m", h * 60 - 60, 1.0, &json!({}))).collect()).await;
        let path = format!("/v1/series/{}/points?step=1d&agg=count", only_series(&product, &key).await);
        assert_eq!(items(&product.get(&path, &key).await).len(), 2);
        let zone = db::Step::global("UPDATE organizations SET time_zone = 'Europe/Berlin'", vec![]);
        product.app.operator(None).run(db::Batch::write_one(zone)).await.unwrap();
        assert_eq!(items(&product.get(&path, &key).await), [json!({"timestamp": at(-60), "value": 3.0})]);
    };

    points_are_sent_as_csv_to_those_who_ask_for_it => async |product: Product| {
        let (_, key) = product.acme().await;
        ingest(&product, &key, (0..3).map(|m| point("m", m, m as f64 / 4.0, &json!({}))).collect()).await;
        let path = format!("/v1/series/{}/points?limit=2", only_series(&product, &key).await);
        let request = Request::builder().uri(&path).header("x-api-key", &key).header("accept", "text/csv");
        let reply = product.send(request, "").await;
        assert_eq!(reply.headers["content-type"], "text/csv; charset=utf-8");
        assert_eq!(reply.body, format!("timestamp,value\n{},0.0\n{},0.25\n", at(0), at(1)));
        let next = reply.headers["x-next-cursor"].to_str().unwrap();
        assert_eq!(items(&product.get(&format!("{path}&cursor={next}"), &key).await).len(), 1);
    };

    wrong_queries_are_400_and_missing_series_404 => async |product: Product| {
        let (_, key) = shop(&product).await;
        let series = items(&product.get("/v1/series?metric_key=queue.depth", &key).await)[0]["series_id"].clone();
        let series = series.as_str().unwrap();
        for path in [
            "/v1/metrics?limit=0".to_owned(),
            "/v1/metrics?cursor=%21".into(),
            "/v1/series?metric=orders".into(),
            "/v1/series?metric_key=%20".into(),
            "/v1/series?cursor=bm9wZQ".into(),
            format!("/v1/series/{series}?x=1"),
            format!("/v1/series/{series}/points?from=yesterday"),
            format!("/v1/series/{series}/points?step=5x"),
            format!("/v1/series/{series}/points?step=0m"),
            format!("/v1/series/{series}/points?agg=avg"),
            format!("/v1/series/{series}/points?step=5m&agg=median"),
            format!("/v1/series/{series}/points?cursor=bm9wZQ"),
            format!("/v1/series/{series}/points?step=1s&from={}&to={}", at(0), at(200)),
        ] {
            let (status, code) = product.get(&path, &key).await.problem();
            assert_eq!((status, code.as_str()), (400, "SCHEMA_VALIDATION_FAILED"), "{path}");
        }
        for path in ["/v1/series/ser_0000000000000001", "/v1/series/nonsense", "/v1/series/ser_0000000000000001/points", "/v1/series/x/points"] {
            assert_eq!(product.get(path, &key).await.problem(), (404, "NOT_FOUND".into()), "{path}");
        }
    };

    another_organization_finds_nothing_and_other_credentials_are_refused => async |product: Product| {
        let (org, key) = shop(&product).await;
        let other = product.organization("other", Environment::Live).await;
        let stranger = product.key(&other, &["admin"]).await;
        let poor = product.key(&org, &["ingest:write", "forecasts:write", "alerts:write", "keys:write"]).await;
        let reader = product.key(&org, &["metrics:read"]).await;
        let series = items(&product.get("/v1/series", &key).await)[0]["series_id"].clone();
        let one = format!("/v1/series/{}", series.as_str().unwrap());
        let points = format!("{one}/points");
        for path in ["/v1/metrics", "/v1/series", &one, &points] {
            assert_eq!(product.get(path, &reader).await.status, StatusCode::OK);
            assert_eq!(product.get(path, &poor).await.problem(), (403, "FORBIDDEN".into()), "{path}");
            assert_eq!(product.get(path, "iv_live_none").await.problem(), (401, "UNAUTHENTICATED".into()), "{path}");
        }
        for path in ["/v1/metrics", "/v1/series"] {
            assert!(items(&product.get(path, &stranger).await).is_empty());
        }
        for path in [&one, &points] {
            assert_eq!(product.get(path, &stranger).await.problem(), (404, "NOT_FOUND".into()));
        }
    };
}

#[tokio::test]
async fn points_are_one_database_request() {
    let product = Product::start(Backend::Remote).await;
    let (_, key) = shop(&product).await;
    let series = items(&product.get("/v1/series", &key).await)[0]["series_id"].clone();
    product.proxy().take();
    product
        .get(&format!("/v1/series/{}/points", series.as_str().unwrap()), &key)
        .await;
    assert_eq!(product.proxy().take().len(), 1);
}
