//! The packed state: small, exact, and safe to read from anywhere.

use prediction::detect::{Cold, Detector, Hot, Settings, Stream};
use proptest::prelude::*;

use crate::acts::{Act, Outcome, case, config};
use crate::corpus::{DAY, GENERATORS, Generator, HOUR, MINUTE, START};
use crate::injected::Fault;

fn packed_hot(stream: &Stream) -> Vec<u8> {
    let mut bytes = Vec::new();
    stream.hot.encode(&mut bytes);
    bytes
}

fn packed_cold(stream: &Stream) -> Vec<u8> {
    let mut bytes = Vec::new();
    stream.cold.encode(&mut bytes);
    bytes
}

/// Saved and loaded; the sizes are as promised, and what is loaded is packed to the same bytes.
pub(crate) fn reload(stream: &Stream) -> Stream {
    let (hot, cold) = (packed_hot(stream), packed_cold(stream));
    assert!(hot.len() <= 256 && hot.len() <= Hot::MAX_BYTES, "{}", hot.len());
    assert!(cold.len() <= 8_192 && cold.len() <= Cold::MAX_BYTES, "{}", cold.len());
    let loaded = Stream {
        hot: Hot::decode(&hot).unwrap(),
        cold: Cold::decode(&cold).unwrap(),
    };
    assert_eq!((packed_hot(&loaded), packed_cold(&loaded)), (hot, cold));
    // nothing that is not packed: not by `==`, for which no number is like NaN
    assert_eq!(format!("{:?}", loaded.hot), format!("{:?}", stream.hot));
    loaded
}

/// All bits of it: Rust prints as many digits as tell one number from another.
fn bits(outcome: &Outcome) -> String {
    format!("{outcome:?}")
}

proptest! {
    #![proptest_config(config(250))]

    #[test]
    fn saved_and_loaded_it_says_the_same(case in case(), place in any::<prop::sample::Index>()) {
        let detector = case.detector();
        let acts = case.acts();
        let once = if acts.is_empty() { 0 } else { place.index(acts.len()) };
        let (mut streamed, mut each, mut one) = (Stream::default(), Stream::default(), Stream::default());
        for (index, (t, act)) in acts.iter().enumerate() {
            each = reload(&each);
            if index == once {
                one = reload(&one);
            }
            let said = bits(&act.on(&mut streamed, &detector, *t));
            prop_assert_eq!(&said, &bits(&act.on(&mut each, &detector, *t)), "{} of {}: {:?}", index, acts.len(), act);
            prop_assert_eq!(&said, &bits(&act.on(&mut one, &detector, *t)), "{} of {}: {:?}", index, acts.len(), act);
        }
        prop_assert_eq!(packed_hot(&streamed), packed_hot(&each));
        prop_assert_eq!(packed_cold(&streamed), packed_cold(&each));
    }
}

/// As a state that another version has written, or a disk has damaged.
fn bytes(valid: fn(&Stream) -> Vec<u8>) -> impl Strategy<Value = Vec<u8>> {
    let damaged = (
        0..GENERATORS.len(),
        0..6_i64,
        prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12),
    )
        .prop_map(move |(kind, days, changes)| {
            let mut stream = Stream::default();
            let detector = Detector::new(Settings::default());
            for (t, value) in GENERATORS[kind].make(1, days, HOUR).points() {
                stream.push(&detector, t, Some(value), None);
            }
            let mut bytes = valid(&stream);
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            bytes
        });
    prop_oneof![
        3 => damaged,
        1 => prop::collection::vec(any::<u8>(), 0..400),
        1 => (any::<u8>(), prop::collection::vec(any::<u8>(), 0..9_000)).prop_map(|(first, rest)| {
            let mut bytes = vec![first % 3];
            bytes.extend(rest);
            bytes
        }),
    ]
}

proptest! {
    #![proptest_config(config(1_500))]

    #[test]
    fn no_bytes_break_it(hot in bytes(packed_hot), cold in bytes(packed_cold), case in case()) {
        let stream = Stream {
            hot: Hot::decode(&hot).unwrap_or_default(),
            cold: Cold::decode(&cold).unwrap_or_default(),
        };
        let detector = case.detector();
        let mut stream = reload(&stream);
        for (t, act) in case.acts().into_iter().rev().take(300).rev() {
            act.on(&mut stream, &detector, t);
            let _ = (detector.overdue_at(&stream.hot), detector.learning(&stream.hot), stream.hot.incident());
        }
        detector.roll(&mut stream.hot, &mut stream.cold, START);
        let sizes = (packed_hot(&stream).len(), packed_cold(&stream).len());
        prop_assert!(sizes.0 <= Hot::MAX_BYTES && sizes.1 <= Cold::MAX_BYTES, "{:?}", sizes);
    }
}

#[test]
fn a_cut_or_longer_state_is_refused() {
    let mut stream = Stream::default();
    let detector = Detector::new(Settings::default());
    for (t, value) in Generator::named("web").make(1, 9, 5 * MINUTE).points() {
        stream.push(&detector, t, Some(value), None);
    }
    let (hot, cold) = (packed_hot(&stream), packed_cold(&stream));
    assert!(Hot::decode(&[]).is_err() && Cold::decode(&[]).is_err());
    assert!(Hot::decode(&hot[..hot.len() - 1]).is_err());
    assert!(Cold::decode(&cold[..cold.len() - 1]).is_err());
    assert!(Hot::decode(&[&hot[..], &[0]].concat()).is_err());
    assert!(Cold::decode(&[&cold[..], &[0]].concat()).is_err());
    assert!(Hot::decode(&[&[255], &hot[1..]].concat()).is_err());
    assert!(Cold::decode(&[&[255], &cold[1..]].concat()).is_err());
}

/// Two months of everything, with faults in it, saved and loaded at each hour and each end of a day.
#[test]
fn it_stays_small_and_exact_over_months() {
    for generator in GENERATORS {
        for (step, days) in [(5 * MINUTE, 60), (MINUTE, 20)] {
            let mut series = generator.make(9, days, step);
            for (day, fault) in [
                (8, Fault::Stuck),
                (11, Fault::Noise(5.0)),
                (15, Fault::Offset(12.0)),
                (18, Fault::Factor(0.1)),
            ] {
                series = fault.inject(series, day * DAY, 10 * HOUR).series;
            }
            let detector = Detector::new(Settings::default());
            let (mut streamed, mut saved) = (Stream::default(), Stream::default());
            let each = series.index(HOUR);
            for (index, (t, value)) in series.points().enumerate() {
                if index % each == 0 || detector.roll_is_due(&saved.hot, t) {
                    saved = reload(&saved);
                }
                let act = Act::Value(value, None);
                let (one, other) = (act.on(&mut streamed, &detector, t), act.on(&mut saved, &detector, t));
                if index % 17 == 0 {
                    assert_eq!(bits(&one), bits(&other), "{} {index}", generator.name);
                }
            }
            assert_eq!(packed_hot(&streamed), packed_hot(&saved), "{}", generator.name);
            assert_eq!(packed_cold(&streamed), packed_cold(&saved), "{}", generator.name);
        }
    }
}

/// Between two ends of a day the cold state is not needed: the tick does not read it.
#[test]
fn only_the_end_of_a_day_touches_the_cold_state() {
    let detector = Detector::new(Settings::default());
    let mut stream = Stream::default();
    for (t, value) in Generator::named("seasonal").make(2, 12, 5 * MINUTE).points() {
        let due = detector.roll_is_due(&stream.hot, t);
        let before = packed_cold(&stream);
        let mut without = stream.hot;
        let verdict = stream.push(&detector, t, Some(value), None);
        if !due {
            assert_eq!(packed_cold(&stream), before);
            assert_eq!(detector.push(&mut without, t, Some(value), None), verdict);
        }
    }
}
