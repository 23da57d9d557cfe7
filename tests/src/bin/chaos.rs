//! Faults of every kind against the real programs, until there were enough of them:
//! `cargo run --release -p tests --bin chaos -- --faults 1000`. Ends with 1, and the line that runs it again, if a
//! point was lost or made up, or an alert missed. docs/reliability.md tells what each fault does. Linux only.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a run that cannot go on ends")]

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use tests::chaos::alerts::{self, Alerts};
use tests::chaos::{Episode, Impression, Tally, Ten, episode, ten};
use tests::powerloss::{self, Trial};
use tests::product::Backend;

#[derive(Debug, Parser)]
#[command(name = "chaos")]
struct Arguments {
    /// What everything that is random comes from; each episode takes the next number
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many faults a backend meets at least
    #[arg(long, default_value_t = 1_000)]
    faults: usize,
    /// Which databases
    #[arg(long, value_enum, default_value_t = Backends::Both)]
    backend: Backends,
    /// Cut the power of a file at every sync instead, while a worker does so many writes
    #[arg(long)]
    power_cuts: Option<usize>,
    /// Let ten processes ingest into one organization instead, so many requests each, without faults
    #[arg(long, conflicts_with = "power_cuts")]
    ten: Option<usize>,
    /// Kill evaluators and notifiers instead, at least so many on each backend
    #[arg(long, conflicts_with_all = ["power_cuts", "ten"])]
    alerts: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Backends {
    File,
    Remote,
    Both,
}

/// Rounds of an episode, and requests of each of its clients in a round.
const ROUNDS: usize = 4;
const REQUESTS: usize = 100;
/// Minutes that a run of evaluators and notifiers simulates.
const MINUTES: i64 = 150;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Some(writes) = arguments.power_cuts {
        return cut_power(arguments.seed, writes).await;
    }
    for (name, backends, backend) in [
        ("file", Backends::File, Backend::Embedded),
        ("remote", Backends::Remote, Backend::Remote),
    ] {
        if ![backends, Backends::Both].contains(&arguments.backend) {
            continue;
        }
        let good = match (arguments.ten, arguments.alerts) {
            (Some(requests), _) => crowd(name, Ten { backend, requests }).await,
            (None, Some(kills)) => kill_alerting(name, backend, arguments.seed, kills).await,
            (None, None) => run(name, backend, &arguments).await,
        };
        if !good {
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// Whether all episodes were clean.
async fn run(name: &str, backend: Backend, arguments: &Arguments) -> bool {
    let all = Tally::default();
    let (mut writes, mut points) = (0, 0);
    for seed in arguments.seed.. {
        let tally = Arc::new(Tally::default());
        let plan = Episode {
            seed,
            backend,
            rounds: ROUNDS,
            requests: REQUESTS,
        };
        let report = episode(plan, Arc::clone(&tally)).await;
        all.add(&tally);
        writes += report.writes;
        points += report.acknowledged;
        if !report.is_clean() {
            println!(
                "{report}\nagain with: cargo run --release -p tests --bin chaos -- --backend {name} --faults 1 --seed {seed}"
            );
            return false;
        }
        eprintln!("{name}: seed {seed}, {} faults so far", all.total());
        if all.total() >= arguments.faults {
            break;
        }
    }
    show(name, &all);
    println!("\n{writes} requests, {points} points acknowledged: acknowledged points lost 0, phantom points 0");
    true
}

fn show(name: &str, tally: &Tally) {
    println!("\n| Fault, database {name} | injected |\n|---|---|");
    for (kind, count) in tally.kinds() {
        println!("| {kind} | {count} |");
    }
    println!("| all | {} |", tally.total());
}

/// Whether every alert was there and was told.
async fn kill_alerting(name: &str, backend: Backend, seed: u64, kills: usize) -> bool {
    let tally = Arc::new(Tally::default());
    let mut all = alerts::Verdict::default();
    for seed in seed.. {
        let plan = Alerts {
            seed,
            backend,
            minutes: MINUTES,
        };
        let verdict = alerts::run(plan, Arc::clone(&tally)).await;
        if !verdict.is_clean() {
            println!(
                "{verdict}\nagain with: cargo run --release -p tests --bin chaos -- --backend {name} --alerts 1 --seed {seed}"
            );
            return false;
        }
        all.add(verdict);
        let killed: usize = tally
            .kinds()
            .iter()
            .filter(|(kind, _)| kind.starts_with("kill"))
            .map(|(_, count)| count)
            .sum();
        eprintln!("{name}: seed {seed}, {killed} kills so far");
        if killed >= kills {
            break;
        }
    }
    show(name, &tally);
    println!("\n{all}");
    true
}

/// Whether every answer was a good one.
async fn crowd(name: &str, plan: Ten) -> bool {
    let seen = ten(plan).await;
    let show = |what: &str, times: &[Duration]| {
        let at = |percent| Impression::percentile(times, percent).as_secs_f64() * 1e3;
        println!(
            "| {name} | {what} | {} | {:.1} | {:.1} | {:.1} |",
            times.len(),
            at(50),
            at(99),
            at(100)
        );
    };
    println!("| Database | ten processes | count | p50 ms | p99 ms | most ms |\n|---|---|---|---|---|---|");
    show("requests stored", &seen.writes);
    show("reads of a series", &seen.reads);
    println!(
        "\n{} points, {} runs of maintenance and {} imports meanwhile; answers other than 200, and points lost or made up: {}",
        seen.points,
        seen.folds,
        seen.imports,
        seen.wrong.len()
    );
    for wrong in seen.wrong.iter().take(10) {
        println!("{wrong}");
    }
    seen.wrong.is_empty()
}

async fn cut_power(seed: u64, writes: usize) -> ExitCode {
    let survey = powerloss::trial(Trial { seed, writes }).await;
    println!(
        "power cut at each of {} syncs of the log and {} of the file, {} states opened, {} points acknowledged in the end",
        survey.commits, survey.checkpoints, survey.images, survey.acknowledged
    );
    if survey.findings.is_empty() {
        println!("acknowledged points lost 0, phantom points 0, integrity ok");
        return ExitCode::SUCCESS;
    }
    for finding in survey.findings.iter().take(10) {
        println!("{finding}");
    }
    println!("again with: cargo run --release -p tests --bin chaos -- --power-cuts {writes} --seed {seed}");
    ExitCode::FAILURE
}
