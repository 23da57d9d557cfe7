//! Prints what ticks take of a processor: `cargo run --release -p tests --bin tick_cost -- [SERIES] [ORGANIZATIONS]`, the series in all.

use tests::tick_cost::cost;

const TICKS: usize = 6;

#[tokio::main]
async fn main() {
    let mut numbers = std::env::args().skip(1).map_while(|text| text.parse().ok());
    let series = numbers.next().unwrap_or(10_000);
    let organizations = numbers.next().unwrap_or(1);
    println!(
        "| {series} series of {organizations} organizations, three rules each | CPU ms | wall ms | changes of alerts |\n|---|---:|---:|---:|"
    );
    for (tick, cost) in cost(series, organizations, TICKS).await.into_iter().enumerate() {
        println!(
            "| tick {} | {} | {} | {} |",
            tick + 1,
            cost.cpu.as_millis(),
            cost.wall.as_millis(),
            cost.transitions
        );
    }
}
