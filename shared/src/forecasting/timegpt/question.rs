//! The bodies of requests.

use super::frequency;
use super::history::History;
use bytes::Bytes;
use prediction::Step;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use serde::Serialize;
use serde_json::Number;

/// Bodies above this size are compressed, as the service's own client does it.
const MAX_PLAIN: usize = 1024 * 1024;

/// Series one after another, with their lengths; here always one.
#[derive(Serialize)]
struct Series<'a> {
    y: &'a [f64],
    sizes: [usize; 1],
}

impl<'a> Series<'a> {
    fn of(history: &'a History) -> Self {
        Self {
            y: history.values(),
            sizes: [history.values().len()],
        }
    }
}

#[derive(Serialize)]
struct ForecastBody<'a> {
    model: &'a str,
    series: Series<'a>,
    freq: String,
    h: usize,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    level: Vec<Number>,
}

#[derive(Serialize)]
struct DetectionBody<'a> {
    model: &'a str,
    series: Series<'a>,
    freq: String,
    level: Option<Number>,
}

/// A body, ready to be sent more than once.
#[derive(Debug, Clone)]
pub(super) struct Question {
    pub(super) body: Bytes,
    /// compressed by zstd
    pub(super) compressed: bool,
}

impl Question {
    /// `POST /v2/forecast`.
    pub(super) fn forecast(model: &str, history: &History, step: Step, horizon: usize, levels: &[f64]) -> Self {
        Self::new(&ForecastBody {
            model,
            series: Series::of(history),
            freq: frequency::alias(step),
            h: horizon,
            level: levels.iter().filter_map(|level| number(*level)).collect(),
        })
    }

    /// `POST /v2/anomaly_detection`.
    pub(super) fn detection(model: &str, history: &History, step: Step, level: f64) -> Self {
        Self::new(&DetectionBody {
            model,
            series: Series::of(history),
            freq: frequency::alias(step),
            level: number(level),
        })
    }

    fn new(body: &impl Serialize) -> Self {
        // numbers and texts cannot fail to serialise
        let plain = serde_json::to_vec(body).unwrap_or_default();
        let compressed = plain.len() > MAX_PLAIN;
        // not by the `zstd` that reads bodies here: its other half alone is half a megabyte of each function
        let body = if compressed {
            compress_to_vec(&plain[..], CompressionLevel::Fastest)
        } else {
            plain
        };
        Self {
            body: body.into(),
            compressed,
        }
    }
}

/// `80` for 80.0: the intervals of the answer are named by the text of the level.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a whole number from 0 to 99"
)]
fn number(level: f64) -> Option<Number> {
    if level.fract() == 0.0 && (0.0..100.0).contains(&level) {
        Some(Number::from(level as u8))
    } else {
        Number::from_f64(level)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn history(length: usize) -> History {
        let cells: Vec<f64> = (0..length).map(|at| at as f64 + 1.0 / 3.0).collect();
        History::newest(&cells, length).unwrap()
    }

    #[test]
    fn a_body_is_as_the_schema_has_it() {
        let question = Question::forecast("m", &history(2), Step::Months(1), 12, &[80.0, 99.5]);
        let body: Value = serde_json::from_slice(&question.body).unwrap();
        let y = json!([0.333_333_333_333_333_3, 1.333_333_333_333_333_3]);
        let series = json!({"y": y, "sizes": [2]});
        assert_eq!(
            body,
            json!({"model": "m", "series": series, "freq": "MS", "h": 12, "level": [80, 99.5]})
        );
        let question = Question::forecast("m", &history(2), Step::Months(1), 12, &[]);
        assert!(!String::from_utf8_lossy(&question.body).contains("level"));
        let question = Question::detection("m", &history(2), Step::Months(1), 99.0);
        let body: Value = serde_json::from_slice(&question.body).unwrap();
        assert_eq!(body, json!({"model": "m", "series": series, "freq": "MS", "level": 99}));
    }

    #[test]
    fn a_large_body_is_compressed_and_a_small_one_is_not() {
        let small = Question::detection("m", &history(1000), Step::Millis(1), 99.0);
        assert!(!small.compressed);
        let history = history(100_000);
        let large = Question::detection("m", &history, Step::Millis(1), 99.0);
        assert!(large.compressed && large.body.len() < MAX_PLAIN);
        let plain = String::from_utf8(zstd::decode_all(&large.body[..]).unwrap()).unwrap();
        let values = serde_json::to_string(history.values()).unwrap();
        let series = format!(r#""series":{{"y":{values},"sizes":[100000]}}"#);
        assert!(plain.contains(&series), "the body is another one");
    }
}
