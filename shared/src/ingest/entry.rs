use crate::clock::{MINUTE, Millis};
use crate::http::PointError;
use crate::series::{Dimensions, MetricKey, SeriesRef};
use crate::{Code, Error, time};
use std::borrow::Cow;
use std::collections::HashMap;

/// The most points of a request.
pub const MAX_POINTS: usize = 10_000;
/// How far ahead of now a timestamp may be.
const MAX_AHEAD: Millis = 5 * MINUTE;
/// Below this a number is no time in milliseconds that anybody means, but one in seconds.
const LEAST_EPOCH_MS: Millis = 100_000_000_000;

/// Characters of a key that is none, as the reply repeats it.
const MAX_ECHO: usize = 64;
/// Characters of a reason in which a parser quotes the request.
const MAX_REASON: usize = 120;

/// The entries of a request, each checked: accepted points by series, and what was refused.
#[derive(Debug)]
pub struct Entries {
    now: Millis,
    len: usize,
    series: Vec<SeriesRef>,
    /// by metric key, then by the text of the dimensions: two steps, so that a look-up owns nothing
    by_name: HashMap<String, HashMap<String, usize>>,
    points: Vec<Incoming>,
    refused: Vec<PointError>,
}

/// An accepted point.
#[derive(Debug, Clone, Copy)]
pub(super) struct Incoming {
    /// its place in the request
    pub(super) index: usize,
    /// its place in [`Entries::series`]
    pub(super) series: usize,
    pub(super) timestamp: Millis,
    pub(super) value: f64,
}

/// One entry as its format found it: each field read as far as it could be.
#[derive(Debug)]
pub(super) struct Raw<'a> {
    pub(super) metric_key: Option<Cow<'a, str>>,
    pub(super) value: Option<f64>,
    pub(super) timestamp: RawTime<'a>,
    /// the text of the dimensions, for looking them up, and how to read them
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
#[derive(Debug)]
pub(super) enum RawDimensions<'a> {
    Absent,
    Json(&'a str),
    Pairs(Vec<(String, String)>),
}

impl Entries {
    /// No entries yet, at this product time.
    #[must_use]
    pub fn new(now: Millis) -> Self {
        Self {
            now,
            len: 0,
            series: Vec::new(),
            by_name: HashMap::new(),
            points: Vec::new(),
            refused: Vec::new(),
        }
    }

    /// Checks one more entry: the first failing field counts, in the order key, value, timestamp,
    /// dimensions.
    ///
    /// # Errors
    /// 413 if it is one too many.
    pub(super) fn push(&mut self, raw: &Raw<'_>) -> Result<(), Error> {
        let index = self.next_index()?;
        let metric_key = raw.metric_key.as_deref();
        match self.check(raw) {
            Ok((series, timestamp, value)) => self.points.push(Incoming {
                index,
                series,
                timestamp,
                value,
            }),
            Err((code, message)) => self.refused.push(PointError {
                index,
                metric_key: metric_key.map(echo),
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
        self.refused.push(PointError {
            index,
            metric_key: None,
            code: Code::SchemaValidationFailed,
            message,
        });
        Ok(())
    }

    fn next_index(&mut self) -> Result<usize, Error> {
        if self.len == MAX_POINTS {
            return Err(Error::PayloadTooLarge(format!(
                "a request has at most {MAX_POINTS} points"
            )));
        }
        self.len += 1;
        Ok(self.len - 1)
    }

    fn check(&mut self, raw: &Raw<'_>) -> Result<(usize, Millis, f64), (Code, String)> {
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
            .series(key, &raw.dimensions)
            .map_err(|message| (Code::InvalidDimensions, message))?;
        Ok((series, timestamp, value))
    }

    fn timestamp(&self, raw: &RawTime<'_>) -> Result<Millis, (Code, String)> {
        let wrong = |message: &str| (Code::InvalidTimestamp, message.to_owned());
        let timestamp = match raw {
            RawTime::Absent => return Ok(self.now),
            RawTime::Text(text) => time::parse_rfc3339(text),
            RawTime::Number(text) => text
                .parse()
                .ok()
                .filter(|ms| *ms >= LEAST_EPOCH_MS && time::in_range(*ms)),
            RawTime::Wrong => None,
        };
        let timestamp =
            timestamp.ok_or_else(|| wrong("timestamp must be RFC 3339 with an offset, or epoch milliseconds"))?;
        if timestamp > self.now.saturating_add(MAX_AHEAD) {
            return Err(wrong("timestamp is more than 5 minutes ahead"));
        }
        Ok(timestamp)
    }

    /// The place of the series with this name, which is hashed once a request and not once a point.
    fn series(&mut self, key: &str, raw: &RawDimensions<'_>) -> Result<usize, String> {
        let text = match raw {
            RawDimensions::Absent => Cow::Borrowed(""),
            RawDimensions::Json(text) => Cow::Borrowed(*text),
            RawDimensions::Pairs(pairs) => Cow::Owned(pairs.iter().flat_map(|(k, v)| [k, "\0", v, "\0"]).collect()),
        };
        if let Some(at) = self.by_name.get(key).and_then(|series| series.get(&*text)) {
            return Ok(*at);
        }
        let dimensions = match raw {
            RawDimensions::Absent => Dimensions::default(),
            RawDimensions::Json(text) => read_dimensions(text)?,
            RawDimensions::Pairs(pairs) => Dimensions::new(pairs.iter().cloned())?,
        };
        let metric_key = MetricKey::parse(key).ok_or("the metric key cannot be read")?;
        self.series.push(SeriesRef::new(metric_key, dimensions));
        let at = self.series.len() - 1;
        self.by_name
            .entry(key.to_owned())
            .or_default()
            .insert(text.into_owned(), at);
        Ok(at)
    }

    /// The series of the points; one may stand here twice if it was written in two ways.
    pub(super) fn series_list(&self) -> &[SeriesRef] {
        &self.series
    }

    pub(super) fn points(&self) -> &[Incoming] {
        &self.points
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
            metric_key: Some(self.series[point.series].metric_key.as_str().to_owned()),
            code,
            message: message.to_owned(),
        }));
        self.refused.sort_by_key(|error| error.index);
    }
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
