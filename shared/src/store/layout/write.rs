//! The one guarded batch in which the layout changes.

use super::chunks::Packed;
use crate::auth::Tenant;
use crate::clock::Millis;
use crate::lease::Lease;
use crate::series::SeriesId;
use db::{Batch, Step, args, raise, wall_ms};

/// What maintenance knows of a series beyond its chunks.
#[derive(Debug, PartialEq)]
pub(in super::super) struct Summary {
    pub(in super::super) series: SeriesId,
    /// how many points it has in segments
    pub(in super::super) points: usize,
    /// the first of those
    pub(in super::super) first: Option<Millis>,
    /// median step of its newest points; as it was where that is not known
    pub(in super::super) resolution: Option<Millis>,
}

/// What is to be written. Rows are dropped before others are written.
#[derive(Debug, Default)]
pub(in super::super) struct Writes {
    /// series whose chunks go, and whose rows go if they were deleted up to the seq of the batch
    pub(in super::super) removed: Vec<SeriesId>,
    pub(in super::super) dropped_chunks: Vec<(SeriesId, Millis)>,
    pub(in super::super) chunks: Vec<(SeriesId, Packed)>,
    /// bucket and start
    pub(in super::super) dropped_segments: Vec<(i64, Millis)>,
    /// bucket, start, end, blob
    pub(in super::super) segments: Vec<(i64, Millis, Millis, Vec<u8>)>,
    pub(in super::super) summaries: Vec<Summary>,
}

/// The layout as it was read, or as it becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct LayoutState {
    /// folded up to and including this seq
    pub(in super::super) compacted: i64,
    /// `org_state.layout_version`
    pub(in super::super) version: i64,
    /// of the newest buckets
    pub(in super::super) bits: u32,
}

impl Writes {
    /// The step that raises if the lease was lost.
    pub(in super::super) const FENCE: usize = 0;
    /// The step that raises if the layout is not as it was read.
    pub(in super::super) const UNCHANGED: usize = 1;

    /// Puts the chunks `packed` where those with the starts `old` were.
    pub(in super::super) fn replace(
        &mut self,
        series: SeriesId,
        old: impl Iterator<Item = Millis>,
        packed: Vec<Packed>,
    ) {
        let gone = old.filter(|start| packed.iter().all(|chunk| chunk.start != *start));
        self.dropped_chunks.extend(gone.map(|start| (series, start)));
        self.chunks.extend(packed.into_iter().map(|chunk| (series, chunk)));
    }

    /// Whether chunks or segments change.
    fn changes_layout(&self) -> bool {
        let rows = self.removed.len() + self.dropped_chunks.len() + self.chunks.len();
        rows + self.dropped_segments.len() + self.segments.len() > 0
    }

    /// A batch that makes the layout these writes from `before`, folded up to `compacted` then, or
    /// does nothing at all. More steps may follow.
    pub(in super::super) fn batch(&self, tenant: &Tenant, lease: &Lease, before: LayoutState, compacted: i64) -> Batch {
        // compared and set: sent twice, the second is refused
        let mut batch = Batch::write().repeatable();
        batch.push(lease.fence());
        batch.push(Step::tenant(UNCHANGED_SINCE, args![before.compacted, before.version]));
        self.place_drops(&mut batch, compacted);
        for (id, chunk) in &self.chunks {
            batch.push(Step::tenant(
                PUT_CHUNK,
                args![*id, chunk.start, chunk.end, chunk.points as i64, &chunk.blob[..]],
            ));
        }
        for (bucket, start, end, blob) in &self.segments {
            batch.push(Step::tenant(PUT_SEGMENT, args![*bucket, *start, *end, &blob[..]]));
        }
        if !self.summaries.is_empty() {
            let rows: Vec<_> = self
                .summaries
                .iter()
                .map(|s| (s.series.raw(), s.points, s.first, s.resolution))
                .collect();
            let rows = serde_json::to_string(&rows).unwrap_or_default();
            batch.push(Step::tenant(SUMMARISE, args![rows, tenant.clock().wall_offset()]));
        }
        if compacted != before.compacted || self.changes_layout() {
            batch.push(Step::tenant(
                "UPDATE org_state SET compacted_seq = ?2, layout_version = ?3, bucket_bits = max(bucket_bits, ?4)
                 WHERE org_id = (SELECT org_id FROM authority)",
                args![compacted, before.version + 1, before.bits],
            ));
        }
        batch
    }

    fn place_drops(&self, batch: &mut Batch, compacted: i64) {
        if !self.removed.is_empty() {
            let removed: Vec<i64> = self.removed.iter().map(|id| id.raw()).collect();
            let removed = serde_json::to_string(&removed).unwrap_or_default();
            batch.push(Step::tenant(REMOVE_CHUNKS, args![&removed]));
            batch.push(Step::tenant(UNCOUNT_SERIES, args![&removed, compacted]));
            batch.push(Step::tenant(REMOVE_SERIES, args![&removed, compacted]));
        }
        if !self.dropped_chunks.is_empty() {
            let keys: Vec<_> = self
                .dropped_chunks
                .iter()
                .map(|(id, start)| (id.raw(), *start))
                .collect();
            let keys = serde_json::to_string(&keys).unwrap_or_default();
            batch.push(Step::tenant(DROP_CHUNKS, args![keys]));
        }
        if !self.dropped_segments.is_empty() {
            let keys = serde_json::to_string(&self.dropped_segments).unwrap_or_default();
            batch.push(Step::tenant(DROP_SEGMENTS, args![keys]));
        }
    }
}

const UNCHANGED_SINCE: &str = concat!(
    "SELECT CASE WHEN EXISTS (SELECT 1 FROM org_state
        WHERE org_id = (SELECT org_id FROM authority) AND compacted_seq = ?2 AND layout_version = ?3)
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
        coalesce(min(w.value ->> 2, (SELECT min(m.start_ts) FROM metrics AS m
            WHERE m.org_id = t.org_id AND m.series_id = t.series_id)),
            w.value ->> 2,
            (SELECT min(m.start_ts) FROM metrics AS m WHERE m.org_id = t.org_id AND m.series_id = t.series_id)),
        coalesce(w.value ->> 3, t.resolution), ",
    wall_ms!("?3"),
    " FROM json_each(?2) AS w
     CROSS JOIN time_series AS t ON t.org_id = (SELECT org_id FROM authority) AND t.series_id = w.value ->> 0
     WHERE true
     ON CONFLICT (org_id, series_id) DO UPDATE SET point_count = excluded.point_count, start_time = excluded.start_time,
        resolution = excluded.resolution, maintained_at = excluded.maintained_at"
);
