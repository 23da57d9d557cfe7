use crate::load::points::{Points, STEP, STEPS_A_DAY};
use crate::points;
use crate::product::Product;
use intentvision::auth::Job;
use intentvision::id::OrgId;
use intentvision::series::{Dimensions, MetricKey, SeriesId, SeriesRef};
use intentvision::store;
use std::time::Instant;

/// Series of the organization besides those that have the month.
const OTHERS: usize = 10_000;
/// Reads of which the median counts, each of another series, after a restart of the server.
const READS: usize = 9;

/// Reads a month of some series with a cold cache, among 10,000 series.
pub(super) async fn measure(product: &mut Product, org: &OrgId, points: &Points) {
    let tenant = product.app.system(Job::Maintain, Some(org.clone()));
    let others: Vec<SeriesRef> = (0..OTHERS)
        .map(|number| {
            let dimensions = Dimensions::new([("n".to_owned(), number.to_string())]).expect("dimensions");
            SeriesRef::new(MetricKey::parse("other").expect("a key"), dimensions)
        })
        .collect();
    for some in others.chunks(2_500) {
        let samples: Vec<store::Sample> = some
            .iter()
            .flat_map(|series| {
                (0..4).map(|step| store::Sample {
                    series_id: series.series_id,
                    timestamp: points.start + step * STEP,
                    value: step as f64,
                })
            })
            .collect();
        points::store(&tenant, &samples, &some.iter().collect::<Vec<_>>(), true).await;
    }
    maintain::run_everything(&product.app).await.expect("maintenance");

    let month = points.steps.min(31 * STEPS_A_DAY) as i64 * STEP;
    let mut times = Vec::new();
    let mut requests = 0;
    let mut found = 0;
    for number in 0..READS {
        product.server().restart();
        // one request wakes server and connection, and touches nothing of the store
        tenant.check().await.expect("an answer");
        let _ = product.counted();
        let id = series(number * 97 % points.series);
        let begun = Instant::now();
        found = store::points(&tenant, id, Some(points.start), Some(points.start + month))
            .await
            .expect("the points")
            .len();
        times.push(begun.elapsed());
        requests = requests.max(product.counted().len());
    }
    times.sort_unstable();
    println!(
        "\n| A month of one series among {}, after a restart of sqld | requests | median of {READS} |",
        OTHERS + points.series
    );
    println!("|---|---|---|");
    println!(
        "| {found} points | {requests} | {:.1} ms |",
        times[READS / 2].as_secs_f64() * 1e3
    );
}

fn series(number: usize) -> SeriesId {
    let (host, region) = (number % 100, number % 7);
    let dimensions = [
        ("host", format!("h{host}")),
        ("region", format!("r{region}")),
        ("id", format!("s{number}")),
    ];
    let dimensions = dimensions.map(|(key, value)| (key.to_owned(), value));
    let dimensions = Dimensions::new(dimensions).expect("dimensions");
    SeriesId::of(&MetricKey::parse("shop_orders").expect("a key"), &dimensions)
}
