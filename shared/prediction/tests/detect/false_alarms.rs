//! How often it cries wolf.

use prediction::LocalTime;
use prediction::detect::Settings;

use crate::corpus::{DAY, GENERATORS, Generator, HOUR, MINUTE, Noise, START};
use crate::watch::{Watch, a_month, incidents, incidents_with, shown};

/// Asserts that the series of some seeds raise no more alarms than they may.
fn stays_quiet(name: &str, seeds: u64, days: i64, step: i64) {
    let generator = Generator::named(name);
    let mut total = 0;
    let mut message = String::new();
    for seed in 1..=seeds {
        let found = incidents(&generator.make(seed, days, step));
        total += found.len();
        if !found.is_empty() {
            message.push_str(&format!("\nseed {seed}: {}", shown(&found)));
        }
    }
    let rate = a_month(total, seeds, days);
    assert!(
        rate <= generator.most,
        "{name}: {rate:.2} false alarms a series and month, {} are allowed{message}",
        generator.most
    );
}

fn each_minute(name: &str) {
    stays_quiet(name, 5, 60, MINUTE);
}

/// For series that come near to what is allowed.
fn each_minute_of_many(name: &str) {
    stays_quiet(name, 20, 60, MINUTE);
}

fn each_5_minutes(name: &str) {
    stays_quiet(name, 30, 60, 5 * MINUTE);
}

fn each_hour(name: &str) {
    stays_quiet(name, 60, 60, HOUR);
}

macro_rules! quiet {
    ($($test:ident $name:literal: $($interval:ident)*;)*) => {$(
        mod $test {
            $(
                #[test]
                fn $interval() {
                    super::$interval($name);
                }
            )*
        }
    )*};
}

quiet! {
    gaussian "gaussian": each_minute each_5_minutes each_hour;
    t4 "t4": each_minute_of_many each_5_minutes each_hour;
    gamma "gamma": each_minute each_5_minutes each_hour;
    seasonal "seasonal": each_minute each_5_minutes each_hour;
    wave "wave": each_minute each_5_minutes each_hour;
    peak "peak": each_minute each_5_minutes each_hour;
    batch "batch": each_minute each_5_minutes each_hour;
    seasonal_gamma "seasonal gamma": each_minute each_5_minutes each_hour;
    autoregression "autoregression": each_minute each_5_minutes each_hour;
    counts "counts": each_minute each_5_minutes each_hour;
    daily_counts "daily counts": each_minute each_5_minutes each_hour;
    constant "constant": each_minute each_5_minutes each_hour;
    quantised "quantised": each_minute each_5_minutes each_hour;
    growth "growth": each_minute each_5_minutes each_hour;
    web "web": each_minute_of_many each_5_minutes each_hour;
}

#[test]
fn nobody_is_told_anything_in_the_first_24_hours() {
    for generator in GENERATORS {
        for (seeds, step) in [(40, 5 * MINUTE), (10, MINUTE), (40, 30 * MINUTE), (40, HOUR)] {
            for seed in 100..100 + seeds {
                let found = incidents(&generator.make(seed, 1, step));
                assert!(found.is_empty(), "{} seed {seed}: {}", generator.name, shown(&found));
            }
        }
    }
}

#[test]
fn the_unit_of_a_series_does_not_matter() {
    for name in ["gaussian", "t4", "gamma", "seasonal"] {
        for factor in [1e-9, 1e9] {
            let mut total = 0;
            for seed in 1..=10 {
                let mut series = Generator::named(name).make(seed, 30, 5 * MINUTE);
                series.values.iter_mut().for_each(|value| *value *= factor);
                total += incidents(&series).len();
            }
            let rate = a_month(total, 10, 30);
            assert!(rate <= 0.5, "{name} times {factor}: {rate:.2}");
        }
    }
}

#[test]
fn the_hour_at_which_a_day_is_folded_does_not_matter() {
    for (day_offset, offset) in [
        (7 * HOUR + 13 * MINUTE, 0),
        (23 * HOUR, -480),
        (0, 330),
        (-5 * HOUR, 60),
    ] {
        let settings = Settings {
            day_offset,
            local: LocalTime { offset },
            ..Settings::default()
        };
        let mut total = 0;
        for seed in 1..=10 {
            let series = Generator::named("seasonal").make(seed, 30, 5 * MINUTE);
            total += incidents_with(settings.clone(), &series).len();
        }
        let rate = a_month(total, 10, 30);
        assert!(rate <= 0.5, "{day_offset} {offset}: {rate:.2}");
    }
}

#[test]
fn irregular_times_are_no_anomaly() {
    for name in ["gaussian", "seasonal"] {
        let mut total = 0;
        for seed in 1..=10 {
            let mut watch = Watch::new(Settings::default());
            let mut noise = Noise::new(seed);
            for (t, value) in Generator::named(name).make(seed, 30, 5 * MINUTE).points() {
                let late = noise.between(0.0, 4.0 * MINUTE as f64) as i64;
                watch.push(t + late, Some(value));
            }
            total += watch.incidents.len();
        }
        let rate = a_month(total, 10, 30);
        assert!(rate <= 0.5, "{name}: {rate:.2}");
    }
}

#[test]
fn a_value_a_day_is_enough() {
    for name in ["gaussian", "t4", "gamma"] {
        let mut total = 0;
        for seed in 1..=20 {
            total += incidents(&Generator::named(name).make(seed, 900, DAY)).len();
        }
        let rate = a_month(total, 20, 900);
        assert!(rate <= 0.5, "{name}: {rate:.2}");
    }
}

/// Values come each five minutes, then each minute, then each ten.
#[test]
fn another_sampling_interval_is_no_anomaly() {
    for name in ["gaussian", "seasonal", "web"] {
        let mut total = 0;
        let mut message = String::new();
        for seed in 1..=10 {
            let series = Generator::named(name).make(seed, 40, MINUTE);
            let mut watch = Watch::new(Settings::default());
            for (t, value) in series.points() {
                let (day, minute) = ((t - START) / DAY, (t - START) / MINUTE);
                let each = match day {
                    ..15 => 5,
                    15..25 => 1,
                    _ => 10,
                };
                if minute % each == 0 {
                    watch.push(t, Some(value));
                }
            }
            total += watch.incidents.len();
            message.push_str(&shown(&watch.incidents));
        }
        let rate = a_month(total, 10, 40);
        assert!(rate <= 1.0, "{name}: {rate:.2} {message}");
    }
}
