use super::Window;
use crate::clock::Millis;
use crate::http::PointError;
use crate::series::{Dimensions, KnownNames, MetricKey, SeriesId, SeriesRef};
use crate::{Code, Error, time};
use foldhash::{HashMap, HashMapExt};
use std::borrow::Cow;
use std::fmt::Write;

/// The most points of a request.
pub const MAX_POINTS: usize = 10_000;
/// Below this a number is no time in milliseconds that anybody means, but one in seconds.
const LEAST_EPOCH_MS: Millis = 100_000_000_000;

/// Characters of a key that is none, as the reply repeats it.
const MAX_ECHO: usize = 64;
/// Characters of a reason in which a parser quotes the request.
const MAX_REASON: usize = 120;

/// The entries of a request, each checked: accepted points by series, and what was refused.
#[derive(Debug)]
pub struct Entries<'a> {
    len: usize,
    series: Vec<Named<'a>>,
    points: Vec<Incoming>,
    refused: Vec<PointError>,
    new_names: HashMap<Box<str>, SeriesId>,
}

/// A series of a request, with the name that it has there.
#[derive(Debug)]
pub(super) struct Named<'a> {
    pub(super) series_id: SeriesId,
    metric_key: Cow<'a, str>,
    dimensions: RawDimensions<'a>,
}

/// An accepted point.
#[derive(Debug, Clone, Copy)]
pub(super) struct Incoming {
    /// its place in the request
    pub(super) index: usize,
    /// its place in [`Entries::series_list`]
    pub(super) series: usize,
    pub(super) timestamp: Millis,
    pub(super) value: f64,
}

/// One entry as its format found it: each field read as far as it could be. What names the series lives as
/// long as the body (`'a`).
#[derive(Debug)]
pub(super) struct Raw<'a, 'r> {
    pub(super) metric_key: Option<Cow<'a, str>>,
    pub(super) value: Option<f64>,
    pub(super) timestamp: RawTime<'r>,
    pub(super) dimensions: RawDimensions<'a>,
}

/// A timestamp as its format found it.
#[derive(Debug)]
pub(super) enum RawTime<'a> {
    Absent,
    Text(Cow<'a, str>),
    Number(&'a str),
    Wrong,
}

/// Dimensions as their format found them.
#[derive(Debug, Clone)]
pub(super) enum RawDimensions<'a> {
    Absent,
    Json(&'a str),
    Pairs(Vec<(String, String)>),
}

/// Checks the entries of a request one after the other.
#[derive(Debug)]
pub(super) struct Checker<'a, 'k> {
    window: Window,
    known: KnownNames<'k>,
    entries: Entries<'a>,
    /// the place of each series in the list
    places: HashMap<SeriesId, usize>,
    /// the name that is looked up, built in the same memory each time
    name: String,
    /// the last text of a time that was read: many points of a request have the same
    last_time: Option<(String, Millis)>,
}

impl<'a, 'k> Checker<'a, 'k> {
    /// Of a request that may have these times, by a process that knows these names.
    pub(super) fn new(window: Window, known: KnownNames<'k>) -> Self {
        Self {
            window,
            known,
            entries: Entries {
                len: 0,
                series: Vec::new(),
                points: Vec::new(),
                refused: Vec::new(),
                new_names: HashMap::new(),
            },
            places: HashMap::new(),
            name: String::new(),
            last_time: None,
        }
    }

    /// What was found.
    pub(super) fn finish(self) -> Entries<'a> {
        self.entries
    }

    /// Checks one more entry: the first failing field counts, in the order key, value, timestamp,
    /// dimensions.
    ///
    /// # Errors
    /// 413 if it is one too many.
    pub(super) fn push(&mut self, raw: Raw<'a, '_>) -> Result<(), Error> {
        let index = self.next_index()?;
        match self.check(&raw) {
            Ok((series_id, timestamp, value)) => {
                let series = self.place(series_id, raw);
                self.entries.points.push(Incoming {
                    index,
                    series,
                    timestamp,
                    value,
                });
            }
            Err((code, message)) => self.entries.refused.push(PointError {
                index,
                metric_key: raw.metric_key.as_deref().map(echo),
                code,
                message,
            }),
        }
        Ok(())
    }

    /// Refuses one more entry as a whole.
    ///
    /// # Errors
    /// 413 if it is one too many.
    pub(super) fn push_refused(&mut self, message: &str) -> Result<(), Error> {
        let index = self.next_index()?;
        let message = message.to_owned();
        self.entries.refused.push(PointError {
            index,
            metric_key: None,
            code: Code::SchemaValidationFailed,
            message,
        });
        Ok(())
    }

    fn next_index(&mut self) -> Result<usize, Error> {
        if self.entries.len == MAX_POINTS {
            return Err(Error::PayloadTooLarge(format!(
                "a request has at most {MAX_POINTS} points"
            )));
        }
        self.entries.len += 1;
        Ok(self.entries.len - 1)
    }

    fn check(&mut self, raw: &Raw<'_, '_>) -> Result<(SeriesId, Millis, f64), (Code, String)> {
        let key = raw.metric_key.as_deref().unwrap_or("");
        if !MetricKey::holds(key) {
            let message =
                "metric_key must be 1 to 256 characters of A-Z a-z 0-9 _ . : / - and begin with a letter, _ or :";
            return Err((Code::InvalidMetricKey, message.into()));
        }
        let value = raw.value.filter(|value| value.is_finite());
        let value = value.ok_or((Code::InvalidValue, "value must be a finite number".to_owned()))?;
        let timestamp = self.timestamp(&raw.timestamp)?;
        let series = self
            .series_id(key, &raw.dimensions)
            .map_err(|message| (Code::InvalidDimensions, message))?;
        Ok((series, timestamp, value))
    }

    fn timestamp(&mut self, raw: &RawTime<'_>) -> Result<Millis, (Code, String)> {
        let wrong = |message: &str| (Code::InvalidTimestamp, message.to_owned());
        let timestamp = match raw {
            RawTime::Absent => return Ok(self.window.now),
            RawTime::Text(text) => {
                if let Some((_, time)) = self.last_time.as_ref().filter(|(last, _)| *last == **text) {
                    return Ok(*time);
                }
                time::parse_rfc3339(text)
            }
            RawTime::Number(text) => text
                .parse()
                .ok()
                .filter(|ms| *ms >= LEAST_EPOCH_MS && time::in_range(*ms)),
            RawTime::Wrong => None,
        };
        let timestamp =
            timestamp.ok_or_else(|| wrong("timestamp must be RFC 3339 with an offset, or epoch milliseconds"))?;
        if let Some(message) = self.window.refusal(timestamp) {
            return Err(wrong(message));
        }
        if let RawTime::Text(text) = raw {
            let last = self.last_time.get_or_insert_default();
            last.0.clear();
            last.0.push_str(text);
            last.1 = timestamp;
        }
        Ok(timestamp)
    }

    /// The identity of the series with this name. A name is checked and hashed when the process first meets it.
    fn series_id(&mut self, key: &str, dimensions: &RawDimensions<'_>) -> Result<SeriesId, String> {
        self.name.clear();
        self.name.push_str(key);
        // stands in no key, and so tells where it ends
        self.name.push('\0');
        match dimensions {
            RawDimensions::Absent => {}
            RawDimensions::Json(text) => self.name.push_str(text),
            // with its length no text can pass for two; JSON that was accepted begins with a brace
            RawDimensions::Pairs(pairs) => pairs.iter().flat_map(|(key, value)| [key, value]).for_each(|text| {
                let _ = write!(self.name, "{}:{text}", text.len());
            }),
        }
        let known = self.known.get(&self.name);
        if let Some(id) = known.or_else(|| self.entries.new_names.get(&*self.name).copied()) {
            return Ok(id);
        }
        let id = read_name(key, dimensions)?.series_id;
        self.entries.new_names.insert(self.name.as_str().into(), id);
        Ok(id)
    }

    /// The place of a series in the list, where it stands once.
    fn place(&mut self, series_id: SeriesId, raw: Raw<'a, '_>) -> usize {
        let series = &mut self.entries.series;
        *self.places.entry(series_id).or_insert_with(|| {
            series.push(Named {
                series_id,
                metric_key: raw.metric_key.unwrap_or_default(),
                dimensions: raw.dimensions,
            });
            series.len() - 1
        })
    }
}

impl Named<'_> {
    /// The series by name.
    ///
    /// # Errors
    /// None: the name was read before.
    pub(super) fn read(&self) -> Result<SeriesRef, Error> {
        read_name(&self.metric_key, &self.dimensions).map_err(Error::schema)
    }
}

impl<'a> Entries<'a> {
    /// The series of the points, each once.
    pub(super) fn series_list(&self) -> &[Named<'a>] {
        &self.series
    }

    pub(super) fn points(&self) -> &[Incoming] {
        &self.points
    }

    /// Names of series that the process did not know.
    pub(super) fn new_names(&self) -> &HashMap<Box<str>, SeriesId> {
        &self.new_names
    }

    /// What was refused, in the order of the request.
    #[must_use]
    pub fn refused(&self) -> &[PointError] {
        &self.refused
    }

    /// Whether there was none at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Refuses points of series after all, with this reason.
    pub(super) fn refuse_series(&mut self, refused: &[usize], code: Code, message: &str) {
        let (out, kept): (Vec<_>, Vec<_>) = self.points.iter().partition(|point| refused.contains(&point.series));
        self.points = kept;
        self.refused.extend(out.iter().map(|point: &Incoming| PointError {
            index: point.index,
            metric_key: Some(self.series[point.series].metric_key.clone().into_owned()),
            code,
            message: message.to_owned(),
        }));
        self.refused.sort_by_key(|error| error.index);
    }
}

fn read_name(key: &str, dimensions: &RawDimensions<'_>) -> Result<SeriesRef, String> {
    let dimensions = match dimensions {
        RawDimensions::Absent => Dimensions::default(),
        RawDimensions::Json(text) => read_dimensions(text)?,
        RawDimensions::Pairs(pairs) => Dimensions::new(pairs.iter().cloned())?,
    };
    let metric_key = MetricKey::parse(key).ok_or("the metric key cannot be read")?;
    Ok(SeriesRef::new(metric_key, dimensions))
}

/// As much of a refused key as shows which it was. A reply must not grow with what was sent: ten thousand
/// wrong keys of any length still fit into one that Lambda lets through.
fn echo(key: &str) -> String {
    let most = if MetricKey::holds(key) {
        MetricKey::MAX
    } else {
        MAX_ECHO
    };
    key.chars().take(most).collect()
}

fn read_dimensions(json: &str) -> Result<Dimensions, String> {
    serde_json::from_str(json).map_err(|error| {
        let message = error.to_string();
        // the place is one within the dimensions, which says nothing about the request
        let message = message.split(" at line ").next().unwrap_or_default();
        // and it quotes what it found, however long
        message.chars().take(MAX_REASON).collect()
    })
}
