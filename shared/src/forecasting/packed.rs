//! A forecast as it is stored: kind and version byte, then times and numbers, little-endian.
//!
//! `32 | 1 | start i64 | step kind u8 | step i64 | probabilities u16 | horizon u32 | p f64... |` and
//! for each step its mean and its quantiles, f64 each.

use crate::Error;
use crate::clock::Millis;
use prediction::{MAX_HORIZON, MAX_PROBABILITIES, Quantiles, Step};

const KIND: u8 = 32;
const VERSION: u8 = 1;
const HEADER: usize = 25;

/// The numbers of a forecast.
#[derive(Debug, Clone, PartialEq)]
pub struct PackedForecast {
    /// the time of the first step
    pub start: Millis,
    /// the distance between steps
    pub step: Step,
    /// one a step
    pub mean: Vec<f64>,
    /// one row a step
    pub quantiles: Quantiles,
}

impl PackedForecast {
    /// The time of a step, from 0.
    #[must_use]
    pub fn time(&self, index: usize) -> Millis {
        self.step.add(self.start, i64::try_from(index).unwrap_or(i64::MAX))
    }

    /// When its last step is over.
    #[must_use]
    pub fn end(&self) -> Millis {
        self.time(self.mean.len())
    }

    /// Packs it.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let probabilities = &self.quantiles.probabilities;
        let mut blob =
            Vec::with_capacity(HEADER + 8 * (probabilities.len() + self.mean.len() * (1 + probabilities.len())));
        blob.extend_from_slice(&[KIND, VERSION]);
        blob.extend_from_slice(&self.start.to_le_bytes());
        let (kind, length) = match self.step {
            Step::Millis(length) => (0, length),
            Step::Months(months) => (1, i64::from(months)),
        };
        blob.push(kind);
        blob.extend_from_slice(&length.to_le_bytes());
        blob.extend_from_slice(&u16::try_from(probabilities.len()).unwrap_or(u16::MAX).to_le_bytes());
        blob.extend_from_slice(&u32::try_from(self.mean.len()).unwrap_or(u32::MAX).to_le_bytes());
        for p in probabilities {
            blob.extend_from_slice(&p.to_le_bytes());
        }
        for (mean, row) in self.mean.iter().zip(&self.quantiles.values) {
            blob.extend_from_slice(&mean.to_le_bytes());
            for value in row {
                blob.extend_from_slice(&value.to_le_bytes());
            }
        }
        blob
    }

    /// Reads what [`PackedForecast::encode`] wrote.
    ///
    /// # Errors
    /// 503 for anything else.
    pub fn decode(blob: &[u8]) -> Result<Self, Error> {
        read(blob).ok_or_else(|| Error::unavailable("a stored forecast is damaged or of a newer version"))
    }
}

fn read(blob: &[u8]) -> Option<PackedForecast> {
    let (header, rest) = blob.split_at_checked(HEADER)?;
    if header[..2] != [KIND, VERSION] {
        return None;
    }
    let start = i64::from_le_bytes(header[2..10].try_into().ok()?);
    let length = i64::from_le_bytes(header[11..19].try_into().ok()?);
    let step = match header[10] {
        0 => Step::Millis(length),
        1 => Step::Months(u32::try_from(length).ok()?),
        _ => return None,
    };
    let columns = usize::from(u16::from_le_bytes(header[19..21].try_into().ok()?));
    let horizon = u32::from_le_bytes(header[21..25].try_into().ok()?) as usize;
    // bounds before memory, and a length that must be exact
    if columns > MAX_PROBABILITIES || horizon > MAX_HORIZON || rest.len() != 8 * (columns + horizon * (1 + columns)) {
        return None;
    }
    let mut numbers = rest
        .chunks_exact(8)
        .map(|bytes| f64::from_le_bytes(bytes.try_into().unwrap_or_default()));
    let probabilities = numbers.by_ref().take(columns).collect();
    let (mut mean, mut values) = (Vec::with_capacity(horizon), Vec::with_capacity(horizon));
    for _ in 0..horizon {
        mean.push(numbers.next()?);
        values.push(numbers.by_ref().take(columns).collect());
    }
    Some(PackedForecast {
        start,
        step: step.check().ok()?,
        mean,
        quantiles: Quantiles { probabilities, values },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sample() -> PackedForecast {
        PackedForecast {
            start: 1_795_428_000_000,
            step: Step::Months(1),
            mean: vec![1.5, -0.0],
            quantiles: Quantiles {
                probabilities: vec![0.1, 0.9],
                values: vec![vec![1.0, 2.0], vec![-1.0, f64::MAX]],
            },
        }
    }

    /// Version 1, for good.
    #[test]
    fn golden_file() {
        let hex: String = sample().encode().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            hex,
            "20010021d907a20100000101000000000000000200020000009a9999999999b93fcdccccccccccec3f000000000000f83f000000000000f03f00000000000000400000000000000080000000000000f0bfffffffffffffef7f"
        );
    }

    #[test]
    fn it_reads_back() {
        assert_eq!(PackedForecast::decode(&sample().encode()).unwrap(), sample());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(blob: Vec<u8>) {
            let _ = PackedForecast::decode(&blob);
        }

        #[test]
        fn a_changed_length_is_refused(cut in 0_usize..89) {
            let mut blob = sample().encode();
            blob.truncate(cut);
            prop_assert!(PackedForecast::decode(&blob).is_err());
        }
    }
}
