use crate::clock::Millis;
use crate::id::RequestId;
use crate::series::{Dimensions, SeriesId};
use crate::time;
use prediction::Measures;
use serde::Serialize;
use std::collections::BTreeMap;

/// How the backends did on a series, as replies show it.
#[derive(Debug, Clone, Serialize)]
#[expect(missing_docs, reason = "the fields of the HTTP contract")]
pub struct BacktestItem {
    pub request_id: RequestId,
    pub series_id: SeriesId,
    pub metric_key: String,
    pub dimensions: Dimensions,
    #[serde(flatten)]
    pub result: Tested,
}

/// How the backends did on a history.
#[derive(Debug, Clone, Serialize)]
#[expect(missing_docs, reason = "the fields of the HTTP contract")]
pub struct Tested {
    pub frequency: String,
    pub horizon: usize,
    pub stride: usize,
    /// the backend with the smallest mean absolute error
    pub best: String,
    /// the smallest mean absolute error first; seasonal naive is always among them
    pub backends: Vec<BackendResult>,
}

/// How one backend did.
#[derive(Debug, Clone, Serialize)]
#[expect(missing_docs, reason = "the fields of the HTTP contract")]
pub struct BackendResult {
    pub backend: String,
    #[serde(flatten)]
    pub overall: Figures,
    pub windows: Vec<WindowResult>,
}

/// How a backend did in one window.
#[derive(Debug, Clone, Serialize)]
pub struct WindowResult {
    /// the time of its first step
    #[serde(serialize_with = "time::rfc3339")]
    pub start: Millis,
    /// all null where no step has a value
    #[serde(flatten)]
    pub figures: Figures,
}

/// The measures of [`prediction::Measures`]; null where there is none.
#[derive(Debug, Clone, Default, Serialize)]
#[expect(missing_docs, reason = "said there")]
pub struct Figures {
    pub steps: usize,
    pub mae: Option<f64>,
    pub rmse: Option<f64>,
    pub smape: Option<f64>,
    pub mase: Option<f64>,
    pub pinball: Option<f64>,
    /// by level in percent, 0 to 1
    pub coverage: BTreeMap<String, f64>,
    pub skill: Option<f64>,
}

impl Figures {
    pub(super) fn of(measures: Option<&Measures>, levels: &[f64]) -> Self {
        let Some(measures) = measures else {
            return Self::default();
        };
        // near the largest number a sum of errors may not be one
        let finite = |value: f64| Some(value).filter(|value| value.is_finite());
        let coverage = levels
            .iter()
            .filter_map(|level| Some((level.to_string(), measures.coverage_at(*level)?)));
        Self {
            steps: measures.steps,
            mae: finite(measures.mae),
            rmse: finite(measures.rmse),
            smape: finite(measures.smape),
            mase: measures.mase,
            pinball: measures.pinball.and_then(finite),
            coverage: coverage.collect(),
            skill: measures.skill,
        }
    }
}
