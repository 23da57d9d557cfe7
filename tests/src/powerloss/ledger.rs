//! What the worker says it does, in a file that the shim sees: calls and acknowledgements in one order
//! with what happens to the database.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Mutex;

use super::journal::{Event, Journal};
use crate::chaos::history::{Cell, History, WriteId};

/// The file's name, beside the database.
pub(super) const NAME: &str = "ledger";

/// The worker's side, with the number of the next write.
#[derive(Debug)]
pub struct Ledger(Mutex<(File, WriteId)>);

impl Ledger {
    /// Begins a ledger in this folder.
    ///
    /// # Panics
    /// If the file cannot be made.
    #[must_use]
    pub fn create(folder: &Path) -> Self {
        let file = File::create(folder.join(NAME)).expect("the ledger");
        Self(Mutex::new((file, 0)))
    }

    /// A write of these cells is called.
    ///
    /// # Panics
    /// If the ledger cannot be written.
    pub fn call(&self, cells: &[Cell]) -> WriteId {
        let words: String = cells.iter().map(|(number, at)| format!(" {number}@{at}")).collect();
        let mut ledger = self.0.lock().expect("the ledger");
        let id = ledger.1;
        ledger.1 += 1;
        // in one write, so that it is one event
        ledger
            .0
            .write_all(format!("call{words}\n").as_bytes())
            .expect("the ledger");
        id
    }

    /// It was acknowledged.
    ///
    /// # Panics
    /// If the ledger cannot be written.
    pub fn acknowledge(&self, id: WriteId) {
        let mut ledger = self.0.lock().expect("the ledger");
        ledger
            .0
            .write_all(format!("done {id}\n").as_bytes())
            .expect("the ledger");
    }
}

/// The reader's side: the history up to a moment.
#[derive(Debug, Default)]
pub(super) struct Account {
    history: History,
    done: usize,
}

impl Account {
    /// What was called and acknowledged within the first `to` events of the journal; `to` never decreases.
    ///
    /// # Panics
    /// If the ledger is not one.
    pub(super) fn until(&mut self, journal: &Journal, to: usize) -> &History {
        for (name, event) in &journal.events[self.done..to] {
            if let (NAME, Event::Write { data, .. }) = (name.as_str(), event) {
                let line = std::str::from_utf8(data).expect("a line");
                self.hear(line).expect("a line of the ledger");
            }
        }
        self.done = to;
        &self.history
    }

    fn hear(&mut self, line: &str) -> Option<()> {
        let mut words = line.split_whitespace();
        if words.next()? == "done" {
            self.history.acknowledge(words.next()?.parse().ok()?);
            return Some(());
        }
        let cell = |word: &str| {
            let (number, at) = word.split_once('@')?;
            Some((number.parse().ok()?, at.parse().ok()?))
        };
        self.history.call(words.map(cell).collect::<Option<_>>()?, true);
        Some(())
    }
}
