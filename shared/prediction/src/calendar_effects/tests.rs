//! What is found, what is not, and what a forecast gets.

use proptest::prelude::*;

use super::*;
use crate::Step;
use crate::calendar::DAY;
use crate::simulation::Noise;

/// 2021-01-01, a Friday.
const START: i64 = 18_628 * DAY;

fn days() -> Calendar {
    Calendar {
        start: START,
        step: Step::Millis(DAY),
        offset: 0,
    }
}

fn months() -> Calendar {
    Calendar {
        step: Step::Months(1),
        ..days()
    }
}

/// The same steps of every year, from the number of the day in it.
fn yearly(name: &str, day: usize) -> Regressor {
    Regressor {
        name: name.to_owned(),
        steps: [0, 365, 730, 1_095].into_iter().map(|year| year + day).collect(),
    }
}

fn remainder(n: usize, seed: u64, effect: impl Fn(usize) -> f64) -> Vec<f64> {
    let mut noise = Noise::new(seed);
    (0..n).map(|step| effect(step) + noise.normal()).collect()
}

/// The mean squared difference from `known` of what the effects say about the `steps`.
fn miss(effects: &Effects, steps: std::ops::Range<usize>, known: impl Fn(usize) -> f64) -> f64 {
    let mut found = vec![0.0; steps.len()];
    effects.restore(steps.start, &mut found);
    let count = steps.len() as f64;
    steps
        .zip(found)
        .map(|(step, found)| (known(step) - found).powi(2))
        .sum::<f64>()
        / count
}

#[test]
fn the_end_of_the_month_is_found_and_continued() {
    let effect = |step| if days().month_turn(step) == Some(3) { 4.0 } else { 0.0 };
    for seed in 0..20 {
        let effects = Effects::estimate(&remainder(735, seed, effect), &days(), &[]).unwrap();
        assert_eq!(effects.names(), ["month-turn"]);
        assert!(miss(&effects, 735..791, effect) < 0.25 * miss_of_nothing(735..791, effect));
    }
}

fn miss_of_nothing(steps: std::ops::Range<usize>, known: impl Fn(usize) -> f64) -> f64 {
    let count = steps.len() as f64;
    steps.map(|step| known(step).powi(2)).sum::<f64>() / count
}

#[test]
fn a_pay_day_is_found() {
    let effect = |step| if days().day_of_month(step) == 14 { 4.0 } else { 0.0 };
    for seed in 0..20 {
        let effects = Effects::estimate(&remainder(735, seed, effect), &days(), &[]).unwrap();
        assert_eq!(effects.names(), ["day-of-month"]);
        assert!(miss(&effects, 735..791, effect) < 0.5 * miss_of_nothing(735..791, effect));
    }
}

#[test]
fn holidays_are_found_one_by_one() {
    let list = [yearly("new year", 0), yearly("nothing", 100), yearly("christmas", 358)];
    let effect = |step: usize| match step % 365 {
        0 => -6.0,
        358 => 8.0,
        _ => 0.0,
    };
    for seed in 0..20 {
        let effects = Effects::estimate(&remainder(1_000, seed, effect), &days(), &list).unwrap();
        assert_eq!(effects.names(), ["new year", "christmas"]);
        assert!(miss(&effects, 1_000..1_200, effect) < 0.25 * miss_of_nothing(1_000..1_200, effect));
    }
}

#[test]
fn trading_days_and_leap_years_are_found() {
    let effect = |step| 0.5 * months().trading_days(step) + months().leap_day(step).unwrap_or_default() * 12.0;
    for seed in 0..20 {
        let effects = Effects::estimate(&remainder(180, seed, effect), &months(), &[]).unwrap();
        assert_eq!(effects.names(), ["trading-days", "leap-year"]);
        assert!(miss(&effects, 180..204, effect) < 0.25 * miss_of_nothing(180..204, effect));
    }
}

#[test]
fn noise_shows_no_effects() {
    let (mut found, mut all) = (0, 0);
    for seed in 0..100 {
        for persistence in [0.0, 0.5] {
            for heavy in [false, true] {
                let mut noise = Noise::new(seed);
                let mut value = 0.0;
                let mut series = |n: usize| -> Vec<f64> {
                    let next = |_| {
                        value = persistence * value + if heavy { noise.heavy() } else { noise.normal() };
                        value
                    };
                    (0..n).map(next).collect()
                };
                let holidays: Vec<Regressor> = (0..10).map(|k| yearly("holiday", 36 * k + 5)).collect();
                for (calendar, n) in [
                    (days(), 200),
                    (days(), 735),
                    (days(), 1_000),
                    (months(), 60),
                    (months(), 120),
                ] {
                    all += 1;
                    found += usize::from(Effects::estimate(&series(n), &calendar, &holidays).is_some());
                }
            }
        }
    }
    // of 20,000 series 109, most of them with persistent noise or by one of the ten holidays
    assert!(found * 100 <= all, "{found} of {all}");
}

#[test]
fn one_occurrence_proves_nothing() {
    let once = Regressor {
        name: "launch".to_owned(),
        steps: (100..130).collect(),
    };
    let effect = |step| if once.steps.contains(&step) { 50.0 } else { 0.0 };
    let history = remainder(200, 1, effect);
    assert!(Effects::estimate(&history, &months(), std::slice::from_ref(&once)).is_none());
}

#[test]
fn regressors_count_for_steps_of_any_length() {
    let every_fifth_day = Regressor {
        name: "sale".to_owned(),
        steps: (0..960).filter(|hour| hour / 24 % 5 == 4).collect(),
    };
    let effect = |step| {
        if every_fifth_day.steps.contains(&step) {
            3.0
        } else {
            0.0
        }
    };
    let hours = Calendar {
        step: Step::Millis(DAY / 24),
        ..days()
    };
    let history = remainder(720, 1, effect);
    let effects = Effects::estimate(&history, &hours, std::slice::from_ref(&every_fifth_day)).unwrap();
    assert_eq!(effects.names(), ["sale"]);
    assert!(miss(&effects, 720..960, effect) < 0.1);
}

proptest! {
    #[test]
    fn any_remainder_is_taken_and_what_is_removed_is_restored(
        values in prop::collection::vec(prop_oneof![4 => -1e3..1e3, 1 => Just(f64::NAN), 1 => prop::num::f64::ANY], 0..400),
        start in any::<i64>(),
        step in prop::sample::select(vec![Step::Millis(DAY), Step::Millis(1), Step::Months(1), Step::Months(3), Step::Months(u32::MAX)]),
        offset in any::<i32>(),
        steps in prop::collection::btree_set(prop_oneof![0_usize..500, any::<usize>()], 0..30),
    ) {
        let calendar = Calendar { start, step, offset };
        let regressor = Regressor { name: "any".to_owned(), steps };
        if let Some(effects) = Effects::estimate(&values, &calendar, &[regressor]) {
            prop_assert!(!effects.names().is_empty());
            let mut changed = vec![1.0; 500];
            effects.remove(0, &mut changed);
            prop_assert!(changed.iter().all(|value| value.is_finite()));
        }
    }

    #[test]
    fn what_is_removed_is_restored_from_any_step_on(seed in any::<u64>(), first in 0_usize..800, shift in -700_i32..700) {
        let calendar = Calendar { offset: shift, ..days() };
        let effect = |step| if calendar.day_of_month(step) < 2 { 9.0 } else { 0.0 };
        let effects = Effects::estimate(&remainder(400, seed, effect), &calendar, &[]).unwrap();
        let mut all = vec![0.0; 900];
        effects.restore(0, &mut all);
        let mut part = vec![0.0; 100];
        effects.restore(first, &mut part);
        prop_assert_eq!(&all[first..first + 100], &part[..]);
        effects.remove(first, &mut part);
        prop_assert_eq!(part, vec![0.0; 100]);
    }
}
