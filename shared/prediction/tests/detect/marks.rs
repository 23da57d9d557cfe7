//! What users say counts from then on.

use prediction::detect::{Change, Ending, Mark, Past, Settings};

use crate::corpus::{DAY, Generator, HOUR, MINUTE, START, Series};
use crate::injected::Fault;
use crate::watch::{Watch, shown};

const STEP: i64 = 5 * MINUTE;
const SEEDS: std::ops::RangeInclusive<u64> = 1..=5;

fn series(generator: &str, seed: u64, days: i64) -> Series {
    Generator::named(generator).make(seed, days, STEP)
}

/// Shows it the values from one time to before another, both counted from the start.
fn show(watch: &mut Watch, series: &Series, from: i64, to: i64) {
    for (t, value) in series.points().filter(|(t, _)| (START + from..START + to).contains(t)) {
        watch.push(t, Some(value));
    }
}

/// Marks, and asserts that the incident ends by it.
fn mark_and_end(watch: &mut Watch, after: i64, mark: Mark) {
    let t = START + after;
    let since = watch.stream.hot.incident();
    assert!(since.is_some(), "no incident to mark: {}", shown(&watch.incidents));
    let change = watch.mark(t, mark);
    assert_eq!(
        change,
        since.map(|since| Change::Closed {
            since,
            ending: Ending::Marked
        })
    );
    assert_eq!(watch.stream.hot.incident(), None);
}

/// How many incidents begin when the fault is put into the day that follows.
fn told_of(watch: &Watch, clean: &Series, fault: Fault, after: i64, lasting: i64) -> usize {
    let mut watch = watch.clone();
    let before = watch.incidents.len();
    let begin = after - after.rem_euclid(DAY);
    let faulty = fault.inject(clean.clone(), after, lasting).series;
    show(&mut watch, &faulty, begin, begin + DAY);
    watch.incidents.len() - before
}

/// A drop at noon that was expected kept a series that died at noon from being told, for good.
#[test]
fn an_expected_drop_is_no_expected_silence() {
    for seed in SEEDS {
        let (mut watch, clean) = after_a_drop(seed, Some(Mark::Expected));
        let before = watch.incidents.len();
        show(&mut watch, &clean, 21 * DAY, 21 * DAY + 12 * HOUR);
        for step in 0..24 {
            watch.push(START + 21 * DAY + 12 * HOUR + step * STEP, None);
        }
        assert_eq!(
            watch.incidents.len(),
            before + 1,
            "seed {seed}: {}",
            shown(&watch.incidents)
        );
    }
}

/// What is learned of a drop of 15 standard deviations at 12:00 on the 20th day, marked or not.
fn after_a_drop(seed: u64, mark: Option<Mark>) -> (Watch, Series) {
    let clean = series("wave", seed, 24);
    let at = 20 * DAY + 12 * HOUR;
    let faulty = Fault::Offset(-15.0).inject(clean.clone(), at, HOUR).series;
    let mut watch = Watch::new(Settings::default());
    show(&mut watch, &faulty, 0, at + 50 * MINUTE);
    if let Some(mark) = mark {
        mark_and_end(&mut watch, at + 50 * MINUTE, mark);
    }
    show(&mut watch, &faulty, at + 50 * MINUTE, 21 * DAY);
    (watch, clean)
}

const NEXT_DAY: i64 = 21 * DAY + 12 * HOUR;

#[test]
fn a_drop_that_nobody_expected_is_told_again() {
    for seed in SEEDS {
        let (watch, clean) = after_a_drop(seed, None);
        assert_eq!(
            told_of(&watch, &clean, Fault::Offset(-15.0), NEXT_DAY, HOUR),
            1,
            "seed {seed}"
        );
    }
}

#[test]
fn what_was_expected_is_not_told_at_the_same_time_of_the_day() {
    for seed in SEEDS {
        let (watch, clean) = after_a_drop(seed, Some(Mark::Expected));
        for size in [-15.0, -13.0, -10.0] {
            assert_eq!(
                told_of(&watch, &clean, Fault::Offset(size), NEXT_DAY, HOUR),
                0,
                "seed {seed}, {size}"
            );
        }
    }
}

#[test]
fn what_was_expected_is_told_when_it_is_much_larger() {
    for seed in SEEDS {
        let (watch, clean) = after_a_drop(seed, Some(Mark::Expected));
        assert_eq!(
            told_of(&watch, &clean, Fault::Offset(-60.0), NEXT_DAY, HOUR),
            1,
            "seed {seed}"
        );
    }
}

#[test]
fn what_was_expected_is_told_in_the_other_direction() {
    for seed in SEEDS {
        let (watch, clean) = after_a_drop(seed, Some(Mark::Expected));
        assert_eq!(
            told_of(&watch, &clean, Fault::Offset(15.0), NEXT_DAY, HOUR),
            1,
            "seed {seed}"
        );
    }
}

#[test]
fn what_was_expected_is_told_at_another_time_of_the_day() {
    for seed in SEEDS {
        let (watch, clean) = after_a_drop(seed, Some(Mark::Expected));
        let evening = 21 * DAY + 20 * HOUR;
        assert_eq!(
            told_of(&watch, &clean, Fault::Offset(-15.0), evening, HOUR),
            1,
            "seed {seed}"
        );
    }
}

#[test]
fn what_was_real_is_told_again() {
    for seed in SEEDS {
        let clean = series("wave", seed, 24);
        let at = 20 * DAY + 12 * HOUR;
        let faulty = Fault::Offset(-15.0).inject(clean.clone(), at, HOUR).series;
        let mut watch = Watch::new(Settings::default());
        show(&mut watch, &faulty, 0, at + 50 * MINUTE);
        watch.mark(START + at + 50 * MINUTE, Mark::Real);
        show(&mut watch, &faulty, at + 50 * MINUTE, 21 * DAY);
        assert_eq!(
            told_of(&watch, &clean, Fault::Offset(-15.0), NEXT_DAY, HOUR),
            1,
            "seed {seed}"
        );
    }
}

/// Of the next point, whose value does not matter: it is known before it is looked at.
fn next_range(watch: &Watch, after: i64) -> prediction::detect::Range {
    watch.clone().push(START + after, Some(0.0)).expected.unwrap()
}

#[test]
fn wrong_data_leave_no_trace_in_the_range() {
    for generator in ["gaussian", "wave", "t4"] {
        for seed in SEEDS {
            let clean = series(generator, seed, 17);
            let (at, lasting) = (14 * DAY + 11 * HOUR, HOUR);
            let faulty = Fault::Offset(30.0).inject(clean.clone(), at, lasting).series;
            let mut watch = Watch::new(Settings::default());
            show(&mut watch, &faulty, 0, at + lasting);
            mark_and_end(&mut watch, at + lasting, Mark::BadData);
            let mut untouched = Watch::new(Settings::default());
            show(&mut untouched, &clean, 0, at);
            let (marked, as_before) = (next_range(&watch, at + lasting), next_range(&untouched, at + lasting));
            for (marked, as_before) in [
                (marked.expected, as_before.expected),
                (marked.lower, as_before.lower),
                (marked.upper, as_before.upper),
            ] {
                assert!(
                    (marked - as_before).abs() <= clean.sd,
                    "{generator} seed {seed}: {marked} for {as_before}, sd {}",
                    clean.sd
                );
            }
            let before = watch.incidents.len();
            show(&mut watch, &faulty, at + lasting, 17 * DAY);
            assert_eq!(
                watch.incidents.len(),
                before,
                "{generator} seed {seed}: {}",
                shown(&watch.incidents)
            );
        }
    }
}

#[test]
fn a_real_shift_is_not_adopted() {
    for generator in ["gaussian", "wave"] {
        for seed in SEEDS {
            let clean = series(generator, seed, 20);
            let (at, lasting) = (14 * DAY + 11 * HOUR, 4 * DAY);
            let faulty = Fault::Offset(15.0).inject(clean.clone(), at, lasting).series;
            let mut watch = Watch::new(Settings::default());
            show(&mut watch, &faulty, 0, at + HOUR);
            assert!(watch.stream.hot.incident().is_some(), "{generator} seed {seed}");
            watch.mark(START + at + HOUR, Mark::Real);
            for days in 1..=4 {
                show(
                    &mut watch,
                    &faulty,
                    at + HOUR + (days - 1) * DAY,
                    at + HOUR + days * DAY - 2 * HOUR,
                );
                let next = at + HOUR + days * DAY - 2 * HOUR;
                let (index, expected) = (clean.index(next), next_range(&watch, next).expected);
                // what the series would be without the shift, give or take its noise
                let usual = clean.values[index];
                assert!(
                    (expected - usual).abs() <= 7.5 * clean.sd,
                    "{generator} seed {seed}, after {days} days: {expected} for {usual}, sd {}",
                    clean.sd
                );
                show(&mut watch, &faulty, next, at + HOUR + days * DAY);
            }
            let adopted = watch
                .incidents
                .iter()
                .any(|one| matches!(one.closed, Some((_, Ending::NewNormal))));
            assert!(!adopted, "{generator} seed {seed}: {}", shown(&watch.incidents));
            // and when it is over, all is as before
            let told = watch.incidents.len();
            show(&mut watch, &faulty, at + HOUR + 4 * DAY, 20 * DAY);
            assert_eq!(
                watch.incidents.len(),
                told,
                "{generator} seed {seed}: {}",
                shown(&watch.incidents)
            );
            assert_eq!(watch.stream.hot.incident(), None, "{generator} seed {seed}");
        }
    }
}

#[test]
fn the_new_normal_is_expected_at_once() {
    for generator in ["gaussian", "wave", "t4"] {
        for fault in [Fault::Offset(15.0), Fault::Offset(-30.0)] {
            for seed in SEEDS {
                let clean = series(generator, seed, 18);
                let at = 14 * DAY + 11 * HOUR;
                let shifted = fault.inject(clean, at, 10 * DAY).series;
                let mut watch = Watch::new(Settings::default());
                show(&mut watch, &shifted, 0, at + HOUR);
                mark_and_end(&mut watch, at + HOUR, Mark::NewNormal);
                let range = next_range(&watch, at + HOUR);
                let index = shifted.index(at + HOUR);
                let around = &shifted.values[index - 3..index + 3];
                let level = around.iter().sum::<f64>() / 6.0;
                assert!(
                    (range.expected - level).abs() <= 3.0 * shifted.sd && (range.lower..=range.upper).contains(&level),
                    "{generator} {fault:?} seed {seed}: {range:?} for {level}, sd {}",
                    shifted.sd
                );
                let told = watch.incidents.len();
                show(&mut watch, &shifted, at + HOUR, 18 * DAY);
                assert_eq!(
                    watch.incidents.len(),
                    told,
                    "{generator} {fault:?} seed {seed}: {}",
                    shown(&watch.incidents)
                );
            }
        }
    }
}

#[test]
fn without_an_incident_nothing_ends() {
    for mark in Mark::ALL {
        let clean = series("gaussian", 1, 5);
        let mut watch = Watch::new(Settings::default());
        assert_eq!(watch.mark(START, *mark), None, "before the first point");
        show(&mut watch, &clean, 0, 4 * DAY);
        assert_eq!(watch.mark(START + 4 * DAY, *mark), None);
        show(&mut watch, &clean, 4 * DAY, 5 * DAY);
        assert!(watch.incidents.is_empty(), "{mark:?}: {}", shown(&watch.incidents));
    }
}

/// The last incident that was told, as it would be stored.
fn stored(watch: &Watch) -> Past {
    let finding = watch.incidents.last().unwrap().told.last().unwrap();
    Past {
        since: finding.since,
        direction: finding.direction,
        off: (finding.value.unwrap() - finding.range.expected).abs(),
    }
}

/// A drop at 12:00 on the 19th day and a rise at 20:00 on the 20th, of which nobody says anything, and the drop as it is stored.
fn after_a_drop_and_a_rise(seed: u64) -> (Watch, Series, Past) {
    let clean = series("wave", seed, 24);
    let (drop, rise) = (19 * DAY + 12 * HOUR, 20 * DAY + 20 * HOUR);
    let faulty = Fault::Offset(-15.0).inject(clean.clone(), drop, HOUR).series;
    let faulty = Fault::Offset(15.0).inject(faulty, rise, HOUR).series;
    let mut watch = Watch::new(Settings::default());
    show(&mut watch, &faulty, 0, 20 * DAY);
    let past = stored(&watch);
    show(&mut watch, &faulty, 20 * DAY, 21 * DAY);
    (watch, clean, past)
}

#[test]
fn what_is_said_of_an_older_incident_counts_from_then_on() {
    for seed in SEEDS {
        let (mut watch, clean, past) = after_a_drop_and_a_rise(seed);
        let noon = |watch: &Watch| told_of(watch, &clean, Fault::Offset(-15.0), NEXT_DAY, HOUR);
        assert_eq!(noon(&watch), 1, "seed {seed}");
        let change = watch.mark_about(past.since, Some(&past), Mark::Expected);
        assert_eq!(change, None, "seed {seed}");
        assert_eq!(noon(&watch), 0, "seed {seed}");
        let evening = told_of(&watch, &clean, Fault::Offset(15.0), 21 * DAY + 20 * HOUR, HOUR);
        assert_eq!(evening, 1, "seed {seed}: the rise was not expected");
        watch.mark_about(past.since, Some(&past), Mark::Real);
        assert_eq!(noon(&watch), 1, "seed {seed}: it was real after all");
    }
}

#[test]
fn what_was_expected_and_then_real_is_told_again() {
    for seed in SEEDS {
        let (mut watch, clean) = after_a_drop(seed, Some(Mark::Expected));
        watch.mark(START + 20 * DAY + 13 * HOUR, Mark::Real);
        assert_eq!(
            told_of(&watch, &clean, Fault::Offset(-15.0), NEXT_DAY, HOUR),
            1,
            "seed {seed}"
        );
    }
}

/// Drops at eight times of the day, each expected, on as many days.
fn after_eight(seed: u64) -> (Watch, Series) {
    let clean = series("wave", seed, 24);
    let mut watch = Watch::new(Settings::default());
    show(&mut watch, &clean, 0, 13 * DAY);
    for day in 13..21 {
        let at = day * DAY + (day - 13) * 3 * HOUR;
        let faulty = Fault::Offset(-15.0).inject(clean.clone(), at, HOUR).series;
        show(&mut watch, &faulty, day * DAY, at + 50 * MINUTE);
        mark_and_end(&mut watch, at + 50 * MINUTE, Mark::Expected);
        show(&mut watch, &faulty, at + 50 * MINUTE, (day + 1) * DAY);
    }
    (watch, clean)
}

#[test]
fn eight_incidents_that_were_expected_are_remembered() {
    for seed in SEEDS {
        let (watch, clean) = after_eight(seed);
        for hour in (0..24).step_by(3) {
            let at = 21 * DAY + hour * HOUR;
            let told = |size: f64| told_of(&watch, &clean, Fault::Offset(size), at, HOUR);
            assert_eq!((told(-15.0), told(15.0)), (0, 1), "seed {seed}, {hour}:00");
        }
    }
}

/// As the tick does it, which reads the cold state only where it must.
#[test]
fn the_cold_state_is_needed_where_the_detector_says_so_and_not_elsewhere() {
    let (watch, clean) = after_eight(1);
    let faulty = Fault::Offset(-15.0).inject(clean, 21 * DAY + 9 * HOUR, HOUR).series;
    let (mut whole, mut sparing) = (watch.stream.clone(), watch.stream.clone());
    let mut needed = 0;
    for (t, value) in faulty.points().filter(|(t, _)| *t >= START + 21 * DAY) {
        let verdict = whole.push(&watch.detector, t, Some(value), None);
        let other = if watch.detector.needs_cold(&sparing.hot, t, Some(value), None) {
            needed += 1;
            sparing.push(&watch.detector, t, Some(value), None)
        } else {
            watch.detector.push(&mut sparing.hot, t, Some(value), None)
        };
        assert_eq!((other, &sparing), (verdict, &whole), "at {t}");
    }
    // the ends of three days, and the drop
    assert!((8..=24).contains(&needed), "{needed} of {}", 3 * DAY / STEP);
}
