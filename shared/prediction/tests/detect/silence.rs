//! No value is not the value zero.

use prediction::detect::{Change, Ending, Kind, Settings};

use crate::corpus::{DAY, Generator, HOUR, MINUTE, Noise, START, Series};
use crate::watch::{Watch, a_month, incidents, shown};

/// Has seen this many days of a series.
fn after(series: &Series, days: i64) -> Watch {
    let mut watch = Watch::new(Settings::default());
    for (t, value) in series.points().take_while(|(t, _)| *t < START + days * DAY) {
        watch.push(t, Some(value));
    }
    watch
}

#[test]
fn silence_is_told_once_when_it_is_due_and_ends_with_the_next_value() {
    for (name, step) in [
        ("gaussian", 5 * MINUTE),
        ("web", MINUTE),
        ("constant", 5 * MINUTE),
        ("seasonal", HOUR),
    ] {
        let series = Generator::named(name).make(1, 9, step);
        let mut watch = after(&series, 7);
        let last = watch.stream.hot.last().unwrap();
        let due = watch.detector.overdue_at(&watch.stream.hot).unwrap();
        assert!(due > last + step, "{name}: {}", due - last);
        assert!(due <= last + (10 * step).max(HOUR), "{name}: {}", due - last);

        for t in [last + 1, last + step, due - 1] {
            assert_eq!(watch.push(t, None).change, None, "{name}");
        }
        let verdict = watch.push(due, None);
        let Some(Change::Opened(finding)) = verdict.change else {
            panic!("{name}: {verdict:?}");
        };
        assert_eq!(
            (finding.kind, finding.value, finding.at),
            (Kind::Missing, None, due),
            "{name}"
        );
        for t in [due, due + 1, due + step, due + 5 * HOUR] {
            assert!(!matches!(watch.push(t, None).change, Some(Change::Opened(_))), "{name}");
        }
        let back = series.index(7 * DAY + 6 * HOUR);
        let verdict = watch.push(series.time(back), Some(series.values[back]));
        let ended = matches!(
            verdict.change,
            Some(Change::Closed {
                ending: Ending::Recovered,
                ..
            })
        );
        assert!(ended, "{name}: {verdict:?}");
        for index in back + 1..series.values.len() {
            watch.push(series.time(index), Some(series.values[index]));
        }
        watch.incidents.retain(|one| one.at() >= START + 7 * DAY);
        assert_eq!(watch.incidents.len(), 1, "{name}: {}", shown(&watch.incidents));
    }
}

#[test]
fn silence_can_be_told_again() {
    let series = Generator::named("gaussian").make(1, 9, 5 * MINUTE);
    let mut watch = after(&series, 7);
    for begin in [0, 12 * HOUR, 24 * HOUR] {
        let due = watch.detector.overdue_at(&watch.stream.hot).unwrap();
        watch.push(due, None);
        let from = START + 7 * DAY + begin + 3 * HOUR;
        for (t, value) in series.points().filter(|(t, _)| (from..from + 9 * HOUR).contains(t)) {
            watch.push(t, Some(value));
        }
    }
    let missing: Vec<_> = watch.incidents.iter().map(|one| one.told[0].kind).collect();
    assert_eq!(missing, [Kind::Missing; 3], "{}", shown(&watch.incidents));
}

#[test]
fn a_gap_in_a_replay_is_no_anomaly_when_values_come_back_in_place() {
    for name in ["gaussian", "t4", "seasonal", "wave", "web", "gamma"] {
        for (seed, lasting) in [(1, HOUR), (2, 6 * HOUR), (3, 17 * HOUR), (4, 3 * DAY), (5, 10 * DAY)] {
            let series = Generator::named(name).make(seed, 27, 5 * MINUTE);
            let (from, to) = (START + 14 * DAY + 7 * HOUR, START + 14 * DAY + 7 * HOUR + lasting);
            let mut watch = Watch::new(Settings::default());
            for (t, value) in series.points().filter(|(t, _)| !(from..to).contains(t)) {
                watch.push(t, Some(value));
            }
            let without = incidents(&series);
            let mut wrong = watch.incidents.clone();
            wrong.retain(|one| !without.iter().any(|other| (other.at() - one.at()).abs() <= HOUR));
            wrong.retain(|one| (to..to + DAY).contains(&one.at()) && one.told[0].kind != Kind::Missing);
            assert!(
                wrong.is_empty(),
                "{name} seed {seed}, {} h: {}",
                lasting / HOUR,
                shown(&wrong)
            );
        }
    }
}

/// A gap that were zeros would pull the level down.
#[test]
fn a_gap_does_not_move_the_range() {
    for seed in 1..=5 {
        let series = Generator::named("gaussian").make(seed, 9, 5 * MINUTE);
        let level = series.values.iter().sum::<f64>() / series.values.len() as f64;
        let mut watch = after(&series, 7);
        for minute in 1..24 * 60 {
            watch.push(START + 7 * DAY + minute * MINUTE, None);
        }
        let index = series.index(8 * DAY);
        let range = watch
            .push(series.time(index), Some(series.values[index]))
            .expected
            .unwrap();
        assert!(
            (range.expected - level).abs() <= series.sd,
            "seed {seed}: {range:?} for {level}"
        );
    }
}

/// One that sends when something happens has no rhythm that it could miss.
#[test]
fn irregular_arrivals_are_not_missing() {
    let (seeds, days) = (6, 30);
    let mut missing = 0;
    let mut told = String::new();
    for seed in 1..=seeds {
        let mut noise = Noise::new(seed);
        let mut watch = Watch::new(Settings::default());
        let mut next = START;
        for minute in 0..days * DAY / MINUTE {
            let t = START + minute * MINUTE;
            if t >= next {
                watch.push(t, Some(100.0 + noise.normal()));
                next = t - (5.0 * MINUTE as f64 * (1.0 - noise.uniform()).ln()) as i64;
            } else {
                watch.push(t, None);
            }
        }
        watch.incidents.retain(|one| one.told[0].kind == Kind::Missing);
        missing += watch.incidents.len();
        told.push_str(&shown(&watch.incidents));
    }
    let rate = a_month(missing, seeds, days);
    assert!(rate <= 1.0, "{rate:.2} a month: {told}");
}

/// Whether it is asked each second or not at all, the values get the same verdicts.
#[test]
fn saying_that_nothing_came_changes_nothing_before_it_is_due() {
    for name in ["gaussian", "web", "counts"] {
        let series = Generator::named(name).make(3, 6, 5 * MINUTE);
        let (mut asked, mut left_alone) = (Watch::new(Settings::default()), Watch::new(Settings::default()));
        for (t, value) in series.points() {
            assert_eq!(asked.push(t, Some(value)), left_alone.push(t, Some(value)), "{name}");
            for later in [0, 1, 60_000, 299_999] {
                let verdict = asked.push(t + later, None);
                assert_eq!((verdict.change, verdict.abnormal), (None, None), "{name}");
            }
        }
    }
}

#[test]
fn nothing_is_overdue_in_a_series_that_is_not_known() {
    let mut watch = Watch::new(Settings::default());
    assert_eq!(watch.detector.overdue_at(&watch.stream.hot), None);
    assert_eq!(watch.push(START, None).change, None);
    watch.push(START, Some(1.0));
    watch.push(START + 5 * MINUTE, Some(1.0));
    // still learning: nobody is told
    for hour in 1..20 {
        assert_eq!(watch.push(START + hour * HOUR, None).change, None, "{hour}");
    }
}
