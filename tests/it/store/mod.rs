//! The packed store, on both databases: its rules, each by its number, and a map as its model.

mod figures;
mod meddler;
mod model;
mod rule_1;
mod rule_3;
mod rule_4;
mod rule_6;
mod rules;
mod tidy;

use db::{Batch, Step};
use intentvision::App;
use intentvision::auth::{Job, Tenant};
use intentvision::id::OrgId;
use intentvision::keys::Environment;
use intentvision::series::{Dimensions, MetricKey, SeriesId, SeriesRef};
use intentvision::store::import::{Imported, Importer};
use intentvision::store::{self, Folded, Sample};
use tests::points;
use tests::product::Product;

/// A series of the metric `m` by number.
fn series(number: i64) -> SeriesRef {
    let dimensions = Dimensions::new([("id".to_owned(), number.to_string())]).unwrap();
    SeriesRef::new(MetricKey::parse("m").unwrap(), dimensions)
}

fn id(number: i64) -> SeriesId {
    series(number).series_id
}

fn sample(number: i64, timestamp: i64, value: f64) -> Sample {
    Sample {
        series_id: id(number),
        timestamp,
        value,
    }
}

/// The organization as maintenance sees it.
fn tenant(app: &App, org: &OrgId) -> Tenant {
    app.system(Job::Maintain, Some(org.clone()))
}

async fn organization(product: &Product, name: &str) -> Tenant {
    let org = product.organization(name, Environment::Live).await;
    tenant(&product.app, &org)
}

/// Appends samples of series that are given by number.
async fn append(tenant: &Tenant, samples: &[(i64, i64, f64)]) {
    let numbers: std::collections::BTreeSet<i64> = samples.iter().map(|(number, ..)| *number).collect();
    let names: Vec<SeriesRef> = numbers.into_iter().map(series).collect();
    let names: Vec<&SeriesRef> = names.iter().collect();
    let samples: Vec<Sample> = samples.iter().map(|(n, t, v)| sample(*n, *t, *v)).collect();
    points::store(tenant, &samples, &names, false).await;
}

/// Imports samples of series that are given by number.
async fn import(app: &App, tenant: &Tenant, samples: &[(i64, i64, f64)]) -> Result<Imported, intentvision::Error> {
    let numbers: std::collections::BTreeSet<i64> = samples.iter().map(|(number, ..)| *number).collect();
    let names: Vec<SeriesRef> = numbers.into_iter().map(series).collect();
    let samples = samples.iter().map(|(n, t, v)| sample(*n, *t, *v)).collect();
    let mut importer = Importer::new(tenant, &app.entropy, None);
    importer.write(samples, names.iter(), None).await
}

/// Deletes a series: a row of the log (rule 5).
async fn delete(tenant: &Tenant, number: i64) {
    match store::delete(tenant, id(number)).await {
        Ok(()) | Err(intentvision::Error::NotFound(_)) => {}
        Err(other) => panic!("{other}"),
    }
}

/// Folds and tidies everything.
async fn maintain_all(app: &App, tenant: &Tenant) {
    store::maintain(tenant, &app.entropy, store::Due::Everything)
        .await
        .unwrap();
}

/// Folds all that waits.
async fn fold_all(app: &App, tenant: &Tenant) -> usize {
    let lease = store::fold::lease(tenant, &app.entropy).await.unwrap().unwrap();
    let mut total = 0;
    while let Folded::Some { batches, .. } = store::fold(tenant, &lease).await.unwrap() {
        total += batches;
    }
    lease.release(tenant).await.unwrap();
    total
}

/// All points of a series.
async fn points(tenant: &Tenant, number: i64) -> Vec<(i64, f64)> {
    let points = store::points(tenant, id(number), None, None).await.unwrap();
    points.into_iter().map(|point| (point.timestamp, point.value)).collect()
}

/// The only value of a query on the organization's rows.
async fn integer(tenant: &Tenant, sql: &'static str) -> i64 {
    let reply = tenant.run(Batch::read_one(Step::tenant(sql, vec![]))).await.unwrap();
    reply.step(0).unwrap().one().unwrap().integer(0).unwrap()
}

const WAITING: &str = "SELECT count(*) FROM metric_batches WHERE org_id = (SELECT org_id FROM authority)
    AND seq > (SELECT compacted_seq FROM org_state WHERE org_id = (SELECT org_id FROM authority))";
const LOG_ROWS: &str = "SELECT count(*) FROM metric_batches WHERE org_id = (SELECT org_id FROM authority)";
const COMPACTED: &str = "SELECT compacted_seq FROM org_state WHERE org_id = (SELECT org_id FROM authority)";
/// Chunks of a series never overlap.
const OVERLAPPING: &str = "SELECT count(*) FROM metrics AS a JOIN metrics AS b
    ON b.org_id = a.org_id AND b.series_id = a.series_id AND b.start_ts > a.start_ts AND b.start_ts <= a.end_ts
    WHERE a.org_id = (SELECT org_id FROM authority)";
const HIGHEST: &str = "SELECT coalesce(max(seq), 0) FROM metric_batches WHERE org_id = (SELECT org_id FROM authority)";
