//! Prints what ticks take of a processor: `cargo run --release -p tests --bin tick_cost -- [SERIES]`.

use tests::tick_cost::cost;

const TICKS: usize = 6;

#[tokio::main]
async fn main() {
    let series = std::env::args()
        .nth(1)
        .and_then(|text| text.parse().ok())
        .unwrap_or(10_000);
    println!("| {series} series, three rules each | CPU ms | wall ms | changes of alerts |\n|---|---:|---:|---:|");
    for (tick, cost) in cost(series, TICKS).await.into_iter().enumerate() {
        println!(
            "| tick {} | {} | {} | {} |",
            tick + 1,
            cost.cpu.as_millis(),
            cost.wall.as_millis(),
            cost.transitions
        );
    }
}
