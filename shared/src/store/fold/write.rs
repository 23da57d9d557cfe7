//! The one guarded batch in which a fold writes.

use super::super::codec::chunk;
use super::plan::Writes;
use crate::auth::Tenant;
use crate::lease::Lease;
use db::{Batch, Step, args, raise, wall_ms};

/// The step that raises if the lease was lost.
pub(super) const FENCE: usize = 0;
/// The step that raises if another fold came first.
pub(super) const UNCHANGED: usize = 1;

/// A batch that makes the log folded from `compacted` to `last`, or nothing at all.
pub(super) fn batch(tenant: &Tenant, lease: &Lease, compacted: i64, last: i64, bits: u32, writes: &Writes) -> Batch {
    // compared and set: sent twice, the second is refused
    let mut batch = Batch::write().repeatable();
    batch.push(lease.fence());
    batch.push(Step::tenant(NOT_FOLDED_SINCE, args![compacted]));
    if !writes.removed.is_empty() {
        let removed: Vec<i64> = writes.removed.iter().map(|id| id.raw()).collect();
        let removed = serde_json::to_string(&removed).unwrap_or_default();
        batch.push(Step::tenant(REMOVE_CHUNKS, args![&removed]));
        batch.push(Step::tenant(UNCOUNT_SERIES, args![&removed, last]));
        batch.push(Step::tenant(REMOVE_SERIES, args![&removed, last]));
    }
    if !writes.dropped_chunks.is_empty() {
        let keys: Vec<_> = writes
            .dropped_chunks
            .iter()
            .map(|(id, start)| (id.raw(), *start))
            .collect();
        let keys = serde_json::to_string(&keys).unwrap_or_default();
        batch.push(Step::tenant(DROP_CHUNKS, args![keys]));
    }
    if !writes.dropped_segments.is_empty() {
        let keys = serde_json::to_string(&writes.dropped_segments).unwrap_or_default();
        batch.push(Step::tenant(DROP_SEGMENTS, args![keys]));
    }
    for (id, points) in &writes.chunks {
        if let [first, ..] = points[..] {
            let end = points.last().unwrap_or(&first).timestamp;
            let count = points.len() as i64;
            batch.push(Step::tenant(
                PUT_CHUNK,
                args![*id, first.timestamp, end, count, chunk::encode(points)],
            ));
        }
    }
    for (bucket, start, end, blob) in &writes.segments {
        batch.push(Step::tenant(PUT_SEGMENT, args![*bucket, *start, *end, &blob[..]]));
    }
    if !writes.summaries.is_empty() {
        let rows: Vec<_> = writes
            .summaries
            .iter()
            .map(|s| (s.series.raw(), s.points, s.first, s.resolution))
            .collect();
        let rows = serde_json::to_string(&rows).unwrap_or_default();
        batch.push(Step::tenant(SUMMARISE, args![rows, tenant.clock().wall_offset()]));
    }
    batch.push(Step::tenant(
        "UPDATE org_state SET compacted_seq = ?2, bucket_bits = max(bucket_bits, ?3)
         WHERE org_id = (SELECT org_id FROM authority)",
        args![last, bits],
    ));
    batch
}

const NOT_FOLDED_SINCE: &str = concat!(
    "SELECT CASE WHEN (SELECT compacted_seq FROM org_state WHERE org_id = (SELECT org_id FROM authority)) = ?2
     THEN 1 ELSE ",
    raise!(),
    " END"
);

const REMOVE_CHUNKS: &str = "DELETE FROM metrics
     WHERE org_id = (SELECT org_id FROM authority) AND series_id IN (SELECT value FROM json_each(?2))";

// a series that came back since has no deleted_seq any more, and stays
const UNCOUNT_SERIES: &str = "UPDATE org_state SET series_count = series_count - (
        SELECT count(*) FROM time_series AS t
        WHERE t.org_id = org_state.org_id AND t.series_id IN (SELECT value FROM json_each(?2)) AND t.deleted_seq <= ?3)
     WHERE org_id = (SELECT org_id FROM authority)";

const REMOVE_SERIES: &str = "DELETE FROM time_series
     WHERE org_id = (SELECT org_id FROM authority) AND series_id IN (SELECT value FROM json_each(?2)) AND deleted_seq <= ?3";

const DROP_CHUNKS: &str = "DELETE FROM metrics WHERE org_id = (SELECT org_id FROM authority)
       AND (series_id, start_ts) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?2))";

const DROP_SEGMENTS: &str = "DELETE FROM metric_segments WHERE org_id = (SELECT org_id FROM authority)
       AND (bucket, start_ts) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?2))";

const PUT_CHUNK: &str = "INSERT INTO metrics (org_id, series_id, start_ts, end_ts, points, blob)
     SELECT org_id, ?2, ?3, ?4, ?5, ?6 FROM authority WHERE true
     ON CONFLICT (org_id, series_id, start_ts)
     DO UPDATE SET end_ts = excluded.end_ts, points = excluded.points, blob = excluded.blob";

const PUT_SEGMENT: &str = "INSERT INTO metric_segments (org_id, bucket, start_ts, end_ts, blob)
     SELECT org_id, ?2, ?3, ?4, ?5 FROM authority WHERE true
     ON CONFLICT (org_id, bucket, start_ts) DO UPDATE SET end_ts = excluded.end_ts, blob = excluded.blob";

// an upsert and not UPDATE ... FROM, which SQLite plans from all series of the organization to the few
const SUMMARISE: &str = concat!(
    "INSERT INTO time_series
        (org_id, series_id, metric_key, dimensions, created_at, point_count, start_time, resolution, maintained_at)
     SELECT t.org_id, t.series_id, t.metric_key, t.dimensions, t.created_at,
        w.value ->> 1 + coalesce((SELECT sum(m.points) FROM metrics AS m
            WHERE m.org_id = t.org_id AND m.series_id = t.series_id), 0),
        coalesce((SELECT min(m.start_ts) FROM metrics AS m
            WHERE m.org_id = t.org_id AND m.series_id = t.series_id), w.value ->> 2),
        coalesce(w.value ->> 3, t.resolution), ",
    wall_ms!("?3"),
    " FROM json_each(?2) AS w
     CROSS JOIN time_series AS t ON t.org_id = (SELECT org_id FROM authority) AND t.series_id = w.value ->> 0
     WHERE true
     ON CONFLICT (org_id, series_id) DO UPDATE SET point_count = excluded.point_count, start_time = excluded.start_time,
        resolution = excluded.resolution, maintained_at = excluded.maintained_at"
);
