//! A permanent level shift is one incident; then the new level is what is expected.

use prediction::detect::{Ending, Kind};

use crate::corpus::{DAY, Generator, HOUR, MINUTE};
use crate::injected::Fault;
use crate::watch::{Incident, incidents, shown};

const AFTER: i64 = 15;

/// What is told from the shift on, over the rest of the series.
fn told(generator: &str, seed: u64, step: i64, at: i64, fault: Fault) -> Vec<Incident> {
    let days = at.div_euclid(DAY) + AFTER + 1;
    let series = Generator::named(generator).make(seed, days, step);
    let without = incidents(&series);
    let injected = fault.inject(series, at, days * DAY - at);
    let mut told = incidents(&injected.series);
    told.retain(|incident| incident.told.iter().any(|finding| finding.at >= injected.during.0));
    // what is told without a shift, too, is not told of the shift
    let mut is_first = true;
    told.retain(|incident| {
        let also = without.iter().any(|other| (other.at() - incident.at()).abs() <= HOUR);
        std::mem::take(&mut is_first) || !also
    });
    told
}

/// What is wrong with what was told of a shift.
fn wrong(told: &[Incident]) -> Option<&'static str> {
    let [incident] = told else {
        return Some(if told.is_empty() {
            "not found"
        } else {
            "more than one incident"
        });
    };
    match incident.closed {
        Some((at, _)) if at > incident.told[0].since + DAY => Some("open for more than a day"),
        Some((_, Ending::NewNormal)) => None,
        Some(_) => Some("not closed as new normal"),
        None => Some("not closed"),
    }
}

fn is_one_incident(generator: &str, step: i64, seeds: u64, learned: i64, faults: &[Fault]) {
    let mut message = String::new();
    let mut cases = 0;
    for fault in faults {
        for hour in [0, 5, 9, 14, 21] {
            for seed in 1..=seeds {
                cases += 1;
                let told = told(generator, seed, step, learned * DAY + hour * HOUR, *fault);
                if let Some(wrong) = wrong(&told) {
                    message.push_str(&format!(
                        "\n{fault:?} seed {seed}, {hour}:00: {wrong}: {}",
                        shown(&told)
                    ));
                }
            }
        }
    }
    let failed = message.lines().count().saturating_sub(1);
    assert!(
        message.is_empty(),
        "{generator}, day {learned}: {failed} of {cases} are wrong{message}"
    );
}

const SIZES: &[Fault] = &[
    Fault::Offset(5.0),
    Fault::Offset(-5.0),
    Fault::Offset(8.0),
    Fault::Offset(-8.0),
    Fault::Offset(15.0),
    Fault::Offset(-15.0),
    Fault::Offset(50.0),
    Fault::Offset(-50.0),
];

#[test]
fn of_gaussian_noise() {
    is_one_incident("gaussian", 5 * MINUTE, 2, 14, SIZES);
}

#[test]
fn of_gaussian_noise_on_the_third_day() {
    is_one_incident("gaussian", 5 * MINUTE, 2, 3, &SIZES[4..]);
}

#[test]
fn of_gaussian_noise_each_minute() {
    is_one_incident("gaussian", MINUTE, 1, 7, &SIZES[..6]);
}

#[test]
fn of_heavy_noise() {
    is_one_incident("t4", 5 * MINUTE, 2, 14, SIZES);
}

#[test]
fn of_positive_noise() {
    let up = [5.0, 8.0, 15.0, 50.0].map(Fault::Offset);
    is_one_incident("gamma", 5 * MINUTE, 2, 14, &up);
}

#[test]
fn of_autoregressive_noise() {
    is_one_incident("autoregression", 5 * MINUTE, 2, 14, &SIZES[2..]);
}

/// Its weekends are lower by up to six standard deviations: a shift that is not much larger may be one.
#[test]
fn under_a_season_and_weekends() {
    is_one_incident("seasonal", 5 * MINUTE, 2, 21, &SIZES[4..]);
}

#[test]
fn under_a_large_day() {
    is_one_incident("wave", 5 * MINUTE, 2, 14, &SIZES[2..]);
}

#[test]
fn of_a_constant() {
    for step in [5 * MINUTE, MINUTE] {
        for seed in 1..=7 {
            let series = Generator::named("constant").make(seed, 8 + AFTER, step);
            let mut shifted = Fault::Factor(2.0).inject(series, 7 * DAY, 30 * DAY).series;
            let from = shifted.index(7 * DAY);
            shifted.values[from..].iter_mut().for_each(|value| *value += 1.0);
            let told = incidents(&shifted);
            assert_eq!(
                wrong(&told),
                None,
                "seed {seed}, from {}: {}",
                shifted.values[0],
                shown(&told)
            );
        }
    }
}

#[test]
fn is_called_so() {
    for generator in ["gaussian", "t4", "wave"] {
        for seed in 1..=5 {
            let told = told(generator, seed, 5 * MINUTE, 14 * DAY + 10 * HOUR, Fault::Offset(12.0));
            assert!(
                told.len() == 1 && told[0].is_told_as(&[Kind::LevelShift]),
                "{generator} seed {seed}: {}",
                shown(&told)
            );
        }
    }
}

/// The next shift is news again, also back to where the series was.
#[test]
fn and_back_is_a_second_one() {
    for generator in ["gaussian", "seasonal"] {
        for seed in 1..=5 {
            let series = Generator::named(generator).make(seed, 35, 5 * MINUTE);
            let series = Fault::Offset(12.0).inject(series, 21 * DAY + 10 * HOUR, 5 * DAY).series;
            let mut told = incidents(&series);
            told.retain(|incident| incident.at() >= crate::corpus::START + 21 * DAY + 10 * HOUR);
            let ends: Vec<_> = told
                .iter()
                .filter_map(|incident| incident.closed)
                .map(|(_, ending)| ending)
                .collect();
            assert_eq!(
                ends,
                [Ending::NewNormal; 2],
                "{generator} seed {seed}: {}",
                shown(&told)
            );
        }
    }
}
