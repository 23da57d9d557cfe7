//! `POST /v1/ingest/csv`: a header line with `timestamp`, `value`, perhaps `metric_key`, and any
//! further columns as dimensions.

use super::Window;
use super::entry::{Checker, Entries, Raw, RawDimensions, RawTime};
use crate::Error;
use crate::series::SeriesNames;
use csv::{ReaderBuilder, StringRecord, Trim};
use std::borrow::Cow;

/// More than a series has dimensions, because a table of several metrics leaves many cells empty. Each
/// row takes memory for each.
const MAX_COLUMNS: usize = 128;

/// Which column holds what.
#[derive(Debug)]
pub(super) struct Columns {
    count: usize,
    timestamp: usize,
    value: usize,
    metric_key: Option<usize>,
    dimensions: Vec<(usize, String)>,
}

/// Reads a request at this product time, by a process with these names. Rows without a `metric_key` of their own have the given one.
///
/// # Errors
/// 400 if the header lacks a column, has one twice or too many, or there are no rows; 413 for too many
/// rows.
pub fn read<'a>(
    body: &[u8],
    metric_key: Option<&'a str>,
    window: Window,
    names: &SeriesNames,
) -> Result<Entries<'a>, Error> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let mut reader = ReaderBuilder::new().trim(Trim::All).flexible(true).from_reader(body);
    let header = reader
        .headers()
        .map_err(|_| Error::schema("the header line is not UTF-8 text"))?
        .clone();
    let columns = Columns::of(&header, metric_key)?;
    let mut entries = Checker::new(window, names.known());
    for record in reader.records() {
        push_row(&mut entries, &columns, record.as_ref(), metric_key)?;
    }
    let entries = entries.finish();
    if entries.is_empty() {
        return Err(Error::schema("there are no rows below the header"));
    }
    Ok(entries)
}

/// Checks one more row, as far as it could be read.
///
/// # Errors
/// 413 if it is one too many.
pub(super) fn push_row<'a, E>(
    entries: &mut Checker<'a, '_>,
    columns: &Columns,
    row: Result<&StringRecord, E>,
    metric_key: Option<&'a str>,
) -> Result<(), Error> {
    match row {
        Ok(row) if row.len() == columns.count => entries.push(columns.raw(row, metric_key)),
        Ok(row) => entries.push_refused(&format!(
            "the row has {} columns, the header {}",
            row.len(),
            columns.count
        )),
        Err(_) => entries.push_refused("the row is not UTF-8 text"),
    }
}

impl Columns {
    /// Reads a header.
    ///
    /// # Errors
    /// 400 if it lacks a column, has one twice or too many.
    pub(super) fn of(header: &StringRecord, metric_key: Option<&str>) -> Result<Self, Error> {
        if header.len() > MAX_COLUMNS {
            return Err(Error::schema(format!("the header has more than {MAX_COLUMNS} columns")));
        }
        // which of two values would be the value?
        for (at, name) in header.iter().enumerate() {
            if header.iter().take(at).any(|earlier| earlier == name) {
                return Err(Error::schema(format!("the header has the column {name:?} twice")));
            }
        }
        let at = |name: &str| header.iter().position(|column| column == name);
        let required = |name: &str| at(name).ok_or_else(|| Error::schema(format!("the header has no column {name:?}")));
        let columns = Self {
            count: header.len(),
            timestamp: required("timestamp")?,
            value: required("value")?,
            metric_key: at("metric_key"),
            dimensions: header
                .iter()
                .enumerate()
                .filter(|(_, name)| !matches!(*name, "timestamp" | "value" | "metric_key"))
                .map(|(at, name)| (at, name.to_owned()))
                .collect(),
        };
        match (columns.metric_key, metric_key) {
            (None, None) => Err(Error::schema(
                "name the metric: a column metric_key, or ?metric_key= in the query",
            )),
            (Some(_), Some(_)) => Err(Error::schema("metric_key is both a column and in the query")),
            _ => Ok(columns),
        }
    }

    fn raw<'a, 'r>(&self, record: &'r StringRecord, metric_key: Option<&'a str>) -> Raw<'a, 'r> {
        let time = &record[self.timestamp];
        Raw {
            metric_key: match self.metric_key {
                Some(at) => Some(Cow::Owned(record[at].to_owned())),
                None => metric_key.map(Cow::Borrowed),
            },
            value: record[self.value].parse().ok(),
            timestamp: match time {
                "" => RawTime::Wrong,
                digits if digits.bytes().all(|b| b.is_ascii_digit()) => RawTime::Number(digits),
                text => RawTime::Text(Cow::Borrowed(text)),
            },
            dimensions: RawDimensions::Pairs(
                self.dimensions
                    .iter()
                    .map(|(at, name)| (name.clone(), record[*at].to_owned()))
                    .collect(),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::entry::Named;
    use super::*;
    use crate::Code;
    use crate::clock::Millis;
    use proptest::prelude::*;

    const NOW: Millis = 1_795_428_000_000;

    fn read<'a>(body: &[u8], metric_key: Option<&'a str>, now: Millis) -> Result<Entries<'a>, Error> {
        super::read(body, metric_key, Window::at(now), &SeriesNames::default())
    }

    #[test]
    fn rows_become_points_and_other_columns_dimensions() {
        let body = "\u{feff}timestamp, value ,metric_key,region\n2026-11-23T09:00:00Z,1.5,a,eu\n1795424400000,2,a,\n";
        let entries = read(body.as_bytes(), None, NOW).unwrap();
        assert_eq!(entries.points().len(), 2);
        assert_eq!(
            entries.series_list()[0].read().unwrap().dimensions.to_json(),
            r#"{"region":"eu"}"#
        );
        assert!(entries.series_list()[1].read().unwrap().dimensions.is_empty());
        assert_eq!(entries.points()[0].timestamp, entries.points()[1].timestamp);
    }

    /// A text of two dimensions must not pass for one that holds them both.
    #[test]
    fn a_known_name_lets_no_other_text_pass() {
        let names = SeriesNames::default();
        let two = super::read(
            b"timestamp,value,a,b\n1795424400000,1,1,2\n",
            Some("k"),
            Window::at(NOW),
            &names,
        )
        .unwrap();
        names.learn(two.new_names());
        for body in [
            "timestamp,value,a\n1795424400000,1,1\0b\x002\n",
            "timestamp,value,a\n1795424400000,1,11:b1:2\n",
        ] {
            let one = super::read(body.as_bytes(), Some("k"), Window::at(NOW), &names).unwrap();
            let same = |series: &Named<'_>| series.series_id == two.series_list()[0].series_id;
            assert!(!one.series_list().iter().any(same), "{body:?}");
        }
    }

    #[test]
    fn each_wrong_row_has_its_code_at_its_index() {
        let body =
            "timestamp,value\n2026-11-23T09:00:00Z,1\n,1\n2026-11-23T09:00:00Z,x\n2026-11-23T09:00:00Z,inf\n1,2,3\n";
        let entries = read(body.as_bytes(), Some("a"), NOW).unwrap();
        let codes: Vec<_> = entries
            .refused()
            .iter()
            .map(|error| (error.index, error.code))
            .collect();
        let (time, value, schema) = (Code::InvalidTimestamp, Code::InvalidValue, Code::SchemaValidationFailed);
        assert_eq!(codes, [(1, time), (2, value), (3, value), (4, schema)]);
    }

    #[test]
    fn a_header_that_lacks_a_column_is_400() {
        for (body, key) in [
            ("", None),
            ("value\n1\n", None),
            ("timestamp,value\n1,1\n", None),
            ("timestamp,value\n", Some("a")),
            ("timestamp,value,value\n1795424400000,1,2\n", Some("a")),
            ("timestamp,value,host,host\n1795424400000,1,x,y\n", Some("a")),
        ] {
            assert_eq!(
                read(body.as_bytes(), key, NOW).unwrap_err().code(),
                Code::SchemaValidationFailed,
                "{body}"
            );
        }
        assert!(read(b"timestamp,value,metric_key\n", Some("a"), NOW).is_err());
    }

    /// Requirement 37.
    #[test]
    fn r37_a_header_has_a_limited_number_of_columns() {
        let body = |dimensions: usize| {
            let names: String = (0..dimensions).map(|i| format!(",d{i}")).collect();
            format!("timestamp,value{names}\n1795424400000,1{}\n", ",".repeat(dimensions))
        };
        // empty cells are no dimensions
        assert_eq!(read(body(30).as_bytes(), Some("a"), NOW).unwrap().points().len(), 1);
        assert!(read(body(MAX_COLUMNS - 2).as_bytes(), Some("a"), NOW).is_ok());
        assert!(read(body(MAX_COLUMNS - 1).as_bytes(), Some("a"), NOW).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(body: Vec<u8>) {
            let _ = read(&body, Some("a"), NOW);
            let _ = read(&[b"timestamp,value,x\n", &body[..]].concat(), Some("a"), NOW);
        }
    }
}
