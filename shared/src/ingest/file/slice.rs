use super::super::entry::Entries;
use super::Position;
use crate::http::PointError;
use crate::series::{SeriesId, SeriesRef};
use crate::store::Sample;
use crate::{Code, Error};
use serde::Serialize;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// How many refused lines a slice shows.
const MAX_SHOWN: usize = 20;

/// Some lines of a file that follow each other.
#[derive(Debug)]
pub struct Slice {
    /// the accepted points, in the order of the file: the last of the same series and time wins
    pub samples: Vec<Sample>,
    /// the first lines that were refused
    pub refused: Vec<LineError>,
    /// how many lines were refused
    pub refused_lines: u64,
    /// how many lines there were, empty ones not counted
    pub lines: u64,
    /// where the next slice begins
    pub end: Position,
    series: HashMap<SeriesId, Named>,
}

#[derive(Debug)]
struct Named {
    series: SeriesRef,
    first_line: u64,
}

/// What was wrong with a line.
#[derive(Debug, Clone, Serialize)]
pub struct LineError {
    /// its number, from 1
    pub line: u64,
    /// its metric key, as far as it could be read
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric_key: Option<String>,
    /// which rule it breaks
    pub code: Code,
    /// for people
    pub message: String,
}

impl Slice {
    pub(super) fn new(start: Position) -> Self {
        Self {
            samples: Vec::new(),
            refused: Vec::new(),
            refused_lines: 0,
            lines: 0,
            end: start,
            series: HashMap::new(),
        }
    }

    /// Adds entries, each of which came from the line in its place.
    pub(super) fn add(&mut self, entries: &Entries<'_>, lines: &[u64]) -> Result<(), Error> {
        self.lines += lines.len() as u64;
        self.refused_lines += entries.refused().len() as u64;
        let room = MAX_SHOWN.saturating_sub(self.refused.len());
        self.refused.extend(entries.refused().iter().take(room).map(|error| {
            let PointError {
                index,
                metric_key,
                code,
                message,
            } = error.clone();
            LineError {
                line: lines.get(index).copied().unwrap_or(0),
                metric_key,
                code,
                message,
            }
        }));
        let list = entries.series_list();
        for point in entries.points() {
            let series_id = list[point.series].series_id;
            self.samples.push(Sample {
                series_id,
                timestamp: point.timestamp,
                value: point.value,
            });
            if let Entry::Vacant(place) = self.series.entry(series_id) {
                place.insert(Named {
                    series: list[point.series].read()?,
                    first_line: lines.get(point.index).copied().unwrap_or(0),
                });
            }
        }
        Ok(())
    }

    /// The series of the accepted points, each once.
    pub fn series(&self) -> impl Iterator<Item = &SeriesRef> {
        self.series.values().map(|named| &named.series)
    }

    /// What to say of a series whose points were refused after all.
    #[must_use]
    pub fn series_error(&self, series: SeriesId, code: Code, message: &str) -> Option<LineError> {
        let named = self.series.get(&series)?;
        Some(LineError {
            line: named.first_line,
            metric_key: Some(named.series.metric_key.to_string()),
            code,
            message: message.to_owned(),
        })
    }
}
