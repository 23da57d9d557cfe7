//! What the store knows of series that a new rule, or the detector, meets.

use crate::Error;
use crate::alerting::condition::{Need, Recent};
use crate::alerting::state::Observed;
use crate::auth::Tenant;
use crate::clock::Millis;
use crate::series::{Point, SeriesId};
use crate::store;
use crate::store::codec::batch::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What the store knows of series that a minute meets for the first time.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// the last values, where they are still fresh
    pub(super) observed: BTreeMap<SeriesId, Observed>,
    /// those that have any points
    pub(super) present: BTreeSet<SeriesId>,
    /// what rules need of the last points
    pub(super) recents: BTreeMap<SeriesId, Vec<(Need, Recent)>>,
}

/// What is known of these series as of the batch `seq`. What came later has its own minutes: it must not show here, or a
/// late tick would find something else than one in time.
pub(super) async fn known(tenant: &Tenant, series: &[SeriesId], seq: i64, minute: Millis) -> Result<Known, Error> {
    let mut known = Known::default();
    let mut later = Later::new(series, seq);
    let mut asked = series.to_vec();
    later.read(tenant).await?;
    while !asked.is_empty() {
        let latest = store::latest_but(tenant, &asked, &later.times).await?;
        for series_id in asked {
            known.observed.remove(&series_id);
            known.present.remove(&series_id);
            if let Some(latest) = latest.get(&series_id) {
                known.present.insert(series_id);
                let observed = Observed::of_history(minute, latest.point, latest.previous);
                known.observed.extend(observed.map(|observed| (series_id, observed)));
            }
        }
        // again for those that something came for meanwhile: fewer each time
        asked = later.read(tenant).await?;
    }
    Ok(known)
}

/// The newest points of these series, ascending and at most `most` of each, from `from` on, as of the batch `seq`.
pub(super) async fn points(
    tenant: &Tenant,
    series: &[SeriesId],
    from: Millis,
    most: usize,
    seq: i64,
) -> Result<HashMap<SeriesId, Vec<Point>>, Error> {
    let mut found = store::recent(tenant, series, Some(from), most).await?;
    // what was read may hold what came later; that is still in the log, which no trim takes before the lane has seen it
    let mut later = Later::new(series, seq);
    later.read(tenant).await?;
    for (series_id, points) in &mut found {
        let times = later.times.get(series_id);
        points.retain(|point| times.is_none_or(|times| !times.contains(&point.timestamp)));
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
