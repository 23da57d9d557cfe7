//! What it finds, and what it calls it.

use crate::corpus::{DAY, Generator, HOUR, MINUTE, Noise, START};
use crate::injected::{CASES, Fault};
use crate::watch::{incidents, shown};

const SEEDS: u64 = 8;

/// Asserts that a fault is found in every series that it is put into, and called by a right name.
fn is_found(name: &str) {
    let case = CASES.iter().find(|case| case.name == name).unwrap();
    let mut message = String::new();
    for seed in 1..=SEEDS {
        for hour in case.hours {
            let injected = case.make(seed, *hour);
            let incidents = incidents(&injected.series);
            let told: Vec<_> = injected.found(&incidents).collect();
            if !told.iter().any(|finding| case.kinds.contains(&finding.kind)) {
                let miss = if told.is_empty() { "not found" } else { "another kind" };
                message.push_str(&format!("\nseed {seed}, {hour}:00: {miss}: {}", shown(&incidents)));
            }
        }
    }
    assert!(message.is_empty(), "{name}, from day {}:{message}", case.learned);
}

macro_rules! found {
    ($($test:ident $name:literal)*) => {
        $(
            #[test]
            fn $test() {
                is_found($name);
            }
        )*

        #[test]
        fn every_case_is_a_test() {
            let names: Vec<_> = CASES.iter().map(|case| case.name).collect();
            assert_eq!(names, [$($name),*]);
        }
    };
}

found! {
    a_drop_in_the_day_of_one_value "drop in the day, 5 min"
    a_drop_in_the_day_of_half_an_hour "drop in the day, 30 min"
    a_drop_in_the_day_each_minute "drop in the day, 15 min of 1"
    a_rise_in_the_night "rise in the night, 30 min"
    a_stuck_sensor "stuck, 3 h"
    a_stuck_sensor_with_a_day "stuck, 3 h of a day"
    a_stuck_sensor_each_minute "stuck, 1 h of 1 min"
    more_noise "four times the noise"
    more_heavy_noise "four times heavy noise"
    less_noise "a tenth of the noise"
    a_drift_of_three_days "drift of 12 sd in 3 days"
    a_drift_of_five_days "drift of -15 sd in 5 days"
    a_drift_under_a_day "drift of 12 sd in 3 days, seasonal"
    a_spike_in_heavy_noise "spike of 20 sd, 5 min"
    a_missing_daily_peak "a peak that does not come"
    a_drop_of_requests "half of the requests, 20 min"
}

/// The drops are no news for who only looks at the smallest and the largest value of a day.
#[test]
fn the_drops_stay_within_the_range_of_the_day() {
    for case in CASES.iter().filter(|case| case.name.contains("in the")) {
        for hour in case.hours {
            let injected = case.make(1, *hour);
            let at = |t: i64| ((t - START) / case.step) as usize;
            let (before, during) = injected.series.values.split_at(at(injected.during.0));
            let during = &during[..=at(injected.during.1) - before.len()];
            let day = &before[before.len() - injected.series.index(DAY)..];
            let lowest = day.iter().copied().fold(f64::INFINITY, f64::min);
            let highest = day.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            assert!(
                during.iter().all(|value| (lowest..=highest).contains(value)),
                "{} {hour}",
                case.name
            );
        }
    }
}

/// As `score_detection.py events` scores: an alert from one point before an incident to half an hour after it is right.
fn events(step: i64, days: i64, seeds: u64) -> (f64, f64) {
    let (mut hit, mut total, mut right, mut wrong) = (0.0, 0.0, 0.0, 0.0);
    for seed in 1..=seeds {
        let mut noise = Noise::new(seed);
        let mut series = Generator::named("web").make(seed, days, step);
        let mut labels = Vec::new();
        let mut after = 4 * DAY;
        loop {
            after += noise.between(6.0, 48.0) as i64 * HOUR + noise.between(0.0, 60.0) as i64 * MINUTE;
            let lasting = noise.between(5.0, 60.0) as i64 * MINUTE;
            if after + lasting >= days * DAY {
                break;
            }
            let factor = match (noise.uniform() * 3.0) as u8 {
                0 => noise.between(0.1, 0.6),
                1 => noise.between(1.5, 3.0),
                _ => 1.0 + noise.between(0.3, 0.5) * noise.normal().signum(),
            };
            let injected = Fault::Factor(factor).inject(series, after, lasting);
            series = injected.series;
            labels.push(injected.during);
            after += lasting;
        }
        let alerts: Vec<i64> = incidents(&series).iter().map(|incident| incident.at()).collect();
        let counts = |t: i64, (from, to): (i64, i64)| (from - step..=to + HOUR / 2).contains(&t);
        total += labels.len() as f64;
        hit += labels
            .iter()
            .filter(|label| alerts.iter().any(|t| counts(*t, **label)))
            .count() as f64;
        for t in alerts.iter().filter(|t| **t >= START + 3 * DAY) {
            if labels.iter().any(|label| counts(*t, *label)) {
                right += 1.0
            } else {
                wrong += 1.0
            }
        }
    }
    let (recall, precision) = (hit / total, right / f64::max(right + wrong, 1.0));
    let f1 = 2.0 * recall * precision / f64::max(recall + precision, 1e-9);
    println!("{} min: recall {recall:.2}, precision {precision:.2}", step / MINUTE);
    (f1, wrong * 30.0 / (seeds as f64 * (days - 3) as f64))
}

#[test]
fn incidents_of_web_services_each_minute() {
    let (f1, false_alarms) = events(MINUTE, 25, 12);
    assert!(
        f1 >= 0.65 && false_alarms <= 3.5,
        "F1 {f1:.2} at {false_alarms:.2} false alarms"
    );
}

/// Most incidents have six values or fewer.
#[test]
fn incidents_of_web_services_each_5_minutes() {
    let (f1, false_alarms) = events(5 * MINUTE, 25, 20);
    assert!(
        f1 >= 0.5 && false_alarms <= 3.5,
        "F1 {f1:.2} at {false_alarms:.2} false alarms"
    );
}
