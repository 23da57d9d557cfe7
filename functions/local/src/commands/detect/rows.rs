//! What the detector says of each line of a file, as CSV or as JSON.

use crate::Failure;
use crate::series_files::Point;
use intentvision::detection::reason;
use prediction::LocalTime;
use prediction::detect::{Change, Detector, Finding, Stream, Verdict};
use serde::Serialize;

/// One row for each line of the file, with the names of the columns.
#[derive(Debug, Serialize)]
struct Row<'a> {
    timestamp: &'a str,
    value: Option<f64>,
    score: f64,
    expected: Option<f64>,
    lower: Option<f64>,
    upper: Option<f64>,
    /// 1 where an incident opens
    alert: u8,
    severity: Option<&'static str>,
    kind: Option<&'static str>,
    reason: Option<String>,
}

pub(super) struct Rows<'a>(Vec<Row<'a>>);

impl<'a> Rows<'a> {
    /// Replays the points, in the order of the file; what comes late is passed over by the detector.
    pub(super) fn of(points: &'a [Point], detector: &Detector, metric: &str, unit: Option<&str>) -> Self {
        let sentence = |finding: &Finding| reason(metric, unit, finding, LocalTime::default());
        let mut stream = Stream::default();
        let rows = points.iter().map(|point| {
            let verdict = stream.push(detector, point.at, point.value, None);
            row(point, &verdict, sentence)
        });
        Self(rows.collect())
    }

    pub(super) fn csv(&self) -> Result<String, Failure> {
        let mut table = csv::WriterBuilder::new()
            .terminator(csv::Terminator::Any(b'\n'))
            .has_headers(false)
            .from_writer(Vec::new());
        let header = [
            "timestamp",
            "value",
            "score",
            "expected",
            "lower",
            "upper",
            "alert",
            "severity",
            "kind",
            "reason",
        ];
        let written = table
            .write_record(header)
            .and_then(|()| self.0.iter().try_for_each(|row| table.serialize(row)));
        written.map_err(|error| failed(&error))?;
        let bytes = table.into_inner().map_err(|error| failed(&error))?;
        String::from_utf8(bytes).map_err(|error| failed(&error))
    }

    /// One object a line.
    pub(super) fn json(&self) -> Result<String, Failure> {
        let mut lines = String::new();
        for row in &self.0 {
            lines.push_str(&serde_json::to_string(row).map_err(|error| failed(&error))?);
            lines.push('\n');
        }
        Ok(lines)
    }
}

fn row<'a>(point: &'a Point, verdict: &Verdict, sentence: impl Fn(&Finding) -> String) -> Row<'a> {
    let finding = match &verdict.change {
        Some(Change::Opened(finding) | Change::Escalated(finding)) => Some(finding),
        Some(Change::Closed { .. }) | None => None,
    };
    Row {
        timestamp: &point.text,
        value: point.value,
        score: verdict.score,
        expected: verdict.expected.map(|range| range.expected),
        lower: verdict.expected.map(|range| range.lower),
        upper: verdict.expected.map(|range| range.upper),
        alert: u8::from(matches!(verdict.change, Some(Change::Opened(_)))),
        severity: finding.map(|finding| finding.severity.as_str()),
        kind: finding.map(|finding| finding.kind.as_str()),
        reason: finding.map(sentence),
    }
}

fn failed(error: &dyn std::fmt::Display) -> Failure {
    Failure::Failed(error.to_string())
}
