//! Reads one series as it was measured: a point a line, in the order of the file.

use super::input::{records, timestamp, value};
use crate::Failure;
use csv::StringRecord;
use std::path::Path;

/// A line of the file.
#[derive(Debug, PartialEq)]
pub(crate) struct Point {
    /// the time as the file has it
    pub(crate) text: String,
    /// epoch milliseconds
    pub(crate) at: i64,
    /// `None` where the cell says that there is none
    pub(crate) value: Option<f64>,
}

/// `timestamp,value`, in these columns if there is no header, else in those of these names, whatever else there is.
pub(crate) fn points(path: &Path) -> Result<Vec<Point>, Failure> {
    let mut points = Vec::new();
    let mut columns = [0, 1];
    for (row, record) in records(path)?.enumerate() {
        let (line, record) = record?;
        let wrong = |what: String| Failure::Input(format!("{}: line {line}: {what}", path.display()));
        if row == 0 && timestamp(record.get(0).unwrap_or_default()).is_none() {
            columns = header(&record).ok_or_else(|| wrong("there are no columns timestamp and value".into()))?;
            continue;
        }
        let [text, cell] = columns.map(|column| record.get(column).unwrap_or_default());
        let at = timestamp(text).ok_or_else(|| wrong(format!("{text:?} is neither RFC 3339 nor epoch seconds")))?;
        let value = value(cell).map_err(|cell| wrong(format!("{cell:?} is no number")))?;
        points.push(Point {
            text: text.to_owned(),
            at,
            value: Some(value).filter(|value| value.is_finite()),
        });
    }
    Ok(points)
}

fn header(record: &StringRecord) -> Option<[usize; 2]> {
    // a table may begin with the mark of its encoding
    let named = |cell: &str, name: &str| cell.trim_start_matches('\u{feff}').eq_ignore_ascii_case(name);
    let place = |name| record.iter().position(|cell| named(cell, name));
    Some([place("timestamp")?, place("value")?])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn read(text: &str) -> Result<Vec<Point>, Failure> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        points(file.path())
    }

    fn point(text: &str, at: i64, value: Option<f64>) -> Point {
        Point {
            text: text.to_owned(),
            at,
            value,
        }
    }

    #[test]
    fn columns_are_found_by_their_names() {
        let expected = [
            point("60", 60_000, Some(1.5)),
            point("0", 0, None),
            point("60", 60_000, None),
        ];
        for text in [
            "60,1.5\n0,\n60,NaN\n",
            "timestamp,value\n60,1.5\n0,\n60\n",
            "\u{feff}Timestamp,label,Value,more\n60,1,1.5,x\n0,0,,\n60,0,inf,\n",
        ] {
            assert_eq!(read(text).unwrap(), expected, "{text}");
        }
        assert_eq!(read("").unwrap(), []);
        assert_eq!(read("timestamp,value\n").unwrap(), []);
    }

    #[test]
    fn what_makes_no_sense_is_told_with_its_line() {
        for (text, words) in [
            ("time,value\n0,1\n", "line 1: there are no columns timestamp and value"),
            ("0,1\nthen,1\n", "line 2: \"then\" is neither"),
            ("timestamp,value\n0,1\n60,many\n", "line 3: \"many\" is no number"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}
