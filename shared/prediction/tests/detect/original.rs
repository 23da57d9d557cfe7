//! The defects of the detectors of the original, each turned into what must be true instead.

use prediction::detect::{Finding, Kind, Settings, Severity};

use crate::corpus::{DAY, Generator, HOUR, MINUTE, Noise, START, Series};
use crate::injected::{CASES, Fault};
use crate::watch::{Watch, incidents, incidents_with, shown};

fn with_budget(false_alarms_a_month: f64) -> Settings {
    Settings {
        false_alarms_a_month,
        ..Settings::default()
    }
}

/// It flagged .40 to .42 of 100 points at every setting.
#[test]
fn sensitivity_had_no_effect() {
    let told = |budget| {
        let all = (1..=10).map(|seed| {
            let series = Generator::named("t4").make(seed, 40, 5 * MINUTE);
            incidents_with(with_budget(budget), &series).len()
        });
        all.sum::<usize>()
    };
    let (fewest, usual, most) = (told(Settings::MIN_BUDGET), told(1.0), told(Settings::MAX_BUDGET));
    assert!(fewest <= usual && usual < most && most >= 20, "{fewest} {usual} {most}");
}

/// Its description read "NaN standard deviations" where nothing had varied.
#[test]
fn the_description_was_nan_without_variance() {
    for value in [0.0, 1.0, 99.9, -1e12, 1e-12] {
        let mut values = vec![value; 900];
        values[700..].fill(2.0 * value + 5.0);
        let series = Series {
            step: 5 * MINUTE,
            values,
            sd: 0.0,
        };
        let mut watch = Watch::new(Settings::default());
        for (t, value) in series.points() {
            let verdict = watch.push(t, Some(value));
            assert!(verdict.evidence.is_finite() && verdict.score.is_finite(), "{verdict:?}");
        }
        assert_eq!(watch.incidents.len(), 1, "{value}: {}", shown(&watch.incidents));
        for finding in &watch.incidents[0].told {
            let Finding {
                range, evidence, score, ..
            } = finding;
            let numbers = [range.lower, range.expected, range.upper, *evidence, *score];
            assert!(numbers.iter().all(|number| number.is_finite()), "{finding:?}");
        }
    }
}

/// It flagged 1.3, 2.8, 5.4 and 7.8 of 100 Gaussian points at its sensitivities of .3, .5, .8 and 1.
#[test]
fn gaussian_noise_was_flagged() {
    for (budget, most) in [(0.1, 0.001), (1.0, 0.01), (Settings::MAX_BUDGET, 0.5)] {
        let (mut points, mut told, mut abnormal) = (0.0, 0.0, 0.0);
        for seed in 1..=10 {
            let series = Generator::named("gaussian").make(seed, 30, 5 * MINUTE);
            let mut watch = Watch::new(with_budget(budget));
            for (t, value) in series.points() {
                abnormal += f64::from(u8::from(watch.push(t, Some(value)).abnormal.is_some()));
            }
            points += series.values.len() as f64;
            told += watch.incidents.len() as f64;
        }
        let of_100 = |count: f64| 100.0 * count / points;
        assert!(
            of_100(told) <= most && of_100(abnormal) < 2.0,
            "budget {budget}: {:.4} alarms and {:.4} abnormal points of 100",
            of_100(told),
            of_100(abnormal)
        );
    }
}

/// It found all of these, and that is to stay.
#[test]
fn a_spike_of_ten_times_the_value_is_found() {
    for name in ["gaussian", "t4", "seasonal", "web", "constant", "quantised"] {
        for seed in 1..=10 {
            let mut series = Generator::named(name).make(seed, 10, 5 * MINUTE);
            let at = series.index(8 * DAY + 11 * HOUR);
            let day_before = &series.values[at - 288..at];
            let typical = day_before.iter().sum::<f64>() / 288.0;
            series.values[at] = 10.0 * typical.abs().max(1.0);
            let found = incidents(&series);
            let (from, to) = (series.time(at), series.time(at) + HOUR / 2);
            assert!(
                found.iter().any(|one| (from..=to).contains(&one.at())),
                "{name} seed {seed}: {}",
                shown(&found)
            );
        }
    }
}

/// Its recall was 0 %: it compared each value to the mean of everything.
#[test]
fn seasonal_drops_were_not_found() {
    let mut missed = Vec::new();
    for seed in 1..=20 {
        for hour in [11, 12, 14, 16] {
            let series = Generator::named("wave").make(100 + seed, 16, 5 * MINUTE);
            let injected = Fault::Offset(-15.0).inject(series, 14 * DAY + hour * HOUR, 30 * MINUTE);
            if injected.found(&incidents(&injected.series)).next().is_none() {
                missed.push((seed, hour));
            }
        }
    }
    assert!(missed.is_empty(), "seeds and hours {missed:?}");
}

/// Its recall was 0 % on its own benchmark: from 50 to 80, for good.
#[test]
fn level_shifts_were_not_found() {
    for sd in [0.5, 2.0, 5.0] {
        for seed in 1..=10 {
            let mut noise = Noise::new(seed);
            let values = (0..6_000).map(|index| if index < 4_000 { 50.0 } else { 80.0 } + sd * noise.normal());
            let series = Series {
                step: 5 * MINUTE,
                values: values.collect(),
                sd,
            };
            let mut told = incidents(&series);
            told.retain(|one| one.at() >= series.time(4_000));
            let is_a_shift = told.len() == 1 && told[0].is_told_as(&[Kind::LevelShift, Kind::Trend]);
            assert!(is_a_shift, "sd {sd} seed {seed}: {}", shown(&told));
        }
    }
}

/// One part called `high` what another called `medium`. Here there is one scale, and it goes with the evidence.
#[test]
fn severity_scales_disagreed() {
    let mut told: Vec<Finding> = Vec::new();
    for case in CASES {
        for seed in 1..=3 {
            let injected = case.make(seed, case.hours[0]);
            told.extend(incidents(&injected.series).iter().flat_map(|one| &one.told));
        }
    }
    assert!(told.len() > 30, "{}", told.len());
    let evidence = |severity| {
        let of_it = told.iter().filter(move |finding| finding.severity == severity);
        of_it.map(|finding| finding.evidence)
    };
    for (index, lower) in Severity::ALL.iter().enumerate() {
        for higher in &Severity::ALL[index + 1..] {
            let most = evidence(*lower).fold(0.0, f64::max);
            let least = evidence(*higher).fold(f64::INFINITY, f64::min);
            assert!(
                most <= least,
                "{lower:?} reaches {most:.2}, {higher:?} begins at {least:.2}"
            );
        }
    }
}

#[test]
fn severity_grows_with_the_size() {
    for name in ["gaussian", "t4", "wave"] {
        for seed in 1..=5 {
            let worst = [12.0, 20.0, 40.0, 100.0].map(|size| {
                let series = Generator::named(name).make(seed, 10, 5 * MINUTE);
                let injected = Fault::Offset(size).inject(series, 8 * DAY + 13 * HOUR, 15 * MINUTE);
                let found = incidents(&injected.series);
                let during = found.iter().filter(|one| one.at() >= injected.during.0);
                during.map(|one| one.worst()).max()
            });
            assert!(
                worst.is_sorted() && worst[0] < worst[3],
                "{name} seed {seed}: {worst:?}"
            );
            assert_eq!(worst[3], Some(Severity::Critical), "{name} seed {seed}");
        }
    }
}

/// Its expected value was the mean of all values, at any hour.
#[test]
fn the_mean_of_everything_was_expected() {
    for name in ["wave", "seasonal"] {
        for seed in 1..=5 {
            let series = Generator::named(name).make(seed, 35, 5 * MINUTE);
            let mut watch = Watch::new(Settings::default());
            let (mut near, mut all) = (0.0, 0.0);
            for (index, (t, value)) in series.points().enumerate() {
                let expected = watch.push(t, Some(value)).expected;
                if t >= START + 28 * DAY {
                    // the noise is averaged out over half an hour
                    let around = &series.values[index.saturating_sub(3)..(index + 4).min(series.values.len())];
                    let usual = around.iter().sum::<f64>() / around.len() as f64;
                    all += 1.0;
                    near += f64::from(u8::from((expected.unwrap().expected - usual).abs() <= 3.0 * series.sd));
                }
            }
            assert!(near / all >= 0.95, "{name} seed {seed}: {:.3}", near / all);
        }
    }
}
