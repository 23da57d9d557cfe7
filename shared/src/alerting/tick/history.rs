//! What the store knows of series that a new rule, or the detector, meets.

use crate::Error;
use crate::alerting::state::Observed;
use crate::auth::Tenant;
use crate::clock::Millis;
use crate::series::{Point, SeriesId};
use crate::store;
use crate::store::codec::batch::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The last value of each of these series as of the batch `seq`, where it is still fresh at `minute`. What came later has
/// its own minutes: it must not show here, or a late tick would find something else than one in time.
pub(super) async fn observed(
    tenant: &Tenant,
    series: &[SeriesId],
    seq: i64,
    minute: Millis,
) -> Result<BTreeMap<SeriesId, Observed>, Error> {
    let mut found = BTreeMap::new();
    let mut later = Later::new(series, seq);
    let mut asked = series.to_vec();
    later.read(tenant).await?;
    while !asked.is_empty() {
        let latest = store::latest_but(tenant, &asked, &later.times).await?;
        for series_id in asked {
            let observed = latest
                .get(&series_id)
                .and_then(|latest| Observed::of_history(minute, latest.point, latest.previous));
            match observed {
                Some(observed) => found.insert(series_id, observed),
                None => found.remove(&series_id),
            };
        }
        // again for those that something came for meanwhile: fewer each time
        asked = later.read(tenant).await?;
    }
    Ok(found)
}

/// The newest points of these series, ascending and at most `most` of each, from `from` on, as of the batch `seq`.
pub(super) async fn points(
    tenant: &Tenant,
    series: &[SeriesId],
    from: Millis,
    most: usize,
    seq: i64,
) -> Result<HashMap<SeriesId, Vec<Point>>, Error> {
    let mut found = store::recent(tenant, series, most).await?;
    // what was read may hold what came later; that is still in the log, which no trim takes before the lane has seen it
    let mut later = Later::new(series, seq);
    later.read(tenant).await?;
    for (series_id, points) in &mut found {
        let times = later.times.get(series_id);
        points.retain(|point| point.timestamp >= from && times.is_none_or(|times| !times.contains(&point.timestamp)));
    }
    Ok(found)
}

/// The timestamps of points that came after a batch.
struct Later {
    seq: i64,
    of: BTreeSet<SeriesId>,
    times: HashMap<SeriesId, BTreeSet<Millis>>,
}

impl Later {
    fn new(series: &[SeriesId], seq: i64) -> Self {
        Self {
            seq,
            of: series.iter().copied().collect(),
            times: HashMap::new(),
        }
    }

    /// Reads on, and returns for which series something was found.
    async fn read(&mut self, tenant: &Tenant) -> Result<Vec<SeriesId>, Error> {
        let mut touched = BTreeSet::new();
        loop {
            let slice = store::log_since(tenant, self.seq, Millis::MAX).await?;
            self.seq = slice.batches.last().map_or(self.seq, |batch| batch.seq);
            for batch in slice.batches {
                let Entry::Points(samples) = batch.entry else { continue };
                for sample in samples.iter().filter(|sample| self.of.contains(&sample.series_id)) {
                    self.times.entry(sample.series_id).or_default().insert(sample.timestamp);
                    touched.insert(sample.series_id);
                }
            }
            if !slice.more {
                return Ok(touched.into_iter().collect());
            }
        }
    }
}
