//! Series a second on one core, intervals included: `cargo bench -p prediction`.

use divan::counter::ItemsCount;
use prediction::{Backend, Grid, Options, Step, forecast};

#[global_allocator]
static ALLOCATOR: divan::AllocProfiler = divan::AllocProfiler::system();

fn main() {
    divan::main();
}

/// A series with level, trend, the given seasons and noise that repeats from run to run.
fn series(length: usize, seasons: &[usize]) -> Vec<f64> {
    let mut state = 0x9e37_79b9_u32;
    (0..length)
        .map(|t| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let noise = f64::from(state >> 8) / f64::from(1 << 24) - 0.5;
            let wave: f64 = seasons
                .iter()
                .map(|m| (std::f64::consts::TAU * t as f64 / *m as f64).sin())
                .sum();
            100.0 + 0.05 * t as f64 + 10.0 * wave + 8.0 * noise
        })
        .collect()
}

fn run(bencher: divan::Bencher<'_, '_>, step: Step, length: usize, horizon: usize, seasons: &[usize]) {
    let values = series(length, seasons);
    let grid = Grid {
        start: 0,
        step,
        values: &values,
    };
    let options = Options {
        backend: Backend::Auto,
        ..Options::new(horizon)
    };
    bencher
        .counter(ItemsCount::new(1_usize))
        .bench(|| forecast(divan::black_box(&grid), divan::black_box(&options)));
}

#[divan::bench]
fn yearly_30_horizon_6(bencher: divan::Bencher<'_, '_>) {
    run(bencher, Step::Months(12), 30, 6, &[]);
}

#[divan::bench]
fn quarterly_60_horizon_8(bencher: divan::Bencher<'_, '_>) {
    run(bencher, Step::Months(3), 60, 8, &[4]);
}

#[divan::bench]
fn monthly_120_horizon_18(bencher: divan::Bencher<'_, '_>) {
    run(bencher, Step::Months(1), 120, 18, &[12]);
}

#[divan::bench]
fn daily_735_horizon_56(bencher: divan::Bencher<'_, '_>) {
    run(bencher, Step::Millis(86_400_000), 735, 56, &[7]);
}

#[divan::bench]
fn weekly_1000_horizon_13(bencher: divan::Bencher<'_, '_>) {
    run(bencher, Step::Millis(7 * 86_400_000), 1000, 13, &[52]);
}

#[divan::bench]
fn hourly_960_horizon_48(bencher: divan::Bencher<'_, '_>) {
    run(bencher, Step::Millis(3_600_000), 960, 48, &[24, 168]);
}

#[divan::bench]
fn five_minutes_5000_horizon_288(bencher: divan::Bencher<'_, '_>) {
    run(bencher, Step::Millis(300_000), 5000, 288, &[288, 2016]);
}

/// The longest time that a series of up to 5,000 points takes, by its step: two seasons where the step suggests them.
#[divan::bench(args = ["1m", "5m", "1h", "1d", "1w", "1M", "1q"], sample_count = 10)]
fn longest_5000_horizon_336(bencher: divan::Bencher<'_, '_>, step: &str) {
    let step: Step = step.parse().unwrap_or(Step::Millis(1));
    let seasons: &[usize] = match step {
        Step::Millis(60_000) => &[1_440],
        Step::Millis(300_000) => &[288, 2_016],
        Step::Millis(3_600_000) => &[24, 168],
        Step::Millis(86_400_000) => &[7],
        Step::Millis(_) => &[52],
        Step::Months(3) => &[4],
        Step::Months(_) => &[12],
    };
    run(bencher, step, 5_000, 336, seasons);
}
