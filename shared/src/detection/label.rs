use crate::clock::Millis;
use crate::id::AnomalyId;
use crate::{Code, Error, time};
use prediction::detect::Mark;
use serde::{Deserialize, Serialize};

/// What a user says of an anomaly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Label {
    /// it was to be expected
    Expected,
    /// its values were wrong data
    BadData,
    /// it is real
    Real,
}

impl Label {
    /// As in JSON and in storage.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.mark().as_str()
    }

    /// Reads its name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Expected, Self::BadData, Self::Real]
            .into_iter()
            .find(|label| label.as_str() == text)
    }

    /// What the detector makes of it.
    #[must_use]
    pub fn mark(self) -> Mark {
        match self {
            Self::Expected => Mark::Expected,
            Self::BadData => Mark::BadData,
            Self::Real => Mark::Real,
        }
    }
}

/// What a label is about.
#[derive(Debug, Clone, PartialEq)]
pub enum Subject {
    /// this anomaly
    Anomaly(AnomalyId),
    /// this time in the series, and the anomaly that was open then, if there was one
    Time(Millis),
}

/// A label as a caller sends it.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelRequest {
    /// of what
    pub subject: Subject,
    /// what it is
    pub label: Label,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    #[serde(default)]
    anomaly_id: Option<String>,
    #[serde(default)]
    at: Option<serde_json::Value>,
    label: Label,
}

impl LabelRequest {
    /// Reads the body of `POST /v1/series/{id}/labels`.
    ///
    /// # Errors
    /// 400 with the field that is wrong; 404 for what can be no anomaly's id.
    pub fn parse(body: &[u8]) -> Result<Self, Error> {
        let wire: Wire = serde_json::from_slice(body).map_err(|error| Error::schema(error.to_string()))?;
        let subject = match (wire.anomaly_id, wire.at) {
            (Some(id), None) => Subject::Anomaly(AnomalyId::parse(&id).ok_or(Error::NotFound("the anomaly"))?),
            (None, Some(at)) => Subject::Time(time::of_json(&at).ok_or_else(|| no_time("at is not a time"))?),
            _ => return Err(Error::schema("a label needs either anomaly_id or at")),
        };
        Ok(Self {
            subject,
            label: wire.label,
        })
    }
}

pub(super) fn no_time(message: &str) -> Error {
    Error::Malformed {
        code: Code::InvalidTimestamp,
        message: message.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_names_an_anomaly_or_a_time() {
        let id = AnomalyId::derived(1, &[b"a"]);
        let by_id = LabelRequest::parse(format!(r#"{{"anomaly_id": "{id}", "label": "bad_data"}}"#).as_bytes());
        assert_eq!(by_id.unwrap().subject, Subject::Anomaly(id.clone()));
        let by_time = LabelRequest::parse(br#"{"at": "1970-01-01T00:00:01Z", "label": "real"}"#).unwrap();
        assert_eq!((by_time.subject, by_time.label), (Subject::Time(1_000), Label::Real));
        for (body, code) in [
            (r#"{"label": "real"}"#.to_owned(), Code::SchemaValidationFailed),
            (
                format!(r#"{{"label": "real", "at": 1, "anomaly_id": "{id}"}}"#),
                Code::SchemaValidationFailed,
            ),
            (
                r#"{"label": "new_normal", "at": 1}"#.to_owned(),
                Code::SchemaValidationFailed,
            ),
            (
                r#"{"label": "real", "at": 1, "why": ""}"#.to_owned(),
                Code::SchemaValidationFailed,
            ),
            (r#"{"label": "real", "at": "today"}"#.to_owned(), Code::InvalidTimestamp),
            (r#"{"label": "real", "anomaly_id": "key_1"}"#.to_owned(), Code::NotFound),
        ] {
            assert_eq!(LabelRequest::parse(body.as_bytes()).unwrap_err().code(), code, "{body}");
        }
    }
}
