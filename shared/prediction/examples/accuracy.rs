//! Scores the engine on files of real series, as the M4 competition did (S. Makridakis et al. 2020):
//! `cargo run --release -p prediction --example accuracy -- FOLDER [--held-back N] [--only SET] [--season-only] [--backend NAME]`.
//!
//! `FOLDER` holds `NAME.train.csv.gz` and `NAME.test.csv.gz`, one series a line: `id,value,value,...`. With `--held-back N`
//! the test parts are not looked at: the last N horizons of the training parts take their place, one origin each.
//! Prints for each set the OWA (sMAPE and MASE over those of Naive2, averaged), the coverage of the 80 and the 95 % interval,
//! their mean scaled interval scores and the series a second of one thread.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a command for measuring")]

use flate2::read::GzDecoder;
use prediction::{Backend, Grid, Options, Step, forecast};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const LEVELS: [f64; 2] = [80.0, 95.0];

struct Arguments {
    folder: PathBuf,
    held_back: usize,
    only: Option<String>,
    season_only: bool,
    backend: Backend,
}

impl Arguments {
    fn read() -> Self {
        let mut given = std::env::args().skip(1);
        let mut arguments = Self {
            folder: PathBuf::new(),
            held_back: 0,
            only: None,
            season_only: false,
            backend: Backend::Auto,
        };
        while let Some(word) = given.next() {
            let mut value = || given.next().expect("the option has a value");
            match word.as_str() {
                "--held-back" => arguments.held_back = value().parse().expect("a number of origins"),
                "--only" => arguments.only = Some(value()),
                "--backend" => arguments.backend = value().parse().expect("a backend"),
                "--season-only" => arguments.season_only = true,
                folder => arguments.folder = folder.into(),
            }
        }
        arguments
    }
}

/// A series up to an origin, and what came after it.
struct Case {
    past: Vec<f64>,
    future: Vec<f64>,
}

/// What one series adds to the figures of its set.
#[derive(Default, Clone, Copy)]
struct Score {
    smape: f64,
    mase: Option<f64>,
    naive_smape: f64,
    naive_mase: Option<f64>,
    coverage: [f64; 2],
    msis: [Option<f64>; 2],
}

fn main() {
    let arguments = Arguments::read();
    println!("set                cases    OWA  sMAPE   MASE  cov80  cov95 MSIS80 MSIS95  series/s");
    let mut names: Vec<String> = std::fs::read_dir(&arguments.folder)
        .expect("the folder can be read")
        .filter_map(|entry| {
            entry
                .ok()?
                .file_name()
                .to_str()?
                .strip_suffix(".train.csv.gz")
                .map(str::to_owned)
        })
        .filter(|name| arguments.only.as_ref().is_none_or(|only| name.contains(only.as_str())))
        .collect();
    names.sort();
    for name in names {
        let (step, season) = kind(&name);
        let cases = cases(&arguments, &name);
        let mut results: Vec<(Score, Duration)> = Vec::new();
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let share = cases.len().div_ceil(threads);
        std::thread::scope(|scope| {
            let workers: Vec<_> = cases
                .chunks(share.max(1))
                .map(|part| {
                    let arguments = &arguments;
                    scope.spawn(move || {
                        part.iter()
                            .map(|case| score(case, step, season, arguments))
                            .collect::<Vec<_>>()
                    })
                })
                .collect();
            for worker in workers {
                results.extend(worker.join().expect("no panic"));
            }
        });
        print(&name, &results);
    }
}

fn print(name: &str, results: &[(Score, Duration)]) {
    let mean = |of: &dyn Fn(&Score) -> Option<f64>| {
        let values: Vec<f64> = results.iter().filter_map(|(score, _)| of(score)).collect();
        values.iter().sum::<f64>() / values.len() as f64
    };
    let (smape, mase) = (mean(&|s| Some(s.smape)), mean(&|s| s.mase));
    let owa = (smape / mean(&|s| Some(s.naive_smape)) + mase / mean(&|s| s.naive_mase)) / 2.0;
    let seconds: f64 = results.iter().map(|(_, time)| time.as_secs_f64()).sum();
    println!(
        "{name:<18} {:>5} {owa:>6.4} {smape:>6.2} {mase:>6.3} {:>6.3} {:>6.3} {:>6.2} {:>6.2} {:>9.0}",
        results.len(),
        mean(&|s| Some(s.coverage[0])),
        mean(&|s| Some(s.coverage[1])),
        mean(&|s| s.msis[0]),
        mean(&|s| s.msis[1]),
        results.len() as f64 / seconds
    );
}

/// The step and the season of M4's rules, from the end of the name of a set.
fn kind(name: &str) -> (Step, usize) {
    match name.rsplit('_').next().unwrap_or_default() {
        "yearly" => (Step::Months(12), 1),
        "quarterly" => (Step::Months(3), 4),
        "monthly" => (Step::Months(1), 12),
        "weekly" => (Step::Millis(7 * 86_400_000), 1),
        "daily" => (Step::Millis(86_400_000), 7),
        "hourly" => (Step::Millis(3_600_000), 24),
        _ => (Step::Millis(1), 1),
    }
}

fn cases(arguments: &Arguments, name: &str) -> Vec<Case> {
    let train = series(&arguments.folder.join(format!("{name}.train.csv.gz")));
    let test = series(&arguments.folder.join(format!("{name}.test.csv.gz")));
    let mut cases = Vec::new();
    for (id, future) in test {
        let values = &train[&id];
        if arguments.held_back == 0 {
            cases.push(Case {
                past: values.clone(),
                future,
            });
            continue;
        }
        for back in 1..=arguments.held_back {
            let horizon = future.len();
            let origin = values.len().saturating_sub(back * horizon);
            if origin >= 8 {
                cases.push(Case {
                    past: values[..origin].to_vec(),
                    future: values[origin..origin + horizon].to_vec(),
                });
            }
        }
    }
    cases
}

fn series(path: &Path) -> BTreeMap<String, Vec<f64>> {
    BufReader::new(GzDecoder::new(File::open(path).expect("the file exists")))
        .lines()
        .map(|line| {
            let line = line.expect("text");
            let mut cells = line.split(',');
            let id = cells.next().unwrap_or_default().to_owned();
            (id, cells.filter_map(|cell| cell.parse().ok()).collect())
        })
        .collect()
}

fn score(case: &Case, step: Step, season: usize, arguments: &Arguments) -> (Score, Duration) {
    let (y, future) = (&case.past, &case.future);
    let mut options = Options::new(future.len());
    options.backend = arguments.backend;
    let mut step = step;
    if arguments.season_only {
        step = Step::usual(season, y.len());
    }
    let grid = Grid {
        start: 0,
        step,
        values: y,
    };
    let start = Instant::now();
    let made = forecast(&grid, &options).expect("a forecast");
    let time = start.elapsed();
    let m = if y.len() > season { season } else { 1 };
    let scale = y.iter().zip(&y[m..]).map(|(a, b)| (b - a).abs()).sum::<f64>() / (y.len() - m) as f64;
    let naive = naive2(y, season, future.len());
    let mae = |f: &[f64]| future.iter().zip(f).map(|(a, f)| (a - f).abs()).sum::<f64>() / future.len() as f64;
    let scaled = |f: &[f64]| (scale > 0.0).then(|| mae(f) / scale);
    let mut score = Score {
        smape: smape(future, &made.mean),
        mase: scaled(&made.mean),
        naive_smape: smape(future, &naive),
        naive_mase: scaled(&naive),
        ..Score::default()
    };
    for (index, level) in LEVELS.into_iter().enumerate() {
        let interval = made.quantiles.interval(level).unwrap().unwrap();
        let (mut within, mut width) = (0.0, 0.0);
        let k = 2.0 / (1.0 - level / 100.0);
        for ((a, low), high) in future.iter().zip(&interval.lower).zip(&interval.upper) {
            within += f64::from(u8::from(a >= low && a <= high));
            width += high - low + k * (low - a).max(0.0) + k * (a - high).max(0.0);
        }
        score.coverage[index] = within / future.len() as f64;
        score.msis[index] = (scale > 0.0).then(|| width / future.len() as f64 / scale);
    }
    (score, time)
}

fn smape(actual: &[f64], f: &[f64]) -> f64 {
    prediction::accuracy::smape(actual, f).unwrap()
}

/// The benchmark of M4: naive on the series adjusted by classical multiplicative indices, where a test finds a season.
fn naive2(y: &[f64], m: usize, horizon: usize) -> Vec<f64> {
    let n = y.len();
    let last = y[n - 1];
    if y.iter().all(|v| *v > 0.0) && m > 1 && n >= 3 * m && is_seasonal(y, m) {
        let half = m / 2;
        let (mut sums, mut counts) = (vec![0.0; m], vec![0.0; m]);
        for t in half..n - half {
            let window = &y[t - half..=t + half];
            let mut trend: f64 = window.iter().sum();
            if m.is_multiple_of(2) {
                trend -= (window[0] + window[m]) / 2.0;
            }
            sums[t % m] += y[t] / (trend / m as f64);
            counts[t % m] += 1.0;
        }
        let indices: Vec<f64> = sums.iter().zip(&counts).map(|(s, c)| s / c).collect();
        if indices.iter().all(|i| *i > 0.0) {
            return (0..horizon)
                .map(|h| last / indices[(n - 1) % m] * indices[(n + h) % m])
                .collect();
        }
    }
    vec![last; horizon]
}

fn is_seasonal(y: &[f64], m: usize) -> bool {
    let n = y.len();
    let mean = y.iter().sum::<f64>() / n as f64;
    let energy: f64 = y.iter().map(|v| (v - mean).powi(2)).sum();
    let correlation = |k: usize| y.iter().zip(&y[k..]).map(|(a, b)| (a - mean) * (b - mean)).sum::<f64>() / energy;
    let squares: f64 = (1..m).map(|k| correlation(k).powi(2)).sum();
    correlation(m).abs() > 1.645 * ((1.0 + 2.0 * squares) / n as f64).sqrt()
}
