//! What is stored of anomalies goes with its series.

use super::{START, shop};
use db::{Batch, Step};
use http::Method;
use intentvision::clock::MINUTE;
use intentvision::id::{AnomalyGroupId, OrgId};
use serde_json::json;
use tests::anomalies::Incident;
use tests::on_both;
use tests::product::Product;

/// How many rows there are of anomalies, groups and marks.
async fn stored(product: &Product, org: &OrgId) -> [i64; 3] {
    let step = Step::tenant(
        "SELECT (SELECT count(*) FROM anomalies WHERE org_id = a.org_id),
            (SELECT count(*) FROM anomaly_groups WHERE org_id = a.org_id),
            (SELECT count(*) FROM detection_marks WHERE org_id = a.org_id) FROM authority AS a",
        vec![],
    );
    let tenant = product.app.operator(Some(org.clone()));
    let reply = tenant.run(Batch::read_one(step)).await.unwrap();
    let row = &reply.step(0).unwrap().rows[0];
    [0, 1, 2].map(|column| row.integer(column).unwrap())
}

async fn write_group(product: &Product, org: &OrgId, id: &AnomalyGroupId) {
    let step = Step::tenant(
        "INSERT INTO anomaly_groups (org_id, group_id, started_at, joined_at, ended_at, series, severity, contributors)
         SELECT org_id, ?2, 1, 1, 2, 1, 'high', '[]' FROM authority",
        db::args![id],
    );
    let tenant = product.app.operator(Some(org.clone()));
    tenant.run(Batch::write_one(step)).await.unwrap();
}

on_both! {
    anomalies_groups_and_marks_go_with_their_series => async |product: Product| {
        let (org, key) = product.acme().await;
        let [eu, us, queue] = shop(&product, &key).await;
        let [alone, shared] = [1, 2].map(|number| AnomalyGroupId::derived(START, &[&[number]]));
        for group in [&alone, &shared] {
            write_group(&product, &org, group).await;
        }
        let at = |minute: i64| START + minute * MINUTE;
        Incident::new(&eu, at(1)).ended().in_group(&alone).write(&product, &org).await;
        Incident::new(&eu, at(5)).ended().in_group(&shared).write(&product, &org).await;
        Incident::new(&us, at(5)).ended().in_group(&shared).write(&product, &org).await;
        Incident::new(&queue, at(9)).write(&product, &org).await;
        for series in [&eu, &us, &queue] {
            let said = json!({"at": product.app.clock.now() - MINUTE, "label": "real"});
            let reply = product.post(&format!("/v1/series/{series}/labels"), &key, &said).await;
            assert_eq!(reply.status, 201, "{}", reply.json());
        }
        maintain::run_everything(&product.app).await.unwrap();
        assert_eq!(stored(&product, &org).await, [4, 2, 3], "nothing was deleted");

        for series in [&eu, &queue] {
            let reply = product.call(Method::DELETE, &format!("/v1/series/{series}"), &key, None).await;
            assert_eq!(reply.status, 204);
        }
        maintain::run_everything(&product.app).await.unwrap();
        // the incident that is open waits for its end, and the newest mark keeps its number
        assert_eq!(stored(&product, &org).await, [2, 1, 2]);
    };
}
