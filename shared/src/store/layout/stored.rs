//! Reading what is folded of some series. Several requests are fine: whoever plans with it writes
//! only if the layout is still the one that was read.

use super::super::bucket;
use super::super::codec::chunk;
use crate::Error;
use crate::auth::Tenant;
use crate::clock::Millis;
use crate::series::{Point, SeriesId};
use db::{Batch, Step, args};
use std::collections::{BTreeMap, HashMap};

/// Series that are looked up in one request,
const SERIES: usize = 1_000;
/// and rows that one reply holds, below 8 MB in base64.
const SEGMENT_ROWS: i64 = 200;
const CHUNK_ROWS: i64 = 20_000;
const CHUNK_KEYS: usize = 500;

/// A chunk without its points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Header {
    pub(in super::super) start: Millis,
    pub(in super::super) end: Millis,
    pub(in super::super) points: usize,
    /// of its blob
    pub(in super::super) bytes: usize,
}

/// What is folded of some series.
#[derive(Debug, Default)]
pub(in super::super) struct Stored {
    /// segments of the buckets that may hold them: start, end and blob, ascending
    pub(in super::super) segments: BTreeMap<i64, Vec<(Millis, Millis, Vec<u8>)>>,
    /// their chunks from the first that was asked for on, ascending
    pub(in super::super) chunks: HashMap<SeriesId, Vec<Header>>,
}

/// Reads what is folded of these series: all of their segments, and the chunks from the one on that holds
/// the given time or comes before it (all of them if none does); no chunks where no time is given. `bits` are those of the
/// newest buckets.
pub(in super::super) async fn stored(
    tenant: &Tenant,
    bits: u32,
    wanted: &[(SeriesId, Option<Millis>)],
) -> Result<Stored, Error> {
    let mut stored = Stored::default();
    for group in wanted.chunks(SERIES) {
        let ids: Vec<(i64, Option<Millis>)> = group.iter().map(|(id, from)| (id.raw(), *from)).collect();
        let ids = serde_json::to_string(&ids).unwrap_or_default();
        let buckets = bucket::candidates(group.iter().map(|(id, _)| *id), bits);
        let mut segments = Some((0, Millis::MIN));
        let mut chunks = Some((-1, Millis::MIN));
        while segments.is_some() || chunks.is_some() {
            let mut batch = Batch::read();
            let segments_at = segments.map(|(bucket, start)| {
                batch.push(Step::tenant(SEGMENTS, args![&buckets, bucket, start, SEGMENT_ROWS]))
            });
            let chunks_at =
                chunks.map(|(series, start)| batch.push(Step::tenant(CHUNKS, args![&ids, series, start, CHUNK_ROWS])));
            let reply = tenant.run(batch).await?;
            segments = match segments_at {
                Some(step) => stored.take_segments(&reply.step(step)?.rows)?,
                None => None,
            };
            chunks = match chunks_at {
                Some(step) => stored.take_chunks(&reply.step(step)?.rows)?,
                None => None,
            };
        }
    }
    Ok(stored)
}

impl Stored {
    /// Where the next page begins.
    fn take_segments(&mut self, rows: &[db::Row]) -> Result<Option<(i64, Millis)>, Error> {
        let mut next = None;
        for row in rows {
            let (bucket, start) = (row.integer(0)?, row.integer(1)?);
            let runs = self.segments.entry(bucket).or_default();
            // a bucket may serve two groups
            if runs.last().is_none_or(|(last, _, _)| *last < start) {
                runs.push((start, row.integer(2)?, row.blob(3)?.to_vec()));
            }
            next = (rows.len() as i64 == SEGMENT_ROWS).then_some((bucket, start));
        }
        Ok(next)
    }

    fn take_chunks(&mut self, rows: &[db::Row]) -> Result<Option<(i64, Millis)>, Error> {
        let mut next = None;
        for row in rows {
            let (series, start) = (row.integer(0)?, row.integer(1)?);
            if let Some(id) = SeriesId::from_raw(series) {
                self.chunks.entry(id).or_default().push(Header {
                    start,
                    end: row.integer(2)?,
                    points: usize::try_from(row.integer(3)?).unwrap_or(0),
                    bytes: usize::try_from(row.integer(4)?).unwrap_or(0),
                });
            }
            next = (rows.len() as i64 == CHUNK_ROWS).then_some((series, start));
        }
        Ok(next)
    }
}

/// Reads the points of chunks, by series and start.
pub(in super::super) async fn chunk_points(
    tenant: &Tenant,
    keys: &[(SeriesId, Millis)],
) -> Result<HashMap<(SeriesId, Millis), Vec<Point>>, Error> {
    let mut found = HashMap::with_capacity(keys.len());
    for group in keys.chunks(CHUNK_KEYS) {
        let group: Vec<(i64, Millis)> = group.iter().map(|(id, start)| (id.raw(), *start)).collect();
        let step = Step::tenant(
            "SELECT m.series_id, m.start_ts, m.blob FROM json_each(?2) AS w
             CROSS JOIN metrics AS m ON m.org_id = (SELECT org_id FROM authority)
                AND m.series_id = w.value ->> 0 AND m.start_ts = w.value ->> 1",
            args![serde_json::to_string(&group).unwrap_or_default()],
        );
        let reply = tenant.run(Batch::read_one(step)).await?;
        for row in &reply.step(0)?.rows {
            if let Some(id) = SeriesId::from_raw(row.integer(0)?) {
                found.insert((id, row.integer(1)?), chunk::decode(row.blob(2)?)?);
            }
        }
    }
    Ok(found)
}

// where the page goes on is not written as `(bucket, start_ts) > (?3, ?4)`: some versions of SQLite would
// walk that range, all of the organization's rows, for each bucket
const SEGMENTS: &str = "SELECT g.bucket, g.start_ts, g.end_ts, g.blob FROM json_each(?2) AS w
     CROSS JOIN metric_segments AS g ON g.org_id = (SELECT org_id FROM authority) AND g.bucket = w.value
       AND g.start_ts > iif(w.value = ?3, ?4, -9223372036854775808)
     WHERE w.value >= ?3
       AND w.value < (SELECT 2 << bucket_bits FROM org_state WHERE org_id = (SELECT org_id FROM authority))
     ORDER BY g.bucket, g.start_ts LIMIT ?5";

const CHUNKS: &str = "SELECT m.series_id, m.start_ts, m.end_ts, m.points, length(m.blob) FROM json_each(?2) AS w
     CROSS JOIN metrics AS m ON m.org_id = (SELECT org_id FROM authority) AND m.series_id = w.value ->> 0
       AND m.start_ts > iif(w.value ->> 0 = ?3, ?4, -9223372036854775808)
     WHERE w.value ->> 1 IS NOT NULL AND w.value ->> 0 >= ?3
       AND m.start_ts >= coalesce((SELECT max(o.start_ts) FROM metrics AS o
           WHERE o.org_id = (SELECT org_id FROM authority) AND o.series_id = w.value ->> 0 AND o.start_ts <= w.value ->> 1),
           w.value ->> 1)
     ORDER BY m.series_id, m.start_ts LIMIT ?5";
