//! Forecasts of series whose future is known.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use prediction::{Backend, Error, Forecast, Grid, Options, Step, forecast};

/// Deterministic noise, about normal with variance 1: the sum of twelve uniform numbers.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f64 {
        let mut uniform = || {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 11) as f64 / (1_u64 << 53) as f64
        };
        (0..12).map(|_| uniform()).sum::<f64>() - 6.0
    }
}

fn ahead(values: &[f64], step: Step, horizon: usize, backend: Backend) -> Forecast {
    forecast(
        &Grid { start: 0, step, values },
        &Options {
            backend,
            ..Options::new(horizon)
        },
    )
    .unwrap()
}

const HOUR: Step = Step::Millis(3_600_000);
const DAY: Step = Step::Millis(86_400_000);
const MONTH: Step = Step::Months(1);

fn wave(t: usize, season: usize) -> f64 {
    (t as f64 * std::f64::consts::TAU / season as f64).sin()
}

#[test]
fn hourly_series_have_two_seasons() {
    let mut noise = Noise(1);
    let shape = |t: usize| 100.0 + 10.0 * wave(t, 24) + if t % 168 >= 120 { -15.0 } else { 0.0 };
    let values: Vec<f64> = (0..960).map(|t| shape(t) + noise.next()).collect();
    let forecast = ahead(&values, HOUR, 168, Backend::Auto);
    assert_eq!(forecast.report.seasons, [24, 168]);
    assert!(forecast.report.error.is_some_and(|error| error < 1.0));
    for (step, value) in forecast.mean.iter().enumerate() {
        assert!(
            (value - shape(960 + step)).abs() < 4.0,
            "{step} {value} {}",
            shape(960 + step)
        );
    }
}

#[test]
fn no_season_is_made_up() {
    let mut found = 0;
    for seed in 0..50 {
        let (mut noise, mut level) = (Noise(seed), 50.0);
        let values: Vec<f64> = (0..120)
            .map(|_| {
                level += noise.next();
                level
            })
            .collect();
        found += ahead(&values, MONTH, 6, Backend::SeasonalNaive).report.seasons.len();
    }
    // the test is lenient, because indices are shrunk by their noise afterwards
    assert!(found <= 12, "{found} of 50 random walks");
}

#[test]
fn every_backend_follows_a_season_with_a_gap() {
    let shape = |t: usize| 20.0 + 5.0 * wave(t, 7);
    let values: Vec<f64> = (0..140)
        .map(|t| {
            if (60..66).contains(&t) || t % 31 == 5 {
                f64::NAN
            } else {
                shape(t)
            }
        })
        .collect();
    for backend in Backend::ALL {
        let forecast = ahead(&values, DAY, 21, backend);
        assert_eq!(forecast.report.seasons, [7], "{backend}");
        for (step, value) in forecast.mean.iter().enumerate() {
            assert!((value - shape(140 + step)).abs() < 1.0, "{backend} {step} {value}");
        }
    }
}

#[test]
fn trailing_gaps_are_forecast_over() {
    let shape = |t: usize| 20.0 + 5.0 * wave(t, 7);
    let values: Vec<f64> = (0..150).map(|t| if t >= 140 { f64::NAN } else { shape(t) }).collect();
    let forecast = ahead(&values, DAY, 14, Backend::Auto);
    for (step, value) in forecast.mean.iter().enumerate() {
        assert!((value - shape(150 + step)).abs() < 1.0, "{step} {value}");
    }
}

#[test]
fn given_seasons_replace_the_search() {
    let values: Vec<f64> = (0..100).map(|t| 10.0 + wave(t, 10)).collect();
    let grid = Grid {
        start: 0,
        step: MONTH,
        values: &values,
    };
    let seasons = |seasons: Option<Vec<usize>>| {
        forecast(
            &grid,
            &Options {
                seasons,
                ..Options::new(10)
            },
        )
        .unwrap()
        .report
        .seasons
    };
    assert_eq!(seasons(Some(vec![10, 60])), [10]);
    assert_eq!(seasons(Some(Vec::new())), [0_usize; 0]);
}

#[test]
fn constants_stay_what_they_are() {
    for value in [0.0, 5.3, -7.0, 1e300, 1e-300] {
        for n in [2, 5, 30, 200] {
            for backend in Backend::ALL {
                let forecast = ahead(&vec![value; n], MONTH, 12, backend);
                let near = |v: &f64| (v - value).abs() <= 1e-9 * value.abs();
                assert!(
                    forecast.mean.iter().all(near),
                    "{value} {n} {backend} {:?}",
                    forecast.mean
                );
                assert!(forecast.quantiles.values.iter().flatten().all(near));
            }
        }
    }
}

#[test]
fn one_value_is_enough_and_none_is_not() {
    let forecast_one = ahead(&[4.0], DAY, 5, Backend::Auto);
    assert_eq!(forecast_one.mean, [4.0; 5]);
    assert_eq!(forecast_one.report.members[0].model, Backend::SeasonalNaive);
    for values in [&[][..], &[f64::NAN, f64::INFINITY]] {
        let grid = Grid {
            start: 0,
            step: DAY,
            values,
        };
        assert_eq!(forecast(&grid, &Options::new(5)), Err(Error::NoObservations));
    }
    let grid = Grid {
        start: 0,
        step: Step::Millis(0),
        values: &[1.0],
    };
    assert_eq!(forecast(&grid, &Options::new(5)), Err(Error::StepLength));
}

#[test]
fn intervals_widen_and_hold_near_zero() {
    let mut noise = Noise(3);
    // large values, then a fall to nearly zero: intervals relative to the forecast would collapse or explode
    let values: Vec<f64> = (0..80)
        .map(|t| f64::max(100.0 - 1.25 * t as f64, 0.5) * (1.0 + 0.1 * noise.next()))
        .collect();
    let forecast = ahead(&values, MONTH, 24, Backend::Auto);
    let interval = forecast.quantiles.interval(95.0).unwrap().unwrap();
    let upper = interval.upper.iter().copied().fold(0.0, f64::max);
    assert!(upper < 100.0, "{upper}");
    assert!(interval.lower.iter().all(|lower| *lower >= 0.0));
}

/// Share of future values within the intervals of 80 and 95 percent, over many series.
fn coverage(step: Step, n: usize, horizon: usize, mut series: impl FnMut(&mut Noise) -> Vec<f64>) -> (f64, f64) {
    let (mut inside, mut count) = ([0.0, 0.0], 0.0);
    for seed in 0..150 {
        let values = series(&mut Noise(seed * 7919 + 1));
        let (past, future) = values.split_at(n);
        let forecast = ahead(past, step, horizon, Backend::Auto);
        for (sum, level) in inside.iter_mut().zip([80.0, 95.0]) {
            let interval = forecast.quantiles.interval(level).unwrap().unwrap();
            let share = prediction::accuracy::coverage(future, &interval.lower, &interval.upper).unwrap();
            *sum += share;
        }
        count += 1.0;
    }
    (inside[0] / count, inside[1] / count)
}

#[test]
fn coverage_is_near_nominal() {
    let walk = |noise: &mut Noise| {
        let mut level = 0.0;
        let mut step = || {
            level += noise.next();
            level
        };
        (0..112).map(|_| step()).collect::<Vec<f64>>()
    };
    let monthly = |noise: &mut Noise| (0..112).map(|t| 50.0 + 10.0 * wave(t, 12) + noise.next()).collect();
    let short = |noise: &mut Noise| {
        let mut level = 30.0;
        let mut step = || {
            level += 0.5 + noise.next();
            level
        };
        (0..22).map(|_| step()).collect::<Vec<f64>>()
    };
    let hourly = |noise: &mut Noise| (0..720).map(|t| 50.0 + 10.0 * wave(t, 24) + noise.next()).collect();
    for (name, (narrow, wide)) in [
        ("random walk", coverage(MONTH, 100, 12, walk)),
        ("season and noise", coverage(MONTH, 100, 12, monthly)),
        (
            "sixteen values of a walk with drift",
            coverage(Step::Months(12), 16, 6, short),
        ),
        ("hourly season and noise", coverage(HOUR, 672, 48, hourly)),
    ] {
        assert!((0.74..=0.92).contains(&narrow), "{name}: 80% interval covers {narrow}");
        assert!((0.91..=0.99).contains(&wide), "{name}: 95% interval covers {wide}");
    }
}
