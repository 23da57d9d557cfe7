use super::super::bucket;
use super::segments::Bucket;
use super::{Stored, Writes};
use crate::Error;
use crate::series::SeriesId;
use std::collections::BTreeMap;

/// The buckets of a fold or tidy.
#[derive(Debug)]
pub(in super::super) struct Buckets {
    bits: u32,
    open: BTreeMap<i64, Bucket>,
}

impl Buckets {
    /// Loads the buckets, and splits those that are larger than they should be: their rows go, and
    /// their points go to smaller ones.
    ///
    /// # Errors
    /// 503 for a segment that cannot be decoded.
    pub(in super::super) fn load(stored: &Stored, bits: u32, writes: &mut Writes) -> Result<Self, Error> {
        let mut buckets = Self {
            bits,
            open: BTreeMap::new(),
        };
        let mut split = Vec::new();
        for (bucket, runs) in &stored.segments {
            let loaded = Bucket::load(*bucket, runs)?;
            if bucket::bits_of(*bucket) < bits {
                loaded.drop_all(writes);
                split.push(loaded);
            } else {
                buckets.open.insert(*bucket, loaded);
            }
        }
        for parent in split {
            for id in parent.series() {
                let points = parent.get(id);
                buckets.of(id).add(id, &points);
            }
        }
        Ok(buckets)
    }

    /// Where a series is, or is to be.
    pub(in super::super) fn of(&mut self, id: SeriesId) -> &mut Bucket {
        let there = bucket::ancestors(id, bucket::MAX_BITS).find(|bucket| self.open.contains_key(bucket));
        let bucket = there.unwrap_or_else(|| bucket::of(id, self.bits));
        self.open.entry(bucket).or_insert_with(|| Bucket::new(bucket))
    }

    /// Adds what has to be written.
    pub(in super::super) fn finish(self, writes: &mut Writes) {
        for bucket in self.open.into_values() {
            bucket.finish(writes);
        }
    }
}
