//! Points, stored past HTTP.

use db::Batch;
use intentvision::auth::Tenant;
use intentvision::series::SeriesRef;
use intentvision::store::Sample;
use intentvision::store::append::Append;

/// Stores these samples of these series as one request does.
///
/// # Panics
/// If they cannot be stored.
pub async fn store(tenant: &Tenant, samples: &[Sample], series: &[&SeriesRef], backfill: bool) {
    let append = Append {
        samples,
        series,
        epoch: None,
        max_series: None,
        backfill,
        provenance: None,
    };
    let mut batch = Batch::write();
    append.place(&mut batch, tenant).expect("names that can be written");
    tenant.run(batch).await.expect("the points are stored");
}
