//! Where the points of a series lie, row by row, for people who look into the store.

use super::bucket;
use super::codec::describe::{Column, Description, describe};
use crate::Error;
use crate::auth::Tenant;
use crate::clock::Millis;
use crate::series::SeriesId;
use crate::time;
use db::{Batch, Row, Step, args};
use serde::{Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// Rows of each table in one reply.
const LOG_ROWS: i64 = 8;
const SEGMENT_ROWS: i64 = 100;
const CHUNK_ROWS: i64 = 100;

/// A row that holds points: `log/SEQ`, `segment/BUCKET/START` or `chunk/SERIES/START`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// a row of `metric_batches`
    Log(i64),
    /// a row of `metric_segments`, by bucket and start
    Segment(i64, Millis),
    /// a row of `metrics`, by series and start
    Chunk(SeriesId, Millis),
}

/// What a row holds of a series.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Found {
    /// which row
    pub row: Place,
    /// whether it is a row of the log that is folded already, and waits to be trimmed
    pub folded: bool,
    /// the series' first timestamp there; none in a deletion
    #[serde(serialize_with = "time::rfc3339_option")]
    pub start: Option<Millis>,
    /// and its last
    #[serde(serialize_with = "time::rfc3339_option")]
    pub end: Option<Millis>,
    /// how many points of it
    pub points: usize,
    /// of the whole blob
    pub bytes: usize,
    /// those that hold its points
    pub columns: Vec<Column>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Log(seq) => write!(f, "log/{seq}"),
            Self::Segment(bucket, start) => write!(f, "segment/{bucket}/{start}"),
            Self::Chunk(series, start) => write!(f, "chunk/{series}/{start}"),
        }
    }
}

impl FromStr for Place {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let parts: Vec<&str> = text.split('/').collect();
        let place = match parts[..] {
            ["log", seq] => seq.parse().ok().map(Self::Log),
            ["segment", bucket, start] => bucket
                .parse()
                .ok()
                .zip(start.parse().ok())
                .map(|(b, s)| Self::Segment(b, s)),
            ["chunk", series, start] => SeriesId::parse(series)
                .zip(start.parse().ok())
                .map(|(series, start)| Self::Chunk(series, start)),
            _ => None,
        };
        place.ok_or_else(|| {
            Error::schema(format!(
                "{text:?} names no row: log/SEQ, segment/BUCKET/START or chunk/SERIES/START, START in epoch milliseconds"
            ))
        })
    }
}

impl Serialize for Place {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The blob of a row.
///
/// # Errors
/// 404 if there is no such row; 401, 403 or 503.
pub async fn blob(tenant: &Tenant, place: Place) -> Result<Vec<u8>, Error> {
    let step = match place {
        Place::Log(seq) => Step::tenant(
            "SELECT blob FROM metric_batches WHERE org_id = (SELECT org_id FROM authority) AND seq = ?2",
            args![seq],
        ),
        Place::Segment(bucket, start) => Step::tenant(
            "SELECT blob FROM metric_segments
             WHERE org_id = (SELECT org_id FROM authority) AND bucket = ?2 AND start_ts = ?3",
            args![bucket, start],
        ),
        Place::Chunk(series, start) => Step::tenant(
            "SELECT blob FROM metrics
             WHERE org_id = (SELECT org_id FROM authority) AND series_id = ?2 AND start_ts = ?3",
            args![series, start],
        ),
    };
    let reply = tenant.run(Batch::read_one(step)).await?;
    let row = reply.step(0)?.first().ok_or(Error::NotFound("the row"))?;
    Ok(row.blob(0)?.to_vec())
}

/// Every row that holds points of a series, or its deletion: chunks, segments, then the log. Not one snapshot:
/// a fold meanwhile may show a point twice or not at all.
///
/// # Errors
/// 401, 403 or 503.
pub async fn locate(tenant: &Tenant, series: SeriesId) -> Result<Vec<Found>, Error> {
    let mut found = Vec::new();
    let mut after = Millis::MIN;
    loop {
        let step = Step::tenant(CHUNKS, args![series, after, CHUNK_ROWS]);
        let rows = tenant.run(Batch::read_one(step)).await?;
        let rows = &rows.step(0)?.rows;
        for row in rows {
            after = row.integer(0)?;
            found.extend(Found::of(Place::Chunk(series, after), series, row, 1)?);
        }
        if (rows.len() as i64) < CHUNK_ROWS {
            break;
        }
    }
    let buckets = bucket::candidates(std::iter::once(series), bucket::MAX_BITS);
    let mut after = (0, Millis::MIN);
    loop {
        let step = Step::tenant(SEGMENTS, args![&buckets, after.0, after.1, SEGMENT_ROWS]);
        let rows = tenant.run(Batch::read_one(step)).await?;
        let rows = &rows.step(0)?.rows;
        for row in rows {
            after = (row.integer(0)?, row.integer(1)?);
            found.extend(Found::of(Place::Segment(after.0, after.1), series, row, 2)?);
        }
        if (rows.len() as i64) < SEGMENT_ROWS {
            break;
        }
    }
    let mut after = 0;
    loop {
        let needle = series.raw().to_be_bytes().to_vec();
        let step = Step::tenant(LOG, args![after, needle, LOG_ROWS]);
        let rows = tenant.run(Batch::read_one(step)).await?;
        let rows = &rows.step(0)?.rows;
        for row in rows {
            after = row.integer(0)?;
            let mut of_row = Found::of(Place::Log(after), series, row, 2)?;
            if let Some(of_row) = &mut of_row {
                of_row.folded = row.integer(1)? != 0;
            }
            found.extend(of_row);
        }
        if (rows.len() as i64) < LOG_ROWS {
            return Ok(found);
        }
    }
}

impl Found {
    /// `None` if the blob in this column holds nothing of the series.
    fn of(place: Place, series: SeriesId, row: &Row, column: usize) -> Result<Option<Self>, Error> {
        let description = describe(row.blob(column)?)?;
        let Description { bytes, points, .. } = &description;
        let own: Vec<Millis> = points
            .iter()
            .filter(|(of, _)| of.is_none_or(|of| of == series))
            .map(|(_, point)| point.timestamp)
            .collect();
        if own.is_empty() && !description.series.contains(&series) {
            return Ok(None);
        }
        Ok(Some(Self {
            row: place,
            folded: false,
            start: own.first().copied(),
            end: own.last().copied(),
            points: own.len(),
            bytes: *bytes,
            columns: description.columns_of(series).into_iter().cloned().collect(),
        }))
    }
}

const CHUNKS: &str = "SELECT start_ts, blob FROM metrics
     WHERE org_id = (SELECT org_id FROM authority) AND series_id = ?2 AND start_ts > ?3 ORDER BY start_ts LIMIT ?4";

const SEGMENTS: &str = "SELECT g.bucket, g.start_ts, g.blob FROM json_each(?2) AS w
     CROSS JOIN metric_segments AS g ON g.org_id = (SELECT org_id FROM authority) AND g.bucket = w.value
       AND g.start_ts > iif(w.value = ?3, ?4, -9223372036854775808)
     WHERE w.value >= ?3 ORDER BY g.bucket, g.start_ts LIMIT ?5";

const LOG: &str =
    "SELECT seq, seq <= (SELECT compacted_seq FROM org_state WHERE org_id = (SELECT org_id FROM authority)), blob
     FROM metric_batches
     WHERE org_id = (SELECT org_id FROM authority) AND seq > ?2 AND instr(blob, ?3) > 0 ORDER BY seq LIMIT ?4";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_named_as_it_is_shown() {
        let id = SeriesId::from_raw(77).unwrap();
        for place in [
            Place::Log(12),
            Place::Segment(9, -5),
            Place::Chunk(id, 1_795_428_000_000),
        ] {
            assert_eq!(place.to_string().parse::<Place>().unwrap(), place);
        }
        for text in ["", "log", "log/x", "log/1/2", "segment/1", "chunk/77/1", "metrics/1/2"] {
            assert!(text.parse::<Place>().is_err(), "{text}");
        }
    }
}
