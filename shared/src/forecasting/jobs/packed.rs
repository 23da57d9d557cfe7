//! The forecasts of up to 64 series as a row of `forecast_results`: kind and version byte, then little-endian numbers.
//!
//! `33 | 1 | series u8 | bytes of the words u32 | words |` and for each series
//! `id i64 | origin i64 | naive error f64 (NaN: none) | start i64 | step kind u8 | step i64 | probabilities u16 |
//! horizon u32 | low f64 | high f64 | p f64... |` and for each step its mean and its quantiles, u32 each: the share of the
//! way from low to high, so that a forecast is exact at its ends and to 2.4e-10 of its own range between them, in half the
//! bytes, and quantiles stay nested. The words are a line of JSON for each series, `{"backend", "model_info", "shown"}`.
//! They are not compressed: the function that reads them would be larger by more than they are.

use crate::Error;
use crate::clock::Millis;
use crate::forecasting::{PackedForecast, Shown};
use crate::series::SeriesId;
use prediction::{MAX_HORIZON, MAX_PROBABILITIES, Quantiles, Step};
use serde::{Deserialize, Serialize};
use serde_json::Value;

const KIND: u8 = 33;
const VERSION: u8 = 1;
/// The most series of a row.
pub(super) const MAX_SERIES: usize = 64;
/// The most bytes of a row's words.
const MAX_WORDS: usize = 1024 * 1024;

/// A forecast of a series by a run.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) series_id: SeriesId,
    /// the last observation that it knew
    pub(super) origin: Millis,
    /// how far the seasonal naive forecast was off within the history, for MASE
    pub(super) naive_error: Option<f64>,
    pub(super) words: Words,
    pub(super) forecast: PackedForecast,
}

/// What is text in a forecast.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Words {
    pub(super) backend: String,
    pub(super) model_info: Value,
    /// what was asked for of the distribution
    pub(super) shown: Shown,
}

/// Packs up to [`MAX_SERIES`] forecasts of finite numbers.
///
/// # Errors
/// 503 if there are more, or their words do not fit.
pub(super) fn encode(entries: &[Entry]) -> Result<Vec<u8>, Error> {
    let too_much = || Error::unavailable("the results of a job do not fit into a row");
    let count = u8::try_from(entries.len()).map_err(|_| too_much())?;
    let mut words = Vec::new();
    for entry in entries {
        serde_json::to_writer(&mut words, &entry.words).map_err(|_| too_much())?;
        words.push(b'\n');
    }
    if entries.len() > MAX_SERIES || words.len() > MAX_WORDS {
        return Err(too_much());
    }
    let mut blob = vec![KIND, VERSION, count];
    blob.extend(u32::try_from(words.len()).unwrap_or(u32::MAX).to_le_bytes());
    blob.extend(words);
    for entry in entries {
        put(&mut blob, entry);
    }
    Ok(blob)
}

fn put(blob: &mut Vec<u8>, entry: &Entry) {
    let PackedForecast {
        start,
        step,
        mean,
        quantiles,
    } = &entry.forecast;
    blob.extend(entry.series_id.raw().to_le_bytes());
    blob.extend(entry.origin.to_le_bytes());
    blob.extend(entry.naive_error.unwrap_or(f64::NAN).to_le_bytes());
    blob.extend(start.to_le_bytes());
    let (kind, length) = match step {
        Step::Millis(length) => (0, *length),
        Step::Months(months) => (1, i64::from(*months)),
    };
    blob.push(kind);
    blob.extend(length.to_le_bytes());
    blob.extend(
        u16::try_from(quantiles.probabilities.len())
            .unwrap_or(u16::MAX)
            .to_le_bytes(),
    );
    blob.extend(u32::try_from(mean.len()).unwrap_or(u32::MAX).to_le_bytes());
    let numbers = || {
        mean.iter()
            .zip(&quantiles.values)
            .flat_map(|(mean, row)| std::iter::once(mean).chain(row))
    };
    let range = Range {
        low: numbers().copied().fold(f64::INFINITY, f64::min),
        high: numbers().copied().fold(f64::NEG_INFINITY, f64::max),
    };
    blob.extend(range.low.to_le_bytes());
    blob.extend(range.high.to_le_bytes());
    for p in &quantiles.probabilities {
        blob.extend(p.to_le_bytes());
    }
    for number in numbers() {
        blob.extend(range.share(*number).to_le_bytes());
    }
}

/// Between which numbers a forecast lies.
#[derive(Debug, Clone, Copy)]
struct Range {
    low: f64,
    high: f64,
}

impl Range {
    fn share(self, number: f64) -> u32 {
        // halves, because the whole may be too long for a double
        let length = self.high / 2.0 - self.low / 2.0;
        if length <= 0.0 {
            return 0;
        }
        let share = (number / 2.0 - self.low / 2.0) / length;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a cast saturates"
        )]
        let share = (share * f64::from(u32::MAX)).round() as u32;
        share
    }

    fn number(self, share: u32) -> f64 {
        let share = f64::from(share) / f64::from(u32::MAX);
        let length = self.high - self.low;
        if length.is_finite() {
            (self.low + length * share).clamp(self.low, self.high)
        } else {
            self.low * (1.0 - share) + self.high * share
        }
    }
}

/// Reads what [`encode`] wrote.
///
/// # Errors
/// 503 for anything else.
pub(super) fn decode(blob: &[u8]) -> Result<Vec<Entry>, Error> {
    read(blob).ok_or_else(|| Error::unavailable("stored results of a job are damaged or of a newer version"))
}

fn read(blob: &[u8]) -> Option<Vec<Entry>> {
    let mut rest = blob;
    let [kind, version, count] = take(&mut rest)?;
    if (kind, version) != (KIND, VERSION) || usize::from(count) > MAX_SERIES {
        return None;
    }
    let length = u32::from_le_bytes(take(&mut rest)?) as usize;
    let (words, mut rest) = rest.split_at_checked(length)?;
    let mut lines = std::str::from_utf8(words).ok()?.lines();
    let mut entries = Vec::with_capacity(usize::from(count));
    for _ in 0..count {
        entries.push(entry(&mut rest, serde_json::from_str(lines.next()?).ok()?)?);
    }
    rest.is_empty().then_some(entries)
}

fn entry(rest: &mut &[u8], words: Words) -> Option<Entry> {
    let series_id = SeriesId::from_raw(i64::from_le_bytes(take(rest)?))?;
    let origin = i64::from_le_bytes(take(rest)?);
    let naive_error = f64::from_le_bytes(take(rest)?);
    let start = i64::from_le_bytes(take(rest)?);
    let [kind] = take(rest)?;
    let length = i64::from_le_bytes(take(rest)?);
    let step = match kind {
        0 => Step::Millis(length),
        1 => Step::Months(u32::try_from(length).ok()?),
        _ => return None,
    };
    let columns = usize::from(u16::from_le_bytes(take(rest)?));
    let horizon = u32::from_le_bytes(take(rest)?) as usize;
    let range = Range {
        low: f64::from_le_bytes(take(rest)?),
        high: f64::from_le_bytes(take(rest)?),
    };
    // bounds before memory
    let whole = range.low.is_finite() && range.high.is_finite() && range.low <= range.high;
    if columns > MAX_PROBABILITIES
        || horizon > MAX_HORIZON
        || rest.len() < 8 * columns + 4 * horizon * (1 + columns)
        || !whole
    {
        return None;
    }
    let probabilities = (0..columns)
        .map(|_| Some(f64::from_le_bytes(take(rest)?)))
        .collect::<Option<_>>()?;
    let (mut mean, mut values) = (Vec::with_capacity(horizon), Vec::with_capacity(horizon));
    let mut number = || Some(range.number(u32::from_le_bytes(take(rest)?)));
    for _ in 0..horizon {
        mean.push(number()?);
        values.push((0..columns).map(|_| number()).collect::<Option<_>>()?);
    }
    Some(Entry {
        series_id,
        origin,
        naive_error: naive_error.is_finite().then_some(naive_error),
        words,
        forecast: PackedForecast {
            start,
            step: step.check().ok()?,
            mean,
            quantiles: Quantiles { probabilities, values },
        },
    })
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (first, later) = rest.split_first_chunk()?;
    *rest = later;
    Some(*first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn sample(series: i64, mean: Vec<f64>, values: Vec<Vec<f64>>) -> Entry {
        Entry {
            series_id: SeriesId::from_raw(series).unwrap(),
            origin: 1_795_428_000_000,
            naive_error: Some(2.5),
            words: Words {
                backend: "auto".into(),
                model_info: json!({"members": [{"model": "theta", "weight": 0.5}], "seasons": [24]}),
                shown: Shown {
                    levels: vec![80.0],
                    quantiles: Vec::new(),
                },
            },
            forecast: PackedForecast {
                start: 1_795_428_000_000,
                step: Step::Months(1),
                mean,
                quantiles: Quantiles {
                    probabilities: vec![0.1, 0.9],
                    values,
                },
            },
        }
    }

    /// Version 1, for good.
    #[test]
    fn golden_file() {
        let words = "{\"backend\":\"auto\",\"model_info\":{},\"shown\":{\"levels\":[80.0]}}\n";
        let mut golden = vec![33, 1, 1, 61, 0, 0, 0];
        golden.extend(words.as_bytes());
        let numbers = "0700000000000000".to_owned() // series
            + "0021d907a2010000" // origin
            + "0000000000000440" // naive error
            + "0021d907a2010000" // start
            + "01" + "0100000000000000" // one month
            + "0200" + "01000000" // two quantiles, one step
            + "000000000000f0bf" + "0000000000000840" // from -1 to 3
            + "9a9999999999b93f" + "cdccccccccccec3f" // 0.1 and 0.9
            + "00000000" + "00000000" + "ffffffff"; // -1, -1, 3
        golden.extend(
            (0..numbers.len())
                .step_by(2)
                .map(|at| u8::from_str_radix(&numbers[at..at + 2], 16).unwrap()),
        );
        let mut entry = sample(7, vec![-1.0], vec![vec![-1.0, 3.0]]);
        entry.words.model_info = json!({});
        assert_eq!(decode(&golden).unwrap(), std::slice::from_ref(&entry));
        assert_eq!(encode(&[entry]).unwrap(), golden);
    }

    #[test]
    fn a_constant_and_the_largest_numbers_are_exact() {
        for values in [[5.0, 5.0], [-f64::MAX, f64::MAX], [1e15, 1e15 + 1.0], [0.0, 1e-300]] {
            let entry = sample(1, vec![values[0]], vec![values.to_vec()]);
            assert_eq!(decode(&encode(std::slice::from_ref(&entry)).unwrap()).unwrap(), [entry]);
        }
    }

    #[test]
    fn sixty_four_series_of_two_days_take_little_more_than_a_kilobyte_each() {
        let rows = |at: usize| vec![vec![at as f64, at as f64 + 1.0, at as f64 + 2.0, at as f64 + 3.0]; 48];
        let entries: Vec<Entry> = (0..64)
            .map(|at| {
                let mut entry = sample(at, vec![at as f64 + 1.5; 48], rows(at as usize));
                entry.forecast.quantiles.probabilities = vec![0.025, 0.1, 0.9, 0.975];
                entry
            })
            .collect();
        let blob = encode(&entries).unwrap();
        assert!(blob.len() < 64 * 1_250, "{} bytes", blob.len());
        let many: Vec<Entry> = entries.iter().chain(&entries[..1]).cloned().collect();
        assert!(encode(&many).is_err());
    }

    proptest! {
        #[test]
        fn numbers_stay_in_order_and_near(
            mut row in proptest::collection::vec(prop_oneof![-1e300..1e300_f64, -10.0..10.0_f64, 1e9..1e9 + 1.0_f64], 2),
            mean in -1e9..1e9_f64,
        ) {
            row.sort_by(f64::total_cmp);
            let entry = sample(1, vec![mean], vec![row.clone()]);
            let read = decode(&encode(&[entry]).unwrap()).unwrap();
            let numbers = [mean, row[0], row[1]];
            let got = [read[0].forecast.mean[0], read[0].forecast.quantiles.values[0][0], read[0].forecast.quantiles.values[0][1]];
            let length = numbers.iter().copied().fold(f64::MIN, f64::max) - numbers.iter().copied().fold(f64::MAX, f64::min);
            prop_assert!(got[1] <= got[2]);
            for (number, got) in numbers.iter().zip(got) {
                prop_assert!((number - got).abs() <= length * 2.4e-10 + number.abs() * 1e-15, "{number} {got}");
            }
        }

        #[test]
        fn any_bytes_are_read_without_panic(blob: Vec<u8>) {
            let _ = decode(&blob);
        }

        #[test]
        fn a_changed_byte_or_length_is_refused_or_read(at in 0_usize..150, byte: u8) {
            let mut blob = encode(&[sample(7, vec![1.0], vec![vec![-1.0, 3.0]])]).unwrap();
            prop_assert!(decode(&blob[..at.min(blob.len() - 1)]).is_err());
            if let Some(place) = blob.get_mut(at) {
                *place = byte;
            }
            let _ = decode(&blob);
        }
    }
}
