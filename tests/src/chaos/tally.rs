use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

/// How many faults of each kind were injected.
#[derive(Debug, Default)]
pub struct Tally(Mutex<BTreeMap<&'static str, usize>>);

impl Tally {
    fn counts(&self) -> MutexGuard<'_, BTreeMap<&'static str, usize>> {
        self.0.lock().expect("the tally")
    }

    /// Counts a fault of this kind.
    pub fn count(&self, kind: &'static str) {
        *self.counts().entry(kind).or_default() += 1;
    }

    /// Adds those of another tally.
    pub fn add(&self, other: &Self) {
        for (kind, count) in other.kinds() {
            *self.counts().entry(kind).or_default() += count;
        }
    }

    /// Each kind with its count.
    #[must_use]
    pub fn kinds(&self) -> Vec<(&'static str, usize)> {
        self.counts().iter().map(|(kind, count)| (*kind, *count)).collect()
    }

    /// How many there were in all.
    #[must_use]
    pub fn total(&self) -> usize {
        self.counts().values().sum()
    }
}
