//! What a person who looks at the chart would expect of histories with something odd in them.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use prediction::calendar_effects::Regressor;
use prediction::{Backend, Error, Forecast, Grid, LocalTime, Options, Step, forecast};

const HOUR: Step = Step::Millis(3_600_000);
const DAY: Step = Step::Millis(86_400_000);
const MONTH: Step = Step::Months(1);

/// Deterministic noise between -1 and 1.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    }
}

fn ahead(values: &[f64], step: Step, options: &Options) -> Forecast {
    forecast(&Grid { start: 0, step, values }, options).unwrap()
}

fn widths(forecast: &Forecast, level: f64) -> Vec<f64> {
    let interval = forecast.quantiles.interval(level).unwrap().unwrap();
    interval.upper.iter().zip(&interval.lower).map(|(u, l)| u - l).collect()
}

#[test]
fn a_series_that_has_run_dry_keeps_its_uncertainty() {
    for seed in 0..40 {
        let mut noise = Noise(seed);
        let values: Vec<f64> = (0..60)
            .map(|t| f64::max(0.0, 100.0 - 1.6 * f64::from(t) + 6.0 * noise.next()))
            .collect();
        let forecast = ahead(&values, MONTH, &Options::new(24));
        let upper = forecast.quantiles.interval(95.0).unwrap().unwrap().upper;
        assert!(upper.iter().all(|upper| *upper > 1.0), "{seed} {upper:?}");
    }
}

#[test]
fn one_wild_last_value_does_not_rule() {
    let mut noise = Noise(5);
    let mut values: Vec<f64> = (0..200)
        .map(|t| 150.0 + 40.0 * (f64::from(t) * std::f64::consts::TAU / 24.0).sin() + 5.0 * noise.next())
        .collect();
    values[199] = 1e5;
    let forecast = ahead(&values, HOUR, &Options::new(24));
    assert_eq!(forecast.report.cleaning.outliers, 1);
    assert!(forecast.mean.iter().all(|v| *v < 1_000.0), "{:?}", forecast.mean);
}

#[test]
fn the_far_future_stays_in_the_world_of_the_past() {
    let mut noise = Noise(7);
    let values: Vec<f64> = (0..120)
        .map(|t| 100.0 + 2.0 * f64::from(t) + 20.0 * noise.next())
        .collect();
    for backend in [Backend::Auto, Backend::ComplexSmoothing] {
        let options = Options {
            backend,
            ..Options::new(10_000)
        };
        let furthest = ahead(&values, MONTH, &options).mean[9_999];
        assert!((0.0..40_000.0).contains(&furthest), "{backend} {furthest}");
    }
}

#[test]
fn a_counter_goes_on_even_if_a_reset_was_not_seen() {
    let mut values = Vec::new();
    let mut total = 0.0;
    let mut noise = Noise(11);
    for hour in 0..300 {
        if hour == 90 || hour == 210 {
            total = 0.0;
        }
        total += 5.0 + noise.next();
        let gap = (88..92).contains(&hour) || (209..211).contains(&hour);
        values.push(if gap { f64::NAN } else { total });
    }
    let forecast = ahead(&values, HOUR, &Options::new(24));
    assert!(forecast.report.cleaning.counter);
    for (step, value) in (1..).zip(&forecast.mean) {
        let expected = total + 5.0 * f64::from(step);
        assert!((value - expected).abs() < 10.0, "{step}: {value} instead of {expected}");
    }
}

#[test]
fn events_and_the_end_of_the_month_come_back() {
    let mut noise = Noise(13);
    let event = [100, 300, 465, 640, 830];
    // 1 January 2024
    let start = 1_704_067_200_000;
    let day = |t: usize| start + 86_400_000 * i64::try_from(t).unwrap();
    let last_of_month = |t: usize| Step::Months(1).count(0, day(t)) != Step::Months(1).count(0, day(t + 1));
    let expected = |t: usize| {
        let weekend = if t % 7 > 4 { -20.0 } else { 0.0 };
        let effect = if event.contains(&t) { 500.0 } else { 0.0 } + if last_of_month(t) { 60.0 } else { 0.0 };
        120.0 + weekend + effect
    };
    let values: Vec<f64> = (0..820).map(|t| expected(t) + 2.0 * noise.next()).collect();
    let grid = Grid {
        start,
        step: DAY,
        values: &values,
    };
    let options = Options {
        calendar: Some(LocalTime::default()),
        regressors: vec![Regressor {
            name: "sale".to_owned(),
            steps: event.into_iter().collect(),
        }],
        ..Options::new(40)
    };
    let forecast = forecast(&grid, &options).unwrap();
    assert_eq!(forecast.report.cleaning.outliers, 0, "{:?}", forecast.report.cleaning);
    for (step, value) in forecast.mean.iter().enumerate() {
        let expected = expected(820 + step);
        assert!(
            (value - expected).abs() < 0.12 * expected,
            "{step}: {value} instead of {expected}"
        );
    }
}

#[test]
fn what_was_rare_long_ago_is_not_rare_now() {
    let mut noise = Noise(17);
    let values: Vec<f64> = (0..3_000)
        .map(|t| match t {
            0..1_900 if t % 9 == 0 => 50.0,
            0..1_900 => 0.0,
            _ => 50.0 + 3.0 * noise.next(),
        })
        .collect();
    let forecast = ahead(&values, DAY, &Options::new(7));
    assert!(!forecast.report.cleaning.intermittent);
    assert!((forecast.mean[6] - 50.0).abs() < 3.0);
}

#[test]
fn rare_demand_has_no_season_by_chance() {
    let seasonal = (0..100)
        .filter(|seed| {
            let mut noise = Noise(*seed);
            let values: Vec<f64> = (0..300).map(|_| if noise.next() > 0.7 { 4.0 } else { 0.0 }).collect();
            !ahead(&values, DAY, &Options::new(14)).report.cleaning.intermittent
        })
        .count();
    assert!(seasonal <= 2, "{seasonal} of 100");
}

#[test]
fn a_new_level_brings_its_own_noise() {
    let mut noise = Noise(19);
    let values: Vec<f64> = (0..200)
        .map(|t| {
            if t < 150 {
                1_000.0 + 50.0 * noise.next()
            } else {
                10.0 + noise.next()
            }
        })
        .collect();
    let forecast = ahead(&values, HOUR, &Options::new(12));
    assert_eq!(forecast.report.cleaning.level_shift, Some(150));
    let width = widths(&forecast, 95.0)[11];
    assert!(width > 1.0 && width < 10.0, "{width}");
}

#[test]
fn more_seasons_than_make_sense_are_refused() {
    let grid = Grid {
        start: 0,
        step: DAY,
        values: &[1.0; 100],
    };
    let options = Options {
        seasons: Some((2..8).collect()),
        ..Options::new(3)
    };
    assert_eq!(forecast(&grid, &options), Err(Error::TooManySeasons(6)));
}
