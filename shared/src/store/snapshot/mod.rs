//! One snapshot of what is known of some series: folded data, and what the log says since.
//!
//! A page is one read transaction. Where one page is not enough, the next ones are taken up to the
//! highest `seq` of the first, and only while segments and chunks stay as they are (whatever changes
//! them counts the layout's version up); else the whole read starts over. So the pages together are one
//! snapshot, too.
//!
//! Of the same series and timestamp a segment wins over a chunk, and the log over both.

mod statements;

use super::bucket;
use super::codec::batch::Entry;
use super::codec::{batch, chunk, segment};
use super::layout::overlaid;
use crate::Error;
use crate::auth::Tenant;
use crate::clock::Millis;
use crate::series::{Point, SeriesId};
use db::{Batch, Step, Value, args};
use statements::{BATCHES, CHUNKS, KNOWN, LAST_CHUNKS, NEWEST_CHUNKS, RECENT_CHUNKS, SEGMENTS, STATE};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What one page may hold; together below 8 MB in base64, however badly the points pack.
const BATCH_BYTES: i64 = 1_500_000;
const SEGMENT_ROWS: i64 = 100;
const CHUNK_ROWS: i64 = 128;
const CHUNK_BYTES: i64 = 2_500_000;
/// Chunks have more points than this on average.
const LEAST_POINTS: i64 = 16;
/// How many series are looked up together.
pub(super) const MAX_SERIES: usize = 800;
/// How often a read starts over before it gives up: a fold takes longer than a page.
const ATTEMPTS: usize = 8;

/// Which chunks are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chunks {
    /// those that overlap the range, until this many points were found
    Range { enough: usize },
    /// the last ones of the series, as many as hold this many points
    Last { enough: usize },
    /// the newest of each series
    Newest,
    /// the last ones of each series, as many as hold this many points
    Recent { enough: usize },
}

/// What is asked for: series (up to [`MAX_SERIES`]; one with [`Chunks::Range`] and [`Chunks::Last`]) and a
/// range, its end not included.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) series: &'a [SeriesId],
    pub(super) from: Option<Millis>,
    pub(super) to: Option<Millis>,
    pub(super) chunks: Chunks,
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Snapshot {
    /// the organization's, an IANA name
    pub(super) time_zone: String,
    /// those of the series that have a row and were not deleted
    pub(super) known: BTreeSet<SeriesId>,
    /// points within the range, ascending
    pub(super) points: HashMap<SeriesId, Vec<Point>>,
    /// with [`Chunks::Range`]: points after this one were not looked for
    pub(super) complete_until: Option<Millis>,
}

/// Reads a snapshot.
///
/// # Errors
/// 401, 403 or 503.
pub(super) async fn read(tenant: &Tenant, wanted: Wanted<'_>) -> Result<Snapshot, Error> {
    for _ in 0..ATTEMPTS {
        if let Some(snapshot) = Reading::new(wanted, tenant.kept_from()).all_pages(tenant).await? {
            return Ok(snapshot);
        }
    }
    Err(Error::unavailable(
        "the points were folded again and again while they were read",
    ))
}

/// A read on its way through its pages.
struct Reading<'a> {
    wanted: Wanted<'a>,
    ids: String,
    buckets: String,
    /// the single series of a range, as its blobs hold it
    needle: Option<Vec<u8>>,
    /// what no longer is kept counts as not there
    kept_from: Millis,
    /// the layout's version at the first page, and the highest `seq` then
    state: Option<(i64, i64)>,
    /// where the next page goes on; `None` at the end
    batches: Option<i64>,
    segments: Option<(i64, i64)>,
    chunks: Option<i64>,
    /// with [`Chunks::Recent`]: in which series
    chunks_in: i64,
    in_chunks: HashMap<SeriesId, Vec<Point>>,
    in_segments: HashMap<SeriesId, Vec<Point>>,
    log: HashMap<SeriesId, Logged>,
    from_chunks: usize,
    /// with [`Chunks::Last`]: there may be chunks before this time that were not read
    complete_from: Millis,
    snapshot: Snapshot,
}

/// In how many chunks so many points are, at most.
fn chunks_of(points: usize) -> i64 {
    points as i64 / LEAST_POINTS + 2
}

/// What the log says of a series.
#[derive(Default)]
struct Logged {
    deleted: bool,
    points: BTreeMap<Millis, f64>,
}

impl<'a> Reading<'a> {
    fn new(wanted: Wanted<'a>, kept_from: Option<Millis>) -> Self {
        let raw: Vec<i64> = wanted.series.iter().map(|id| id.raw()).collect();
        let needle = match wanted.series {
            [one] => Some(one.raw().to_be_bytes().to_vec()),
            _ => None,
        };
        Self {
            wanted,
            ids: serde_json::to_string(&raw).unwrap_or_default(),
            buckets: bucket::candidates(wanted.series.iter().copied(), bucket::MAX_BITS),
            needle,
            kept_from: kept_from.unwrap_or(Millis::MIN),
            state: None,
            batches: Some(i64::MIN),
            segments: Some((0, i64::MIN)),
            chunks: Some(i64::MIN),
            chunks_in: 0,
            in_chunks: HashMap::new(),
            in_segments: HashMap::new(),
            log: HashMap::new(),
            from_chunks: 0,
            complete_from: Millis::MIN,
            snapshot: Snapshot::default(),
        }
    }

    /// `None` if a fold came in between.
    async fn all_pages(mut self, tenant: &Tenant) -> Result<Option<Snapshot>, Error> {
        while self.batches.is_some() || self.segments.is_some() || self.chunks.is_some() {
            if !self.page(tenant).await? {
                return Ok(None);
            }
        }
        Ok(Some(self.merge()))
    }

    fn range(&self) -> (i64, i64) {
        let from = self.wanted.from.unwrap_or(i64::MIN).max(self.kept_from);
        (from, self.wanted.to.unwrap_or(i64::MAX))
    }

    async fn page(&mut self, tenant: &Tenant) -> Result<bool, Error> {
        let (from, to) = self.range();
        let mut batch = Batch::read();
        batch.push(Step::tenant(STATE, vec![]));
        let known = self
            .state
            .is_none()
            .then(|| batch.push(Step::tenant(KNOWN, args![&self.ids])));
        let highest = self.state.map_or(i64::MAX, |(_, highest)| highest);
        let batches = self.batches.map(|after| {
            let needle = self.needle.clone();
            batch.push(Step::tenant(BATCHES, args![after, highest, needle, BATCH_BYTES]))
        });
        let segments = self.segments.map(|(bucket, start)| {
            batch.push(Step::tenant(
                SEGMENTS,
                args![&self.buckets, bucket, start, from, to, SEGMENT_ROWS],
            ))
        });
        let chunks = self.chunks.map(|after| {
            batch.push(match self.wanted.chunks {
                Chunks::Newest => Step::tenant(NEWEST_CHUNKS, args![&self.ids]),
                Chunks::Range { .. } => Step::tenant(CHUNKS, args![self.only_series(), after, from, to, CHUNK_ROWS]),
                Chunks::Last { enough } => {
                    Step::tenant(LAST_CHUNKS, args![self.only_series(), enough as i64, chunks_of(enough)])
                }
                Chunks::Recent { enough } => Step::tenant(
                    RECENT_CHUNKS,
                    args![
                        &self.ids,
                        self.chunks_in,
                        after,
                        enough as i64,
                        chunks_of(enough),
                        CHUNK_BYTES,
                        from
                    ],
                ),
            })
        });
        let reply = tenant.run(batch).await?;

        let row = reply.step(0)?.one()?;
        let layout = row.integer(0)?;
        match self.state {
            None => {
                self.state = Some((layout, row.integer(1)?));
                row.text(2)?.clone_into(&mut self.snapshot.time_zone);
            }
            Some((first, _)) if first != layout => return Ok(false),
            Some(_) => {}
        }
        if let Some(step) = known {
            for row in &reply.step(step)?.rows {
                self.snapshot.known.extend(SeriesId::from_raw(row.integer(0)?));
            }
        }
        if let Some(step) = batches {
            self.take_batches(&reply.step(step)?.rows)?;
        }
        if let Some(step) = segments {
            self.take_segments(&reply.step(step)?.rows)?;
        }
        if let Some(step) = chunks {
            self.take_chunks(&reply.step(step)?.rows)?;
        }
        Ok(true)
    }

    fn take_batches(&mut self, rows: &[db::Row]) -> Result<(), Error> {
        let (from, to) = self.range();
        self.batches = None;
        for row in rows {
            let seq = row.integer(0)?;
            self.batches = (row.integer(2)? > seq).then_some(seq);
            match batch::decode(row.blob(1)?)? {
                Entry::Points(samples) => {
                    for sample in samples {
                        if (from..to).contains(&sample.timestamp) && self.wants(sample.series_id) {
                            let logged = self.log.entry(sample.series_id).or_default();
                            logged.points.insert(sample.timestamp, sample.value);
                        }
                    }
                }
                Entry::Tombstone(series) => {
                    for id in series {
                        if self.wants(id) {
                            let gone = Logged {
                                deleted: true,
                                points: BTreeMap::new(),
                            };
                            self.log.insert(id, gone);
                        }
                    }
                }
            }
        }
        Ok(())
    }

    fn only_series(&self) -> Value {
        self.wanted.series.first().map_or(Value::Null, |id| (*id).into())
    }

    fn wants(&self, id: SeriesId) -> bool {
        match self.wanted.series {
            [one] => *one == id,
            many => many.binary_search(&id).is_ok(),
        }
    }

    fn take_segments(&mut self, rows: &[db::Row]) -> Result<(), Error> {
        let (from, to) = self.range();
        self.segments = None;
        let full = rows.len() as i64 == SEGMENT_ROWS;
        for row in rows {
            self.segments = full.then_some((row.integer(0)?, row.integer(1)?));
            for (id, points) in segment::decode(row.blob(2)?)? {
                if self.wants(id) {
                    let within = points.into_iter().filter(|point| (from..to).contains(&point.timestamp));
                    self.in_segments.entry(id).or_default().extend(within);
                }
            }
        }
        Ok(())
    }

    fn take_chunks(&mut self, rows: &[db::Row]) -> Result<(), Error> {
        let (from, to) = self.range();
        self.chunks = None;
        let mut last_end = None;
        for row in rows {
            let Some(id) = SeriesId::from_raw(row.integer(0)?) else {
                continue;
            };
            last_end = Some(row.integer(2)?);
            let mut points = chunk::decode(row.blob(3)?)?;
            points.retain(|point| (from..to).contains(&point.timestamp));
            self.from_chunks += points.len();
            self.in_chunks.entry(id).or_default().append(&mut points);
        }
        if let (Chunks::Last { .. }, Some(first)) = (self.wanted.chunks, rows.first())
            && first.integer(4)? != 0
        {
            self.complete_from = first.integer(1)?;
        }
        if let Chunks::Range { enough } = self.wanted.chunks
            && rows.len() as i64 == CHUNK_ROWS
        {
            // whatever segments and the log say of the time up to here is there, so that the rest is not needed
            if self.from_chunks >= enough {
                self.snapshot.complete_until = last_end;
            } else {
                self.chunks = rows.last().map(|row| row.integer(1)).transpose()?;
            }
        }
        if let (Chunks::Recent { .. }, Some(last)) = (self.wanted.chunks, rows.last())
            && last.integer(4)? > rows.len() as i64
        {
            self.chunks_in = last.integer(0)?;
            self.chunks = Some(last.integer(1)?.saturating_add(1));
        }
        Ok(())
    }

    /// What was acknowledged later wins.
    fn merge(mut self) -> Snapshot {
        let mut series: BTreeSet<SeriesId> = self.in_chunks.keys().copied().collect();
        series.extend(self.in_segments.keys());
        series.extend(self.log.keys());
        for id in series {
            let mut points = self.in_chunks.remove(&id).unwrap_or_default();
            points = overlaid(points, &self.in_segments.remove(&id).unwrap_or_default());
            if let Some(logged) = self.log.remove(&id) {
                if logged.deleted {
                    points.clear();
                    self.snapshot.complete_until = None;
                    self.complete_from = Millis::MIN;
                }
                let point = |(timestamp, value)| Point { timestamp, value };
                points = overlaid(points, &logged.points.into_iter().map(point).collect::<Vec<_>>());
            }
            let end = self.snapshot.complete_until.unwrap_or(Millis::MAX);
            points.retain(|point| (self.complete_from..=end).contains(&point.timestamp));
            if !points.is_empty() {
                self.snapshot.points.insert(id, points);
            }
        }
        self.snapshot
    }
}
