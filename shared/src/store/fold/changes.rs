use super::super::codec::batch::Entry;
use crate::clock::Millis;
use crate::series::SeriesId;
use std::collections::BTreeMap;

/// What the log does to a series, in order of acknowledgement.
#[derive(Debug, Default, PartialEq)]
pub(in super::super) struct Change {
    /// everything folded before is gone
    pub(in super::super) deleted: bool,
    /// what came, or came after the deletion
    pub(in super::super) points: BTreeMap<Millis, f64>,
}

/// What the log does to all series.
pub(in super::super) type Changes = BTreeMap<SeriesId, Change>;

/// Adds the next row of the log: what is acknowledged later wins.
pub(in super::super) fn apply(changes: &mut Changes, entry: Entry) {
    match entry {
        Entry::Points(samples) => {
            for sample in samples {
                let change = changes.entry(sample.series_id).or_default();
                change.points.insert(sample.timestamp, sample.value);
            }
        }
        Entry::Tombstone(series) => {
            for id in series {
                changes.insert(
                    id,
                    Change {
                        deleted: true,
                        points: BTreeMap::new(),
                    },
                );
            }
        }
    }
}
