//! History that goes out and comes in again, by the program itself, on both databases.

use intentvision::id::OrgId;
use intentvision::keys::Environment;
use intentvision::series::SeriesRef;
use intentvision::{series, store};
use std::process::Command;
use tests::binaries;
use tests::on_both;
use tests::product::Product;

/// Names and values that are easily lost: text that a table quotes, doubles that are no decimals.
const LINES: &str = r#"{"metric_key":"a","value":-0.0,"timestamp":"2025-11-23T09:00:00Z","dimensions":{"host":"x, \"y\"\nz","é":"ß"}}
{"metric_key":"a","value":1e-300,"timestamp":"2025-11-23T09:00:00.001Z","dimensions":{"host":"x, \"y\"\nz","é":"ß"}}
{"metric_key":"a","value":0.30000000000000004,"timestamp":"1969-07-20T20:17:40Z","dimensions":{"host":"x, \"y\"\nz","é":"ß"}}
{"metric_key":"a","value":5e-324,"timestamp":"2025-11-23T09:00:00Z"}
{"metric_key":"a","value":1.7976931348623157e308,"timestamp":"2025-11-23T10:00:00Z"}
{"metric_key":"b:c/d","value":0.3333333333333333,"timestamp":"2025-11-23T09:00:00Z","dimensions":{"host":"1"}}
{"metric_key":"b:c/d","value":9007199254740993,"timestamp":"2025-11-23T10:00:00Z","dimensions":{"host":"1"}}
"#;

async fn everything(product: &Product, org: &OrgId) -> Vec<(SeriesRef, Vec<(i64, u64)>)> {
    let tenant = product.app.operator(Some(org.clone()));
    let mut all = Vec::new();
    for series in series::names(&tenant, None, None).await.unwrap().series {
        let points = store::points(&tenant, series.series_id, None, None).await.unwrap();
        all.push((
            series,
            points
                .iter()
                .map(|point| (point.timestamp, point.value.to_bits()))
                .collect(),
        ));
    }
    all
}

async fn run(product: &Product, arguments: &[&str]) {
    let mut command = Command::new(binaries::program("intentvision"));
    command
        .args(arguments)
        .env("INTENTVISION_DB_URL", product.database_url());
    let output = tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap();
    assert!(
        output.status.success(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

on_both! {
    an_export_imported_gives_the_same_points_bit_for_bit => async |product: Product| {
        let org = product.organization("acme", Environment::Live).await;
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        // and one series long enough for chunks
        let many: String = (0..3_000)
            .map(|at| format!("{{\"metric_key\":\"long\",\"value\":{:?},\"timestamp\":{}}}\n", (f64::from(at)).sqrt(), 1_700_000_000_000i64 + i64::from(at) * 997))
            .collect();
        std::fs::write(path("a"), format!("{LINES}{many}")).unwrap();
        run(&product, &["import", &path("a"), "--organization", "acme"]).await;
        let stored = everything(&product, &org).await;
        assert_eq!(stored.iter().map(|(_, points)| points.len()).sum::<usize>(), 3_007);
        assert_eq!(stored.len(), 4);
        for name in ["b.csv", "b.csv.gz", "b.ndjson", "b.ndjson.gz"] {
            let copy = product.organization(name, Environment::Live).await;
            run(&product, &["export", "--organization", "acme", "--output", &path(name)]).await;
            run(&product, &["import", &path(name), "--organization", copy.as_str()]).await;
            assert_eq!(everything(&product, &copy).await, stored, "{name}");
        }
    };
}
