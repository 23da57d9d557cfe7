//! Prints what a run of a forecast job costs a database: `cargo run -p tests --bin forecast_jobs`.

use tests::forecast_jobs::cost;

#[tokio::main]
async fn main() {
    println!("| series | requests | rows read | rows written | bytes sent | bytes received |");
    println!("|---:|---:|---:|---:|---:|---:|");
    for series in [1_000, 10_000] {
        let cost = cost(series).await;
        let traffic = cost.traffic;
        println!(
            "| {} | {} | {} | {} | {} | {} |",
            cost.series, traffic.requests, traffic.rows_read, traffic.rows_written, traffic.sent, traffic.received
        );
    }
}
