use super::SeriesId;
use foldhash::{HashSet, HashSetExt};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// How many keys' series one process remembers before it starts over.
const MAX_SERIES: usize = 2_000_000;

/// The series that this process has seen committed, by credential and for one `series_epoch`.
///
/// Ingest need not send their keys and dimensions again. The guard of the batch checks the epoch,
/// so that a series that was deleted since is sent anew.
#[derive(Debug, Default)]
pub struct KnownSeries(Mutex<HashMap<[u8; 32], Epoch>>);

#[derive(Debug)]
struct Epoch {
    epoch: i64,
    series: HashSet<SeriesId>,
}

impl KnownSeries {
    /// The epoch that is known for this credential, and which of the series are not known in it.
    pub fn unknown(
        &self,
        credential: &[u8; 32],
        series: impl Iterator<Item = SeriesId>,
    ) -> (Option<i64>, Vec<SeriesId>) {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match known.get(credential) {
            None => (None, series.collect()),
            Some(epoch) => (
                Some(epoch.epoch),
                series.filter(|id| !epoch.series.contains(id)).collect(),
            ),
        }
    }

    /// Remembers series that were committed in this epoch.
    pub fn learn(&self, credential: &[u8; 32], epoch: i64, series: impl Iterator<Item = SeriesId>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.values().map(|epoch| epoch.series.len()).sum::<usize>() > MAX_SERIES {
            known.clear();
        }
        let fresh = || Epoch {
            epoch,
            series: HashSet::new(),
        };
        let entry = known.entry(*credential).or_insert_with(fresh);
        if entry.epoch != epoch {
            *entry = fresh();
        }
        entry.series.extend(series);
    }

    /// Forgets what is known for a credential.
    pub fn forget(&self, credential: &[u8; 32]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(credential);
    }
}
