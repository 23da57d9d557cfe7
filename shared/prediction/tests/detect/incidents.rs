//! From its first message to its end: an incident is one story.

use prediction::LocalTime;
use prediction::detect::{Direction, Ending, Kind, Settings, Severity};

use crate::corpus::{DAY, Generator, HOUR, MINUTE, START, Series};
use crate::injected::Fault;
use crate::watch::{Incident, incidents, incidents_with, shown};

const SEEDS: std::ops::RangeInclusive<u64> = 1..=5;

fn gaussian(seed: u64, days: i64) -> Series {
    Generator::named("gaussian").make(seed, days, 5 * MINUTE)
}

/// What is told from the 8th day on.
fn told(series: &Series) -> Vec<Incident> {
    let mut told = incidents(series);
    told.retain(|one| one.at() >= START + 8 * DAY);
    told
}

#[test]
fn it_says_which_way_how_far_and_since_when() {
    for seed in SEEDS {
        for (size, direction) in [(-20.0, Direction::Down), (20.0, Direction::Up)] {
            let injected = Fault::Offset(size).inject(gaussian(seed, 10), 8 * DAY + 9 * HOUR, HOUR);
            let told = told(&injected.series);
            let [incident] = &told[..] else {
                panic!("seed {seed}: {}", shown(&told));
            };
            let finding = incident.told[0];
            let (value, range) = (finding.value.unwrap(), finding.range);
            let level = injected.series.values[..2_000].iter().sum::<f64>() / 2_000.0;
            assert_eq!(finding.direction, direction, "seed {seed}");
            assert_eq!(value, injected.series.values[injected.series.index(finding.at - START)]);
            assert!(
                !(range.lower..=range.upper).contains(&value),
                "seed {seed}: {finding:?}"
            );
            assert!(
                (range.expected - level).abs() < injected.series.sd,
                "seed {seed}: {finding:?}"
            );
            assert_eq!(finding.since, injected.during.0, "seed {seed}");
            assert!(finding.at <= finding.since + 10 * MINUTE, "seed {seed}: {finding:?}");
        }
    }
}

#[test]
fn it_ends_soon_after_the_values_are_back() {
    for seed in SEEDS {
        let injected = Fault::Offset(-20.0).inject(gaussian(seed, 10), 8 * DAY + 9 * HOUR, HOUR);
        let told = told(&injected.series);
        assert_eq!(told.len(), 1, "seed {seed}: {}", shown(&told));
        let (at, ending) = told[0].closed.unwrap();
        assert_eq!(ending, Ending::Recovered, "seed {seed}");
        let later = at - injected.during.1;
        assert!(
            (1..=2 * HOUR).contains(&later),
            "seed {seed}: {} min later",
            later / MINUTE
        );
    }
}

#[test]
fn values_that_come_and_go_are_one_incident() {
    for seed in SEEDS {
        let mut series = gaussian(seed, 10);
        let from = series.index(8 * DAY + 9 * HOUR);
        for (index, value) in series.values[from..from + 36].iter_mut().enumerate() {
            *value += if index % 4 < 2 { 20.0 * series.sd } else { 0.0 };
        }
        let told = told(&series);
        assert_eq!(told.len(), 1, "seed {seed}: {}", shown(&told));
    }
}

#[test]
fn it_escalates_when_it_gets_worse() {
    for seed in SEEDS {
        let at = 8 * DAY + 9 * HOUR;
        let series = Fault::Offset(12.0).inject(gaussian(seed, 10), at, 30 * MINUTE).series;
        let series = Fault::Offset(60.0).inject(series, at + 30 * MINUTE, 30 * MINUTE).series;
        let told = told(&series);
        assert_eq!(told.len(), 1, "seed {seed}: {}", shown(&told));
        let severities: Vec<_> = told[0].told.iter().map(|finding| finding.severity).collect();
        assert!(
            severities.is_sorted() && severities[0] < Severity::Critical,
            "seed {seed}: {severities:?}"
        );
        assert_eq!(severities.last(), Some(&Severity::Critical), "seed {seed}");
    }
}

/// "third such drop this month"
#[test]
fn it_counts_its_like_in_the_month() {
    for (offset, in_february) in [(0, 1), (-600, 4)] {
        let settings = Settings {
            local: LocalTime { offset },
            ..Settings::default()
        };
        for seed in SEEDS {
            let mut series = gaussian(seed, 30);
            // 5 January is the first day; the last drop is at 04:00 UTC on 1 February
            let drops = [10, 14, 18, 27].map(|day| (day * DAY + 4 * HOUR, -25.0));
            for (after, size) in drops.into_iter().chain([(20 * DAY, 25.0)]) {
                series = Fault::Offset(size).inject(series, after, 30 * MINUTE).series;
            }
            let told = incidents_with(settings.clone(), &series);
            let ordinals: Vec<_> = told
                .iter()
                .map(|one| (one.told[0].direction, one.told[0].ordinal))
                .collect();
            let expected = [
                (Direction::Down, 1),
                (Direction::Down, 2),
                (Direction::Down, 3),
                (Direction::Up, 1),
                (Direction::Down, in_february),
            ];
            assert_eq!(ordinals, expected, "seed {seed}, {offset}: {}", shown(&told));
        }
    }
}

/// Silence is no value out of range, and a value is no silence.
#[test]
fn only_silence_has_no_value() {
    for seed in SEEDS {
        let injected = Fault::Offset(20.0).inject(gaussian(seed, 10), 8 * DAY, 5 * HOUR);
        for finding in incidents(&injected.series).iter().flat_map(|one| &one.told) {
            assert_eq!(
                finding.value.is_none(),
                finding.kind == Kind::Missing,
                "seed {seed}: {finding:?}"
            );
        }
    }
}
