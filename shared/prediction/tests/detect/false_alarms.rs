//! How often it cries wolf.

use prediction::LocalTime;
use prediction::detect::{Direction, MinimumEffect, Settings};

use crate::corpus::{DAY, GENERATORS, Generator, HOUR, MINUTE, START};
use crate::watch::{Incident, Watch, a_month, incidents, incidents_with, shown};

fn with_budget(false_alarms_a_month: f64) -> Settings {
    Settings {
        false_alarms_a_month,
        ..Settings::default()
    }
}

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

macro_rules! quiet {
    ($($test:ident $name:literal)*) => {$(
        mod $test {
            use super::*;

            #[test]
            fn each_5_minutes() {
                stays_quiet($name, 30, 60, 5 * MINUTE);
            }

            #[test]
            fn each_minute() {
                stays_quiet($name, 5, 60, MINUTE);
            }

            #[test]
            fn each_hour() {
                stays_quiet($name, 60, 60, HOUR);
            }
        }
    )*};
}

quiet! {
    gaussian "gaussian"
    t4 "t4"
    gamma "gamma"
    seasonal "seasonal"
    wave "wave"
    peak "peak"
    batch "batch"
    seasonal_gamma "seasonal gamma"
    autoregression "autoregression"
    counts "counts"
    daily_counts "daily counts"
    constant "constant"
    quantised "quantised"
    growth "growth"
    web "web"
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
            let mut noise = crate::corpus::Noise::new(seed);
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
fn the_budget_is_what_it_says_on_heavy_tails() {
    let (seeds, days) = (30, 60);
    let rate = |budget: f64| {
        let alarms = (1..=seeds).map(|seed| {
            let series = Generator::named("t4").make(1_000 + seed, days, 5 * MINUTE);
            incidents_with(with_budget(budget), &series).len()
        });
        a_month(alarms.sum(), seeds, days)
    };
    let rates = [0.1, 1.0, 10.0].map(rate);
    assert!(rates[0] <= rates[1] && rates[1] < rates[2], "{rates:?}");
    assert!(rates[0] <= 0.1 && rates[1] <= 1.0 && rates[2] <= 10.0, "{rates:?}");
}

#[test]
fn a_budget_out_of_its_limits_is_the_nearest_one() {
    let series = Generator::named("t4").make(1, 20, 5 * MINUTE);
    let told = |budget| shown(&incidents_with(with_budget(budget), &series));
    assert_eq!(told(f64::NAN), told(Settings::DEFAULT_BUDGET));
    assert_eq!(told(-1.0), told(Settings::MIN_BUDGET));
    assert_eq!(told(f64::INFINITY), told(Settings::MAX_BUDGET));
}

/// Whether all that was told under some options was told without them, too.
fn is_within(fewer: &[Incident], all: &[Incident]) -> bool {
    fewer.iter().all(|one| {
        let around = |other: &&Incident| other.at() <= one.at() && other.closed.is_none_or(|(end, _)| one.at() <= end);
        all.iter().any(|other| around(&other))
    })
}

/// Bursts and drops of many sizes, at a budget that lets some noise through.
fn restless(seed: u64) -> crate::corpus::Series {
    let mut series = Generator::named("t4").make(seed, 30, 5 * MINUTE);
    let mut noise = crate::corpus::Noise::new(seed);
    for day in 5..30 {
        let at = series.index(day * DAY + noise.between(0.0, DAY as f64 / 2.0) as i64);
        let size = noise.between(-30.0, 30.0) * series.sd;
        series.values[at..at + 6].iter_mut().for_each(|value| *value += size);
    }
    series
}

#[test]
fn a_direction_only_ever_removes_alarms() {
    let (mut up, mut down) = (0, 0);
    for seed in 1..=15 {
        let series = restless(seed);
        let all = incidents_with(with_budget(10.0), &series);
        for (direction, count) in [(Direction::Up, &mut up), (Direction::Down, &mut down)] {
            let settings = Settings {
                direction,
                ..with_budget(10.0)
            };
            let fewer = incidents_with(settings, &series);
            assert!(
                fewer.len() <= all.len(),
                "seed {seed}: {}\n{}",
                shown(&fewer),
                shown(&all)
            );
            assert!(
                is_within(&fewer, &all),
                "seed {seed}: {}\n{}",
                shown(&fewer),
                shown(&all)
            );
            let other_way = fewer
                .iter()
                .flat_map(|one| &one.told)
                .find(|finding| !direction.admits(finding.direction));
            assert_eq!(other_way, None, "seed {seed}");
            *count += fewer.len();
        }
    }
    assert!(up > 30 && down > 30, "{up} {down}");
}

#[test]
fn a_minimum_effect_only_ever_removes_alarms() {
    let mut left = 0;
    let mut removed = 0;
    for seed in 1..=15 {
        let series = restless(seed);
        let all = incidents_with(with_budget(10.0), &series);
        let absolute = MinimumEffect {
            absolute: Some(12.0 * series.sd),
            percent: None,
        };
        let percent = MinimumEffect {
            absolute: None,
            percent: Some(100.0),
        };
        for minimum_effect in [absolute, percent] {
            let settings = Settings {
                minimum_effect,
                ..with_budget(10.0)
            };
            let fewer = incidents_with(settings, &series);
            assert!(
                fewer.len() <= all.len(),
                "seed {seed}: {}\n{}",
                shown(&fewer),
                shown(&all)
            );
            assert!(
                is_within(&fewer, &all),
                "seed {seed}: {}\n{}",
                shown(&fewer),
                shown(&all)
            );
            let smaller = fewer.iter().map(|one| one.told[0]).find(|finding| {
                finding
                    .value
                    .is_some_and(|value| !minimum_effect.reached(value, finding.range.expected))
            });
            assert_eq!(smaller, None, "seed {seed}");
            left += fewer.len();
            removed += all.len() - fewer.len();
        }
    }
    assert!(left > 30 && removed > 30, "{left} {removed}");
}

#[test]
fn every_point_says_what_is_abnormal_within_the_options() {
    let mut abnormal = 0;
    for seed in 1..=5 {
        let series = restless(seed);
        let settings = Settings {
            direction: Direction::Down,
            minimum_effect: MinimumEffect {
                absolute: Some(12.0 * series.sd),
                percent: None,
            },
            ..Settings::default()
        };
        let mut watch = Watch::new(settings);
        for (t, value) in series.points() {
            let verdict = watch.push(t, Some(value));
            if let Some(found) = verdict.abnormal {
                let expected = verdict.expected.unwrap().expected;
                assert_ne!(found.direction, Direction::Up, "seed {seed}, day {}", (t - START) / DAY);
                assert!(
                    (value - expected).abs() >= 12.0 * series.sd,
                    "seed {seed}, day {}: {value} for {expected}",
                    (t - START) / DAY
                );
                abnormal += 1;
            }
        }
    }
    assert!(abnormal > 20, "{abnormal}");
}

/// The evidence is the logarithm of a probability, so that of a normal point is seldom large.
#[test]
fn evidence_is_calibrated() {
    for name in ["gaussian", "t4", "gamma", "seasonal"] {
        let mut exceeded = [0_u32; 3];
        let mut points = 0_u32;
        for seed in 1..=10 {
            let series = Generator::named(name).make(seed, 40, 5 * MINUTE);
            let mut watch = Watch::new(Settings::default());
            for (t, value) in series.points() {
                let verdict = watch.push(t, Some(value));
                if t >= START + 14 * DAY {
                    points += 1;
                    for (count, least) in exceeded.iter_mut().zip([1.0, 2.0, 3.0]) {
                        *count += u32::from(verdict.evidence >= least);
                    }
                }
            }
        }
        let shares = exceeded.map(|count| f64::from(count) / f64::from(points));
        let may = [0.3, 0.03, 0.003];
        assert!(
            shares.iter().zip(may).all(|(share, may)| *share <= may),
            "{name}: evidence of 1, 2, 3 is reached by {shares:?} of the points"
        );
    }
}

/// A range that most values are in, and not much wider than that.
#[test]
fn the_range_is_where_the_values_are() {
    for (name, width) in [("gaussian", 12.0), ("t4", 25.0), ("gamma", 15.0), ("seasonal", 14.0)] {
        for seed in 1..=10 {
            let series = Generator::named(name).make(seed, 30, 5 * MINUTE);
            let mut watch = Watch::new(Settings::default());
            let (mut outside, mut points, mut total) = (0.0, 0.0, 0.0);
            for (t, value) in series.points() {
                let range = watch.push(t, Some(value)).expected;
                if t >= START + 14 * DAY {
                    let range = range.unwrap();
                    points += 1.0;
                    outside += f64::from(u8::from(value < range.lower || value > range.upper));
                    total += (range.upper - range.lower) / series.sd;
                }
            }
            let (outside, total) = (outside / points, total / points);
            assert!(
                outside <= 0.02 && total <= width,
                "{name} seed {seed}: {outside:.4} of the values are outside, the range is {total:.1} sd wide"
            );
        }
    }
}
