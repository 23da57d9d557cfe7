//! Appends an accepted request to the log: one row, and the rows of the series that are new.
//!
//! Everything is one batch: the guards (rule 4 of the store), the series, the log row. A process
//! that has seen a series committed need not send it again in the same `series_epoch`.

use super::Sample;
use super::codec;
use crate::Error;
use crate::auth::Tenant;
use crate::listed::listed;
use crate::series::SeriesRef;
use db::{Batch, DbError, Reply, Step, args, raise, wall_ms};

/// What is appended.
#[derive(Debug, Clone, Copy)]
pub struct Append<'a> {
    /// the points, in the order of the request: the last of the same series and time wins
    pub samples: &'a [Sample],
    /// their series that the process has not seen committed
    pub series: &'a [&'a SeriesRef],
    /// the `series_epoch` in which it has seen the others
    pub epoch: Option<i64>,
    /// how many series the organization may have
    pub max_series: Option<u64>,
    /// history: stored and shown, never alerted on
    pub backfill: bool,
    /// where it came from
    pub provenance: Option<&'a str>,
}

/// Where the steps of an append stand in its batch.
#[derive(Debug, Clone)]
pub struct Placed {
    epoch_guard: Option<usize>,
    series: SeriesGuards,
    epoch: usize,
}

/// Where the guards of new series stand in a batch, a pair for each list of them.
#[derive(Debug, Clone, Default)]
pub(super) struct SeriesGuards {
    collision: Vec<usize>,
    limit: Vec<usize>,
}

/// Why an append was refused by one of its guards; nothing was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// series were deleted since the process saw them: send all again
    StaleEpoch,
    /// two names have the same identity
    Collision,
    /// the organization would have too many series
    SeriesLimit,
}

impl Append<'_> {
    /// Adds the steps to a batch.
    ///
    /// # Errors
    /// 503 if a name cannot be written as JSON.
    pub fn place(&self, batch: &mut Batch, tenant: &Tenant) -> Result<Placed, Error> {
        let epoch_guard = self
            .epoch
            .map(|epoch| batch.push(Step::tenant(SAME_EPOCH, args![epoch])));
        let series = place_series(batch, tenant, self.series, self.max_series)?;
        let clock = tenant.clock();
        batch.push(Step::tenant(
            INSERT_BATCH,
            args![
                self.backfill,
                self.provenance,
                codec::batch::encode(self.samples),
                clock.product_override(),
                clock.wall_offset()
            ],
        ));
        let epoch = batch.push(Step::tenant(
            "SELECT series_epoch FROM org_state WHERE org_id = (SELECT org_id FROM authority)",
            vec![],
        ));
        Ok(Placed {
            epoch_guard,
            series,
            epoch,
        })
    }
}

/// Adds the steps that insert those of the series that are new, and revive those that were deleted.
pub(super) fn place_series(
    batch: &mut Batch,
    tenant: &Tenant,
    series: &[&SeriesRef],
    max_series: Option<u64>,
) -> Result<SeriesGuards, Error> {
    let mut guards = SeriesGuards::default();
    let limit = max_series.map(|limit| i64::try_from(limit).unwrap_or(i64::MAX));
    // the dimensions as the text that is stored
    let rows = series.iter().map(|series| {
        (
            series.series_id.raw(),
            series.metric_key.as_str(),
            series.dimensions.to_json(),
        )
    });
    for list in listed(rows)? {
        guards
            .collision
            .push(batch.push(Step::tenant(NO_COLLISION, args![&list])));
        if let Some(limit) = limit {
            // the lists before this one are counted by now
            guards
                .limit
                .push(batch.push(Step::tenant(WITHIN_LIMIT, args![&list, limit])));
        }
        batch.push(Step::tenant(COUNT_NEW, args![&list]));
        batch.push(Step::tenant(INSERT_NEW, args![&list, tenant.clock().wall_offset()]));
    }
    Ok(guards)
}

impl SeriesGuards {
    /// Which of these guards stopped the batch, if one did.
    pub(super) fn refusal(&self, error: &DbError) -> Option<Refusal> {
        match error {
            DbError::Raised { step, .. } if self.collision.contains(step) => Some(Refusal::Collision),
            DbError::Raised { step, .. } if self.limit.contains(step) => Some(Refusal::SeriesLimit),
            _ => None,
        }
    }
}

impl Placed {
    /// Which guard stopped the batch, if one of these did.
    #[must_use]
    pub fn refusal(&self, error: &DbError) -> Option<Refusal> {
        match error {
            DbError::Raised { step, .. } if Some(*step) == self.epoch_guard => Some(Refusal::StaleEpoch),
            _ => self.series.refusal(error),
        }
    }

    /// The epoch in which the series of a committed batch are known.
    ///
    /// # Errors
    /// [`DbError::Other`] if the reply is not of this batch.
    pub fn epoch(&self, reply: &Reply) -> Result<i64, DbError> {
        reply.step(self.epoch)?.one()?.integer(0)
    }
}

const SAME_EPOCH: &str = concat!(
    "SELECT CASE WHEN EXISTS (SELECT 1 FROM org_state
        WHERE org_id = (SELECT org_id FROM authority) AND series_epoch = ?2) THEN 1 ELSE ",
    raise!(),
    " END"
);

// CROSS JOIN, which SQLite never turns round: from the few that were sent to the many that are there
const NO_COLLISION: &str = concat!(
    "SELECT CASE WHEN EXISTS (
        SELECT 1 FROM authority AS a, json_each(?2) AS sent
        CROSS JOIN time_series AS t ON t.org_id = a.org_id AND t.series_id = sent.value ->> 0
        WHERE t.metric_key <> sent.value ->> 1 OR t.dimensions <> sent.value ->> 2
     ) THEN ",
    raise!(),
    " ELSE 1 END"
);

/// How many of the sent series are new to the organization of `s`.
macro_rules! new_series {
    () => {
        "(SELECT count(*) FROM json_each(?2) AS sent WHERE NOT EXISTS (
            SELECT 1 FROM time_series AS t WHERE t.org_id = s.org_id AND t.series_id = sent.value ->> 0))"
    };
}

const WITHIN_LIMIT: &str = concat!(
    "SELECT CASE WHEN EXISTS (
        SELECT 1 FROM (SELECT s.series_count, ",
    new_series!(),
    " AS added FROM org_state AS s WHERE s.org_id = (SELECT org_id FROM authority))
        WHERE added > 0 AND series_count + added > ?3
     ) THEN ",
    raise!(),
    " ELSE 1 END"
);

const COUNT_NEW: &str = concat!(
    "UPDATE org_state AS s SET series_count = series_count + ",
    new_series!(),
    " WHERE s.org_id = (SELECT org_id FROM authority) AND ",
    new_series!(),
    " > 0"
);

const INSERT_NEW: &str = concat!(
    "INSERT INTO time_series (org_id, series_id, metric_key, dimensions, created_at)
     SELECT a.org_id, sent.value ->> 0, sent.value ->> 1, sent.value ->> 2, ",
    wall_ms!("?3"),
    " FROM authority AS a, json_each(?2) AS sent WHERE true
     ON CONFLICT (org_id, series_id) DO UPDATE SET deleted_seq = NULL WHERE deleted_seq IS NOT NULL"
);

/// An organization without its state breaks NOT NULL here, so that nothing is acknowledged that is not stored.
pub(super) const INSERT_BATCH: &str = concat!(
    "INSERT INTO metric_batches (org_id, seq, received_at, backfill, provenance, blob)
     SELECT a.org_id,
            1 + max(s.compacted_seq, coalesce((SELECT max(seq) FROM metric_batches WHERE org_id = a.org_id), 0)),
            max(coalesce(?5, ",
    wall_ms!("?6"),
    "), s.last_received_at,
                coalesce((SELECT received_at FROM metric_batches WHERE org_id = a.org_id ORDER BY seq DESC LIMIT 1), 0)),
            ?2, ?3, ?4
     FROM authority AS a LEFT JOIN org_state AS s ON s.org_id = a.org_id"
);

/// How many series the organization may still get, and which of the given ones it has.
///
/// # Errors
/// Those of the batch.
pub async fn room_for_series(
    tenant: &Tenant,
    series: &[&SeriesRef],
    max_series: u64,
) -> Result<(u64, Vec<i64>), DbError> {
    let ids: Vec<i64> = series.iter().map(|series| series.series_id.raw()).collect();
    let mut batch = Batch::read();
    let count = batch.push(Step::tenant(
        "SELECT series_count FROM org_state WHERE org_id = (SELECT org_id FROM authority)",
        vec![],
    ));
    let known = batch.push(Step::tenant(
        "SELECT t.series_id FROM authority AS a, json_each(?2) AS sent
         CROSS JOIN time_series AS t ON t.org_id = a.org_id AND t.series_id = sent.value",
        args![serde_json::to_string(&ids).unwrap_or_default()],
    ));
    let reply = tenant.run(batch).await?;
    let count = u64::try_from(reply.step(count)?.one()?.integer(0)?).unwrap_or(0);
    let known = reply
        .step(known)?
        .rows
        .iter()
        .map(|row| row.integer(0))
        .collect::<Result<_, _>>()?;
    Ok((max_series.saturating_sub(count), known))
}
