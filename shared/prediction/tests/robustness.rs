//! Whatever the history holds: no panic, finite and nested answers or a typed error, the same every time.

use prediction::{Backend, Bounds, Error, Forecast, Grid, Options, Step, forecast, regularise};
use proptest::prelude::*;

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

fn check(values: &[f64], ahead: &Forecast, horizon: usize) -> Result<(), TestCaseError> {
    prop_assert_eq!(ahead.mean.len(), horizon);
    prop_assert_eq!(ahead.quantiles.values.len(), horizon);
    prop_assert!(ahead.mean.iter().all(|v| v.is_finite()));
    let non_negative = values.iter().filter(|v| v.is_finite()).all(|v| *v >= 0.0);
    for (row, mean) in ahead.quantiles.values.iter().zip(&ahead.mean) {
        prop_assert_eq!(row.len(), ahead.quantiles.probabilities.len());
        prop_assert!(row.iter().all(|v| v.is_finite()));
        prop_assert!(row.windows(2).all(|pair| pair[0] <= pair[1]), "{:?}", row);
        prop_assert!(!non_negative || (*mean >= 0.0 && row.iter().all(|v| *v >= 0.0)));
    }
    let total: f64 = ahead.report.members.iter().map(|member| member.weight).sum();
    prop_assert!((total - 1.0).abs() < 1e-9);
    prop_assert!(ahead.report.error.is_none_or(f64::is_finite));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

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
            match forecast(&grid, &options) {
                Ok(ahead) => {
                    check(&values, &ahead, horizon)?;
                    prop_assert_eq!(Ok(ahead), forecast(&grid, &options));
                }
                Err(error) => {
                    prop_assert_eq!(error, Error::NoObservations);
                    prop_assert!(!values.iter().any(|v| v.is_finite()));
                }
            }
        }
    }

    #[test]
    fn bounds_hold(values in history(), low in -50.0..0.0, high in 0.0..50.0) {
        let grid = Grid { start: 0, step: Step::Months(1), values: &values };
        let bounds = Bounds::Fixed { lower: Some(low), upper: Some(high) };
        if let Ok(ahead) = forecast(&grid, &Options { bounds, ..Options::new(9) }) {
            prop_assert!(ahead.mean.iter().chain(ahead.quantiles.values.iter().flatten()).all(|v| (low..=high).contains(v)));
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

type Shape = Box<dyn Fn(usize) -> f64>;

#[test]
fn long_hostile_series_are_answered() {
    let n = 5_000;
    let shapes: [(&str, Shape); 6] = [
        (
            "alternating extremes",
            Box::new(|t| if t % 2 == 0 { f64::MAX } else { -f64::MAX }),
        ),
        (
            "one value at the end",
            Box::new(move |t| if t == n - 1 { 1.0 } else { f64::NAN }),
        ),
        (
            "one value at the start",
            Box::new(|t| if t == 0 { 1.0 } else { f64::NAN }),
        ),
        ("explosion", Box::new(|t| (t as f64 * 0.14).exp())),
        ("spike", Box::new(|t| if t == 4_000 { 1e300 } else { 1.0 })),
        (
            "every tenth",
            Box::new(|t| if t % 10 == 0 { t as f64 } else { f64::NAN }),
        ),
    ];
    for (name, shape) in shapes {
        let values: Vec<f64> = (0..n).map(shape).collect();
        for backend in Backend::ALL {
            let grid = Grid {
                start: 0,
                step: Step::Millis(300_000),
                values: &values,
            };
            let ahead = forecast(
                &grid,
                &Options {
                    backend,
                    ..Options::new(500)
                },
            )
            .unwrap();
            check(&values, &ahead, 500).unwrap_or_else(|error| panic!("{name} {backend}: {error}"));
        }
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
        let ahead = forecast(
            &grid,
            &Options {
                backend,
                ..Options::new(3)
            },
        )
        .unwrap();
        check(&values, &ahead, 3).unwrap();
    }
}
