use std::borrow::Cow;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD_INDIFFERENT;
use db::Value;
use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The reply to a pipeline of a batch and a close, as far as it is read.
#[derive(Debug, Deserialize)]
pub(crate) struct PipelineReply<'a> {
    #[serde(borrow)]
    pub(crate) results: Vec<StreamResult<'a>>,
}

/// What became of a request of the pipeline: one of the two.
#[derive(Debug, Deserialize)]
pub(crate) struct StreamResult<'a> {
    #[serde(borrow)]
    pub(crate) response: Option<StreamResponse<'a>>,
    #[serde(borrow)]
    pub(crate) error: Option<ServerError<'a>>,
}

/// The answer to a batch has a result, that to a close has none.
#[derive(Debug, Deserialize)]
pub(crate) struct StreamResponse<'a> {
    #[serde(borrow)]
    pub(crate) result: Option<BatchResult<'a>>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct BatchResult<'a> {
    pub(crate) step_results: Vec<Option<StepResult>>,
    #[serde(borrow)]
    pub(crate) step_errors: Vec<Option<ServerError<'a>>>,
}

/// An error of a step, of a stream, or of a whole request.
#[derive(Debug, Deserialize)]
pub(crate) struct ServerError<'a> {
    #[serde(borrow)]
    pub(crate) message: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) code: Option<Cow<'a, str>>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct StepResult {
    pub(crate) rows: Vec<Vec<Cell>>,
    #[serde(default)]
    pub(crate) affected_row_count: u64,
    #[serde(default)]
    pub(crate) rows_read: u64,
    #[serde(default)]
    pub(crate) rows_written: u64,
}

/// A value as Hrana writes it: `{"type":"integer","value":"1"}`, blobs as `base64`.
#[derive(Debug)]
pub(crate) struct Cell(pub(crate) Value);

impl<'de> Deserialize<'de> for Cell {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(CellVisitor).map(Self)
    }
}

struct CellVisitor;

impl<'de> Visitor<'de> for CellVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of Hrana")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Value, M::Error> {
        let mut kind: Option<Cow<'de, str>> = None;
        let mut value: Option<&'de RawValue> = None;
        let mut base64: Option<Cow<'de, str>> = None;
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            match &*key {
                "type" => kind = Some(map.next_value()?),
                "value" => value = Some(map.next_value()?),
                "base64" => base64 = Some(map.next_value()?),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        let kind = kind.ok_or_else(|| M::Error::missing_field("type"))?;
        if kind == "blob" {
            let text = base64.ok_or_else(|| M::Error::missing_field("base64"))?;
            let blob = STANDARD_NO_PAD_INDIFFERENT.decode(text.as_bytes());
            return blob.map(Value::Blob).map_err(M::Error::custom);
        }
        if kind == "null" {
            return Ok(Value::Null);
        }
        let raw = value.ok_or_else(|| M::Error::missing_field("value"))?.get();
        match &*kind {
            "integer" => raw
                .trim_matches('"')
                .parse()
                .map(Value::Integer)
                .map_err(M::Error::custom),
            // an infinity comes as null
            "float" if raw == "null" => Ok(Value::Null),
            // from its text: serde_json's own conversion may be one unit off
            "float" => raw.parse().map(Value::Real).map_err(M::Error::custom),
            "text" => serde_json::from_str(raw).map(Value::Text).map_err(M::Error::custom),
            _ => Err(M::Error::custom("a value of an unknown type")),
        }
    }
}

#[cfg(test)]
mod tests {
    use db::Value;

    use super::{Cell, PipelineReply};

    fn value(text: &str) -> Result<Value, serde_json::Error> {
        serde_json::from_str::<Cell>(text).map(|cell| cell.0)
    }

    #[test]
    fn values_are_read_in_any_order_and_with_or_without_padding() {
        for (text, expected) in [
            (r#"{"type":"null"}"#, Value::Null),
            (
                r#"{"type":"integer","value":"-9223372036854775808"}"#,
                Value::Integer(i64::MIN),
            ),
            (r#"{"value":"7","more":[1,{}],"type":"integer"}"#, Value::Integer(7)),
            (r#"{"type":"float","value":5e-324}"#, Value::Real(5e-324)),
            (r#"{"type":"float","value":1}"#, Value::Real(1.0)),
            (r#"{"type":"float","value":null}"#, Value::Null),
            (
                r#"{"type":"text","value":"a\"\u00e4\ud83e\udd80"}"#,
                Value::from("a\"ä🦀"),
            ),
            (r#"{"type":"blob","base64":"AAE="}"#, Value::Blob(vec![0, 1])),
            (r#"{"type":"blob","base64":"AAE"}"#, Value::Blob(vec![0, 1])),
            (r#"{"type":"blob","base64":""}"#, Value::Blob(vec![])),
        ] {
            assert_eq!(value(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_value_is_an_error() {
        for text in [
            "{}",
            "7",
            r#"{"type":"integer"}"#,
            r#"{"type":"integer","value":"9223372036854775808"}"#,
            r#"{"type":"float","value":"x"}"#,
            r#"{"type":"text","value":7}"#,
            r#"{"type":"blob","base64":"*"}"#,
            r#"{"type":"decimal","value":"1"}"#,
        ] {
            assert!(value(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_reply_cut_anywhere_is_an_error() {
        let whole = concat!(
            r#"{"baton":null,"base_url":null,"results":[{"type":"ok","response":{"type":"batch","result":"#,
            r#"{"step_results":[{"cols":[],"rows":[[{"type":"integer","value":"5"}]],"affected_row_count":1},null],"#,
            r#""step_errors":[null,{"message":"SQLite error: x","code":"SQLITE_UNKNOWN"}]}}},"#,
            r#"{"type":"ok","response":{"type":"close"}}]}"#
        );
        assert!(serde_json::from_str::<PipelineReply<'_>>(whole).is_ok());
        for end in 0..whole.len() {
            assert!(
                serde_json::from_str::<PipelineReply<'_>>(&whole[..end]).is_err(),
                "{end}"
            );
        }
    }
}
