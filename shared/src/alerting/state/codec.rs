//! Packed pages: a kind byte, a version byte, the rules that the page speaks of, then its series in ascending order.

use super::Tracked;
use super::bytes::{Reader, put_signed, put_unsigned};
use super::observation::{Last, Observed};
use crate::alerting::instance::{Instance, State};
use crate::alerting::rule::{Revision, RuleKey};
use crate::clock::MINUTE;
use crate::series::{Point, SeriesId};

pub use super::bytes::BadState;

const PAGE_KIND: u8 = b'L';
const HEADER_KIND: u8 = b'H';
const VERSION: u8 = 1;

const HAS_NEWEST: u8 = 1;
const HAS_LAST: u8 = 2;
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
        put_observed(&mut out, &tracked.observed);
        put_unsigned(&mut out, tracked.instances.len() as u64);
        for (revision, instance) in &tracked.instances {
            // every revision was collected above
            put_unsigned(&mut out, rules.binary_search(revision).unwrap_or_default() as u64);
            put_instance(&mut out, instance);
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
    let rules = head(&mut reader, PAGE_KIND)?;
    let count = reader.count(11)?;
    let mut series: Vec<Tracked> = Vec::with_capacity(count);
    for _ in 0..count {
        let raw = i64::from_be_bytes(reader.array()?);
        let series_id = SeriesId::from_raw(raw).ok_or(BadState("a series has a negative id"))?;
        if series.last().is_some_and(|before| before.series_id >= series_id) {
            return Err(BadState("the series are not in order"));
        }
        let observed = observed(&mut reader)?;
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
        series.push(Tracked {
            series_id,
            observed,
            instances,
        });
    }
    reader.end()?;
    Ok(series)
}

/// Packs the rules that a lane has met.
#[must_use]
pub fn encode_header(met: &[Revision]) -> Vec<u8> {
    let mut out = vec![HEADER_KIND, VERSION];
    put_rules(&mut out, met);
    out
}

/// Reads what [`encode_header`] wrote.
///
/// # Errors
/// [`BadState`] for anything else.
pub fn decode_header(blob: &[u8]) -> Result<Vec<Revision>, BadState> {
    let mut reader = Reader(blob);
    let met = head(&mut reader, HEADER_KIND)?;
    reader.end()?;
    Ok(met)
}

fn head(reader: &mut Reader<'_>, kind: u8) -> Result<Vec<Revision>, BadState> {
    if reader.byte()? != kind {
        return Err(BadState("it is of another kind"));
    }
    if reader.byte()? != VERSION {
        return Err(BadState("its version is not known"));
    }
    (0..reader.count(24)?)
        .map(|_| {
            Ok(Revision {
                rule: RuleKey(u128::from_be_bytes(reader.array()?)),
                print: u64::from_be_bytes(reader.array()?),
            })
        })
        .collect()
}

fn put_rules(out: &mut Vec<u8>, rules: &[Revision]) {
    put_unsigned(out, rules.len() as u64);
    for revision in rules {
        out.extend_from_slice(&revision.rule.0.to_be_bytes());
        out.extend_from_slice(&revision.print.to_be_bytes());
    }
}

fn put_observed(out: &mut Vec<u8>, observed: &Observed) {
    let newest = observed.newest.map_or(0, |_| HAS_NEWEST);
    let last = observed.last.map_or(0, |_| HAS_LAST);
    out.push(newest | last);
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

fn observed(reader: &mut Reader<'_>) -> Result<Observed, BadState> {
    let flags = reader.byte()?;
    if flags & !(HAS_NEWEST | HAS_LAST) != 0 {
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
    Ok(Observed { newest, interval, last })
}

fn put_instance(out: &mut Vec<u8>, instance: &Instance) {
    let flag = |set: bool, flag: u8| if set { flag } else { 0 };
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

    fn some_page() -> impl Strategy<Value = Vec<Tracked>> {
        let instances = proptest::collection::btree_map((0..4_u128, 0..3_u64), some_instance(), 0..4);
        proptest::collection::btree_map(0..i64::MAX, (some_observed(), instances), 0..6).prop_map(|series| {
            series
                .into_iter()
                .map(|(raw, (observed, instances))| Tracked {
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

    /// Version 1, for as long as there is a database that has it.
    #[test]
    fn golden_version_1() {
        let page = vec![Tracked {
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
        }];
        let golden = "4c0101\
                      000000000000000000000000000000070000000000000009\
                      01000000000000010203\
                      80d30ec0a907003ff800000000000080d30e\
                      01005404020202";
        let hex: String = encode_page(&page).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, golden);
        let header = encode_header(&[Revision {
            rule: RuleKey(7),
            print: 9,
        }]);
        assert_eq!(decode_header(&header).unwrap().len(), 1);
        assert_eq!(header[..3], [b'H', 1, 1]);
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
            })
            .collect();
        let bytes = encode_page(&series).len();
        assert!(bytes / 64 <= 64, "{bytes}");
    }
}
