//! What a blob consists of, for people: its columns, the form that each was given, and what it takes.

use super::batch::{self, Entry};
use super::bytes::Reader;
use super::{CodecError, Kind, MAX_POINTS, chunk, ids, integers, segment, timestamps, values};
use crate::series::SeriesId;
use crate::store::Sample;
use serde::Serialize;

/// A blob, taken apart.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Description {
    /// `points` or `tombstone` (a row of the log), `segment`, `chunk`
    pub kind: &'static str,
    /// of its format
    pub version: u8,
    /// of the whole blob
    pub bytes: usize,
    /// in the order of the blob
    pub columns: Vec<Column>,
    /// whose points, or whose deletion; a chunk does not say
    pub series: Vec<SeriesId>,
    /// by series and time; a chunk's have no series
    #[serde(skip)]
    pub points: Vec<(Option<SeriesId>, crate::series::Point)>,
    #[serde(skip)]
    lists: Vec<usize>,
}

/// A part of a blob.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Column {
    /// what it holds
    pub name: &'static str,
    /// whose, or which of several
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
    /// how it is written
    pub form: String,
    /// of it
    pub bytes: usize,
}

/// Takes a blob apart.
///
/// # Errors
/// [`CodecError`] for what is none, or is damaged.
pub fn describe(blob: &[u8]) -> Result<Description, CodecError> {
    let mut reader = Reader::new(blob);
    let kind = Kind::of(reader.u8()?)?;
    let mut description = Description {
        kind: match kind {
            Kind::Points => "points",
            Kind::Tombstone => "tombstone",
            Kind::Segment => "segment",
            Kind::Chunk => "chunk",
        },
        version: reader.u8()?,
        bytes: blob.len(),
        columns: Vec::new(),
        series: Vec::new(),
        points: Vec::new(),
        lists: Vec::new(),
    };
    description.read_points(kind, blob)?;
    let mut walk = Walk {
        reader,
        columns: Vec::new(),
    };
    match kind {
        Kind::Tombstone => {
            walk.ids()?;
        }
        Kind::Points => walk.batch()?,
        Kind::Segment => description.lists = walk.segment()?,
        Kind::Chunk => walk.chunk()?,
    }
    description.columns = walk.columns;
    Ok(description)
}

impl Description {
    /// As the readers of the store do it, so that all their checks hold.
    fn read_points(&mut self, kind: Kind, blob: &[u8]) -> Result<(), CodecError> {
        match kind {
            Kind::Points | Kind::Tombstone => match batch::decode(blob)? {
                Entry::Points(samples) => {
                    self.points = samples.iter().map(point_of).collect();
                    self.series = samples.iter().map(|sample| sample.series_id).collect();
                    self.series.dedup();
                }
                Entry::Tombstone(series) => self.series = series,
            },
            Kind::Segment => {
                for (id, points) in segment::decode(blob)? {
                    self.series.push(id);
                    self.points.extend(points.into_iter().map(|point| (Some(id), point)));
                }
            }
            Kind::Chunk => self.points = chunk::decode(blob)?.into_iter().map(|point| (None, point)).collect(),
        }
        Ok(())
    }

    /// The columns that hold a series' points: in a segment its own, else all.
    #[must_use]
    pub fn columns_of(&self, series: SeriesId) -> Vec<&Column> {
        let all = self.columns.iter();
        if self.kind != "segment" {
            return all.collect();
        }
        let place = self.series.iter().position(|id| *id == series);
        let list = place.and_then(|at| self.lists.get(at)).map(usize::to_string);
        let name = series.to_string();
        let own = |column: &&Column| column.of.is_some() && (column.of == list || column.of.as_ref() == Some(&name));
        all.filter(own).collect()
    }
}

fn point_of(sample: &Sample) -> (Option<SeriesId>, crate::series::Point) {
    let Sample {
        series_id,
        timestamp,
        value,
    } = *sample;
    (Some(series_id), crate::series::Point { timestamp, value })
}

/// A blob that was found good, on the way through its columns.
struct Walk<'a> {
    reader: Reader<'a>,
    columns: Vec<Column>,
}

impl<'a> Walk<'a> {
    fn column<T>(
        &mut self,
        name: &'static str,
        of: Option<String>,
        form: impl FnOnce(&[u8]) -> String,
        read: impl FnOnce(&mut Reader<'a>) -> Result<T, CodecError>,
    ) -> Result<T, CodecError> {
        let before = self.reader.left();
        let read = read(&mut self.reader)?;
        let bytes = before.len() - self.reader.left().len();
        self.columns.push(Column {
            name,
            of,
            form: form(before.get(..bytes).unwrap_or_default()),
            bytes,
        });
        Ok(read)
    }

    fn ids(&mut self) -> Result<usize, CodecError> {
        let form = |_: &[u8]| "64 bits each".to_owned();
        self.column("series", None, form, ids::read).map(|ids| ids.len())
    }

    fn batch(&mut self) -> Result<(), CodecError> {
        let series = self.ids()?;
        let counts = self.column("counts", None, integers::form, |reader| integers::read(reader, series))?;
        let points = counts.iter().map(|count| usize::try_from(*count).unwrap_or(0)).sum();
        self.column("timestamps", None, timestamps::form, |reader| {
            timestamps::read(reader, points)
        })?;
        self.column("values", None, values::form, |reader| values::read(reader, points))?;
        Ok(())
    }

    /// Which list of timestamps each series has.
    fn segment(&mut self) -> Result<Vec<usize>, CodecError> {
        let series = ids::read(&mut self.reader.clone())?;
        self.ids()?;
        let lists = self.reader.count(series.len())?;
        let mut lengths = Vec::with_capacity(lists);
        for list in 0..lists {
            let count = self.reader.count(MAX_POINTS)?;
            lengths.push(count);
            let of = Some(list.to_string());
            self.column("timestamps", of, timestamps::form, |reader| {
                timestamps::read(reader, count)
            })?;
        }
        let which = self.column("timestamps of each series", None, integers::form, |reader| {
            integers::read(reader, series.len())
        })?;
        let which: Vec<usize> = which.iter().map(|list| usize::try_from(*list).unwrap_or(0)).collect();
        for (id, list) in series.iter().zip(&which) {
            let count = lengths.get(*list).copied().unwrap_or(0);
            let of = Some(id.to_string());
            self.column("values", of, values::form, |reader| values::read(reader, count))?;
        }
        Ok(which)
    }

    fn chunk(&mut self) -> Result<(), CodecError> {
        let points = self.reader.count(MAX_POINTS)?;
        self.column("timestamps", None, timestamps::form, |reader| {
            timestamps::read(reader, points)
        })?;
        self.column("values", None, values::form, |reader| values::read(reader, points))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::series::Point;
    use proptest::prelude::*;

    fn points(count: i64, value: fn(i64) -> f64) -> Vec<Point> {
        (0..count)
            .map(|at| Point {
                timestamp: at * 300_000,
                value: value(at),
            })
            .collect()
    }

    fn forms(description: &Description) -> Vec<(&str, &str)> {
        let columns = description.columns.iter();
        columns.map(|column| (column.name, column.form.as_str())).collect()
    }

    fn id(number: i64) -> SeriesId {
        SeriesId::from_raw(number).unwrap()
    }

    #[test]
    fn a_chunk_has_timestamps_and_values() {
        let blob = chunk::encode(&points(12, |at| at as f64 / 4.0));
        let description = describe(&blob).unwrap();
        assert_eq!((description.kind, description.points.len()), ("chunk", 12));
        assert_eq!(forms(&description)[0], ("timestamps", "grid"));
        assert!(
            forms(&description)[1].1.starts_with("decimals, times 10^2"),
            "{:?}",
            forms(&description)
        );
        // kind, version and count are in no column
        assert_eq!(
            description.columns.iter().map(|column| column.bytes).sum::<usize>() + 3,
            blob.len()
        );
    }

    #[test]
    fn a_segment_tells_the_columns_of_each_series() {
        let series = segment::Series::from([
            (id(5), points(4, |at| at as f64)),
            (id(9), points(4, |at| (at as f64).sqrt())),
            (id(11), points(3, |_| 1.0)),
        ]);
        let description = describe(&segment::encode(&series)).unwrap();
        assert_eq!(description.series, [id(5), id(9), id(11)]);
        let columns = |number| -> Vec<_> {
            let columns = description.columns_of(id(number)).into_iter();
            columns
                .map(|column| (column.name, column.of.clone().unwrap()))
                .collect()
        };
        assert_eq!(columns(9), [("timestamps", "0".into()), ("values", id(9).to_string())]);
        assert_eq!(
            columns(11),
            [("timestamps", "1".into()), ("values", id(11).to_string())]
        );
        let values = description.columns_of(id(9))[1];
        assert_eq!((values.form.as_str(), values.bytes), ("doubles", 33));
    }

    #[test]
    fn rows_of_the_log_are_points_or_tombstones() {
        let sample = |number, timestamp| Sample {
            series_id: id(number),
            timestamp,
            value: 1.0,
        };
        let description = describe(&batch::encode(&[sample(2, 7), sample(1, 5), sample(1, 6)])).unwrap();
        assert_eq!(
            (description.kind, description.series.len(), description.points.len()),
            ("points", 2, 3)
        );
        let names: Vec<_> = forms(&description).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["series", "counts", "timestamps", "values"]);
        let description = describe(&batch::encode_tombstone(&[id(3)])).unwrap();
        assert_eq!((description.kind, &description.series[..]), ("tombstone", &[id(3)][..]));
    }

    proptest! {
        #[test]
        fn any_bytes_are_described_or_refused(kind in 0u8..6, rest: Vec<u8>) {
            let _ = describe(&[&[kind, 1], &rest[..]].concat());
        }
    }
}
