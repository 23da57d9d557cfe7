//! Prints what ticks cost a database when series are watched for anomalies: `cargo run -p tests --bin detection_cost`.

use tests::detection_cost::{Cost, cost};

const SERIES: usize = 1_000;
const DAYS: i64 = 8;
const HOURS: i64 = 24;

#[tokio::main]
async fn main() {
    let (first, then, hot, cold) = cost(SERIES, DAYS, HOURS).await;
    println!("| {SERIES} series | requests | rows read | rows written | bytes sent | bytes received |");
    println!("|---|---:|---:|---:|---:|---:|");
    print("the first tick, with the history", &first);
    print("each of the others, mean over a day", &then);
    let each = |bytes: i64| bytes as f64 / SERIES as f64;
    println!(
        "\nbytes of a series: {:.0} in lanes, {:.0} in cold rows",
        each(hot),
        each(cold)
    );
}

fn print(name: &str, cost: &Cost) {
    let mean = |total: u64| total as f64 / cost.ticks as f64;
    let traffic = &cost.traffic;
    println!(
        "| {name} | {:.1} | {:.0} | {:.1} | {:.0} | {:.0} |",
        mean(traffic.requests),
        mean(traffic.rows_read),
        mean(traffic.rows_written),
        mean(traffic.sent),
        mean(traffic.received)
    );
}
