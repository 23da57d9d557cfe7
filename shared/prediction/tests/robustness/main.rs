//! Whatever the history holds: no panic, finite, nested and widening answers or a typed error, the same every time.

#[path = "../checked/mod.rs"]
mod checked;
mod shapes;

use checked::{bits, check};
use prediction::{Backend, Bounds, Grid, Options, Step, forecast, regularise};
use proptest::prelude::*;
use shapes::{SHAPES, noise};

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        8 => -100.0..100.0,
        3 => Just(0.0),
        2 => prop::num::f64::ANY,
        1 => Just(f64::NAN),
        1 => Just(f64::INFINITY),
        1 => Just(1e300),
        1 => Just(-f64::MAX),
        1 => Just(f64::MIN_POSITIVE / 4.0),
    ]
}

fn history() -> impl Strategy<Value = Vec<f64>> {
    prop_oneof![
        4 => prop::collection::vec(value(), 0..26),
        2 => prop::collection::vec(-1e3..1e3, 1..120),
        1 => (value(), 0_usize..26).prop_map(|(value, n)| vec![value; n]),
        // mostly zero, and steps
        1 => prop::collection::vec(prop_oneof![9 => Just(0.0), 1 => 0.0..9.0], 1..90),
        1 => (0.0..1e6, 0.0..1e6, 1_usize..40).prop_map(|(a, b, n)| [vec![a; n], vec![b; n]].concat()),
        1 => prop::collection::vec(value(), 26..90),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let minutes = [5, 60, 360, 1_440, 10_080].map(|minutes| Step::Millis(minutes * 60_000));
    prop::sample::select([&minutes[..], &[1, 3, 7, 12].map(Step::Months)].concat())
}

/// More than the usual number of cases, unless the environment says how many (`PROPTEST_CASES`).
fn config() -> ProptestConfig {
    let config = ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    match std::env::var_os("PROPTEST_CASES") {
        Some(_) => config,
        None => ProptestConfig { cases: 400, ..config },
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn every_backend_answers_anything(
        values in history(),
        step in step(),
        horizon in 1_usize..30,
        probabilities in prop::collection::vec(1e-9..0.999_999_999, 0..9),
        seasons in prop::option::of(prop::collection::vec(2_usize..40, 0..3)),
    ) {
        for backend in Backend::ALL {
            let grid = Grid { start: 0, step, values: &values };
            let options = Options {
                probabilities: probabilities.clone(),
                seasons: seasons.clone(),
                backend,
                ..Options::new(horizon)
            };
            check(&grid, &options).map_err(|broken| TestCaseError::fail(format!("{backend}: {broken}")))?;
        }
    }

    #[test]
    fn bounds_hold(values in history(), low in -50.0..0.0, high in 0.0..50.0) {
        let grid = Grid { start: 0, step: Step::Months(1), values: &values };
        let bounds = Bounds::Fixed { lower: Some(low), upper: Some(high) };
        for backend in Backend::ALL {
            check(&grid, &Options { bounds, backend, ..Options::new(9) }).map_err(TestCaseError::fail)?;
        }
    }

    #[test]
    fn any_points_make_a_grid_or_an_error(
        points in prop::collection::vec((prop_oneof![0_i64..100_000, any::<i64>()], value()), 0..40),
        step in prop::option::of(prop_oneof![any::<i64>().prop_map(Step::Millis), any::<u32>().prop_map(Step::Months)]),
    ) {
        if let Ok(regular) = regularise(&points, step) {
            prop_assert!((1..=prediction::MAX_CELLS).contains(&regular.values.len()));
            prop_assert!(regular.values.last().is_some_and(|v| v.is_finite()));
        }
    }

    #[test]
    fn any_text_is_a_step_or_an_error(text in "[0-9]{0,20}[a-zA-Z]{0,3}") {
        if let Ok(step) = text.parse::<Step>() {
            prop_assert_eq!(step.to_string().parse(), Ok(step));
        }
    }
}

#[test]
fn every_shape_of_every_length_up_to_25_is_answered() {
    let probabilities: Vec<f64> = (1..20).map(|p| f64::from(p) / 20.0).collect();
    for (name, shape) in SHAPES {
        for length in 0..=25 {
            let values: Vec<f64> = (0..length).map(shape).collect();
            for step in [
                Step::Millis(300_000),
                Step::Millis(86_400_000),
                Step::Months(1),
                Step::Months(3),
            ] {
                for backend in Backend::ALL {
                    let grid = Grid {
                        start: 0,
                        step,
                        values: &values,
                    };
                    let options = Options {
                        backend,
                        probabilities: probabilities.clone(),
                        ..Options::new(8)
                    };
                    check(&grid, &options)
                        .unwrap_or_else(|broken| panic!("{name}, {length} values, {step}, {backend}: {broken}"));
                }
            }
        }
    }
}

#[test]
fn long_hostile_series_are_answered() {
    let n = 5_000;
    let long: [(&str, shapes::Shape); 5] = [
        ("one value at the end", |t| if t == 4_999 { 1.0 } else { f64::NAN }),
        ("one value at the start", |t| if t == 0 { 1.0 } else { f64::NAN }),
        ("explosion", |t| (t as f64 * 0.14).exp()),
        ("late spike", |t| if t == 4_000 { 1e300 } else { 1.0 }),
        ("every tenth", |t| if t % 10 == 0 { t as f64 } else { f64::NAN }),
    ];
    for (name, shape) in long.into_iter().chain(SHAPES) {
        let values: Vec<f64> = (0..n).map(shape).collect();
        let step = Step::Millis(300_000);
        check_every_backend(name, step, &values, 500);
    }
}

/// Holds each backend's forecast of a grid that starts at 0 to what every forecast promises.
fn check_every_backend(name: &str, step: Step, values: &[f64], horizon: usize) {
    let grid = Grid { start: 0, step, values };
    for backend in Backend::ALL {
        let options = Options {
            backend,
            ..Options::new(horizon)
        };
        check(&grid, &options).unwrap_or_else(|broken| panic!("{name} {backend}: {broken}"));
    }
}

#[test]
fn a_counter_goes_on_from_its_last_total_and_never_below_zero() {
    // two resets, the second one just now
    let values: Vec<f64> = (0..180)
        .map(|t| {
            if t < 100 {
                3.0 * t as f64
            } else {
                3.0 * (t - 100) as f64
            }
        })
        .collect();
    for last in [1, 40] {
        let values = [&values[..], &(0..last).map(|t| 3.0 * f64::from(t)).collect::<Vec<_>>()].concat();
        let grid = Grid {
            start: 0,
            step: Step::Millis(300_000),
            values: &values,
        };
        check_every_backend("counter", grid.step, &values, 20);
        let ahead = forecast(&grid, &Options::new(20)).unwrap();
        let expected = 3.0 * f64::from(last + 9);
        assert!(
            (ahead.mean[9] / expected - 1.0).abs() < 0.2,
            "{} for {expected}",
            ahead.mean[9]
        );
    }
}

#[test]
fn the_largest_number_among_small_ones_widens_no_interval() {
    for at in [0, 30, 200] {
        let mut values: Vec<f64> = (0..240).map(|t| 100.0 + 10.0 * noise(t)).collect();
        values[at] = f64::MAX;
        check_every_backend("largest", Step::Millis(604_800_000), &values, 13);
    }
}

#[test]
fn an_error_ratio_beyond_the_numbers_is_left_out() {
    let values = [
        -57.936426047629254,
        5.562684646268003e-309,
        f64::NAN,
        5.562684646268003e-309,
    ];
    for backend in Backend::ALL {
        let grid = Grid {
            start: 0,
            step: Step::Millis(300_000),
            values: &values,
        };
        let options = Options {
            backend,
            ..Options::new(3)
        };
        check(&grid, &options).unwrap();
    }
}

#[test]
fn eight_threads_answer_bit_by_bit_as_one() {
    let series: Vec<Vec<f64>> = (0..64)
        .map(|index| {
            let (_, shape) = SHAPES[index % SHAPES.len()];
            (0..40 + 3 * index).map(|t| shape(t) + noise(t + index)).collect()
        })
        .collect();
    let answer = |index: usize| {
        let grid = Grid {
            start: 0,
            step: [Step::Months(1), Step::Millis(86_400_000), Step::Millis(3_600_000)][index % 3],
            values: &series[index],
        };
        let backends = Backend::ALL.into_iter().map(|backend| Options {
            backend,
            ..Options::new(12)
        });
        backends
            .map(|options| forecast(&grid, &options).map(|ahead| bits(&ahead)))
            .collect::<Vec<_>>()
    };
    let alone: Vec<_> = (0..series.len()).map(answer).collect();
    let answer = &answer;
    let together = std::thread::scope(|scope| {
        // every thread takes every eighth series, from the last one on
        let workers: Vec<_> = (0..8)
            .map(|worker| {
                let own = (0..series.len()).rev().filter(move |index| index % 8 == worker);
                scope.spawn(move || own.map(|index| (index, answer(index))).collect::<Vec<_>>())
            })
            .collect();
        workers
            .into_iter()
            .flat_map(|worker| worker.join().unwrap())
            .collect::<Vec<_>>()
    });
    assert_eq!(together.len(), alone.len());
    for (index, answers) in together {
        assert_eq!(answers, alone[index], "series {index}");
    }
}
