//! The expected range and the evidence of each point.

use prediction::detect::{Change, Detector, Range, Settings, Stream};

use crate::corpus::{DAY, Generator, MINUTE, START};
use crate::watch::Watch;

/// The evidence is the logarithm of a probability, so that of a normal point is seldom large.
#[test]
fn evidence_is_calibrated() {
    for name in ["gaussian", "t4", "gamma", "seasonal"] {
        let mut exceeded = [0_u32; 3];
        let mut points = 0_u32;
        for seed in 1..=10 {
            let series = Generator::named(name).make(seed, 40, 5 * MINUTE);
            let mut watch = Watch::new(Settings::default());
            for (t, value) in series.points() {
                let verdict = watch.push(t, Some(value));
                if t >= START + 14 * DAY {
                    points += 1;
                    for (count, least) in exceeded.iter_mut().zip([1.0, 2.0, 3.0]) {
                        *count += u32::from(verdict.evidence >= least);
                    }
                }
            }
        }
        let shares = exceeded.map(|count| f64::from(count) / f64::from(points));
        let may = [0.3, 0.03, 0.003];
        assert!(
            shares.iter().zip(may).all(|(share, may)| *share <= may),
            "{name}: evidence of 1, 2, 3 is reached by {shares:?} of the points"
        );
    }
}

/// A range that most values are in, and not much wider than that.
#[test]
fn the_range_is_where_the_values_are() {
    for (name, width) in [("gaussian", 12.0), ("t4", 25.0), ("gamma", 15.0), ("seasonal", 14.0)] {
        for seed in 1..=10 {
            let series = Generator::named(name).make(seed, 30, 5 * MINUTE);
            let mut watch = Watch::new(Settings::default());
            let (mut outside, mut points, mut total) = (0.0, 0.0, 0.0);
            for (t, value) in series.points() {
                let range = watch.push(t, Some(value)).expected;
                if t >= START + 14 * DAY {
                    let range = range.unwrap();
                    points += 1.0;
                    outside += f64::from(u8::from(value < range.lower || value > range.upper));
                    total += (range.upper - range.lower) / series.sd;
                }
            }
            let (outside, total) = (outside / points, total / points);
            assert!(
                outside <= 0.02 && total <= width,
                "{name} seed {seed}: {outside:.4} of the values are outside, the range is {total:.1} sd wide"
            );
        }
    }
}

/// What the detector takes for granted when it is given a forecast: the forecast.
#[test]
fn a_forecast_takes_the_place_of_the_expectation() {
    let detector = Detector::new(Settings::default());
    let mut stream = Stream::default();
    let series = Generator::named("gaussian").make(1, 10, 5 * MINUTE);
    let (sd, level) = (series.sd, series.values[0]);
    for (t, value) in series.points() {
        stream.push(&detector, t, Some(value), None);
    }
    let forecast = Range {
        expected: level + 30.0 * sd,
        lower: level + 26.0 * sd,
        upper: level + 34.0 * sd,
    };
    let t = START + 10 * DAY;
    let verdict = stream
        .clone()
        .push(&detector, t, Some(level + 31.0 * sd), Some(&forecast));
    let expected = verdict.expected.unwrap().expected;
    assert!((expected - forecast.expected).abs() < 1e-6 * level, "{verdict:?}");
    assert_eq!((verdict.change, verdict.abnormal), (None, None));
    let mut opened = false;
    for index in 0..6 {
        let t = t + index * 5 * MINUTE;
        let verdict = stream.push(&detector, t, Some(level), Some(&forecast));
        opened |= matches!(verdict.change, Some(Change::Opened(_)));
    }
    assert!(opened, "a value that the forecast excludes");
}
