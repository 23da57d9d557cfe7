//! Packed pages: a kind byte, a version byte, the rules that the page speaks of, then its series in ascending order.
//!
//! Version 1 knew nothing of detection, version 2 nothing of the last points.

use super::bytes::{Reader, put_signed, put_unsigned};
use super::observation::{Last, Observed};
use super::{Detection, Told, Tracked};
use crate::alerting::condition::{Recents, Watch};
use crate::alerting::instance::{Instance, State};
use crate::alerting::rule::{Revision, RuleKey};
use crate::clock::MINUTE;
use crate::series::{Point, SeriesId};
use crate::store::bucket;
use prediction::detect::Hot;

pub use super::bytes::BadState;

const PAGE_KIND: u8 = b'L';
const HEADER_KIND: u8 = b'H';
const COMPOSITE_KIND: u8 = b'C';
const VERSION: u8 = 3;

const HAS_NEWEST: u8 = 1;
const HAS_LAST: u8 = 2;
const HAS_DETECTION: u8 = 4;
const HAS_RECENTS: u8 = 8;
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
        let more = flag(tracked.detection.is_some(), HAS_DETECTION) | flag(!tracked.recents.is_empty(), HAS_RECENTS);
        put_observed(&mut out, &tracked.observed, more);
        put_unsigned(&mut out, tracked.instances.len() as u64);
        for (revision, instance) in &tracked.instances {
            // every revision was collected above
            put_unsigned(&mut out, rules.binary_search(revision).unwrap_or_default() as u64);
            put_instance(&mut out, instance);
        }
        if let Some(detection) = &tracked.detection {
            put_detection(&mut out, detection);
        }
        if !tracked.recents.is_empty() {
            tracked.recents.encode(&mut out);
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
        let (observed, more) = observed(&mut reader)?;
        let known = [0, HAS_DETECTION, HAS_DETECTION | HAS_RECENTS][usize::from(version) - 1];
        if more & !known != 0 {
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
        let detection = (more & HAS_DETECTION != 0)
            .then(|| detection(&mut reader))
            .transpose()?
            .map(Box::new);
        let recents = match more & HAS_RECENTS {
            0 => Recents::default(),
            _ => Recents::decode(&mut reader)?,
        };
        series.push(Tracked {
            series_id,
            observed,
            recents,
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

/// Packs where a composite rule stands, with the print of its revision.
#[must_use]
pub fn encode_composite(print: u64, instance: &Instance) -> Vec<u8> {
    let mut out = vec![COMPOSITE_KIND, VERSION];
    out.extend_from_slice(&print.to_be_bytes());
    put_instance(&mut out, instance);
    out
}

/// Reads what [`encode_composite`] wrote.
///
/// # Errors
/// [`BadState`] for anything else.
pub fn decode_composite(blob: &[u8]) -> Result<(u64, Instance), BadState> {
    let mut reader = Reader(blob);
    let (kind, version) = (reader.byte()?, reader.byte()?);
    // of all versions since the first that had any
    if kind != COMPOSITE_KIND || !(3..=VERSION).contains(&version) {
        return Err(BadState("its kind or version is not known"));
    }
    let print = u64::from_be_bytes(reader.array()?);
    let instance = instance(&mut reader)?;
    reader.end()?;
    Ok((print, instance))
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

/// What is known of a series, with flags for what `more` is kept.
fn put_observed(out: &mut Vec<u8>, observed: &Observed, more: u8) {
    out.push(flag(observed.newest.is_some(), HAS_NEWEST) | flag(observed.last.is_some(), HAS_LAST) | more);
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

/// What is known of a series, and flags for what more is kept.
fn observed(reader: &mut Reader<'_>) -> Result<(Observed, u8), BadState> {
    let flags = reader.byte()?;
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
    Ok((Observed { newest, interval, last }, flags & !(HAS_NEWEST | HAS_LAST)))
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
mod tests;
