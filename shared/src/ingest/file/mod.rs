//! Files of points, of any size: a table (CSV) or a line an object (NDJSON). They are read slice by slice
//! in bounded memory, each line by the rules that hold for the entries of a request.

mod lines;
mod slice;
mod table;

pub use slice::{LineError, Slice};

use crate::Error;
use crate::ingest::Window;
use crate::series::SeriesNames;
use lines::Lines;
use serde::Serialize;
use std::io::Read;
use table::Table;

/// A slice ends at so many points,
const SLICE_POINTS: usize = 500_000;
/// or at so many bytes of the file: names of series may take more than points.
const SLICE_BYTES: u64 = 64 * 1024 * 1024;
/// No line, and no row of a table, is longer. It is the limit of a request's body.
const MAX_LINE: u64 = 16 * 1024 * 1024;

/// How the points are written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// as `POST /v1/ingest/csv` takes it
    Csv,
    /// each line as an element of `metrics` in `POST /v1/ingest`
    Ndjson,
}

/// A place between two lines of a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Position {
    /// how many bytes lie before it
    pub byte: u64,
    /// how many lines lie before it
    pub line: u64,
}

/// What a file is read from.
pub type Source = Box<dyn Read + Send>;

/// A file that is being read.
#[derive(Debug)]
pub struct PointFile {
    rows: Rows,
    names: SeriesNames,
}

#[derive(Debug)]
enum Rows {
    Table(Box<Table>),
    Lines(Lines),
}

impl PointFile {
    /// Begins to read a table. Rows without a `metric_key` of their own have the given one.
    ///
    /// # Errors
    /// 400 if there is no header, or it lacks a column, has one twice or too many.
    pub fn csv(source: Source, metric_key: Option<&str>) -> Result<Self, Error> {
        Ok(Self {
            rows: Rows::Table(Box::new(Table::new(source, metric_key)?)),
            names: SeriesNames::default(),
        })
    }

    /// Begins to read lines.
    #[must_use]
    pub fn ndjson(source: Source) -> Self {
        Self {
            rows: Rows::Lines(Lines::new(source, Position::default())),
            names: SeriesNames::default(),
        }
    }

    /// The same file from a place on that [`Slice::end`] told: `source` begins there.
    #[must_use]
    pub fn resume(self, source: Source, position: Position) -> Self {
        let rows = match self.rows {
            Rows::Table(table) => Rows::Table(Box::new(table.resume(source, position))),
            Rows::Lines(_) => Rows::Lines(Lines::new(source, position)),
        };
        Self { rows, ..self }
    }

    /// The next lines, checked at this product time; `None` at the end.
    ///
    /// # Errors
    /// 400 if the file cannot be read, or has a row without end.
    pub fn next_slice(&mut self, window: Window) -> Result<Option<Slice>, Error> {
        let mut slice = Slice::new(self.position());
        let start = slice.end;
        loop {
            let more = match &mut self.rows {
                Rows::Table(table) => table.block(window, &self.names, &mut slice)?,
                Rows::Lines(lines) => lines.block(window, &self.names, &mut slice)?,
            };
            slice.end = self.position();
            if !more || slice.samples.len() >= SLICE_POINTS || slice.end.byte - start.byte >= SLICE_BYTES {
                return Ok((slice.lines > 0).then_some(slice));
            }
        }
    }

    fn position(&self) -> Position {
        match &self.rows {
            Rows::Table(table) => table.position(),
            Rows::Lines(lines) => lines.position(),
        }
    }
}

fn unreadable(error: &std::io::Error) -> Error {
    Error::schema(format!("the file cannot be read: {error}"))
}

#[cfg(test)]
mod tests {
    use super::super::entry::MAX_POINTS;
    use super::*;
    use crate::Code;
    use crate::clock::Millis;
    use std::io::Cursor;

    const NOW: Millis = 1_795_428_000_000;

    fn csv(text: &str, metric_key: Option<&str>) -> PointFile {
        PointFile::csv(Box::new(Cursor::new(text.to_owned())), metric_key).unwrap()
    }

    fn refused(slice: &Slice) -> Vec<(u64, Code)> {
        slice.refused.iter().map(|error| (error.line, error.code)).collect()
    }

    #[test]
    fn rows_and_lines_become_the_points_that_a_request_would_give() {
        let mut table = csv(
            "\u{feff}timestamp,value,metric_key,region\n2026-11-23T09:00:00Z,1.5,a,eu\n\n1795424400000,2,a,\n",
            None,
        );
        let slice = table.next_slice(Window::at(NOW)).unwrap().unwrap();
        assert_eq!((slice.samples.len(), slice.lines, slice.series().count()), (2, 2, 2));
        assert!(table.next_slice(Window::at(NOW)).unwrap().is_none());

        let text = r#"{"metric_key":"a","value":1.5,"timestamp":"2026-11-23T09:00:00Z","dimensions":{"region":"eu"}}

{"metric_key":"a","value":2,"timestamp":1795424400000}"#;
        let mut lines = PointFile::ndjson(Box::new(Cursor::new(text)));
        let same = lines.next_slice(Window::at(NOW)).unwrap().unwrap();
        assert_eq!(same.samples, slice.samples);
        assert!(lines.next_slice(Window::at(NOW)).unwrap().is_none());
    }

    #[test]
    fn refused_lines_are_told_by_number_and_code() {
        let slice = csv(
            "timestamp,value\n2026-11-23T09:00:00Z,1\n,1\n2026-11-23T09:00:00Z,x\n1,2,3\n2026-11-23T10:06:00Z,1\n",
            Some("a"),
        )
        .next_slice(Window::at(NOW))
        .unwrap()
        .unwrap();
        let (time, value, schema) = (Code::InvalidTimestamp, Code::InvalidValue, Code::SchemaValidationFailed);
        assert_eq!(refused(&slice), [(3, time), (4, value), (5, schema), (6, time)]);
        assert_eq!((slice.samples.len(), slice.refused_lines), (1, 4));

        let text = b"{\"metric_key\":\"a\",\"value\":1}\n\n{\"value\":1}\n[1]\nnonsense\n\xff\n";
        let slice = PointFile::ndjson(Box::new(Cursor::new(text)))
            .next_slice(Window::at(NOW))
            .unwrap()
            .unwrap();
        assert_eq!(
            refused(&slice),
            [(3, Code::InvalidMetricKey), (4, schema), (5, schema), (6, schema)]
        );
    }

    #[test]
    fn a_file_goes_on_from_where_a_slice_ended() {
        let rows = MAX_POINTS as i64 * 51;
        let row = |at: i64| format!("{},{at}\n", NOW - at * 1_000);
        let text: String = std::iter::once("timestamp,value\n".to_owned())
            .chain((0..rows).map(row))
            .collect();
        let mut whole = csv(&text, Some("a"));
        let first = whole.next_slice(Window::at(NOW)).unwrap().unwrap();
        assert_eq!(first.samples.len(), SLICE_POINTS);
        let second = whole.next_slice(Window::at(NOW)).unwrap().unwrap();

        let rest = text[usize::try_from(first.end.byte).unwrap()..].to_owned();
        let resumed = csv(&text, Some("a")).resume(Box::new(Cursor::new(rest)), first.end);
        let mut resumed = resumed;
        let again = resumed.next_slice(Window::at(NOW)).unwrap().unwrap();
        assert_eq!(again.samples, second.samples);
        assert_eq!(again.end, second.end);
        assert_eq!(second.end.line, rows as u64 + 1);
    }

    #[test]
    fn a_row_without_end_takes_no_memory_without_end() {
        let endless = std::io::repeat(b'x').take(1 << 40);
        let source = Cursor::new("timestamp,value\n1795424400000,\"").chain(endless);
        let error = PointFile::csv(Box::new(source), Some("a"))
            .unwrap()
            .next_slice(Window::at(NOW));
        assert!(error.unwrap_err().to_string().contains("longer than"));
    }

    #[test]
    fn a_line_that_is_too_long_is_refused_and_the_next_is_read() {
        let long = "x".repeat(usize::try_from(MAX_LINE).unwrap() * 2);
        let text = format!("{long}\n{{\"metric_key\":\"a\",\"value\":1}}\n");
        let slice = PointFile::ndjson(Box::new(Cursor::new(text)))
            .next_slice(Window::at(NOW))
            .unwrap()
            .unwrap();
        assert_eq!(refused(&slice), [(1, Code::SchemaValidationFailed)]);
        assert_eq!((slice.samples.len(), slice.lines), (1, 2));
    }
}
