//! Prints what ticks take of a processor: `cargo run --release -p tests --bin tick_cost -- [SERIES] [ORGANIZATIONS] [--queue]`, the
//! series in all; in one process on a file, or in parts over the queue on a server.

use std::time::Duration;

use tests::tick_cost::cost;
use tests::tick_cost::workers::{self, Invocation, Size};

const TICKS: usize = 6;

#[tokio::main]
async fn main() {
    let (options, numbers): (Vec<String>, Vec<String>) =
        std::env::args().skip(1).partition(|text| text.starts_with("--"));
    let mut numbers = numbers.iter().map_while(|text| text.parse().ok());
    let series = numbers.next().unwrap_or(10_000);
    let organizations = numbers.next().unwrap_or(1);
    if options.iter().any(|option| option == "--queue") {
        over_the_queue(series, organizations).await;
    } else {
        in_one_process(series, organizations).await;
    }
}

async fn in_one_process(series: usize, organizations: usize) {
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

async fn over_the_queue(series: usize, organizations: usize) {
    println!(
        "| {series} series of {organizations} organizations, three rules each, over the queue | invocations | CPU ms of each | wall ms of each | CPU ms of sqld | wall ms | changes of alerts | by a message that came twice |\n|---|---:|---|---|---:|---:|---:|---:|"
    );
    let size = Size {
        series,
        organizations,
        counted: None,
    };
    let each = |all: &[Invocation], of: fn(&Invocation) -> Duration| {
        let all: Vec<String> = all.iter().map(|one| of(one).as_millis().to_string()).collect();
        all.join(", ")
    };
    for (number, tick) in workers::ticks(size, TICKS).await.iter().enumerate() {
        println!(
            "| tick {} | {} | {} | {} | {} | {} | {} | {} |",
            number + 1,
            tick.invocations.len(),
            each(&tick.invocations, |one| one.cpu),
            each(&tick.invocations, |one| one.wall),
            tick.server.as_millis(),
            tick.wall.as_millis(),
            tick.transitions(),
            tick.again
        );
    }
}
