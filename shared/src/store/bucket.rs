//! Buckets of neighbouring series: `(1 << bits) | prefix`, the prefix being the first `bits` bits
//! of the 63 of a series' id. The key says how many bits it has, so that buckets of different sizes
//! live side by side: a bucket with b bits is a number from `1 << b` to `(2 << b) - 1`.
//!
//! At any time no bucket that has rows lies within another: a series' segments are in one bucket.
//! `org_state.bucket_bits` is the size of the newest ones and only grows. A read asks for all
//! ancestors of a series up to it; a fold that meets a larger bucket splits it.

use crate::series::SeriesId;

/// How many series a bucket is meant for.
const SERIES: i64 = 64;
/// Enough for 67 million series.
pub(crate) const MAX_BITS: u32 = 20;

/// How many bits give buckets of about 64 series.
pub(crate) fn bits_for(series_count: i64) -> u32 {
    (0..MAX_BITS)
        .find(|bits| SERIES << bits >= series_count)
        .unwrap_or(MAX_BITS)
}

/// How many bits the newest buckets have, given how many they had and how many series there are.
pub(crate) fn bits_now(bits: i64, series_count: i64) -> u32 {
    u32::try_from(bits)
        .unwrap_or(0)
        .max(bits_for(series_count))
        .min(MAX_BITS)
}

/// The bucket of a series at this size.
pub(crate) fn of(series: SeriesId, bits: u32) -> i64 {
    (1 << bits) | (series.raw() >> (63 - bits))
}

/// The size of a bucket.
pub(crate) fn bits_of(bucket: i64) -> u32 {
    bucket.max(1).ilog2()
}

/// All buckets in which a series may be, up to this size, the largest first.
pub(crate) fn ancestors(series: SeriesId, bits: u32) -> impl Iterator<Item = i64> {
    (0..=bits).map(move |bits| of(series, bits))
}

/// All buckets of up to so many bits in which these series may be, as a JSON array that ascends.
pub(crate) fn candidates(series: impl Iterator<Item = SeriesId>, bits: u32) -> String {
    let all: std::collections::BTreeSet<i64> = series.flat_map(|id| ancestors(id, bits)).collect();
    serde_json::to_string(&all).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_knows_its_size_and_splits_into_halves() {
        let id = SeriesId::from_raw(i64::MAX - 5).unwrap();
        assert_eq!(of(id, 0), 1);
        assert_eq!(of(SeriesId::from_raw(0).unwrap(), 3), 0b1000);
        for bits in 0..MAX_BITS {
            let bucket = of(id, bits);
            assert_eq!(bits_of(bucket), bits);
            assert!((1i64 << bits..2i64 << bits).contains(&bucket));
            assert_eq!(of(id, bits + 1) >> 1, bucket);
        }
    }

    #[test]
    fn buckets_hold_about_64_series() {
        assert_eq!(bits_for(0), 0);
        assert_eq!(bits_for(64), 0);
        assert_eq!(bits_for(65), 1);
        assert_eq!(bits_for(1_000), 4);
        assert_eq!(bits_for(100_000), 11);
        assert_eq!(bits_for(i64::MAX), MAX_BITS);
    }
}
