//! What an incident leaves behind: nothing that is told a second time, and nothing that makes the detector blind.

use prediction::detect::{Direction, Kind, Mark, Settings};

use crate::corpus::{DAY, Generator, HOUR, MINUTE, START, Series};
use crate::injected::Fault;
use crate::watch::{Watch, incidents, incidents_with, shown};

fn gaussian(seed: u64, days: i64, step: i64) -> Series {
    Generator::named("gaussian").make(seed, days, step)
}

/// A level that had followed a large fault came back step by step, and the values as always were told meanwhile.
#[test]
fn values_that_are_back_are_as_expected_at_once() {
    for step in [MINUTE, 5 * MINUTE, 15 * MINUTE] {
        for seed in 1..=5 {
            let injected = Fault::Offset(200.0).inject(gaussian(seed, 12, step), 9 * DAY + 12 * HOUR, HOUR);
            let told = incidents(&injected.series);
            assert_eq!(told.len(), 1, "{step} seed {seed}: {}", shown(&told));
        }
    }
}

/// The half-hours of one bad day were taken for those of its day of the week.
#[test]
fn an_incident_is_no_pattern_of_its_weekday() {
    for step in [MINUTE, 5 * MINUTE] {
        for seed in 1..=3 {
            let injected = Fault::Offset(30.0).inject(gaussian(seed, 40, step), 10 * DAY + 12 * HOUR, 2 * HOUR);
            let told = incidents(&injected.series);
            assert_eq!(told.len(), 1, "{step} seed {seed}: {}", shown(&told));
        }
    }
}

/// The new normal of a Saturday evening moved the pattern of the whole week, and Monday moved it back, for ever.
#[test]
fn weekends_that_are_much_lower_are_learned() {
    for sizes in [-15.0, -30.0] {
        for seed in 1..=3 {
            let mut series = gaussian(seed, 60, 5 * MINUTE);
            let sd = series.sd;
            let at = |index: usize| (index as i64 * 5 * MINUTE).div_euclid(DAY).rem_euclid(7);
            for (index, value) in series.values.iter_mut().enumerate() {
                if at(index) >= 5 {
                    *value += sizes * sd;
                }
            }
            let mut told = incidents(&series);
            told.retain(|one| one.at() >= START + 28 * DAY);
            assert!(told.len() <= 1, "{sizes} seed {seed}: {}", shown(&told));
        }
    }
}

/// The tails did not learn while doubts came each hour, and so alarmed as long as they came.
#[test]
fn what_goes_on_is_normal_after_some_days() {
    for seed in 1..=3 {
        let mut series = gaussian(seed, 60, 5 * MINUTE);
        let from = series.index(10 * DAY);
        for index in (from..series.values.len()).step_by(6) {
            series.values[index] += 20.0 * series.sd;
        }
        let mut told = incidents(&series);
        told.retain(|one| one.at() >= START + 30 * DAY);
        assert!(told.len() <= 2, "seed {seed}: {}", shown(&told));
    }
}

/// A sensor that was stuck was the new normal each evening, and told again each morning.
#[test]
fn a_sensor_that_is_stuck_for_days_is_told_once() {
    for step in [MINUTE, 5 * MINUTE] {
        for seed in 1..=3 {
            let injected = Fault::Stuck.inject(gaussian(seed, 16, step), 9 * DAY + 5 * HOUR, 5 * DAY);
            let mut told = incidents(&injected.series);
            told.retain(|one| one.at() <= injected.during.1);
            assert_eq!(told.len(), 1, "{step} seed {seed}: {}", shown(&told));
        }
    }
}

/// A gap in a shift ended the incident, and the shift was told anew.
#[test]
fn a_gap_in_a_shift_does_not_make_it_two() {
    for seed in 1..=3 {
        let injected = Fault::Offset(12.0).inject(gaussian(seed, 16, 5 * MINUTE), 9 * DAY + 5 * HOUR, 7 * DAY);
        let gap = START + 9 * DAY + 7 * HOUR..START + 9 * DAY + 7 * HOUR + 40 * MINUTE;
        let mut watch = Watch::new(Settings::default());
        for (t, value) in injected.series.points() {
            watch.push(t, Some(value).filter(|_| !gap.contains(&t)));
        }
        assert_eq!(watch.incidents.len(), 1, "seed {seed}: {}", shown(&watch.incidents));
        assert!(
            watch.incidents[0].is_told_as(&[Kind::Missing]),
            "{}",
            shown(&watch.incidents)
        );
        assert!(
            watch.incidents[0].is_told_as(&[Kind::LevelShift]),
            "{}",
            shown(&watch.incidents)
        );
    }
}

/// Silence in an incident that nobody wanted to be told of was not told either.
#[test]
fn silence_is_told_whatever_was_not() {
    let settings = Settings {
        direction: Direction::Down,
        ..Settings::default()
    };
    for seed in 1..=3 {
        let injected = Fault::Offset(30.0).inject(gaussian(seed, 10, 5 * MINUTE), 9 * DAY, DAY);
        let mut watch = Watch::new(settings.clone());
        let end = START + 9 * DAY + 15 * MINUTE;
        for (t, value) in injected.series.points().filter(|(t, _)| *t < end) {
            watch.push(t, Some(value));
        }
        assert!(watch.incidents.is_empty(), "seed {seed}: {}", shown(&watch.incidents));
        watch.push(end + DAY, None);
        assert_eq!(watch.incidents.len(), 1, "seed {seed}");
        assert!(
            watch.incidents[0].is_told_as(&[Kind::Missing]),
            "{}",
            shown(&watch.incidents)
        );
    }
}

/// A mark of last week's incident ended, or pinned, the one of today.
#[test]
fn a_mark_of_the_past_does_nothing_to_the_present() {
    for mark in [Mark::Expected, Mark::BadData, Mark::Real] {
        let injected = Fault::Offset(20.0).inject(gaussian(1, 14, 5 * MINUTE), 10 * DAY, 2 * DAY);
        let mut watch = Watch::new(Settings::default());
        let now = START + 10 * DAY + 2 * HOUR;
        for (t, value) in injected.series.points().filter(|(t, _)| *t < now) {
            watch.push(t, Some(value));
        }
        let before = watch.stream.clone();
        assert!(before.hot.incident().is_some());
        let change = watch.mark(START + 3 * DAY, mark);
        assert_eq!((change, &watch.stream), (None, &before), "{mark:?}");
    }
}

/// More noise that was accepted as the new normal was told again with the next value.
#[test]
fn noise_that_was_accepted_is_not_told_again() {
    for seed in 1..=3 {
        let injected = Fault::Noise(4.0).inject(gaussian(seed, 12, 5 * MINUTE), 9 * DAY, 3 * DAY);
        let mut watch = Watch::new(Settings::default());
        let mut points = injected.series.points();
        for (t, value) in points.by_ref() {
            watch.push(t, Some(value));
            if watch.incidents.iter().any(|one| one.is_told_as(&[Kind::Variance])) && t >= START + 9 * DAY + 12 * HOUR {
                watch.mark(t, Mark::NewNormal);
                break;
            }
        }
        let before = watch.incidents.len();
        for (t, value) in points {
            watch.push(t, Some(value));
        }
        assert!(before > 0);
        assert!(
            watch.incidents.len() <= before + 1,
            "seed {seed}: {}",
            shown(&watch.incidents)
        );
        let soon = watch.incidents[before..]
            .iter()
            .filter(|one| one.at() < START + 9 * DAY + 18 * HOUR);
        assert_eq!(soon.count(), 0, "seed {seed}: {}", shown(&watch.incidents));
    }
}

/// Half-hours without values took the pattern of hourly series out of the expectation again.
#[test]
fn the_day_of_an_hourly_series_is_expected() {
    for seed in 1..=5 {
        let series = Generator::named("wave").make(seed, 28, HOUR);
        let mut watch = Watch::new(Settings::default());
        let (mut width, mut points) = (0.0, 0.0);
        for (t, value) in series.points() {
            let verdict = watch.push(t, Some(value));
            if t >= START + 21 * DAY {
                let range = verdict.expected.unwrap();
                width += (range.upper - range.lower) / series.sd;
                points += 1.0;
            }
        }
        assert!(width / points < 20.0, "seed {seed}: {:.1} sd of 40", width / points);
        let injected = Fault::Offset(-30.0).inject(series, 21 * DAY + 13 * HOUR, 2 * HOUR);
        let told = incidents_with(Settings::default(), &injected.series);
        assert!(injected.found(&told).next().is_some(), "seed {seed}: {}", shown(&told));
    }
}

/// One test point, and twenty points a week later: a series that was ready within minutes.
#[test]
fn a_point_long_before_the_others_is_no_beginning() {
    let series = gaussian(1, 3, 5 * MINUTE);
    let mut watch = Watch::new(Settings::default());
    watch.push(START - 7 * DAY, Some(series.values[0]));
    for (t, value) in series.points() {
        let verdict = watch.push(t, Some(value));
        assert_eq!(verdict.learning.is_none(), t >= START + DAY, "{}", t - START);
    }
    let due = watch.detector.overdue_at(&watch.stream.hot).unwrap();
    assert!(due < START + 4 * DAY, "a silence of a week is not usual");
}
