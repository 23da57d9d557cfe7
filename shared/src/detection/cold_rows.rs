//! What detectors keep beyond the day, in rows of about 64 neighbouring series: table `detector_cold`.
//!
//! A row is a bucket as in the point store: a range of series with the first bits of their id in common. There are as many
//! bits as the lane says, which grow with its series; a row that is larger is split when it is met. So no row lies within
//! another one. Rows are read when a day of one of their series ends, and written in the batch of that minute.
//!
//! A row lost is no harm: its series learn their profiles anew.

use crate::Error;
use crate::auth::Tenant;
use crate::clock::{DAY, Millis};
use crate::series::SeriesId;
use crate::store::bucket;
use db::{Batch, Step, args};
use prediction::detect::Cold;
use std::collections::{BTreeMap, BTreeSet};

const KIND: u8 = b'C';
const VERSION: u8 = 1;
/// Rows of one read: below 8 MB in base64, even if all series have as much as they may.
const TOGETHER: usize = 8;

/// When the day of a series ends, in milliseconds after local midnight: the same for a whole row, and spread over the rows.
#[must_use]
pub fn day_offset(series_id: SeriesId, bits: u32) -> Millis {
    let bucket = bucket::of(series_id, bits);
    ((bucket - (1 << bits)) * DAY) >> bits
}

/// The rows that a tick has read, and what it made of them.
#[derive(Debug, Default)]
pub struct ColdRows {
    bits: u32,
    rows: BTreeMap<i64, Row>,
    /// that were split
    gone: BTreeSet<i64>,
}

#[derive(Debug, Default)]
struct Row {
    series: BTreeMap<SeriesId, Vec<u8>>,
    bytes: usize,
    changed: bool,
}

impl ColdRows {
    /// Rows of buckets with so many bits.
    #[must_use]
    pub fn new(bits: u32) -> Self {
        Self {
            bits,
            ..Self::default()
        }
    }

    /// Makes the buckets smaller from now on.
    pub fn set_bits(&mut self, bits: u32) {
        if bits != self.bits {
            *self = Self::new(bits);
        }
    }

    /// Whether the row of a series was read.
    #[must_use]
    pub fn holds(&self, series_id: SeriesId) -> bool {
        self.rows.contains_key(&bucket::of(series_id, self.bits))
    }

    /// What is known of a series; nothing, if nothing can be read.
    #[must_use]
    pub fn get(&self, series_id: SeriesId) -> Cold {
        let row = self.rows.get(&bucket::of(series_id, self.bits));
        let packed = row.and_then(|row| row.series.get(&series_id));
        packed.and_then(|packed| Cold::decode(packed).ok()).unwrap_or_default()
    }

    /// Keeps what is known of a series; its row must have been read.
    pub fn put(&mut self, series_id: SeriesId, cold: &Cold) {
        let mut packed = Vec::new();
        cold.encode(&mut packed);
        let row = self.rows.entry(bucket::of(series_id, self.bits)).or_default();
        row.changed = true;
        row.insert(series_id, packed);
    }

    /// How many rows are to be written.
    #[must_use]
    pub fn changed(&self) -> usize {
        self.gone.len() + self.rows.values().filter(|row| row.changed).count()
    }

    /// How many bytes they have.
    #[must_use]
    pub fn changed_bytes(&self) -> usize {
        self.rows.values().filter(|row| row.changed).map(|row| row.bytes).sum()
    }

    /// How many bytes are added to a write if this series is put, too.
    #[must_use]
    pub fn more_bytes(&self, series_id: SeriesId) -> usize {
        let row = self.rows.get(&bucket::of(series_id, self.bits));
        Cold::MAX_BYTES + row.filter(|row| !row.changed).map_or(0, |row| row.bytes)
    }

    /// Reads the rows of the first of these series, as many as one reply may have; whole ones stand in for those that are
    /// not there.
    ///
    /// # Errors
    /// 401, 403 or 503.
    pub async fn read(&mut self, tenant: &Tenant, series: impl IntoIterator<Item = SeriesId>) -> Result<(), Error> {
        let mut wanted: BTreeMap<i64, SeriesId> = BTreeMap::new();
        for id in series {
            let bucket = bucket::of(id, self.bits);
            if wanted.len() == TOGETHER && !wanted.contains_key(&bucket) {
                break;
            }
            if !self.rows.contains_key(&bucket) {
                wanted.insert(bucket, id);
            }
        }
        let step = Step::tenant(
            "SELECT c.bucket, c.blob FROM json_each(?2) AS w
             CROSS JOIN detector_cold AS c ON c.org_id = (SELECT org_id FROM authority) AND c.bucket = w.value",
            args![bucket::candidates(wanted.values().copied(), self.bits)],
        );
        let reply = tenant.run(Batch::read_one(step)).await?;
        for row in &reply.step(0)?.rows {
            self.take(row.integer(0)?, row.blob(1)?);
        }
        for bucket in wanted.into_keys() {
            self.rows.entry(bucket).or_default();
        }
        Ok(())
    }

    fn take(&mut self, number: i64, blob: &[u8]) {
        let split = bucket::bits_of(number) < self.bits;
        if split {
            self.gone.insert(number);
        }
        for (series_id, packed) in decode(blob).unwrap_or_default() {
            let row = self.rows.entry(bucket::of(series_id, self.bits)).or_default();
            row.changed |= split;
            row.insert(series_id, packed);
        }
    }

    /// The steps that write what has changed; of series that are not watched any longer nothing is kept.
    pub fn write(&self, is_watched: impl Fn(SeriesId) -> bool) -> Vec<Step> {
        let gone = self.gone.iter().map(|bucket| delete(*bucket));
        let changed = self.rows.iter().filter(|(_, row)| row.changed);
        let written = changed.map(|(bucket, row)| {
            let kept: Vec<_> = row.series.iter().filter(|(id, _)| is_watched(**id)).collect();
            if kept.is_empty() {
                return delete(*bucket);
            }
            Step::tenant(
                "INSERT INTO detector_cold (org_id, bucket, blob) SELECT org_id, ?2, ?3 FROM authority WHERE true
                 ON CONFLICT (org_id, bucket) DO UPDATE SET blob = excluded.blob",
                args![*bucket, encode(&kept)],
            )
        });
        gone.chain(written).collect()
    }

    /// What was changed is in the database now, and what was read may be read again.
    pub fn saved(&mut self) {
        self.rows.clear();
        self.gone.clear();
    }
}

impl Row {
    fn insert(&mut self, series_id: SeriesId, packed: Vec<u8>) {
        self.bytes += packed.len();
        if let Some(before) = self.series.insert(series_id, packed) {
            self.bytes -= before.len();
        }
    }
}

/// The step that removes the rows of all series.
#[must_use]
pub fn forget_all() -> Step {
    Step::tenant(
        "DELETE FROM detector_cold WHERE org_id = (SELECT org_id FROM authority)",
        vec![],
    )
}

fn delete(bucket: i64) -> Step {
    Step::tenant(
        "DELETE FROM detector_cold WHERE org_id = (SELECT org_id FROM authority) AND bucket = ?2",
        args![bucket],
    )
}

/// A kind byte, a version byte; of each series its id, a length as two bytes, and what [`Cold::encode`] made.
fn encode(series: &[(&SeriesId, &Vec<u8>)]) -> Vec<u8> {
    let mut out = vec![KIND, VERSION];
    for (series_id, packed) in series {
        out.extend_from_slice(&series_id.raw().to_be_bytes());
        #[expect(clippy::cast_possible_truncation, reason = "at most Cold::MAX_BYTES")]
        out.extend_from_slice(&(packed.len() as u16).to_be_bytes());
        out.extend_from_slice(packed);
    }
    out
}

fn decode(blob: &[u8]) -> Option<Vec<(SeriesId, Vec<u8>)>> {
    let mut rest = blob.strip_prefix(&[KIND, VERSION])?;
    let mut series = Vec::new();
    while !rest.is_empty() {
        let (id, after) = rest.split_first_chunk()?;
        let (length, after) = after.split_first_chunk()?;
        let (packed, after) = after.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        series.push((SeriesId::from_raw(i64::from_be_bytes(*id))?, packed.to_vec()));
        rest = after;
    }
    Some(series)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn id(raw: i64) -> SeriesId {
        SeriesId::from_raw(raw).unwrap()
    }

    #[test]
    fn the_days_of_rows_end_spread_over_a_day_and_those_of_a_row_together() {
        for bits in [0, 1, 4, bucket::MAX_BITS] {
            assert_eq!(day_offset(id(0), bits), 0);
            let last = day_offset(id(i64::MAX), bits);
            assert_eq!(last, DAY - 1 - ((DAY - 1) >> bits), "{bits}");
        }
        assert_eq!(day_offset(id(1 << 61), 2), DAY / 4);
        assert_eq!(day_offset(id((1 << 61) + 12_345), 2), DAY / 4);
    }

    proptest! {
        #[test]
        fn a_row_reads_back(series in proptest::collection::btree_map(0..i64::MAX, proptest::collection::vec(any::<u8>(), 0..300), 0..5)) {
            let series: BTreeMap<SeriesId, Vec<u8>> = series.into_iter().map(|(raw, packed)| (id(raw), packed)).collect();
            let blob = encode(&series.iter().collect::<Vec<_>>());
            prop_assert_eq!(decode(&blob), Some(series.into_iter().collect::<Vec<_>>()));
        }

        #[test]
        fn no_blob_makes_it_panic(mut blob in proptest::collection::vec(any::<u8>(), 0..100), known in any::<bool>()) {
            if known && blob.len() > 2 {
                blob[..2].copy_from_slice(&[KIND, VERSION]);
            }
            let _ = decode(&blob);
        }
    }

    #[test]
    fn a_row_that_is_too_large_is_split() {
        let series: BTreeMap<SeriesId, Vec<u8>> = (0..4).map(|quarter| (id(quarter << 61), vec![0])).collect();
        let blob = encode(&series.iter().collect::<Vec<_>>());
        let mut rows = ColdRows::new(2);
        rows.take(1, &blob);
        assert!((0..4).all(|quarter| rows.holds(id((quarter << 61) + 9))));
        // four halves of halves, and the row that they were
        assert_eq!(rows.changed(), 5);
        assert_eq!(rows.write(|_| true).len(), 5);
        rows.saved();
        assert_eq!((rows.changed(), rows.holds(id(0))), (0, false));
    }

    #[test]
    fn a_put_counts_its_row_and_only_once() {
        let mut rows = ColdRows::new(1);
        rows.take(2, &encode(&[(&id(1), &vec![0; 100]), (&id(2), &vec![0; 100])]));
        assert_eq!((rows.changed(), rows.changed_bytes()), (0, 0));
        assert_eq!(rows.more_bytes(id(1)), 200 + Cold::MAX_BYTES);
        rows.put(id(1), &Cold::default());
        let mut packed = Vec::new();
        Cold::default().encode(&mut packed);
        assert_eq!((rows.changed(), rows.changed_bytes()), (1, 100 + packed.len()));
        assert_eq!(rows.more_bytes(id(2)), Cold::MAX_BYTES);
        assert_eq!(rows.get(id(1)), Cold::default());
    }
}
