use super::minute::Arrivals;
use crate::Error;
use crate::alerting::state::Arrival;
use crate::auth::Tenant;
use crate::clock::Millis;
use crate::series::{Point, SeriesId, SeriesRef};
use crate::store::codec::batch::Entry;
use crate::store::{self, LogBatch};
use std::collections::{BTreeMap, VecDeque};

/// The log from a lane's watermark on, handed out minute by minute; holds one page of it.
#[derive(Debug)]
pub(super) struct Feed {
    until: Millis,
    /// the last batch that was handed out
    pub(super) seq: i64,
    read: i64,
    waiting: VecDeque<LogBatch>,
    more: bool,
}

impl Feed {
    pub(super) fn new(watermark: i64, until: Millis) -> Self {
        Self {
            until,
            seq: watermark,
            read: watermark,
            waiting: VecDeque::new(),
            more: true,
        }
    }

    /// Whether the next batch, if there is one, must be read first.
    pub(super) fn is_dry(&self) -> bool {
        self.waiting.is_empty() && self.more
    }

    /// Reads a page.
    pub(super) async fn read(&mut self, tenant: &Tenant) -> Result<(), Error> {
        let slice = store::log_since(tenant, self.read, self.until).await?;
        self.read = slice.batches.last().map_or(self.read, |batch| batch.seq);
        self.more = slice.more;
        self.waiting.extend(slice.batches);
        Ok(())
    }

    /// Hands out what was received until `minute` and is read, of series that have a name.
    pub(super) fn take(&mut self, minute: Millis, names: &BTreeMap<SeriesId, SeriesRef>, arrivals: &mut Arrivals) {
        while self.waiting.front().is_some_and(|batch| batch.received_at <= minute) {
            let Some(batch) = self.waiting.pop_front() else { break };
            self.seq = batch.seq;
            match batch.entry {
                Entry::Points(samples) => {
                    for sample in samples.iter().filter(|sample| names.contains_key(&sample.series_id)) {
                        arrivals.points.entry(sample.series_id).or_default().push(Arrival {
                            point: Point {
                                timestamp: sample.timestamp,
                                value: sample.value,
                            },
                            received_at: batch.received_at,
                            backfill: batch.backfill,
                        });
                    }
                }
                Entry::Tombstone(series) => {
                    for series_id in series {
                        arrivals.points.remove(&series_id);
                        arrivals.deleted.insert(series_id);
                    }
                }
            }
        }
    }
}
