//! What rules remember of a series in the packed state of its lane: each need with its cells and the points that wait.
//! Times are distances, in seconds if all of them are whole ones.

use super::{Cell, Keep, Need, Recent, Recents, Summary};
use crate::alerting::state::BadState;
use crate::alerting::state::bytes::{Reader, put_signed, put_unsigned};
use crate::clock::Millis;
use crate::series::Point;

const IN_SECONDS: u8 = 1;
const HAS_FIRST: u8 = 2;
const POINTS: u8 = 5;
const AGE: u8 = 6;
/// In the order of their numbers.
const SUMMARIES: [Summary; 5] = [Summary::Count, Summary::Sum, Summary::Min, Summary::Max, Summary::Value];

impl Recents {
    /// Appends all of it.
    pub(in crate::alerting) fn encode(&self, out: &mut Vec<u8>) {
        put_unsigned(out, self.0.len() as u64);
        for (need, recent) in &self.0 {
            put_need(out, *need);
            recent.encode(need.keep, out);
        }
    }

    /// Reads it, and leaves what follows.
    ///
    /// # Errors
    /// [`BadState`] for anything that [`Recents::encode`] did not write.
    pub(in crate::alerting) fn decode(reader: &mut Reader<'_>) -> Result<Self, BadState> {
        let mut recents: Vec<(Need, Recent)> = Vec::new();
        for _ in 0..reader.count(6)? {
            let need = need(reader)?;
            if recents.last().is_some_and(|(before, _)| *before >= need) {
                return Err(BadState("the needs are not in order"));
            }
            recents.push((need, Recent::decode(need.keep, reader)?));
        }
        Ok(Self(recents))
    }
}

fn put_need(out: &mut Vec<u8>, need: Need) {
    put_unsigned(out, need.delay.cast_unsigned());
    match need.keep {
        Keep::Points(of) => out.extend_from_slice(&[POINTS, of]),
        Keep::Age(length) => {
            out.push(AGE);
            put_unsigned(out, length.cast_unsigned());
        }
        Keep::Window(summary, length) => {
            #[expect(clippy::cast_possible_truncation, reason = "one of five")]
            out.push(SUMMARIES.iter().position(|known| *known == summary).unwrap_or_default() as u8);
            put_unsigned(out, length.cast_unsigned());
        }
    }
}

fn need(reader: &mut Reader<'_>) -> Result<Need, BadState> {
    let delay = length(reader)?;
    let kind = reader.byte()?;
    let keep = match kind {
        POINTS => Keep::Points(reader.byte()?),
        AGE => Keep::Age(length(reader)?),
        _ => {
            let summary = SUMMARIES.get(usize::from(kind));
            let summary = *summary.ok_or(BadState("what is kept is not known"))?;
            Keep::Window(summary, length(reader)?)
        }
    };
    Ok(Need { delay, keep })
}

fn length(reader: &mut Reader<'_>) -> Result<Millis, BadState> {
    Millis::try_from(reader.unsigned()?).map_err(|_| BadState("a length is too large"))
}

/// What is kept of a cell: how many points, and a value.
fn kept(keep: Keep) -> (bool, bool) {
    match keep {
        Keep::Window(Summary::Count, _) => (true, false),
        Keep::Window(Summary::Sum, _) => (true, true),
        _ => (false, true),
    }
}

impl Recent {
    fn encode(&self, keep: Keep, out: &mut Vec<u8>) {
        let cells = self.cells.iter().map(|cell| cell.time);
        let waiting = self.waiting.iter().map(|point| point.timestamp);
        let seconds = cells.chain(waiting).chain(self.first).all(|time| time % 1_000 == 0);
        out.push(u8::from(seconds) * IN_SECONDS + u8::from(self.first.is_some()) * HAS_FIRST);
        let mut times = Times::new(seconds);
        if let Some(first) = self.first {
            times.put(out, first);
        }
        let (count, value) = kept(keep);
        put_unsigned(out, self.cells.len() as u64);
        for cell in &self.cells {
            times.put(out, cell.time);
            if count {
                put_unsigned(out, u64::from(cell.count));
            }
            if value {
                out.extend_from_slice(&cell.value.to_be_bytes());
            }
        }
        put_unsigned(out, self.waiting.len() as u64);
        for point in &self.waiting {
            times.put(out, point.timestamp);
            out.extend_from_slice(&point.value.to_be_bytes());
        }
    }

    fn decode(keep: Keep, reader: &mut Reader<'_>) -> Result<Self, BadState> {
        let flags = reader.byte()?;
        if flags > IN_SECONDS + HAS_FIRST {
            return Err(BadState("a flag is not known"));
        }
        let mut times = Times::new(flags & IN_SECONDS != 0);
        let first = (flags & HAS_FIRST != 0).then(|| times.take(reader)).transpose()?;
        let (has_count, has_value) = kept(keep);
        let mut cells: Vec<Cell> = Vec::new();
        for _ in 0..reader.count(2)? {
            let time = times.take(reader)?;
            if cells.last().is_some_and(|before| before.time >= time) {
                return Err(BadState("the parts of a window are not in order"));
            }
            let count = if has_count { reader.unsigned()? } else { 1 };
            let value = if has_value {
                f64::from_be_bytes(reader.array()?)
            } else {
                0.0
            };
            cells.push(Cell {
                time,
                count: u32::try_from(count).map_err(|_| BadState("a count is too large"))?,
                value,
            });
        }
        let mut waiting: Vec<Point> = Vec::new();
        for _ in 0..reader.count(9)? {
            let timestamp = times.take(reader)?;
            if waiting.last().is_some_and(|before| before.timestamp >= timestamp) {
                return Err(BadState("the points that wait are not in order"));
            }
            let value = f64::from_be_bytes(reader.array()?);
            waiting.push(Point { timestamp, value });
        }
        Ok(Self { first, cells, waiting })
    }
}

/// Times as distances from the one before.
struct Times {
    unit: Millis,
    last: Millis,
}

impl Times {
    fn new(seconds: bool) -> Self {
        let unit = if seconds { 1_000 } else { 1 };
        Self { unit, last: 0 }
    }

    fn put(&mut self, out: &mut Vec<u8>, time: Millis) {
        let time = time.div_euclid(self.unit);
        put_signed(out, time.wrapping_sub(self.last));
        self.last = time;
    }

    fn take(&mut self, reader: &mut Reader<'_>) -> Result<Millis, BadState> {
        self.last = self.last.wrapping_add(reader.signed()?);
        self.last.checked_mul(self.unit).ok_or(BadState("a time is too large"))
    }
}
