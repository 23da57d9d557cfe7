//! What a fold reads. Several requests are fine: only folds change what is folded, and the write
//! is refused if another one came in between.

use super::super::bucket;
use super::super::codec::{batch, chunk};
use super::changes::{Changes, apply};
use super::plan::{Folded, Late};
use crate::Error;
use crate::auth::Tenant;
use crate::clock::{DAY, Millis};
use crate::series::{Point, SeriesId};
use db::{Batch, Step, args, wall_ms};

/// Bytes of the log that one fold takes.
const LOG_BYTES: i64 = 2 * 1024 * 1024;
/// Series that are looked up in one request,
const SERIES: usize = 1_000;
/// and segments and chunks that one reply holds.
const SEGMENT_ROWS: i64 = 200;
const CHUNK_ROWS: i64 = 20_000;
const CHUNK_KEYS: usize = 800;

/// What waits in the log, and from where to where.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) compacted: i64,
    pub(super) last: i64,
    pub(super) batches: usize,
    pub(super) more: bool,
    pub(super) bits: u32,
    pub(super) changes: Changes,
}

/// Reads the next part of the log, in one request; `None` if nothing waits.
pub(super) async fn log(tenant: &Tenant) -> Result<Option<Waiting>, Error> {
    let mut batch = Batch::read();
    batch.push(Step::tenant(
        "SELECT compacted_seq, bucket_bits, series_count FROM org_state WHERE org_id = (SELECT org_id FROM authority)",
        vec![],
    ));
    batch.push(Step::tenant(WAITING, args![LOG_BYTES]));
    let reply = tenant.run(batch).await?;
    let state = reply.step(0)?.one()?;
    let bits = u32::try_from(state.integer(1)?).unwrap_or(0).min(bucket::MAX_BITS);
    let mut waiting = Waiting {
        compacted: state.integer(0)?,
        last: 0,
        batches: 0,
        more: false,
        bits: bits.max(bucket::bits_for(state.integer(2)?)),
        changes: Changes::new(),
    };
    for row in &reply.step(1)?.rows {
        waiting.last = row.integer(0)?;
        waiting.batches += 1;
        waiting.more = row.integer(2)? > waiting.last;
        apply(&mut waiting.changes, batch::decode(row.blob(1)?)?);
    }
    Ok((waiting.batches > 0).then_some(waiting))
}

/// Reads what is folded of the series that change.
pub(super) async fn folded(tenant: &Tenant, changes: &Changes) -> Result<Folded, Error> {
    let mut folded = Folded::default();
    let touched: Vec<_> = changes.iter().collect();
    for group in touched.chunks(SERIES) {
        let ids: Vec<(i64, Option<Millis>)> = group
            .iter()
            .map(|(id, change)| {
                // what was deleted has no chunks to look at
                let first = change.points.keys().next().copied();
                (id.raw(), first.filter(|_| !change.deleted))
            })
            .collect();
        let ids = serde_json::to_string(&ids).unwrap_or_default();
        let buckets = bucket::candidates(group.iter().map(|(id, _)| **id));
        let mut segments = Some((0, Millis::MIN));
        // one point that is older than all makes every chunk of its series one to look at
        let mut chunks = Some((-1, Millis::MIN));
        let mut due = true;
        while segments.is_some() || chunks.is_some() {
            let mut batch = Batch::read();
            let segments_at = segments.map(|(bucket, start)| {
                batch.push(Step::tenant(SEGMENTS, args![&buckets, bucket, start, SEGMENT_ROWS]))
            });
            let chunks_at =
                chunks.map(|(series, start)| batch.push(Step::tenant(CHUNKS, args![&ids, series, start, CHUNK_ROWS])));
            let offset = tenant.clock().wall_offset();
            let due_at = std::mem::take(&mut due).then(|| batch.push(Step::tenant(DUE, args![&ids, offset, DAY])));
            let reply = tenant.run(batch).await?;
            (segments, chunks) = (None, None);
            if let Some(step) = segments_at {
                let rows = &reply.step(step)?.rows;
                for row in rows {
                    let (bucket, start) = (row.integer(0)?, row.integer(1)?);
                    let runs = folded.segments.entry(bucket).or_default();
                    // a bucket may serve two groups
                    if runs.last().is_none_or(|(last, _, _)| *last < start) {
                        runs.push((start, row.integer(2)?, row.blob(3)?.to_vec()));
                    }
                    segments = (rows.len() as i64 == SEGMENT_ROWS).then_some((bucket, start));
                }
            }
            if let Some(step) = chunks_at {
                let rows = &reply.step(step)?.rows;
                for row in rows {
                    let (series, start) = (row.integer(0)?, row.integer(1)?);
                    if let Some(id) = SeriesId::from_raw(series) {
                        folded.chunks.entry(id).or_default().push((start, row.integer(2)?));
                    }
                    chunks = (rows.len() as i64 == CHUNK_ROWS).then_some((series, start));
                }
            }
            if let Some(step) = due_at {
                for row in &reply.step(step)?.rows {
                    folded.due.extend(SeriesId::from_raw(row.integer(0)?));
                }
            }
        }
    }
    Ok(folded)
}

/// Reads the chunks into which late points fall.
pub(super) async fn late_chunks(tenant: &Tenant, late: &Late) -> Result<Vec<((SeriesId, Millis), Vec<Point>)>, Error> {
    let keys: Vec<(i64, Millis)> = late.keys().map(|(id, start)| (id.raw(), *start)).collect();
    let mut found = Vec::with_capacity(keys.len());
    for group in keys.chunks(CHUNK_KEYS) {
        let step = Step::tenant(
            "SELECT m.series_id, m.start_ts, m.blob FROM json_each(?2) AS w
             CROSS JOIN metrics AS m ON m.org_id = (SELECT org_id FROM authority)
                AND m.series_id = w.value ->> 0 AND m.start_ts = w.value ->> 1",
            args![serde_json::to_string(group).unwrap_or_default()],
        );
        let reply = tenant.run(Batch::read_one(step)).await?;
        for row in &reply.step(0)?.rows {
            let Some(id) = SeriesId::from_raw(row.integer(0)?) else {
                continue;
            };
            found.push(((id, row.integer(1)?), chunk::decode(row.blob(2)?)?));
        }
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

// where the page goes on is not written as `(bucket, start_ts) > (?3, ?4)`: some versions of SQLite would
// walk that range, all of the organization's rows, for each bucket
const SEGMENTS: &str = "SELECT g.bucket, g.start_ts, g.end_ts, g.blob FROM json_each(?2) AS w
     CROSS JOIN metric_segments AS g ON g.org_id = (SELECT org_id FROM authority) AND g.bucket = w.value
       AND g.start_ts > iif(w.value = ?3, ?4, -9223372036854775808)
     WHERE w.value >= ?3
       AND w.value < (SELECT 2 << bucket_bits FROM org_state WHERE org_id = (SELECT org_id FROM authority))
     ORDER BY g.bucket, g.start_ts LIMIT ?5";

const CHUNKS: &str = "SELECT m.series_id, m.start_ts, m.end_ts FROM json_each(?2) AS w
     CROSS JOIN metrics AS m ON m.org_id = (SELECT org_id FROM authority) AND m.series_id = w.value ->> 0
       AND m.start_ts > iif(w.value ->> 0 = ?3, ?4, -9223372036854775808)
     WHERE w.value ->> 1 IS NOT NULL AND w.value ->> 0 >= ?3
       AND m.start_ts >= coalesce((SELECT max(o.start_ts) FROM metrics AS o
           WHERE o.org_id = (SELECT org_id FROM authority) AND o.series_id = w.value ->> 0 AND o.start_ts <= w.value ->> 1),
           w.value ->> 1)
     ORDER BY m.series_id, m.start_ts LIMIT ?5";

const DUE: &str = concat!(
    "SELECT t.series_id FROM json_each(?2) AS w
     CROSS JOIN time_series AS t ON t.org_id = (SELECT org_id FROM authority) AND t.series_id = w.value ->> 0
     WHERE t.maintained_at IS NULL OR t.maintained_at <= ",
    wall_ms!("?3"),
    " - ?4"
);
