//! How much there is still to learn.

use prediction::detect::{Detector, Hot, Settings, Stream};

use crate::corpus::{DAY, Generator, HOUR, MINUTE, START};

#[test]
fn nothing_is_known_of_a_new_series() {
    let detector = Detector::new(Settings::default());
    let learning = detector.learning(&Hot::default()).unwrap();
    assert_eq!((learning.points, learning.span), (0, 0));
    assert!(
        learning.points_needed >= 20 && learning.span_needed >= DAY,
        "{learning:?}"
    );
    let first = detector.push(&mut Hot::default(), START, Some(1.0), None);
    assert_eq!(first.expected, None, "there is nothing to go by yet");
}

#[test]
fn it_is_told_point_by_point_until_it_is_enough() {
    for step in [MINUTE, 5 * MINUTE, HOUR, 6 * HOUR, DAY] {
        let detector = Detector::new(Settings::default());
        let mut stream = Stream::default();
        let series = Generator::named("seasonal").make(1, 50, step);
        let mut ready = false;
        for (index, (t, value)) in series.points().enumerate() {
            let verdict = stream.push(&detector, t, Some(value), None);
            let learning = detector.learning(&stream.hot);
            match learning {
                Some(learning) => {
                    assert!(!ready, "{step}: it has forgotten what it knew at {index}");
                    assert_eq!((learning.points as usize, learning.span), (index + 1, t - START));
                    assert!(verdict.change.is_none(), "{step}: {verdict:?}");
                }
                None => ready = true,
            }
            assert!(
                !ready || (index >= 19 && t >= START + DAY),
                "{step}: ready after {} points",
                index + 1
            );
        }
        assert!(ready, "{step}");
    }
}

/// "expected range from point 20 on, say learning, never page before the gate"
#[test]
fn a_wide_range_is_given_while_it_learns() {
    let detector = Detector::new(Settings::default());
    for seed in 1..=10 {
        let mut stream = Stream::default();
        let series = Generator::named("gaussian").make(seed, 1, 5 * MINUTE);
        let mut outside = 0;
        for (index, (t, value)) in series.points().enumerate() {
            let verdict = stream.push(&detector, t, Some(value), None);
            if index >= 20 {
                let range = verdict.expected.unwrap();
                outside += u32::from(value < range.lower || value > range.upper);
            }
        }
        assert!(outside <= 14, "seed {seed}: {outside} of 268 are outside");
    }
}
