//! What the document allows in a request, and complaints in the shape that Pydantic gives them.

use serde_json::{Value, json};

const MODELS: [&str; 4] = ["timegpt-1", "timegpt-1-long-horizon", "timegpt-2.1", "azureai"];

const COMMON: [&str; 7] = [
    "series",
    "freq",
    "model",
    "level",
    "clean_ex_first",
    "finetuned_model_id",
    "multivariate",
];
const OF_FORECASTS: [&str; 7] = [
    "h",
    "finetune_steps",
    "finetune_loss",
    "finetune_depth",
    "feature_contributions",
    "feature_contributions_type",
    "model_parameters",
];
const OF_DETECTIONS: [&str; 2] = ["hist_exog", "model_parameters"];

struct Complaints(Vec<Value>);

impl Complaints {
    fn push(&mut self, loc: &[&str], msg: &str, kind: &str) {
        let loc: Vec<&str> = ["body"].iter().chain(loc).copied().collect();
        self.0.push(json!({"loc": loc, "msg": msg, "type": kind}));
    }
}

/// What is wrong with a forecast's body.
pub(super) fn forecast(body: &Value) -> Vec<Value> {
    let mut complaints = common(body, &OF_FORECASTS);
    if body["h"].as_u64().is_none_or(|h| h == 0) {
        complaints.push(&["h"], "Input should be greater than 0", "greater_than");
    }
    if let Some(levels) = body.get("level") {
        let listed = levels.as_array();
        if listed.is_none_or(|levels| !levels.iter().all(is_level)) {
            complaints.push(&["level"], "Input should be less than 100", "less_than");
        }
    }
    complaints.0
}

/// What is wrong with a detection's body.
pub(super) fn detection(body: &Value) -> Vec<Value> {
    let mut complaints = common(body, &OF_DETECTIONS);
    if body.get("level").is_some_and(|level| !is_level(level)) {
        complaints.push(&["level"], "Input should be a valid number", "float_parsing");
    }
    complaints.0
}

fn common(body: &Value, more: &[&str]) -> Complaints {
    let mut complaints = Complaints(Vec::new());
    let Some(fields) = body.as_object() else {
        complaints.push(&[], "Input should be a valid dictionary", "dict_type");
        return complaints;
    };
    for name in fields.keys() {
        if !COMMON.contains(&name.as_str()) && !more.contains(&name.as_str()) {
            complaints.push(&[name], "Extra inputs are not permitted", "extra_forbidden");
        }
    }
    if !body["freq"].as_str().is_some_and(is_alias) {
        complaints.push(&["freq"], "Input should be a pandas offset alias", "value_error");
    }
    if !body
        .get("model")
        .is_none_or(|model| MODELS.iter().any(|known| model == known))
    {
        complaints.push(&["model"], "Input should be a known model", "enum");
    }
    let series = &body["series"];
    let values = series["y"].as_array().map_or(&[][..], Vec::as_slice);
    if values.is_empty() || !values.iter().all(Value::is_number) {
        complaints.push(&["series", "y"], "Input should be a valid number", "float_type");
    }
    let sizes = series["sizes"].as_array().map_or(&[][..], Vec::as_slice);
    let sizes: Option<Vec<u64>> = sizes.iter().map(Value::as_u64).collect();
    let total = sizes.map(|sizes| sizes.iter().sum::<u64>());
    if total != Some(values.len() as u64) {
        complaints.push(
            &["series", "sizes"],
            "The sizes do not sum up to the length of y",
            "value_error",
        );
    }
    complaints
}

fn is_level(level: &Value) -> bool {
    level.as_f64().is_some_and(|level| (0.0..100.0).contains(&level))
}

/// A count and a unit of pandas 2.2, or one of the older letters for hours and months.
fn is_alias(text: &str) -> bool {
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
    ["ms", "s", "min", "h", "H", "D", "B", "W", "MS", "ME", "M", "QS", "YS"].contains(&unit)
}
