//! Prints what a month costs at list prices, as the tables of docs/performance.md: `cargo run -p tests --bin cost`,
//! with `-- NAME=VALUE ...` for other inputs than those that it lists.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a wrong argument ends it")]

use tests::cost::{Bill, Inputs};

const SERIES: [f64; 3] = [1_000.0, 10_000.0, 100_000.0];

fn main() {
    let mut inputs = Inputs::default();
    for argument in std::env::args().skip(1) {
        let (name, value) = argument.split_once('=').expect("NAME=VALUE");
        assert!(
            inputs.set(name, value.parse().expect("a number")),
            "there is no input {name:?}"
        );
    }
    println!(
        "| A month | {} |",
        SERIES.map(|series| format!("{series:.0} series")).join(" | ")
    );
    println!("|---|---|---|---|");
    let bills = SERIES.map(|series| Bill::of(series, &inputs));
    let row = |what: &str, cell: &dyn Fn(&Bill) -> String| {
        println!("| {what} | {} |", bills.each_ref().map(cell).join(" | "));
    };
    let millions = |rows: f64| format!("{:.1} M", rows / 1e6);
    row("points", &|bill| millions(bill.points));
    row("rows written", &|bill| millions(bill.rows_written));
    row("rows read", &|bill| millions(bill.rows_read));
    row("kept", &|bill| format!("{:.2} GB", bill.gigabytes));
    row("HTTP API and ingest", &|bill| dollars(bill.ingest));
    row("ticks", &|bill| dollars(bill.evaluate));
    row("forecasts", &|bill| dollars(bill.forecast));
    row("maintenance, deliveries, schedules, queue", &|bill| {
        dollars(bill.background)
    });
    row("logs and alarms", &|bill| dollars(bill.watch));
    row("database", &|bill| {
        format!("{} ({})", dollars(bill.database), bill.plan.name)
    });
    row("**all**", &|bill| format!("**{}**", dollars(bill.total())));

    println!("\n| Input | value | from |");
    println!("|---|---|---|");
    for (name, value, from) in inputs.list() {
        println!("| {name} | {value} | {from} |");
    }
}

fn dollars(amount: f64) -> String {
    format!("${amount:.2}")
}
