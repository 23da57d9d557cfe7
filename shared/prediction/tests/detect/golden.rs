//! Packed states of every version that was ever shipped can be read.

use prediction::detect::{BadState, Change, Cold, Ending, Hot, Settings, Stream};

use crate::corpus::{DAY, Generator, HOUR, MINUTE, START, Series};
use crate::injected::Fault;
use crate::watch::Watch;

const HOT_1: &str = include_str!("golden/hot-1.hex");
const COLD_1: &str = include_str!("golden/cold-1.hex");
const COLD_2: &str = include_str!("golden/cold-2.hex");

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

/// What the states were written from: a daily wave that is far too low from 12:00 on the 20th day, until 12:50.
fn series() -> Series {
    let clean = Generator::named("wave").make(1, 24, 5 * MINUTE);
    Fault::Offset(-15.0).inject(clean, 20 * DAY + 12 * HOUR, HOUR).series
}

const WRITTEN: i64 = START + 20 * DAY + 12 * HOUR + 50 * MINUTE;

fn written() -> Watch {
    let mut watch = Watch::new(Settings::default());
    for (t, value) in series().points().filter(|(t, _)| *t < WRITTEN) {
        watch.push(t, Some(value));
    }
    watch
}

/// What was read says what the present version says, but for what it learns otherwise: an incident that is open, and
/// ends as expected, and two days after it of which nothing is told.
fn goes_on(stream: Stream) {
    let mut watch = Watch::new(Settings::default());
    watch.stream = stream;
    assert_eq!(watch.stream.hot.incident(), Some(START + 20 * DAY + 12 * HOUR));
    assert_eq!(watch.stream.hot.last(), Some(WRITTEN - 5 * MINUTE));
    let mut fresh = written();
    let (mut ended, sd) = (Vec::new(), series().sd);
    for (t, value) in series().points().filter(|(t, _)| *t >= WRITTEN) {
        let (read, now) = (
            watch.stream.push(&watch.detector, t, Some(value), None),
            fresh.push(t, Some(value)),
        );
        let (read_range, now_range) = (read.expected.unwrap(), now.expected.unwrap());
        for (read, now) in [
            (read_range.expected, now_range.expected),
            (read_range.lower, now_range.lower),
            (read_range.upper, now_range.upper),
        ] {
            assert!((read - now).abs() <= 2.0 * sd, "at {t}: {read} for {now}, sd {sd}");
        }
        ended.extend(read.change);
    }
    let recovered = matches!(
        ended.last(),
        Some(Change::Closed {
            ending: Ending::Recovered,
            ..
        })
    );
    let opened = ended.iter().any(|change| matches!(change, Change::Opened(_)));
    assert!(recovered && !opened, "{ended:?}");
}

#[test]
fn states_of_all_versions_are_read() {
    for (hot, cold) in [(HOT_1, COLD_1), (HOT_1, COLD_2)] {
        goes_on(Stream {
            hot: Hot::decode(&bytes(hot)).unwrap(),
            cold: Cold::decode(&bytes(cold)).unwrap(),
        });
    }
}

#[test]
fn states_of_this_version_are_written_as_they_were() {
    let (mut hot, mut cold) = (Vec::new(), Vec::new());
    Hot::decode(&bytes(HOT_1)).unwrap().encode(&mut hot);
    Cold::decode(&bytes(COLD_2)).unwrap().encode(&mut cold);
    assert_eq!((hot, cold), (bytes(HOT_1), bytes(COLD_2)));
}

#[test]
fn states_of_versions_to_come_are_refused() {
    for version in [0, 3, 255] {
        let (mut hot, mut cold) = (bytes(HOT_1), bytes(COLD_2));
        (hot[0], cold[0]) = (version, version);
        assert_eq!((Hot::decode(&hot), Cold::decode(&cold)), (Err(BadState), Err(BadState)));
    }
}
