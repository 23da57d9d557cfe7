//! What the store knows of series that a new rule meets.

use crate::Error;
use crate::alerting::state::Observed;
use crate::auth::Tenant;
use crate::clock::{DAY, Millis};
use crate::series::{Point, SeriesId};
use crate::store::codec::batch::Entry;
use crate::store::{self, Latest};
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
    if series.is_empty() {
        return Ok(found);
    }
    let latest = store::latest(tenant, series).await?;
    let later = timestamps_after(tenant, seq, &latest).await?;
    for (series_id, latest) in latest {
        let known = match later.get(&series_id) {
            None => Some((latest.point, latest.previous)),
            Some(later) => before(tenant, series_id, latest.point.timestamp, later).await?,
        };
        let observed = known.and_then(|(point, previous)| Observed::of_history(minute, point, previous));
        found.extend(observed.map(|observed| (series_id, observed)));
    }
    Ok(found)
}

async fn timestamps_after(
    tenant: &Tenant,
    mut seq: i64,
    of: &HashMap<SeriesId, Latest>,
) -> Result<HashMap<SeriesId, BTreeSet<Millis>>, Error> {
    let mut later: HashMap<SeriesId, BTreeSet<Millis>> = HashMap::new();
    loop {
        let slice = store::log_since(tenant, seq, Millis::MAX).await?;
        seq = slice.batches.last().map_or(seq, |batch| batch.seq);
        for batch in slice.batches {
            let Entry::Points(samples) = batch.entry else { continue };
            for sample in samples.iter().filter(|sample| of.contains_key(&sample.series_id)) {
                later.entry(sample.series_id).or_default().insert(sample.timestamp);
            }
        }
        if !slice.more {
            return Ok(later);
        }
    }
}

/// The newest point that did not come later, and the timestamp before it.
async fn before(
    tenant: &Tenant,
    series_id: SeriesId,
    newest: Millis,
    later: &BTreeSet<Millis>,
) -> Result<Option<(Point, Option<Millis>)>, Error> {
    for from in [Some(newest.saturating_sub(2 * DAY)), None] {
        let points = store::points(tenant, series_id, from, None).await?;
        let mut known = points.iter().rev().filter(|point| !later.contains(&point.timestamp));
        if let (Some(point), Some(previous)) = (known.next(), known.next()) {
            return Ok(Some((*point, Some(previous.timestamp))));
        }
        if from.is_none() {
            let only = points.iter().rev().find(|point| !later.contains(&point.timestamp));
            return Ok(only.map(|point| (*point, None)));
        }
    }
    Ok(None)
}
