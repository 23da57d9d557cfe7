//! The largest backtests that one request may ask for, one million steps of work (docs/api.md): how long they take on one
//! core, and how much memory. `cargo bench -p prediction --bench backtest`.

use prediction::{Backend, Grid, Options, Step, Walk, backtest};

#[global_allocator]
static ALLOCATOR: divan::AllocProfiler = divan::AllocProfiler::system();

/// `MAX_WORK` and `FITTED` of the HTTP function.
const WORK: usize = 1_000_000;
const FITTED: usize = 5_040;

fn main() {
    divan::main();
}

/// As many windows as the work allows, of a season of a day and one of a week.
fn largest(bencher: divan::Bencher<'_, '_>, step: Step, horizon: usize, quantiles: u32) {
    let probabilities: Vec<f64> = (1..=quantiles)
        .map(|i| f64::from(i) / f64::from(quantiles + 1))
        .collect();
    let steps = FITTED + horizon * (8 + probabilities.len()) / 8;
    let walk = Walk {
        windows: (WORK / steps / Backend::ALL.len()).max(1),
        stride: 24,
    };
    let mut state = 0x9e37_79b9_u32;
    let values: Vec<f64> = (0..FITTED + horizon + walk.windows * walk.stride)
        .map(|t| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let noise = f64::from(state >> 8) / f64::from(1 << 24);
            100.0 + (t % 24) as f64 + (t % 168) as f64 / 7.0 + 8.0 * noise
        })
        .collect();
    let options = Options {
        probabilities,
        ..Options::new(horizon)
    };
    let grid = Grid {
        start: 0,
        step,
        values: &values,
    };
    bencher.bench(|| backtest(divan::black_box(&grid), &options, &Backend::ALL, walk));
}

#[divan::bench(sample_count = 3)]
fn hours_of_a_day(bencher: divan::Bencher<'_, '_>) {
    largest(bencher, Step::Millis(3_600_000), 24, 4);
}

#[divan::bench(sample_count = 3)]
fn five_minutes_of_a_week(bencher: divan::Bencher<'_, '_>) {
    largest(bencher, Step::Millis(300_000), 2_016, 4);
}

#[divan::bench(sample_count = 3)]
fn the_longest_horizon(bencher: divan::Bencher<'_, '_>) {
    largest(bencher, Step::Millis(3_600_000), 10_000, 4);
}

#[divan::bench(sample_count = 3)]
fn the_longest_horizon_with_every_quantile(bencher: divan::Bencher<'_, '_>) {
    largest(bencher, Step::Millis(3_600_000), 10_000, 119);
}
