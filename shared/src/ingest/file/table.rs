use super::super::csv::{Columns, push_row};
use super::super::entry::{Checker, MAX_POINTS};
use super::{MAX_LINE, Position, Slice, Source, unreadable};
use crate::Error;
use crate::ingest::Window;
use crate::series::SeriesNames;
use csv::{ErrorKind, Reader, ReaderBuilder, StringRecord, Trim};
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Rows of a table below its header.
#[derive(Debug)]
pub(super) struct Table {
    reader: Reader<Bounded>,
    /// where the reader began
    start: Position,
    /// how far the reader had come when the row began, for [`Bounded`]
    row: Arc<AtomicU64>,
    columns: Columns,
    metric_key: Option<String>,
    record: StringRecord,
}

impl Table {
    pub(super) fn new(source: Source, metric_key: Option<&str>) -> Result<Self, Error> {
        let (mut reader, row) = open(source);
        let mut header = StringRecord::new();
        match reader.read_record(&mut header) {
            Ok(_) => {}
            Err(error) => {
                return Err(match error.kind() {
                    ErrorKind::Io(io) => unreadable(io),
                    _ => Error::schema("the header line is not UTF-8 text"),
                });
            }
        }
        Ok(Self {
            reader,
            start: Position::default(),
            row,
            columns: Columns::of(&header, metric_key)?,
            metric_key: metric_key.map(str::to_owned),
            record: StringRecord::new(),
        })
    }

    pub(super) fn resume(self, source: Source, start: Position) -> Self {
        let (reader, row) = open(source);
        Self {
            reader,
            start,
            row,
            ..self
        }
    }

    pub(super) fn position(&self) -> Position {
        let read = self.reader.position();
        Position {
            byte: self.start.byte + read.byte(),
            line: self.start.line + read.line() - 1,
        }
    }

    /// Adds as many rows as a request may have points, and tells whether there may be more. A row's number is that
    /// of its first line, from 1; empty lines before it count as its own.
    pub(super) fn block(&mut self, window: Window, names: &SeriesNames, slice: &mut Slice) -> Result<bool, Error> {
        let mut entries = Checker::new(window, names.known());
        let mut numbers = Vec::new();
        while numbers.len() < MAX_POINTS {
            self.row.store(self.reader.position().byte(), Ordering::Relaxed);
            let read = self.reader.read_record(&mut self.record);
            let line = match &read {
                Ok(false) => break,
                Ok(true) => self.record.position().map(csv::Position::line),
                Err(error) => {
                    if let ErrorKind::Io(io) = error.kind() {
                        return Err(unreadable(io));
                    }
                    error.position().map(csv::Position::line)
                }
            };
            numbers.push(self.start.line + line.unwrap_or(0));
            let row = read.map(|_| &self.record);
            push_row(&mut entries, &self.columns, row, self.metric_key.as_deref())?;
        }
        let entries = entries.finish();
        slice.add(&entries, &numbers)?;
        names.learn(entries.new_names());
        Ok(numbers.len() == MAX_POINTS)
    }
}

fn open(source: Source) -> (Reader<Bounded>, Arc<AtomicU64>) {
    let row = Arc::<AtomicU64>::default();
    let bounded = Bounded {
        source,
        read: 0,
        row: Arc::clone(&row),
    };
    let reader = ReaderBuilder::new()
        .trim(Trim::All)
        .flexible(true)
        .has_headers(false)
        .from_reader(bounded);
    (reader, row)
}

/// Ends a file within a row that is too long: a quote that is never closed would take all of it.
struct Bounded {
    source: Source,
    read: u64,
    row: Arc<AtomicU64>,
}

impl std::fmt::Debug for Bounded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bounded")
            .field("read", &self.read)
            .finish_non_exhaustive()
    }
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.read.saturating_sub(self.row.load(Ordering::Relaxed)) > MAX_LINE {
            return Err(std::io::Error::other(format!(
                "a row is longer than {MAX_LINE} bytes, is a quote not closed?"
            )));
        }
        let count = self.source.read(buffer)?;
        self.read += count as u64;
        Ok(count)
    }
}
