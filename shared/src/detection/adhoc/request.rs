use crate::clock::Millis;
use crate::detection::DetectionSettings;
use crate::series::{Dimensions, MetricKey};
use crate::{Code, Error, time};
use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::fmt;

/// The most points that a request may carry, as for an ingest.
const MAX_INLINE: usize = 10_000;

/// What `POST /v1/anomalies/detect` is to look at, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct DetectRequest {
    /// the points
    pub subject: Subject,
    /// anomalies and points from here on are shown; what is before only teaches
    pub from: Option<Millis>,
    /// up to here, exclusive
    pub to: Option<Millis>,
    /// how they are watched; absent: as the organization's series are
    pub settings: Option<DetectionSettings>,
    /// whether each point is shown with what was expected of it
    pub with_points: bool,
}

/// Which points.
#[derive(Debug, Clone, PartialEq)]
pub enum Subject {
    /// those of a stored series
    Stored {
        /// its metric
        metric_key: MetricKey,
        /// exactly these; absent: the only series of the metric
        dimensions: Option<Dimensions>,
    },
    /// those of the request
    Inline {
        /// what the sentences call them
        name: String,
        /// ascending, none twice; `None` is a time at which no value came
        points: Vec<(Millis, Option<f64>)>,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    #[serde(default)]
    metric_key: Option<String>,
    #[serde(default)]
    dimensions: Option<Dimensions>,
    #[serde(default)]
    points: Option<Points>,
    #[serde(default)]
    from: Option<Value>,
    #[serde(default)]
    to: Option<Value>,
    #[serde(default)]
    settings: Option<DetectionSettings>,
    #[serde(default)]
    include: Vec<Include>,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Include {
    Points,
}

/// Pairs of a time and a value; one more than are allowed where there are more.
struct Points(Vec<(Value, Option<f64>)>);

impl<'de> Deserialize<'de> for Points {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;

        impl<'de> Visitor<'de> for Pairs {
            type Value = Points;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array of [time, value]")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Points, A::Error> {
                let mut pairs = Vec::new();
                while pairs.len() <= MAX_INLINE {
                    match array.next_element()? {
                        Some(pair) => pairs.push(pair),
                        None => return Ok(Points(pairs)),
                    }
                }
                while array.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Points(pairs))
            }
        }

        deserializer.deserialize_seq(Pairs)
    }
}

impl DetectRequest {
    /// Reads the body of `POST /v1/anomalies/detect`.
    ///
    /// # Errors
    /// 400 with the field that is wrong; 413 for more than 10,000 points.
    pub fn parse(body: &[u8]) -> Result<Self, Error> {
        let wire: Wire = serde_json::from_slice(body).map_err(|error| Error::schema(error.to_string()))?;
        let metric_key = wire.metric_key.as_deref().map(MetricKey::of_request).transpose()?;
        let subject = match (wire.points, metric_key) {
            (None, None) => {
                return Err(Error::schema(
                    "a series is named by metric_key, or its points are given",
                ));
            }
            (None, Some(metric_key)) => Subject::Stored {
                metric_key,
                dimensions: wire.dimensions,
            },
            (Some(_), _) if wire.dimensions.is_some() => {
                return Err(Error::schema(
                    "points come without dimensions: they are of no stored series",
                ));
            }
            (Some(points), metric_key) => Subject::Inline {
                name: metric_key.map_or_else(|| "value".to_owned(), |key| key.as_str().to_owned()),
                points: points.check()?,
            },
        };
        let from = bound(wire.from.as_ref(), "from")?;
        let to = bound(wire.to.as_ref(), "to")?;
        if from.zip(to).is_some_and(|(from, to)| from > to) {
            return Err(Error::schema("from must not be after to"));
        }
        Ok(Self {
            subject,
            from,
            to,
            settings: wire.settings,
            with_points: wire.include.contains(&Include::Points),
        })
    }
}

impl Points {
    fn check(self) -> Result<Vec<(Millis, Option<f64>)>, Error> {
        if self.0.len() > MAX_INLINE {
            return Err(Error::PayloadTooLarge(format!(
                "a request carries at most {MAX_INLINE} points: ingest them, and name the series"
            )));
        }
        let read = |(index, (time, value)): (usize, &(Value, Option<f64>))| {
            let time = time::of_json(time).ok_or_else(|| no_time(&format!("points[{index}][0]")))?;
            Ok::<_, Error>((time, *value))
        };
        let mut points: Vec<_> = self.0.iter().enumerate().map(read).collect::<Result<_, _>>()?;
        // of one time the last one counts, as in an ingest
        points.reverse();
        points.sort_by_key(|(time, _)| *time);
        points.dedup_by_key(|(time, _)| *time);
        Ok(points)
    }
}

fn bound(value: Option<&Value>, name: &str) -> Result<Option<Millis>, Error> {
    value
        .map(|value| time::of_json(value).ok_or_else(|| no_time(name)))
        .transpose()
}

fn no_time(field: &str) -> Error {
    Error::Malformed {
        code: Code::InvalidTimestamp,
        message: format!("{field} must be RFC 3339 with an offset, or epoch milliseconds"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_sorted_and_of_one_time_the_last_counts() {
        let body = br#"{"points": [[2000, 1], ["1970-01-01T00:00:01Z", 5], [2000, null], [3000, 4.5]]}"#;
        let request = DetectRequest::parse(body).unwrap();
        let points = vec![(1_000, Some(5.0)), (2_000, None), (3_000, Some(4.5))];
        let name = "value".to_owned();
        assert_eq!(request.subject, Subject::Inline { name, points });
        assert!(!request.with_points);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for (body, code) in [
            ("{}", Code::SchemaValidationFailed),
            (r#"{"metric_key": "9"}"#, Code::InvalidMetricKey),
            (r#"{"metric_key": "a", "from": "monday"}"#, Code::InvalidTimestamp),
            (
                r#"{"metric_key": "a", "from": 2000, "to": 1000}"#,
                Code::SchemaValidationFailed,
            ),
            (r#"{"metric_key": "a", "sensitivity": 3}"#, Code::SchemaValidationFailed),
            (
                r#"{"metric_key": "a", "settings": {"direction": "left"}}"#,
                Code::SchemaValidationFailed,
            ),
            (
                r#"{"metric_key": "a", "include": ["all"]}"#,
                Code::SchemaValidationFailed,
            ),
            (
                r#"{"points": [[1, 1]], "dimensions": {}}"#,
                Code::SchemaValidationFailed,
            ),
            (r#"{"points": [[1, "1"]]}"#, Code::SchemaValidationFailed),
            (r#"{"points": [[1, 1e999]]}"#, Code::SchemaValidationFailed),
            (r#"{"points": [[1.5, 1]]}"#, Code::InvalidTimestamp),
            (r#"{"points": [["today", 1]]}"#, Code::InvalidTimestamp),
        ] {
            assert_eq!(
                DetectRequest::parse(body.as_bytes()).unwrap_err().code(),
                code,
                "{body}"
            );
        }
    }

    #[test]
    fn points_are_bounded_in_number() {
        let body = |count: usize| {
            let points: Vec<String> = (0..count).map(|time| format!("[{time},1]")).collect();
            format!(r#"{{"points":[{}]}}"#, points.join(","))
        };
        assert!(DetectRequest::parse(body(MAX_INLINE).as_bytes()).is_ok());
        for more in [MAX_INLINE + 1, 3 * MAX_INLINE] {
            assert_eq!(
                DetectRequest::parse(body(more).as_bytes()).unwrap_err().code(),
                Code::PayloadTooLarge
            );
        }
    }
}
