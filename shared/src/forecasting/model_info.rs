//! What a reply tells of how a forecast came about.

use prediction::Report;
use serde_json::{Value, json};

/// `model_info` of a forecast that this engine made.
pub(super) fn of_report(report: &Report) -> Value {
    let members: Vec<Value> = report
        .members
        .iter()
        .map(|member| json!({"model": member.model.to_string(), "weight": member.weight}))
        .collect();
    json!({
        "members": members,
        "seasons": report.seasons,
        "rolling_origin_error": report.error,
        "rolling_origins": report.origins,
        "observations": report.observations,
        "fitted": report.fitted,
        "cleaning": {
            "counter": report.cleaning.counter,
            "outliers": report.cleaning.outliers,
            "level_shift": report.cleaning.level_shift,
            "intermittent": report.cleaning.intermittent,
            "calendar": report.cleaning.calendar,
        },
    })
}
