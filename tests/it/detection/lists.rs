//! Stored anomalies and their groups.

use super::{START, at, ids, ingest, items, point, series, shop};
use http::Method;
use intentvision::clock::MINUTE;
use intentvision::keys::Environment;
use serde_json::{Value, json};
use tests::anomalies::{Incident, group};
use tests::on_both;
use tests::product::{Backend, Product};

on_both! {
    an_anomaly_is_shown_with_its_series_and_all_that_is_known => async |product: Product| {
        let (org, key) = product.acme().await;
        let [orders, ..] = shop(&product, &key).await;
        let group = group(&product, &org, START, 2, "eu").await;
        let id = Incident::new(&orders, START + 5 * MINUTE).in_group(&group).ended().write(&product, &org).await;
        let expected = json!({
            "anomaly_id": id, "series_id": orders, "metric_key": "orders", "dimensions": {"region": "eu"},
            "timestamp": at(5), "at": at(5), "observed": 1.0, "expected": 3.5, "lower": 3.0, "upper": 4.0, "score": 0.5,
            "evidence": 7.0, "severity": "high", "kind": "point", "direction": "down", "member": "residual",
            "reason": "orders 1, expected 3-4", "ordinal": 2, "group_id": group.as_str(), "detected_at": at(5),
            "ended_at": at(6), "ending": "recovered", "label": null, "labelled_at": null, "labelled_by": null,
        });
        assert_eq!(product.get(&format!("/v1/anomalies/{id}"), &key).await.json(), expected);
        let page = product.get("/v1/anomalies", &key).await.json();
        assert_eq!(page, json!({"items": [expected], "next_cursor": null}));

        let shown = product.get(&format!("/v1/anomaly-groups/{group}"), &key).await.json();
        assert_eq!(shown, json!({
            "group_id": group.as_str(), "started_at": at(0), "joined_at": at(0), "ended_at": null, "incidents": 2, "severity": "high",
            "contributors": [{"key": "region", "value": "eu", "series": 2, "watched": 40, "coverage": 0.5, "lift": 4.0}],
            "anomalies": [expected],
        }));
    };

    filters_leave_what_they_say => async |product: Product| {
        let (org, key) = product.acme().await;
        let [eu, us, queue] = shop(&product, &key).await;
        let group = group(&product, &org, START, 2, "eu").await;
        let minute = |minute: i64| START + minute * MINUTE;
        let low = Incident { severity: "low", kind: "trend", direction: "up", ..Incident::new(&eu, minute(1)).ended() };
        let low = low.write(&product, &org).await;
        let open = Incident { severity: "critical", ..Incident::new(&eu, minute(2)) }.in_group(&group).write(&product, &org).await;
        let medium = Incident { severity: "medium", direction: "both", kind: "missing", ..Incident::new(&us, minute(2)).ended() };
        let medium = medium.in_group(&group).write(&product, &org).await;
        let other = Incident::new(&queue, minute(3)).write(&product, &org).await;
        let labelled = product.post(&format!("/v1/series/{eu}/labels"), &key, &json!({"anomaly_id": low, "label": "expected"})).await;
        assert_eq!(labelled.status, 201, "{}", labelled.json());

        // the two of the same minute are in the order of their ids
        let mut same = [&open, &medium];
        same.sort_by(|one, two| two.cmp(one));
        let all = [&other, same[0], same[1], &low];
        for (filter, left) in [
            (String::new(), all.to_vec()),
            (format!("series_id={eu}"), vec![&open, &low]),
            ("metric_key=orders".into(), vec![same[0], same[1], &low]),
            ("metric_key=orders&dimensions[region]=us".into(), vec![&medium]),
            ("dimensions[region]=eu".into(), vec![&other, &open, &low]),
            ("metric_key=nothing".into(), vec![]),
            (format!("from={}", at(2)), vec![&other, same[0], same[1]]),
            (format!("to={}", at(2)), vec![&low]),
            (format!("from={}&to={}", at(2), at(3)), same.to_vec()),
            ("min_severity=low".into(), all.to_vec()),
            ("min_severity=high".into(), vec![&other, &open]),
            ("min_severity=critical".into(), vec![&open]),
            ("kind=trend".into(), vec![&low]),
            ("direction=both".into(), vec![&medium]),
            ("direction=up".into(), vec![&low]),
            ("state=open".into(), vec![&other, &open]),
            ("state=ended".into(), vec![&medium, &low]),
            ("state=open&metric_key=queue".into(), vec![&other]),
            ("label=expected".into(), vec![&low]),
            ("label=real".into(), vec![]),
            (format!("group_id={group}"), same.to_vec()),
            (format!("group_id={group}&series_id={us}&state=ended"), vec![&medium]),
        ] {
            let found = items(&product.get(&format!("/v1/anomalies?{filter}"), &key).await);
            assert_eq!(ids(&found), left, "{filter}");
        }
    };

    parameters_that_make_no_sense_are_refused => async |product: Product| {
        let (_, key) = product.acme().await;
        for (query, words) in [
            ("min_severity=bad", "min_severity must be one of low, medium, high and critical"),
            ("kind=spike", "kind must be one of point, contextual"),
            ("direction=left", "direction must be one of both, up and down"),
            ("state=closed", "state must be open or ended"),
            ("label=new_normal", "label must be one of expected, bad_data and real"),
            ("series_id=1", "series_id must be a series id"),
            ("group_id=1", "group_id must be the id of a group"),
            ("from=monday", "from must be a time"),
            ("severity=high", "there is no parameter"),
            ("cursor=MQ", "the cursor is not one that this list gave"),
        ] {
            let reply = product.get(&format!("/v1/anomalies?{query}"), &key).await;
            assert_eq!(reply.problem(), (400, "SCHEMA_VALIDATION_FAILED".into()), "{query}");
            let detail = reply.json()["detail"].as_str().unwrap().to_owned();
            assert!(detail.contains(words), "{query}: {detail}");
        }
        for path in ["/v1/anomalies/anom_1", "/v1/anomalies/anom_01990f3e7a6b7c10a1b2c3d4e5f60718", "/v1/anomaly-groups/agrp_1"] {
            assert_eq!(product.get(path, &key).await.problem(), (404, "NOT_FOUND".into()), "{path}");
        }
    };

    pages_go_on_where_they_ended_also_within_one_minute => async |product: Product| {
        let (org, key) = product.acme().await;
        let points: Vec<Value> = (0..7).map(|region| point("orders", &format!("r{region}"), 0, 1.0)).collect();
        ingest(&product, &key, &points).await;
        let group = group(&product, &org, START, 7, "eu").await;
        let mut written = Vec::new();
        for region in 0..7 {
            let series_id = series(&product, &key, "orders", &format!("r{region}")).await;
            // four at one time, three at another
            let time = START + i64::from(region / 4) * MINUTE;
            let id = Incident::new(&series_id, time).in_group(&group).write(&product, &org).await;
            written.push((time, id));
        }
        written.sort_by(|one, two| two.cmp(one));
        let expected: Vec<&str> = written.iter().map(|(_, id)| id.as_str()).collect();
        // along each index
        for filter in ["", "&metric_key=orders", "&state=open", &format!("&group_id={group}"), "&min_severity=low&kind=point"] {
            let mut found = Vec::new();
            let mut cursor = String::new();
            loop {
                let page = product.get(&format!("/v1/anomalies?limit=2{filter}{cursor}"), &key).await;
                found.extend(items(&page));
                match page.json()["next_cursor"].as_str() {
                    Some(next) => cursor = format!("&cursor={next}"),
                    None => break,
                }
            }
            assert_eq!(ids(&found), expected, "{filter}");
        }
        // a cursor of a later page stays within from and to
        let first = product.get("/v1/anomalies?limit=1", &key).await.json();
        let cursor = first["next_cursor"].as_str().unwrap();
        let before = items(&product.get(&format!("/v1/anomalies?to={}&cursor={cursor}", at(1)), &key).await);
        assert_eq!(ids(&before), expected[3..]);
    };

    groups_are_listed_the_newest_first => async |product: Product| {
        let (org, key) = product.acme().await;
        let mut groups = Vec::new();
        for (minute, series) in [(0, 3), (1, 1), (2, 2)] {
            groups.insert(0, group(&product, &org, START + minute * MINUTE, series, "eu").await.as_str().to_owned());
        }
        let listed = async |query: &str| -> Vec<String> {
            let found = items(&product.get(&format!("/v1/anomaly-groups?{query}"), &key).await);
            found.iter().map(|item| item["group_id"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(listed("").await, groups);
        assert_eq!(listed("state=open").await, groups);
        assert_eq!(listed("state=ended").await, Vec::<String>::new());
        assert_eq!(listed("min_incidents=2&state=open").await, [groups[0].clone(), groups[2].clone()]);
        assert_eq!(listed("min_incidents=2").await, [groups[0].clone(), groups[2].clone()]);
        assert_eq!(listed("min_incidents=3").await, groups[2..]);
        assert_eq!(listed("min_incidents=1").await, groups);
        let first = product.get("/v1/anomaly-groups?limit=2", &key).await.json();
        let cursor = first["next_cursor"].as_str().unwrap();
        assert_eq!(listed(&format!("limit=2&cursor={cursor}")).await, groups[2..]);
    };

    r31_another_organization_sees_nothing => async |product: Product| {
        let (org, key) = product.acme().await;
        let [orders, ..] = shop(&product, &key).await;
        let group = group(&product, &org, START, 1, "eu").await;
        let id = Incident::new(&orders, START).in_group(&group).write(&product, &org).await;
        let other = product.organization("other", Environment::Live).await;
        let stranger = product.key(&other, &["admin"]).await;
        // also where it has the same series
        shop(&product, &stranger).await;
        for query in ["", "state=open", "metric_key=orders", &format!("series_id={orders}"), &format!("group_id={group}")] {
            assert_eq!(items(&product.get(&format!("/v1/anomalies?{query}"), &stranger).await), Vec::<Value>::new(), "{query}");
        }
        assert_eq!(items(&product.get("/v1/anomaly-groups", &stranger).await), Vec::<Value>::new());
        for path in [format!("/v1/anomalies/{id}"), format!("/v1/anomaly-groups/{group}")] {
            assert_eq!(product.get(&path, &stranger).await.problem(), (404, "NOT_FOUND".into()), "{path}");
        }
        let reader = product.key(&org, &["forecasts:read"]).await;
        assert_eq!(product.get(&format!("/v1/anomalies/{id}"), &reader).await.status, 200);
        let weak = product.key(&org, &["metrics:read"]).await;
        assert_eq!(product.get("/v1/anomalies", &weak).await.problem(), (403, "FORBIDDEN".into()));
    };

    anomalies_go_with_their_series => async |product: Product| {
        let (org, key) = product.acme().await;
        let [orders, ..] = shop(&product, &key).await;
        let id = Incident::new(&orders, START).write(&product, &org).await;
        assert_eq!(product.call(Method::DELETE, &format!("/v1/series/{orders}"), &key, None).await.status, 204);
        assert_eq!(items(&product.get("/v1/anomalies", &key).await), Vec::<Value>::new());
        assert_eq!(product.get(&format!("/v1/anomalies/{id}"), &key).await.status, 404);
    };
}

/// However many are asked for, the reply stays below what the database and Lambda let through.
#[tokio::test]
async fn a_page_of_anomalies_is_bounded_whatever_limit_says() {
    let product = Product::start(Backend::Embedded).await;
    let (org, key) = product.acme().await;
    let [orders, ..] = shop(&product, &key).await;
    for minute in 0..1_001 {
        Incident::new(&orders, START + minute * MINUTE)
            .ended()
            .write(&product, &org)
            .await;
    }
    let first = product.get("/v1/anomalies?limit=10000", &key).await;
    assert_eq!(items(&first).len(), 1_000);
    let cursor = first.json()["next_cursor"].as_str().unwrap().to_owned();
    let second = product
        .get(&format!("/v1/anomalies?limit=10000&cursor={cursor}"), &key)
        .await;
    assert_eq!((items(&second).len(), &second.json()["next_cursor"]), (1, &Value::Null));
}

/// Nearly all incidents are alone in their group: those that are not are found without them.
#[tokio::test]
async fn groups_of_several_cost_what_they_show() {
    let product = Product::start(Backend::Remote).await;
    let (org, key) = product.acme().await;
    for minute in 0..300 {
        group(&product, &org, START + minute * MINUTE, 1, "eu").await;
    }
    let several = group(&product, &org, START, 2, "eu").await;
    drop(product.counted());
    let found = items(&product.get("/v1/anomaly-groups?min_incidents=2", &key).await);
    assert_eq!(
        (found.len(), &found[0]["group_id"]),
        (1, &Value::from(several.as_str()))
    );
    let read: u64 = product.counted().iter().map(|exchange| exchange.rows_read).sum();
    assert!(read < 50, "{read} rows read");
}

/// A page costs what it shows, and not what is stored.
#[tokio::test]
async fn a_page_reads_few_rows() {
    let product = Product::start(Backend::Remote).await;
    let (org, key) = product.acme().await;
    let [eu, us, _] = shop(&product, &key).await;
    for minute in 0..300 {
        Incident::new(&eu, START + minute * MINUTE)
            .ended()
            .write(&product, &org)
            .await;
    }
    let open = Incident::new(&us, START).write(&product, &org).await;
    let rows = async |query: &str| {
        drop(product.counted());
        let found = items(&product.get(&format!("/v1/anomalies?limit=5{query}"), &key).await);
        let read: u64 = product.counted().iter().map(|exchange| exchange.rows_read).sum();
        (found.len(), read)
    };
    for query in [
        "",
        &format!("&series_id={eu}"),
        &format!("&from={}&to={}", at(100), at(200)),
    ] {
        let (shown, read) = rows(query).await;
        assert!(shown == 5 && read < 100, "{query}: {shown} shown, {read} rows read");
    }
    for query in [
        "&state=open".to_owned(),
        format!("&series_id={us}"),
        "&metric_key=queue".into(),
    ] {
        let (shown, read) = rows(&query).await;
        assert!(shown < 2 && read < 60, "{query}: {shown} shown, {read} rows read");
    }
    assert!(open.starts_with("anom_"));
}
