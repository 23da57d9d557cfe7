//! How often the detector cries wolf and what it finds, on series whose nature is known:
//! `cargo run --release -p prediction --example false_alarms -- [SEEDS [FIRST]]`.
//!
//! Two tables in Markdown. The first one: for each kind of series, false alarms for each series and 30 days (the first day,
//! of which nothing is told, does not count) at three sampling intervals and, each five minutes, at three budgets. The second
//! one: for each fault that is put into a series, the share of the series in which it is told while it lasts or within half an
//! hour, the share in which it is called by one of the right kinds, the time from its begin until it is told (median, in
//! minutes), and the kinds by which it is told first, with their shares.
#![allow(clippy::unwrap_used, reason = "a command for measuring")]

use std::collections::BTreeMap;
use std::ops::Range;
use std::thread;

use prediction::detect::Settings;

#[allow(dead_code, reason = "the tests need more of it")]
#[path = "../tests/detect/corpus/mod.rs"]
mod corpus;
#[path = "../tests/detect/injected.rs"]
mod injected;
#[allow(dead_code, reason = "the tests need more of it")]
#[path = "../tests/detect/watch.rs"]
mod watch;

use corpus::{GENERATORS, Generator, HOUR, MINUTE};
use injected::{CASES, Case};
use watch::{a_month, incidents, incidents_with};

const DAYS: i64 = 60;
const BUDGETS: [f64; 3] = [0.1, 1.0, 10.0];

fn main() {
    let mut numbers = std::env::args().skip(1).map(|text| text.parse::<u64>().unwrap());
    let count = numbers.next().unwrap_or(30);
    let first = numbers.next().unwrap_or(1);
    let seeds = first..first + count;
    println!("| series | each minute | each 5 minutes | each hour | budget 0.1 | budget 10 |");
    println!("|---|---|---|---|---|---|");
    for row in in_parallel(GENERATORS, |generator| false_alarms(generator, &seeds)) {
        println!("{row}");
    }
    println!();
    println!("| fault | in | told | rightly called | median minutes | first told as |");
    println!("|---|---|---|---|---|---|");
    for row in in_parallel(CASES, |case| found(case, &seeds)) {
        println!("{row}");
    }
}

/// Maps the items on all cores; the results are in order.
fn in_parallel<T: Sync>(items: &[T], row: impl Fn(&T) -> String + Sync) -> Vec<String> {
    let threads = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|first| {
                let row = &row;
                scope.spawn(move || items.iter().skip(first).step_by(threads).map(row).collect::<Vec<_>>())
            })
            .collect();
        let mut parts: Vec<_> = workers
            .into_iter()
            .map(|worker| worker.join().unwrap().into_iter())
            .collect();
        (0..items.len())
            .filter_map(|index| parts[index % threads].next())
            .collect()
    })
}

fn false_alarms(generator: &Generator, seeds: &Range<u64>) -> String {
    let rate = |step: i64, budget: f64| {
        let settings = Settings {
            false_alarms_a_month: budget,
            ..Settings::default()
        };
        let told = seeds
            .clone()
            .map(|seed| incidents_with(settings.clone(), &generator.make(seed, DAYS, step)).len());
        a_month(told.sum(), seeds.end - seeds.start, DAYS)
    };
    format!(
        "| {} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} |",
        generator.name,
        rate(MINUTE, BUDGETS[1]),
        rate(5 * MINUTE, BUDGETS[1]),
        rate(HOUR, BUDGETS[1]),
        rate(5 * MINUTE, BUDGETS[0]),
        rate(5 * MINUTE, BUDGETS[2]),
    )
}

fn found(case: &Case, seeds: &Range<u64>) -> String {
    let (mut all, mut right) = (0.0, 0.0);
    let mut minutes = Vec::new();
    let mut kinds: BTreeMap<&str, f64> = BTreeMap::new();
    for seed in seeds.clone() {
        for hour in case.hours {
            let injected = case.make(seed, *hour);
            let incidents = incidents(&injected.series);
            let mut told = injected.found(&incidents);
            all += 1.0;
            let Some(first) = told.next() else { continue };
            minutes.push((first.at - injected.during.0) / MINUTE);
            *kinds.entry(first.kind.as_str()).or_default() += 1.0;
            if case.kinds.contains(&first.kind) || told.any(|finding| case.kinds.contains(&finding.kind)) {
                right += 1.0;
            }
        }
    }
    minutes.sort_unstable();
    let found = minutes.len() as f64;
    let median = minutes.get(minutes.len() / 2).map_or("-".to_owned(), i64::to_string);
    let kinds = kinds
        .iter()
        .map(|(kind, count)| format!("{kind} {:.0} %", 100.0 * count / found));
    format!(
        "| {} | {} | {:.0} % | {:.0} % | {median} | {} |",
        case.name,
        case.generator,
        100.0 * found / all,
        100.0 * right / all,
        kinds.collect::<Vec<_>>().join(", ")
    )
}
