//! What was asked of a store and what it answered, and which contents that allows.
//!
//! Each cell (a series at a time) is a register. A write may take effect at any moment between its
//! call and its acknowledgement; one whose outcome is unknown, at any later moment or never. So a
//! value may be found if it was written by a write that no other acknowledged write follows entirely.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// A series by number, and a time in epoch milliseconds.
pub type Cell = (usize, i64);

/// Points by series and time.
pub type Contents = BTreeMap<Cell, f64>;

/// The number of a write; each value that it writes is its own: [`value`].
pub type WriteId = usize;

/// A moment: how many calls and answers came before.
pub type Moment = u64;

/// What became of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// nobody knows: it may take effect at any time, or never
    Unknown,
    /// it took effect before this moment
    Acknowledged(Moment),
    /// it never takes effect
    Refused,
}

#[derive(Debug, Clone)]
struct Write {
    called: Moment,
    outcome: Outcome,
    cells: Vec<Cell>,
    /// its points are there all or not at all
    atomic: bool,
}

/// Calls and answers in their order.
#[derive(Debug, Clone, Default)]
pub struct History {
    writes: Vec<Write>,
    by_cell: BTreeMap<Cell, Vec<WriteId>>,
    now: Moment,
}

/// How contents break a history; all empty if they do not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Breaches {
    /// acknowledged points that are missing, or overwritten by what came before them
    pub lost: Vec<String>,
    /// points that nobody sent, or only a request that was refused
    pub phantom: Vec<String>,
    /// requests of which only a part is there
    pub torn: Vec<String>,
}

impl Breaches {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lost.is_empty() && self.phantom.is_empty() && self.torn.is_empty()
    }
}

impl fmt::Display for Breaches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, all) in [("lost", &self.lost), ("phantom", &self.phantom), ("torn", &self.torn)] {
            writeln!(f, "{what}: {}", all.len())?;
            for one in all.iter().take(10) {
                writeln!(f, "  {one}")?;
            }
        }
        Ok(())
    }
}

/// The value that a write gives to all its cells: a decimal of its own.
#[must_use]
pub fn value(id: WriteId) -> f64 {
    id as f64 / 8.0
}

impl History {
    /// A write is called, which will write [`value`] to these cells; an atomic one all or nothing.
    pub fn call(&mut self, cells: Vec<Cell>, atomic: bool) -> WriteId {
        let id = self.writes.len();
        for cell in &cells {
            self.by_cell.entry(*cell).or_default().push(id);
        }
        let called = self.moment();
        self.writes.push(Write {
            called,
            outcome: Outcome::Unknown,
            cells,
            atomic,
        });
        id
    }

    /// The write was acknowledged.
    pub fn acknowledge(&mut self, id: WriteId) {
        self.writes[id].outcome = Outcome::Acknowledged(self.moment());
    }

    /// The write was refused, and will never be done.
    pub fn refuse(&mut self, id: WriteId) {
        self.writes[id].outcome = Outcome::Refused;
    }

    /// The present moment, for [`History::breaches_of_a_read`].
    pub fn moment(&mut self) -> Moment {
        self.now += 1;
        self.now
    }

    /// How many writes were called.
    #[must_use]
    pub fn writes(&self) -> usize {
        self.writes.len()
    }

    /// How many points were acknowledged.
    #[must_use]
    pub fn acknowledged_points(&self) -> usize {
        let acknowledged = self
            .writes
            .iter()
            .filter(|write| matches!(write.outcome, Outcome::Acknowledged(_)));
        acknowledged.map(|write| write.cells.len()).sum()
    }

    /// Whether a write is still of unknown outcome.
    #[must_use]
    pub fn is_unknown(&self, id: WriteId) -> bool {
        self.writes[id].outcome == Outcome::Unknown
    }

    /// What is wrong with these contents of all series, read when nothing was under way.
    #[must_use]
    pub fn breaches(&self, contents: &Contents) -> Breaches {
        let mut breaches = Breaches::default();
        let cells: BTreeSet<&Cell> = self.by_cell.keys().chain(contents.keys()).collect();
        for cell in cells {
            self.check_cell(*cell, contents.get(cell).copied(), Moment::MAX, &mut breaches);
        }
        self.check_wholeness(contents, &mut breaches);
        breaches
    }

    /// What is wrong with what a read of one series found that was called at this moment and has just
    /// been answered. It may have missed what was not acknowledged when it was called.
    #[must_use]
    pub fn breaches_of_a_read(&self, series: usize, found: &Contents, called: Moment) -> Breaches {
        let mut breaches = Breaches::default();
        let written = self
            .by_cell
            .range((series, i64::MIN)..=(series, i64::MAX))
            .map(|(cell, _)| cell);
        let cells: BTreeSet<&Cell> = written.chain(found.keys()).collect();
        for cell in cells {
            self.check_cell(*cell, found.get(cell).copied(), called, &mut breaches);
        }
        breaches
    }

    /// Checks one cell, of which a read that was called at `called` found `found`.
    fn check_cell(&self, cell: Cell, found: Option<f64>, called: Moment, breaches: &mut Breaches) {
        let writes = self.by_cell.get(&cell).map_or(&[][..], Vec::as_slice);
        // the latest call of those that were acknowledged before the read: what ended before it is gone
        let before = writes.iter().filter_map(|id| match self.writes[*id].outcome {
            Outcome::Acknowledged(at) if at < called => Some(self.writes[*id].called),
            _ => None,
        });
        let newest = before.max();
        let Some(found) = found else {
            if newest.is_some() {
                breaches
                    .lost
                    .push(format!("{cell:?} is missing: {}", self.told(writes)));
            }
            return;
        };
        let writer = writes
            .iter()
            .copied()
            .find(|id| value(*id).to_bits() == found.to_bits());
        match writer.map(|id| (id, self.writes[id].outcome)) {
            None => breaches
                .phantom
                .push(format!("{cell:?} = {found}: {}", self.told(writes))),
            Some((_, Outcome::Refused)) => {
                breaches
                    .phantom
                    .push(format!("{cell:?} = {found} was refused: {}", self.told(writes)));
            }
            Some((id, Outcome::Acknowledged(at))) if newest.is_some_and(|newest| newest > at) => {
                breaches
                    .lost
                    .push(format!("{cell:?} is that of write {id} again: {}", self.told(writes)));
            }
            Some(_) => {}
        }
    }

    /// Of each atomic write, the cells that it alone has written are all there or none is.
    fn check_wholeness(&self, contents: &Contents, breaches: &mut Breaches) {
        for (id, write) in self.writes.iter().enumerate() {
            if !write.atomic || write.outcome != Outcome::Unknown {
                continue;
            }
            let own = write.cells.iter().filter(|cell| self.by_cell[*cell].len() == 1);
            let (there, missing): (Vec<&Cell>, Vec<&Cell>) = own.partition(|cell| contents.contains_key(cell));
            if !there.is_empty() && !missing.is_empty() {
                breaches.torn.push(format!(
                    "write {id}: {} points are there, {} are not",
                    there.len(),
                    missing.len()
                ));
            }
        }
    }

    fn told(&self, writes: &[WriteId]) -> String {
        let told = writes.iter().map(|id| {
            let Write { called, outcome, .. } = &self.writes[*id];
            format!("write {id} called at {called} {outcome:?}")
        });
        told.collect::<Vec<_>>().join(", ")
    }
}
