use super::super::codec::batch::Entry;
use crate::series::{Point, SeriesId};
use std::collections::HashMap;

/// What the log does to a series.
#[derive(Debug, Default, PartialEq)]
pub(in super::super) struct Change {
    /// everything folded before is gone
    pub(in super::super) deleted: bool,
    /// what came, or came after the deletion; ascending, none twice
    pub(in super::super) points: Vec<Point>,
}

/// Gathers what rows of the log do, in order of acknowledgement.
#[derive(Debug, Default)]
pub(in super::super) struct Changes(HashMap<SeriesId, Change>);

impl Changes {
    /// Adds the next row.
    pub(in super::super) fn apply(&mut self, entry: Entry) {
        match entry {
            Entry::Points(samples) => {
                for of_one in samples.chunk_by(|a, b| a.series_id == b.series_id) {
                    let points = of_one.iter().map(|sample| Point {
                        timestamp: sample.timestamp,
                        value: sample.value,
                    });
                    self.0.entry(of_one[0].series_id).or_default().points.extend(points);
                }
            }
            Entry::Tombstone(series) => {
                let gone = || Change {
                    deleted: true,
                    points: Vec::new(),
                };
                self.0.extend(series.into_iter().map(|id| (id, gone())));
            }
        }
    }

    /// What happens to each series, ascending by id: of several values for one time the last counts.
    pub(in super::super) fn by_series(self) -> Vec<(SeriesId, Change)> {
        let mut all: Vec<_> = self.0.into_iter().collect();
        all.sort_unstable_by_key(|(id, _)| *id);
        for (_, change) in &mut all {
            settle(&mut change.points);
        }
        all
    }
}

fn settle(points: &mut Vec<Point>) {
    // as a rule points come in the order of time
    if points.is_sorted_by(|a, b| a.timestamp < b.timestamp) {
        return;
    }
    // stable: of equal times the last one came last
    points.sort_by_key(|point| point.timestamp);
    points.dedup_by(|next, kept| {
        let same = next.timestamp == kept.timestamp;
        if same {
            *kept = *next;
        }
        same
    });
}
