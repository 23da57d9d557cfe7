//! What a point costs, so that a change that costs more is seen. The figures themselves, over 35 days, come from
//! `cargo run --release -p tests --bin store_figures`.

use tests::product::Backend;
use tests::store_figures::Plan;

#[tokio::test]
async fn two_days_cost_no_more_rows_and_bytes_than_they_may() {
    let plan = Plan {
        backend: Backend::Remote,
        series: 500,
        days: vec![2],
    };
    let measured = plan.measure().await;
    assert!(
        measured.bytes_a_point() <= 2.0,
        "{} bytes a point",
        measured.bytes_a_point()
    );
    let (with_keys, without) = measured.rows_written_a_point();
    assert!(
        with_keys <= 0.024 && without <= 0.018,
        "{with_keys} and {without} rows a point"
    );
}
