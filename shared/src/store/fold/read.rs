//! What a fold reads of the log.

use super::super::bucket;
use super::super::codec::batch;
use super::super::layout::LayoutState;
use super::changes::{Change, Changes};
use crate::Error;
use crate::auth::Tenant;
use crate::series::SeriesId;
use db::{Batch, Step, args};
use std::collections::BTreeSet;

/// Bytes of the log that one fold takes.
const LOG_BYTES: i64 = 4 * 1024 * 1024;
/// Series that get their first summary in one fold.
const SUMMARIES: i64 = 1_000;

/// What waits in the log, and from where to where.
#[derive(Debug)]
pub(super) struct Waiting {
    /// the layout that the fold starts from, and becomes with buckets of so many bits
    pub(super) before: LayoutState,
    pub(super) last: i64,
    pub(super) batches: usize,
    pub(super) more: bool,
    /// what it does, by series, ascending
    pub(super) changes: Vec<(SeriesId, Change)>,
}

/// Reads the next part of the log, in one request; `None` if nothing waits.
pub(super) async fn log(tenant: &Tenant) -> Result<Option<Waiting>, Error> {
    let mut batch = Batch::read();
    batch.push(Step::tenant(
        "SELECT compacted_seq, layout_version, bucket_bits, series_count FROM org_state WHERE org_id = (SELECT org_id FROM authority)",
        vec![],
    ));
    batch.push(Step::tenant(WAITING, args![LOG_BYTES]));
    let reply = tenant.run(batch).await?;
    let state = reply.step(0)?.one()?;
    let mut waiting = Waiting {
        before: LayoutState {
            compacted: state.integer(0)?,
            version: state.integer(1)?,
            bits: bucket::bits_now(state.integer(2)?, state.integer(3)?),
        },
        last: 0,
        batches: 0,
        more: false,
        changes: Vec::new(),
    };
    let mut changes = Changes::default();
    for row in &reply.step(1)?.rows {
        waiting.last = row.integer(0)?;
        waiting.batches += 1;
        waiting.more = row.integer(2)? > waiting.last;
        changes.apply(batch::decode(row.blob(1)?)?);
    }
    waiting.changes = changes.by_series();
    Ok((waiting.batches > 0).then_some(waiting))
}

/// Which of the series have no summary in their row yet, at most [`SUMMARIES`] of them; the daily tidy sees to the others.
pub(super) async fn unknown(tenant: &Tenant, changes: &[(SeriesId, Change)]) -> Result<BTreeSet<SeriesId>, Error> {
    let ids: Vec<i64> = changes.iter().map(|(id, _)| id.raw()).collect();
    let ids = serde_json::to_string(&ids).unwrap_or_default();
    let step = Step::tenant(
        "SELECT t.series_id FROM json_each(?2) AS w
         CROSS JOIN time_series AS t ON t.org_id = (SELECT org_id FROM authority) AND t.series_id = w.value
         WHERE t.maintained_at IS NULL LIMIT ?3",
        args![ids, SUMMARIES],
    );
    let reply = tenant.run(Batch::read_one(step)).await?;
    let mut found = BTreeSet::new();
    for row in &reply.step(0)?.rows {
        found.extend(SeriesId::from_raw(row.integer(0)?));
    }
    Ok(found)
}

const WAITING: &str = "SELECT b.seq, b.blob, p.last
     FROM (SELECT seq, length(blob) AS size, sum(length(blob)) OVER (ORDER BY seq) AS total, max(seq) OVER () AS last
           FROM metric_batches
           WHERE org_id = (SELECT org_id FROM authority)
             AND seq > (SELECT compacted_seq FROM org_state WHERE org_id = (SELECT org_id FROM authority))) AS p
     CROSS JOIN metric_batches AS b ON b.org_id = (SELECT org_id FROM authority) AND b.seq = p.seq
     WHERE p.total <= ?2 OR p.total = p.size
     ORDER BY b.seq";
