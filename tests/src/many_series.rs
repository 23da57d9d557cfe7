//! Many series of one metric, with a history that is stored as an import stores it.

use crate::product::Product;
use db::{Batch, Step, args};
use intentvision::auth::Tenant;
use intentvision::clock::Millis;
use intentvision::series::{Dimensions, MetricKey, SeriesRef};
use intentvision::store::Sample;
use intentvision::store::import::Importer;

/// What the metric is called; a series has its number as the dimension `n`.
pub const METRIC: &str = "many";
/// Points of one write of the import.
const WRITE: usize = 500_000;

/// So many of them.
///
/// # Panics
/// Never: their names are valid.
#[must_use]
pub fn names(series: usize) -> Vec<SeriesRef> {
    let name = |n: usize| {
        let dimensions = Dimensions::new([("n".to_owned(), n.to_string())]).expect("dimensions");
        SeriesRef::new(MetricKey::parse(METRIC).expect("a key"), dimensions)
    };
    (0..series).map(name).collect()
}

/// Stores a point of each series at each of these times.
///
/// # Panics
/// If they cannot be stored.
pub async fn import(
    product: &Product,
    tenant: &Tenant,
    names: &[SeriesRef],
    times: &[Millis],
    value: impl Fn(&SeriesRef, Millis) -> f64,
) {
    for some in names.chunks((WRITE / times.len()).max(1)) {
        let samples = some.iter().flat_map(|name| {
            let value = &value;
            times.iter().map(move |timestamp| Sample {
                series_id: name.series_id,
                timestamp: *timestamp,
                value: value(name, *timestamp),
            })
        });
        let mut importer = Importer::new(tenant, &product.app.entropy, None);
        importer
            .write(samples.collect(), some.iter(), None)
            .await
            .expect("an import");
    }
}

/// Lets an organization count so many series, however many it has.
///
/// # Panics
/// If that cannot be stored.
pub async fn count_as(tenant: &Tenant, series: i64) {
    let step = Step::tenant(
        "UPDATE org_state SET series_count = ?2 WHERE org_id = (SELECT org_id FROM authority)",
        args![series],
    );
    tenant.run(Batch::write_one(step)).await.expect("the count");
}
