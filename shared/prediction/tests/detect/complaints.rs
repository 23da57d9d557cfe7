//! Why people mute such products, each as a test.

use prediction::detect::{Settings, Verdict};

use crate::corpus::{DAY, Generator, HOUR, MINUTE, Noise, START, Series};
use crate::injected::Fault;
use crate::watch::{Watch, a_month, incidents, shown};

/// 36 alerts, 11 from one change over six days (xtdb#5454).
#[test]
fn a_level_shift_alerts_again_for_weeks() {
    for name in ["gaussian", "seasonal", "wave", "quantised"] {
        for seed in 1..=4 {
            for size in [-12.0, 8.0, 30.0] {
                let series = Generator::named(name).make(seed, 56, 5 * MINUTE);
                let injected = Fault::Offset(size).inject(series, 21 * DAY + 9 * HOUR, 40 * DAY);
                let mut told = incidents(&injected.series);
                told.retain(|one| one.at() >= injected.during.0);
                assert!(
                    told.len() <= 2,
                    "{name} by {size}, seed {seed}: {} in 35 days: {}",
                    told.len(),
                    shown(&told)
                );
            }
        }
    }
}

/// A baseline without variance gave |z| up to 5,862 and 5,765 candidates in a day (pgEdge#256).
#[test]
fn a_quiet_baseline_makes_everything_an_outlier() {
    for seed in 1..=10 {
        let mut noise = Noise::new(seed);
        // constant for three days, and then a little noise: a hundredth of a per cent
        let values = (0..10 * 288).map(|index| {
            if index < 3 * 288 {
                100.0
            } else {
                100.0 + 0.01 * noise.normal()
            }
        });
        let series = Series {
            step: 5 * MINUTE,
            values: values.collect(),
            sd: 0.01,
        };
        let mut watch = Watch::new(Settings::default());
        let mut abnormal = 0;
        for (t, value) in series.points() {
            let verdict = watch.push(t, Some(value));
            assert!((0.0..=Verdict::MAX_EVIDENCE).contains(&verdict.evidence), "{verdict:?}");
            abnormal += u32::from(verdict.abnormal.is_some());
        }
        assert!(watch.incidents.len() <= 1, "seed {seed}: {}", shown(&watch.incidents));
        assert!(abnormal <= 288, "seed {seed}: {abnormal} abnormal points");
    }
}

/// A series that is hardly known has little variance yet.
#[test]
fn a_young_baseline_makes_everything_an_outlier() {
    for name in [
        "gaussian",
        "t4",
        "gamma",
        "seasonal",
        "autoregression",
        "daily counts",
        "web",
        "peak",
    ] {
        let (seeds, days) = (30, 8);
        let mut told = 0;
        for seed in 1..=seeds {
            told += incidents(&Generator::named(name).make(500 + seed, days, 5 * MINUTE)).len();
        }
        // the first week: at most one in four series says anything
        let rate = a_month(told, seeds, days);
        assert!(rate <= 1.0, "{name}: {told} in {seeds} first weeks, {rate:.2} a month");
    }
}

/// Mostly zero, and now and then one: each one was an outlier.
#[test]
fn rare_events_are_outliers() {
    for rate in [0.005, 0.02, 0.1] {
        let mut told = 0;
        for seed in 1..=10 {
            let mut noise = Noise::new(seed);
            let series = Series {
                step: 5 * MINUTE,
                values: (0..30 * 288).map(|_| noise.poisson(rate)).collect(),
                sd: 1.0,
            };
            told += incidents(&series).len();
        }
        let rate_told = a_month(told, 10, 30);
        assert!(rate_told <= 1.0, "{rate} a point: {rate_told:.2} a month");
    }
}

/// The weekend was no Monday: stored baselines of the week were never read (pgEdge#348).
#[test]
fn every_weekend_is_an_anomaly() {
    let (seeds, days) = (10, 63);
    let mut told = 0;
    let mut message = String::new();
    for seed in 1..=seeds {
        let mut noise = Noise::new(seed);
        let values = (0..days * 288).map(|index| {
            let hour = index as f64 / 12.0;
            let works = hour.rem_euclid(168.0) < 120.0 && (8.0..18.0).contains(&hour.rem_euclid(24.0));
            1_000.0 + 30.0 * noise.normal() + if works { 600.0 } else { 0.0 }
        });
        let series = Series {
            step: 5 * MINUTE,
            values: values.collect(),
            sd: 30.0,
        };
        let mut late = incidents(&series);
        late.retain(|one| one.at() >= START + 28 * DAY);
        told += late.len();
        message.push_str(&shown(&late));
    }
    let rate = told as f64 * 30.0 / (seeds as f64 * (days - 28) as f64);
    assert!(rate <= 0.5, "{rate:.2} a month from the fifth week on: {message}");
}

/// What happens each day at the same time is how the series is, also if it is short and sharp.
#[test]
fn the_nightly_job_pages_every_night() {
    for seed in 1..=10 {
        let mut noise = Noise::new(seed);
        let begin = noise.between(0.0, 23.0);
        let values = (0..40 * 288).map(|index| {
            let hour = f64::from(index) / 12.0;
            let runs = (hour.rem_euclid(24.0) - begin).rem_euclid(24.0) < 0.5;
            50.0 + noise.normal() + if runs { 25.0 } else { 0.0 }
        });
        let series = Series {
            step: 5 * MINUTE,
            values: values.collect(),
            sd: 1.0,
        };
        let mut told = incidents(&series);
        told.retain(|one| one.at() >= START + 14 * DAY);
        assert!(
            told.len() <= 1,
            "seed {seed}, at {begin:.1}: {} of 26 nights: {}",
            told.len(),
            shown(&told)
        );
    }
}

/// The clocks change, people come an hour earlier, and the detector goes by the old time.
#[test]
fn summer_time_pages_every_day() {
    for name in ["wave", "web"] {
        for seed in 1..=5 {
            let mut series = Generator::named(name).make(seed, 50, 5 * MINUTE);
            let change = series.index(28 * DAY);
            series.values.drain(change..change + 12);
            let mut told = incidents(&series);
            told.retain(|one| one.at() >= START + 28 * DAY);
            assert!(
                told.len() <= 2,
                "{name} seed {seed}: {} in three weeks: {}",
                told.len(),
                shown(&told)
            );
        }
    }
}

/// One wrong reading, a million times as far off as all others, and nothing was an anomaly any more.
#[test]
fn one_wild_value_hides_all_that_follow() {
    for wild in [1e3, 1e4, 1e6] {
        for seed in 1..=3 {
            let mut series = Generator::named("gaussian").make(seed, 24, 5 * MINUTE);
            let at = series.index(8 * DAY);
            series.values[at] += wild * series.sd;
            let injected = Fault::Offset(15.0).inject(series, 20 * DAY + 5 * HOUR, HOUR);
            let found = incidents(&injected.series);
            assert!(
                injected.found(&found).next().is_some(),
                "{wild} sd, seed {seed}: {}",
                shown(&found)
            );
        }
    }
}
