//! Time of what happens before the models: `cargo bench -p prediction --bench clean`.

use divan::{Bencher, black_box};
use prediction::Step;
use prediction::calendar_effects::{Calendar, Effects};
use prediction::clean::{cap_outliers, increments, is_counter, level_shift};

fn main() {
    divan::main();
}

const LENGTHS: [usize; 3] = [120, 1_000, 5_000];

/// A day of 24 steps, noise, and a spike now and then; the same in every run.
fn series(length: usize) -> Vec<f64> {
    let mut state = 0x9e37_79b9_u32;
    (0..length)
        .map(|t| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let noise = f64::from(state >> 8) / f64::from(1 << 24) - 0.5;
            let spike = if t % 97 == 96 { 90.0 } else { 0.0 };
            100.0 + 20.0 * (std::f64::consts::TAU * t as f64 / 24.0).sin() + 10.0 * noise + spike
        })
        .collect()
}

/// A counter with a reset in the middle.
fn counter(length: usize) -> Vec<f64> {
    let mut total = 0.0;
    let steps = series(length).into_iter().enumerate();
    steps
        .map(|(t, step)| {
            total = if 2 * t == length { step } else { total + step };
            total
        })
        .collect()
}

#[divan::bench(args = LENGTHS)]
fn outliers(bencher: Bencher<'_, '_>, length: usize) {
    let values = series(length);
    bencher.bench(|| cap_outliers(black_box(&values), black_box(&[24])));
}

#[divan::bench(args = LENGTHS)]
fn outliers_without_season(bencher: Bencher<'_, '_>, length: usize) {
    let values = series(length);
    bencher.bench(|| cap_outliers(black_box(&values), black_box(&[])));
}

#[divan::bench(args = LENGTHS)]
fn shift(bencher: Bencher<'_, '_>, length: usize) {
    let values = series(length);
    bencher.bench(|| level_shift(black_box(&values), black_box(24)));
}

#[divan::bench(args = LENGTHS)]
fn counter_test(bencher: Bencher<'_, '_>, length: usize) {
    let values = counter(length);
    bencher.bench(|| is_counter(black_box(&values)));
}

#[divan::bench(args = LENGTHS)]
fn counter_increments(bencher: Bencher<'_, '_>, length: usize) {
    let values = counter(length);
    bencher.bench(|| increments(black_box(&values)));
}

#[divan::bench(args = [365, 735])]
fn calendar_effects_of_days(bencher: Bencher<'_, '_>, length: usize) {
    let remainder: Vec<f64> = series(length).into_iter().map(|value| value - 100.0).collect();
    let calendar = Calendar {
        start: 1_609_459_200_000,
        step: Step::Millis(86_400_000),
        offset: 60,
    };
    bencher.bench(|| Effects::estimate(black_box(&remainder), black_box(&calendar), &[]));
}

#[divan::bench]
fn calendar_effects_of_120_months(bencher: Bencher<'_, '_>) {
    let remainder: Vec<f64> = series(120).into_iter().map(|value| value - 100.0).collect();
    let calendar = Calendar {
        start: 1_609_459_200_000,
        step: Step::Months(1),
        offset: 0,
    };
    bencher.bench(|| Effects::estimate(black_box(&remainder), black_box(&calendar), &[]));
}
