//! Packed pages: a kind byte, a version byte, the rules that the page speaks of, then its series in ascending order.
//!
//! Version 1 knew nothing of detection.

use super::bytes::{Reader, put_signed, put_unsigned};
use super::observation::{Last, Observed};
use super::{Detection, Told, Tracked};
use crate::alerting::condition::Watch;
use crate::alerting::instance::{Instance, State};
use crate::alerting::rule::{Revision, RuleKey};
use crate::clock::MINUTE;
use crate::series::{Point, SeriesId};
use crate::store::bucket;
use prediction::detect::Hot;

pub use super::bytes::BadState;

const PAGE_KIND: u8 = b'L';
const HEADER_KIND: u8 = b'H';
const VERSION: u8 = 2;

const HAS_NEWEST: u8 = 1;
const HAS_LAST: u8 = 2;
const HAS_DETECTION: u8 = 4;
const IS_TOLD: u8 = 1;
const HAS_HOT: u8 = 2;
const IS_SILENCE: u8 = 4;
const HAS_ALERT: u8 = 0x10;
const IS_HELD: u8 = 0x20;
const HAS_BEFORE: u8 = 0x40;

/// Packs the series of a page.
#[must_use]
pub fn encode_page(series: &[Tracked]) -> Vec<u8> {
    let mut rules: Vec<Revision> = series
        .iter()
        .flat_map(|tracked| tracked.instances.iter().map(|(revision, _)| *revision))
        .collect();
    rules.sort_unstable();
    rules.dedup();
    let mut out = vec![PAGE_KIND, VERSION];
    put_rules(&mut out, &rules);
    put_unsigned(&mut out, series.len() as u64);
    for tracked in series {
        out.extend_from_slice(&tracked.series_id.raw().to_be_bytes());
        put_observed(&mut out, &tracked.observed, tracked.detection.is_some());
        put_unsigned(&mut out, tracked.instances.len() as u64);
        for (revision, instance) in &tracked.instances {
            // every revision was collected above
            put_unsigned(&mut out, rules.binary_search(revision).unwrap_or_default() as u64);
            put_instance(&mut out, instance);
        }
        if let Some(detection) = &tracked.detection {
            put_detection(&mut out, detection);
        }
    }
    out
}

/// Reads a page.
///
/// # Errors
/// [`BadState`] for anything that [`encode_page`] did not write.
pub fn decode_page(blob: &[u8]) -> Result<Vec<Tracked>, BadState> {
    let mut reader = Reader(blob);
    let (version, rules) = head(&mut reader, PAGE_KIND)?;
    let count = reader.count(11)?;
    let mut series: Vec<Tracked> = Vec::with_capacity(count);
    for _ in 0..count {
        let raw = i64::from_be_bytes(reader.array()?);
        let series_id = SeriesId::from_raw(raw).ok_or(BadState("a series has a negative id"))?;
        if series.last().is_some_and(|before| before.series_id >= series_id) {
            return Err(BadState("the series are not in order"));
        }
        let (observed, is_watched) = observed(&mut reader)?;
        if is_watched && version == 1 {
            return Err(BadState("a flag is not known"));
        }
        let held = reader.count(3)?;
        let mut instances: Vec<(Revision, Instance)> = Vec::with_capacity(held);
        for _ in 0..held {
            let index = usize::try_from(reader.unsigned()?).unwrap_or(usize::MAX);
            let revision = *rules.get(index).ok_or(BadState("a rule is not listed"))?;
            if instances.last().is_some_and(|(before, _)| *before >= revision) {
                return Err(BadState("the instances are not in order"));
            }
            instances.push((revision, instance(&mut reader)?));
        }
        let detection = is_watched.then(|| detection(&mut reader)).transpose()?.map(Box::new);
        series.push(Tracked {
            series_id,
            observed,
            instances,
            detection,
        });
    }
    reader.end()?;
    Ok(series)
}

/// What a lane remembers beside its series.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Header {
    /// the rules that it has met, ascending
    pub met: Vec<Revision>,
    /// the size of the newest buckets of `detector_cold`: how many bits of a series' id they have in common
    pub cold_bits: u32,
}

/// Packs what a lane remembers beside its series.
#[must_use]
pub fn encode_header(header: &Header) -> Vec<u8> {
    let mut out = vec![HEADER_KIND, VERSION];
    put_rules(&mut out, &header.met);
    put_unsigned(&mut out, u64::from(header.cold_bits));
    out
}

/// Reads what [`encode_header`] wrote.
///
/// # Errors
/// [`BadState`] for anything else.
pub fn decode_header(blob: &[u8]) -> Result<Header, BadState> {
    let mut reader = Reader(blob);
    let (version, met) = head(&mut reader, HEADER_KIND)?;
    let bits = if version == 1 { 0 } else { reader.unsigned()? };
    reader.end()?;
    let cold_bits = u32::try_from(bits)
        .ok()
        .filter(|bits| *bits <= bucket::MAX_BITS)
        .ok_or(BadState("a bucket is too small"))?;
    Ok(Header { met, cold_bits })
}

/// The version and the rules.
fn head(reader: &mut Reader<'_>, kind: u8) -> Result<(u8, Vec<Revision>), BadState> {
    if reader.byte()? != kind {
        return Err(BadState("it is of another kind"));
    }
    let version = reader.byte()?;
    if !(1..=VERSION).contains(&version) {
        return Err(BadState("its version is not known"));
    }
    let rules = (0..reader.count(24)?)
        .map(|_| {
            Ok(Revision {
                rule: RuleKey(u128::from_be_bytes(reader.array()?)),
                print: u64::from_be_bytes(reader.array()?),
            })
        })
        .collect::<Result<_, _>>()?;
    Ok((version, rules))
}

fn put_rules(out: &mut Vec<u8>, rules: &[Revision]) {
    put_unsigned(out, rules.len() as u64);
    for revision in rules {
        out.extend_from_slice(&revision.rule.0.to_be_bytes());
        out.extend_from_slice(&revision.print.to_be_bytes());
    }
}

fn flag(set: bool, flag: u8) -> u8 {
    if set { flag } else { 0 }
}

fn put_observed(out: &mut Vec<u8>, observed: &Observed, is_watched: bool) {
    out.push(
        flag(observed.newest.is_some(), HAS_NEWEST)
            | flag(observed.last.is_some(), HAS_LAST)
            | flag(is_watched, HAS_DETECTION),
    );
    if let Some(newest) = observed.newest {
        put_signed(out, newest);
    }
    put_signed(out, observed.interval);
    if let Some(last) = observed.last {
        // almost always 0, because the newest point is the last one
        put_signed(
            out,
            observed.newest.unwrap_or_default().wrapping_sub(last.point.timestamp),
        );
        out.extend_from_slice(&last.point.value.to_be_bytes());
        put_signed(out, last.minute);
    }
}

/// What is known of a series, and whether it is watched for anomalies.
fn observed(reader: &mut Reader<'_>) -> Result<(Observed, bool), BadState> {
    let flags = reader.byte()?;
    if flags & !(HAS_NEWEST | HAS_LAST | HAS_DETECTION) != 0 {
        return Err(BadState("a flag is not known"));
    }
    let newest = (flags & HAS_NEWEST != 0).then(|| reader.signed()).transpose()?;
    let interval = reader.signed()?;
    let last = if flags & HAS_LAST == 0 {
        None
    } else {
        let timestamp = newest.unwrap_or_default().wrapping_sub(reader.signed()?);
        let value = f64::from_be_bytes(reader.array()?);
        let minute = reader.signed()?;
        Some(Last {
            point: Point { timestamp, value },
            minute,
        })
    };
    Ok((Observed { newest, interval, last }, flags & HAS_DETECTION != 0))
}

fn put_detection(out: &mut Vec<u8>, detection: &Detection) {
    let silence = detection.told.is_some_and(|told| told.silence);
    out.push(
        flag(detection.told.is_some(), IS_TOLD) | flag(detection.hot.is_some(), HAS_HOT) | flag(silence, IS_SILENCE),
    );
    if let Some(told) = detection.told {
        put_signed(out, told.since);
    }
    if let Some(hot) = &detection.hot {
        let mut packed = Vec::with_capacity(Hot::MAX_BYTES);
        hot.encode(&mut packed);
        put_unsigned(out, packed.len() as u64);
        out.extend_from_slice(&packed);
    }
    detection.watch.encode(out);
}

fn detection(reader: &mut Reader<'_>) -> Result<Detection, BadState> {
    let flags = reader.byte()?;
    if flags & !(IS_TOLD | HAS_HOT | IS_SILENCE) != 0 || flags & (IS_TOLD | IS_SILENCE) == IS_SILENCE {
        return Err(BadState("a flag is not known"));
    }
    let since = (flags & IS_TOLD != 0).then(|| reader.signed()).transpose()?;
    let told = since.map(|since| Told {
        since,
        silence: flags & IS_SILENCE != 0,
    });
    let hot = if flags & HAS_HOT == 0 {
        None
    } else {
        let length = reader.count(1)?;
        // what another version of the detector wrote is learned anew, from the stored history
        Hot::decode(reader.take(length)?).ok()
    };
    let watch = Watch::decode(reader)?;
    Ok(Detection { hot, watch, told })
}

fn put_instance(out: &mut Vec<u8>, instance: &Instance) {
    out.push(
        number(instance.state)
            | flag(instance.alert.is_some(), HAS_ALERT)
            | flag(instance.held, IS_HELD)
            | flag(instance.before.is_some(), HAS_BEFORE),
    );
    put_minute(out, instance.since);
    if let Some(alert) = instance.alert {
        put_minute(out, alert);
    }
    if let Some((state, since)) = instance.before {
        out.push(number(state));
        put_minute(out, since);
    }
}

fn instance(reader: &mut Reader<'_>) -> Result<Instance, BadState> {
    let flags = reader.byte()?;
    if flags & 0x80 != 0 {
        return Err(BadState("a flag is not known"));
    }
    let state = state(flags & 0x0f)?;
    let since = minute(reader)?;
    let alert = (flags & HAS_ALERT != 0).then(|| minute(reader)).transpose()?;
    let before = if flags & HAS_BEFORE == 0 {
        None
    } else {
        let byte = reader.byte()?;
        Some((self::state(byte)?, minute(reader)?))
    };
    Ok(Instance {
        state,
        since,
        alert,
        held: flags & IS_HELD != 0,
        before,
    })
}

/// Instances only know whole minutes.
fn put_minute(out: &mut Vec<u8>, time: i64) {
    put_signed(out, time.div_euclid(MINUTE));
}

fn minute(reader: &mut Reader<'_>) -> Result<i64, BadState> {
    reader
        .signed()?
        .checked_mul(MINUTE)
        .ok_or(BadState("a minute is too large"))
}

fn number(state: State) -> u8 {
    match state {
        State::Normal => 0,
        State::Pending => 1,
        State::Firing => 2,
        State::Recovering => 3,
        State::NoData => 4,
        State::Unknown => 5,
    }
}

fn state(number: u8) -> Result<State, BadState> {
    State::ALL
        .get(usize::from(number))
        .copied()
        .ok_or(BadState("a state is not known"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use prediction::detect::{Detector, Settings, Stream};
    use proptest::prelude::*;

    fn some_instance() -> impl Strategy<Value = Instance> {
        let minute = -1_000_000..1_000_000_000_i64;
        let state = || (0..6_usize).prop_map(|index| State::ALL[index]);
        (
            state(),
            minute.clone(),
            proptest::option::of(minute.clone()),
            any::<bool>(),
            proptest::option::of((state(), minute)),
        )
            .prop_map(|(state, since, alert, held, before)| Instance {
                state,
                since: since * MINUTE,
                alert: alert.map(|minute| minute * MINUTE),
                held,
                before: before.map(|(state, minute)| (state, minute * MINUTE)),
            })
    }

    fn some_observed() -> impl Strategy<Value = Observed> {
        let last = (any::<i64>(), -1e300..1e300_f64, any::<i64>()).prop_map(|(timestamp, value, minute)| Last {
            point: Point { timestamp, value },
            minute,
        });
        (
            proptest::option::of(any::<i64>()),
            any::<i64>(),
            proptest::option::of(last),
        )
            .prop_map(|(newest, interval, last)| Observed { newest, interval, last })
    }

    const TOLD: Told = Told {
        since: 60_000,
        silence: false,
    };

    /// As a detector leaves it after some points.
    fn some_detection() -> impl Strategy<Value = Box<Detection>> {
        let points = proptest::collection::vec(-1e3..1e3_f64, 0..40);
        (proptest::option::of(points), proptest::option::of(any::<(i64, bool)>())).prop_map(|(points, told)| {
            let detector = Detector::new(Settings::default());
            let mut detection = Detection {
                told: told.map(|(since, silence)| Told { since, silence }),
                ..Detection::default()
            };
            detection.hot = points.map(|points| {
                let mut stream = Stream::default();
                for (time, value) in (0..).step_by(300_000).zip(points) {
                    let verdict = stream.push(&detector, time, Some(value), None);
                    detection.watch.note(Some(value), &verdict);
                }
                stream.hot
            });
            Box::new(detection)
        })
    }

    fn some_page() -> impl Strategy<Value = Vec<Tracked>> {
        let instances = proptest::collection::btree_map((0..4_u128, 0..3_u64), some_instance(), 0..4);
        let series = (some_observed(), instances, proptest::option::of(some_detection()));
        proptest::collection::btree_map(0..i64::MAX, series, 0..6).prop_map(|series| {
            series
                .into_iter()
                .map(|(raw, (observed, instances, detection))| Tracked {
                    series_id: SeriesId::from_raw(raw).unwrap(),
                    observed,
                    instances: instances
                        .into_iter()
                        .map(|((rule, print), instance)| {
                            (
                                Revision {
                                    rule: RuleKey(rule),
                                    print,
                                },
                                instance,
                            )
                        })
                        .collect(),
                    detection,
                })
                .collect()
        })
    }

    proptest! {
        #[test]
        fn a_page_reads_back(page in some_page()) {
            let blob = encode_page(&page);
            prop_assert_eq!(decode_page(&blob).unwrap(), page);
            for cut in 0..blob.len() {
                prop_assert!(decode_page(&blob[..cut]).is_err());
            }
        }

        #[test]
        fn no_blob_makes_it_panic_or_take_memory(mut blob in proptest::collection::vec(any::<u8>(), 0..200), known in any::<bool>()) {
            if known && blob.len() > 2 {
                blob[..2].copy_from_slice(&[PAGE_KIND, VERSION]);
            }
            if let Ok(page) = decode_page(&blob) {
                prop_assert!(page.len() <= blob.len());
            }
            let _ = decode_header(&blob);
        }
    }

    fn golden_page(detection: Option<Box<Detection>>) -> Vec<Tracked> {
        vec![Tracked {
            series_id: SeriesId::from_raw(258).unwrap(),
            observed: Observed {
                newest: Some(120_000),
                interval: 60_000,
                last: Some(Last {
                    point: Point {
                        timestamp: 120_000,
                        value: 1.5,
                    },
                    minute: 120_000,
                }),
            },
            instances: vec![(
                Revision {
                    rule: RuleKey(7),
                    print: 9,
                },
                Instance {
                    state: State::NoData,
                    since: 120_000,
                    alert: Some(60_000),
                    held: false,
                    before: Some((State::Firing, 60_000)),
                },
            )],
            detection,
        }]
    }

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
            .collect()
    }

    /// Version 1, for as long as there is a database that has it.
    #[test]
    fn version_1_is_read() {
        let golden = "4c0101\
                      000000000000000000000000000000070000000000000009\
                      01000000000000010203\
                      80d30ec0a907003ff800000000000080d30e\
                      01005404020202";
        assert_eq!(decode_page(&bytes(golden)).unwrap(), golden_page(None));
        let header = "480101000000000000000000000000000000070000000000000009";
        let header = decode_header(&bytes(header)).unwrap();
        assert_eq!((header.met.len(), header.cold_bits), (1, 0));
    }

    #[test]
    fn golden_version_2() {
        let golden = "4c0201\
                      000000000000000000000000000000070000000000000009\
                      01000000000000010207\
                      80d30ec0a907003ff800000000000080d30e\
                      01005404020202\
                      01c0a907";
        let detection = Detection {
            told: Some(TOLD),
            ..Detection::default()
        };
        let mut golden = bytes(golden);
        detection.watch.encode(&mut golden);
        let page = golden_page(Some(Box::new(detection)));
        assert_eq!(encode_page(&page), golden);
        let header = Header {
            met: vec![Revision {
                rule: RuleKey(7),
                print: 9,
            }],
            cold_bits: 5,
        };
        let packed = encode_header(&header);
        assert_eq!((&packed[..3], packed.last()), (&[b'H', 2, 1][..], Some(&5)));
        assert_eq!(decode_header(&packed).unwrap(), header);
    }

    /// State of a detector that is of another time: the series is watched, and learns anew.
    #[test]
    fn what_the_detector_cannot_read_is_dropped() {
        let detection = Detection {
            hot: Some(Hot::default()),
            told: Some(TOLD),
            ..Detection::default()
        };
        let page = golden_page(Some(Box::new(detection)));
        let mut blob = encode_page(&page);
        let mut hot = Vec::new();
        Hot::default().encode(&mut hot);
        let at = blob.windows(hot.len()).position(|window| window == hot).unwrap();
        blob[at] = 0xff;
        let read = decode_page(&blob).unwrap();
        let detection = read[0].detection.as_ref().unwrap();
        assert_eq!((detection.hot.is_none(), detection.told), (true, Some(TOLD)));
    }

    /// The figure of the design: state read and written for a point that comes to a page of its own neighbours.
    #[test]
    fn a_series_with_three_rules_takes_few_bytes() {
        let time = 1_795_428_000_000;
        let series: Vec<Tracked> = (0..64)
            .map(|index| Tracked {
                series_id: SeriesId::from_raw(index << 56).unwrap(),
                observed: Observed {
                    newest: Some(time),
                    interval: 300_000,
                    last: Some(Last {
                        point: Point {
                            timestamp: time,
                            value: 0.1,
                        },
                        minute: time,
                    }),
                },
                instances: (0..3)
                    .map(|rule| {
                        (
                            Revision {
                                rule: RuleKey(rule),
                                print: 1,
                            },
                            Instance {
                                state: State::Normal,
                                ..Instance::new(time)
                            },
                        )
                    })
                    .collect(),
                detection: None,
            })
            .collect();
        let bytes = encode_page(&series).len();
        assert!(bytes / 64 <= 64, "{bytes}");
    }
}
