//! Reads series from files, plain or gzip by their first bytes.

use crate::Failure;
use flate2::read::MultiGzDecoder;
use intentvision::time;
use jiff::civil;
use jiff::tz::Offset;
use prediction::{Regular, Step, regularise};
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

/// One history.
#[derive(Debug, PartialEq)]
pub(crate) struct Series {
    pub(crate) id: String,
    /// its values, NaN for a gap
    pub(super) values: Vec<f64>,
    /// where the file tells: the first time and the step
    pub(super) grid: Option<(i64, Step)>,
}

const GZIP: [u8; 2] = [0x1f, 0x8b];

fn open(path: &Path) -> Result<csv::Reader<Box<dyn Read>>, Failure> {
    let cannot = |error| Failure::Input(format!("{} cannot be read: {error}", path.display()));
    let mut file = BufReader::new(File::open(path).map_err(cannot)?);
    let zipped = file.fill_buf().map_err(cannot)?.starts_with(&GZIP);
    let reader: Box<dyn Read> = if zipped {
        Box::new(MultiGzDecoder::new(file))
    } else {
        Box::new(file)
    };
    Ok(csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(reader))
}

pub(super) fn records(path: &Path) -> Result<impl Iterator<Item = Result<(u64, csv::StringRecord), Failure>>, Failure> {
    let shown = path.display().to_string();
    Ok(open(path)?.into_records().map(move |record| {
        let record = record.map_err(|error| Failure::Input(format!("{shown}: {error}")))?;
        let line = record.position().map_or(0, csv::Position::line);
        Ok((line, record))
    }))
}

/// `id,value,...`, oldest first; an empty cell, `NaN` and `NA` are gaps. Lengths may differ, and
/// empty cells at the end of a line are no gaps but the end.
pub(super) fn wide(path: &Path) -> Result<Vec<Series>, Failure> {
    let mut all = Vec::new();
    for record in records(path)? {
        let (line, record) = record?;
        let id = record.get(0).unwrap_or_default();
        let mut cells: Vec<&str> = record.iter().skip(1).collect();
        while cells.last() == Some(&"") {
            cells.pop();
        }
        let values = cells
            .iter()
            .map(|cell| value(cell))
            .collect::<Result<Vec<f64>, String>>()
            .map_err(|cell| Failure::Input(format!("{}: line {line}: {cell:?} is no number", path.display())))?;
        all.push(Series {
            id: id.to_owned(),
            values,
            grid: None,
        });
    }
    at_least_one(path, all)
}

/// `series_id,timestamp,value` with or without that header, in any order; series in the order of
/// their first line.
pub(super) fn long(path: &Path, step: Option<Step>) -> Result<Vec<Series>, Failure> {
    let mut order: Vec<(String, Vec<(i64, f64)>)> = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::new();
    for (row, record) in records(path)?.enumerate() {
        let (line, record) = record?;
        let wrong = |what: &str| Failure::Input(format!("{}: line {line}: {what}", path.display()));
        let [id, at, cell] = [0, 1, 2].map(|column| record.get(column).unwrap_or_default());
        if row == 0 && timestamp(at).is_none() && value(cell).is_err() {
            continue;
        }
        let at = timestamp(at).ok_or_else(|| wrong("the timestamp is neither RFC 3339 nor epoch seconds"))?;
        let value = value(cell).map_err(|cell| wrong(&format!("{cell:?} is no number")))?;
        let index = *known.entry(id.to_owned()).or_insert_with(|| {
            order.push((id.to_owned(), Vec::new()));
            order.len() - 1
        });
        if let Some((_, points)) = order.get_mut(index) {
            points.push((at, value));
        }
    }
    let all = order
        .into_iter()
        .map(|(id, points)| {
            let Regular { start, step, values } = regularise(&points, step)
                .map_err(|error| Failure::Input(format!("{}: series {id}: {error}", path.display())))?;
            Ok(Series {
                id,
                values,
                grid: Some((start, step)),
            })
        })
        .collect::<Result<_, Failure>>()?;
    at_least_one(path, all)
}

fn at_least_one(path: &Path, all: Vec<Series>) -> Result<Vec<Series>, Failure> {
    if all.is_empty() {
        return Err(Failure::Input(format!("{} holds no series", path.display())));
    }
    Ok(all)
}

pub(super) fn value(cell: &str) -> Result<f64, String> {
    match cell {
        "" | "NaN" | "nan" | "NA" => Ok(f64::NAN),
        text => text.parse().map_err(|_| text.chars().take(40).collect()),
    }
}

/// RFC 3339, the same without an offset, which is UTC, or epoch seconds with or without a fraction.
pub(super) fn timestamp(text: &str) -> Option<i64> {
    if let Some(ms) = time::parse_rfc3339(text) {
        return Some(ms);
    }
    if let Ok(seconds) = text.parse::<f64>() {
        let ms = (seconds * 1000.0).round();
        return (ms.is_finite() && ms.abs() < 1e15).then_some(ms as i64);
    }
    let civil: civil::DateTime = text.parse().ok()?;
    let utc = Offset::UTC.to_timestamp(civil).ok()?;
    Some(utc.as_millisecond()).filter(|ms| time::in_range(*ms))
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write;

    fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    #[test]
    fn wide_is_read_plain_and_zipped_with_gaps() {
        let text = b"\"a\",1,,3\nb,2.5,-1e3,\n";
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text).unwrap();
        for bytes in [text.to_vec(), encoder.finish().unwrap()] {
            let series = wide(file(&bytes).path()).unwrap();
            assert_eq!(series[0].id, "a");
            assert_eq!(series[0].values.len(), 3);
            assert!(series[0].values[1].is_nan());
            assert_eq!(series[1].values, [2.5, -1000.0]);
        }
    }

    #[test]
    fn long_is_read_in_any_order_with_and_without_header() {
        for header in ["", "series_id,timestamp,value\n"] {
            let text =
                format!("{header}a,2026-01-01T02:00:00Z,3\nb,0,1\na,2026-01-01T00:00:00Z,1\na,1767229200,2\nb,60,2\n");
            let series = long(file(text.as_bytes()).path(), None).unwrap();
            assert_eq!(series[0].values, [1.0, 2.0, 3.0]);
            assert_eq!(series[0].grid, Some((1_767_225_600_000, Step::Millis(3_600_000))));
            assert_eq!(series[1].values, [1.0, 2.0]);
        }
    }

    #[test]
    fn times_are_read_in_three_ways() {
        for text in [
            "2014-02-14T14:30:00Z",
            "2014-02-14 15:30:00+01:00",
            "2014-02-14 14:30:00",
            "2014-02-14T14:30",
            "1392388200",
            "1392388200.0",
        ] {
            assert_eq!(timestamp(text), Some(1_392_388_200_000), "{text}");
        }
        assert_eq!(timestamp("1392388200.25"), Some(1_392_388_200_250));
        assert_eq!(timestamp("2014-02-14"), Some(1_392_336_000_000));
        for text in ["", "then", "inf", "1e300", "2014-02-30 00:00:00", "14:30"] {
            assert_eq!(timestamp(text), None, "{text}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_told_with_its_line() {
        let cell = wide(file(b"a,1\nb,x\n").path()).unwrap_err().to_string();
        assert!(cell.ends_with("line 2: \"x\" is no number"), "{cell}");
        let time = long(file(b"a,0,1\na,then,1\n").path(), None).unwrap_err().to_string();
        assert!(time.contains("line 2"), "{time}");
        assert!(wide(file(b"").path()).is_err());
        assert!(wide(file(b"\x1f\x8bnot gzip").path()).is_err());
        assert!(wide(Path::new("/does/not/exist")).is_err());
    }
}
