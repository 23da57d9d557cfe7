use super::super::entry::{Checker, MAX_POINTS};
use super::super::json;
use super::{MAX_LINE, Position, Slice, Source, unreadable};
use crate::Error;
use crate::ingest::Window;
use crate::series::SeriesNames;
use std::io::{BufRead, BufReader, Read};

/// Lines of objects.
pub(super) struct Lines {
    reader: BufReader<Source>,
    position: Position,
    /// of the lines of a block
    text: Vec<u8>,
}

/// A line of a block: its number and where its text ends; no text if it was too long.
struct Line {
    number: u64,
    end: Option<usize>,
}

impl std::fmt::Debug for Lines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lines")
            .field("position", &self.position)
            .finish_non_exhaustive()
    }
}

impl Lines {
    pub(super) fn new(source: Source, position: Position) -> Self {
        Self {
            reader: BufReader::new(source),
            position,
            text: Vec::new(),
        }
    }

    pub(super) fn position(&self) -> Position {
        self.position
    }

    /// Adds as many lines as a request may have points, and tells whether there may be more.
    pub(super) fn block(&mut self, window: Window, names: &SeriesNames, slice: &mut Slice) -> Result<bool, Error> {
        let mut lines: Vec<Line> = Vec::new();
        self.text.clear();
        let mut more = true;
        while more && lines.len() < MAX_POINTS && (self.text.len() as u64) < MAX_LINE {
            more = self.read_line(&mut lines)?;
        }
        let mut entries = Checker::new(window, names.known());
        let mut start = 0;
        for line in &lines {
            match line.end {
                Some(end) => {
                    json::push_line(&mut entries, &self.text[start..end])?;
                    start = end;
                }
                None => entries.push_refused(&format!("the line is longer than {MAX_LINE} bytes"))?,
            }
        }
        let entries = entries.finish();
        let numbers: Vec<u64> = lines.iter().map(|line| line.number).collect();
        slice.add(&entries, &numbers)?;
        names.learn(entries.new_names());
        Ok(more)
    }

    /// Reads a line, an empty one included, to the end of the text; `false` at the end of the file.
    fn read_line(&mut self, lines: &mut Vec<Line>) -> Result<bool, Error> {
        let start = self.text.len();
        if self.read_part()? == 0 {
            return Ok(false);
        }
        self.position.line += 1;
        let mut end = Some(self.text.len());
        if (self.text.len() - start) as u64 > MAX_LINE {
            end = None;
            while !self.text.ends_with(b"\n") {
                self.text.truncate(start);
                if self.read_part()? == 0 {
                    break;
                }
            }
            self.text.truncate(start);
        } else if self.text[start..].trim_ascii().is_empty() {
            self.text.truncate(start);
            return Ok(true);
        }
        lines.push(Line {
            number: self.position.line,
            end,
        });
        Ok(true)
    }

    /// Reads up to the end of the line, or as much of it as is a line too long.
    fn read_part(&mut self) -> Result<usize, Error> {
        let mut part = (&mut self.reader).take(MAX_LINE + 1);
        let read = part
            .read_until(b'\n', &mut self.text)
            .map_err(|error| unreadable(&error))?;
        self.position.byte += read as u64;
        Ok(read)
    }
}
