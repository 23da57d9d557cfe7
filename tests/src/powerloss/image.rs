use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use rand::RngExt;
use rand::rngs::StdRng;

use super::journal::{Event, Journal};

/// What a disk writes as one.
const SECTOR: usize = 512;

/// The name of the folder itself.
const FOLDER: &str = ".";

/// What becomes of the writes that were not synced when the power went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loss {
    /// none is there
    All,
    /// all are there
    Nothing,
    /// each is there or not
    Some,
    /// of each, some sectors are there and some are not
    Torn,
}

/// A moment at which the power goes: so many events have happened.
pub(super) type Cut = usize;

/// What is on the disk as the events go by.
#[derive(Debug, Default)]
pub(super) struct Images<'a> {
    events: &'a [(String, Event)],
    done: Cut,
    files: BTreeMap<String, OnDisk>,
}

/// A file: what is on the disk for certain, and what happened since.
#[derive(Debug, Default, Clone)]
struct OnDisk {
    synced: Option<Vec<u8>>,
    pending: Vec<Event>,
}

impl<'a> Images<'a> {
    /// Of an empty disk.
    #[must_use]
    pub(super) fn new(journal: &'a Journal) -> Self {
        Self {
            events: &journal.events,
            ..Self::default()
        }
    }

    /// The moments right before and right after each sync.
    pub(super) fn cuts(&self) -> impl Iterator<Item = Cut> + use<'a> {
        let syncs = self
            .events
            .iter()
            .enumerate()
            .filter(|(_, (_, event))| *event == Event::Sync);
        syncs.flat_map(|(at, _)| [at, at + 1])
    }

    /// How often the file of this name was synced.
    pub(super) fn syncs_of(&self, name: &str) -> usize {
        let syncs = self
            .events
            .iter()
            .filter(|(of, event)| of == name && *event == Event::Sync);
        syncs.count()
    }

    /// Goes on to a later moment.
    ///
    /// # Panics
    /// If it is an earlier one.
    pub(super) fn go_on(&mut self, to: Cut) {
        let range = self.done..to;
        self.done = to;
        for (name, event) in &self.events[range] {
            match event {
                Event::Rename(new_name) => {
                    // a new name is on the disk with the next sync of the folder; until then either may be,
                    // of which the harder one is that it is not
                    if let Some(file) = self.files.get(name).cloned() {
                        self.files.insert(new_name.clone(), file);
                    }
                }
                Event::Sync if name == FOLDER => self.files.values_mut().for_each(OnDisk::remove_for_good),
                Event::Sync => {
                    let file = self.files.entry(name.clone()).or_default();
                    for event in std::mem::take(&mut file.pending) {
                        file.apply(&event);
                    }
                    // an empty file that was synced is there
                    file.synced.get_or_insert_default();
                }
                other => self.files.entry(name.clone()).or_default().pending.push(other.clone()),
            }
        }
    }

    /// Writes the files of these names as a power cut at this moment would leave them.
    ///
    /// # Panics
    /// If they cannot be written.
    pub(super) fn write(&self, folder: &Path, names: &[&str], loss: Loss, rng: &mut StdRng) {
        for name in names {
            let mut file = self.files.get(*name).cloned().unwrap_or_default();
            for event in std::mem::take(&mut file.pending) {
                match loss {
                    Loss::All => {}
                    Loss::Nothing => file.apply(&event),
                    Loss::Some => {
                        if rng.random() {
                            file.apply(&event);
                        }
                    }
                    Loss::Torn => file.apply_in_part(&event, rng),
                }
            }
            let path = folder.join(name);
            match file.synced {
                Some(bytes) => fs::write(path, bytes).expect("a file of the image"),
                None => drop(fs::remove_file(path)),
            }
        }
    }
}

impl OnDisk {
    /// A removal, and all that was written to the file before it, is on the disk.
    fn remove_for_good(&mut self) {
        if let Some(removed) = self.pending.iter().rposition(|event| *event == Event::Unlink) {
            self.pending.drain(..=removed);
            self.synced = None;
        }
    }

    fn apply(&mut self, event: &Event) {
        match event {
            Event::Write { offset, data } => self.put(*offset, data),
            Event::Truncate(length) => {
                let length = usize::try_from(*length).expect("a length");
                self.synced.get_or_insert_default().resize(length, 0);
            }
            Event::Unlink => self.synced = None,
            Event::Sync | Event::Rename(_) => {}
        }
    }

    /// Applies a random choice of the sectors that a write touches.
    fn apply_in_part(&mut self, event: &Event, rng: &mut StdRng) {
        let Event::Write { offset, data } = event else {
            if rng.random() {
                self.apply(event);
            }
            return;
        };
        let mut at = usize::try_from(*offset).expect("an offset");
        let mut rest = &data[..];
        while !rest.is_empty() {
            let (sector, after) = rest.split_at(rest.len().min(SECTOR - at % SECTOR));
            if rng.random() {
                self.put(at as u64, sector);
            }
            at += sector.len();
            rest = after;
        }
    }

    fn put(&mut self, offset: u64, data: &[u8]) {
        let start = usize::try_from(offset).expect("an offset");
        let bytes = self.synced.get_or_insert_default();
        let end = start + data.len();
        if bytes.len() < end {
            bytes.resize(end, 0);
        }
        bytes[start..end].copy_from_slice(data);
    }
}
