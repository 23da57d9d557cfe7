//! What is unusual in a series, as its picture shows it: the range that was expected, and the points outside of it.

use crate::budget::Budget;
use crate::clock::Millis;
use crate::detection::expectation::Expectation;
use crate::series::Point;
use crate::time;
use db::{DbError, Row};
use picture::{Chart, Mark, Range};
use prediction::detect;
use serde::Deserialize;
use std::collections::BTreeMap;

/// What was told of the points of a series, and what can find out the rest.
pub(super) struct Unusual {
    pub(super) expectation: Expectation,
    /// what the message says
    pub(super) said: Option<Told>,
    /// all that was told, what the message says among it
    pub(super) told: Vec<Told>,
}

/// A point that was told as unusual, and what had been expected of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Told {
    pub(super) at: Millis,
    /// `None` where it is missing
    value: Option<f64>,
    range: Range,
}

impl Told {
    /// The anomaly of a transition's evidence.
    pub(super) fn of_evidence(evidence: &str) -> Option<Self> {
        #[derive(Deserialize)]
        struct Evidence {
            anomaly: Anomaly,
        }
        #[derive(Deserialize)]
        struct Anomaly {
            at: String,
            value: Option<f64>,
            expected: f64,
            lower: f64,
            upper: f64,
        }
        let Evidence { anomaly } = serde_json::from_str(evidence).ok()?;
        let at = time::parse(&anomaly.at)?;
        Self::new(at, anomaly.value, anomaly.lower, anomaly.expected, anomaly.upper)
    }

    /// A row of `anomalies`: the point that tells it, its value, and what was expected.
    pub(super) fn of_incident(row: &Row) -> Result<Option<Self>, DbError> {
        let range = row.opt_real(3)?.zip(row.opt_real(2)?).zip(row.opt_real(4)?);
        let (at, value) = (row.integer(0)?, row.opt_real(1)?);
        Ok(range.and_then(|((lower, middle), upper)| Self::new(at, value, lower, middle, upper)))
    }

    /// `None` for what is no range of numbers.
    fn new(at: Millis, value: Option<f64>, lower: f64, middle: f64, upper: f64) -> Option<Self> {
        let range = Range {
            at,
            lower,
            middle,
            upper,
        };
        (lower.is_finite() && middle.is_finite() && upper.is_finite()).then_some(Self { at, value, range })
    }

    fn value(&self) -> String {
        self.value.map_or_else(|| "no value".to_owned(), picture::number)
    }

    fn value_and_range(&self) -> String {
        let Range { lower, upper, .. } = self.range;
        format!(
            "{}, expected {} to {}",
            self.value(),
            picture::number(lower),
            picture::number(upper)
        )
    }
}

impl Unusual {
    /// Draws it into a chart that shows the last of these points. If that takes too long, or a replay finds something else
    /// than what was told, only what was told is drawn: a range that the message does not know would explain nothing.
    pub(super) fn draw(self, chart: &mut Chart, points: &[Point], time: &mut dyn Budget) {
        let from = chart.history.first().map_or(chart.now, |point| point.at);
        let shown = |at: Millis| (from..=chart.now).contains(&at);
        let mut told = self.told;
        told.retain(|one| shown(one.at));
        let mut flagged: BTreeMap<Millis, f64> = BTreeMap::new();
        if let Some(verdicts) = self.expectation.replay(points, time) {
            let mut ranges = BTreeMap::new();
            for (point, verdict) in points.iter().zip(&verdicts).filter(|(point, _)| shown(point.timestamp)) {
                if let Some(range) = verdict.expected.filter(is_finite) {
                    ranges.insert(point.timestamp, drawn(point.timestamp, range));
                }
            }
            let agree = told
                .iter()
                .filter(|one| one.value.is_some())
                .all(|one| ranges.get(&one.at).is_some_and(|range| agrees(range, &one.range)));
            if agree {
                for one in told.iter().filter(|one| one.value.is_some()) {
                    ranges.insert(one.at, one.range);
                }
                chart.expected = ranges.into_values().collect();
                chart.expected_label = "expected".into();
                let abnormal = points
                    .iter()
                    .zip(&verdicts)
                    .filter(|(_, verdict)| verdict.abnormal.is_some());
                let abnormal = abnormal.map(|(point, _)| (point.timestamp, point.value));
                flagged.extend(abnormal.filter(|(at, _)| shown(*at)));
            }
        }
        flagged.extend(told.iter().filter_map(|one| one.value.map(|value| (one.at, value))));
        chart.flagged = flagged
            .into_iter()
            .map(|(at, value)| picture::Point { at, value })
            .collect();
        chart.flagged_label = "unusual".into();
        chart
            .marks
            .extend(self.said.filter(|said| shown(said.at)).map(|said| Mark {
                at: said.at,
                value: said.value.unwrap_or(said.range.middle),
                // the range is to be seen, and in the words of the message
                label: if chart.expected.is_empty() {
                    said.value_and_range()
                } else {
                    said.value()
                },
            }));
    }
}

fn is_finite(range: &detect::Range) -> bool {
    range.lower.is_finite() && range.expected.is_finite() && range.upper.is_finite()
}

fn drawn(at: Millis, range: detect::Range) -> Range {
    Range {
        at,
        lower: range.lower,
        middle: range.expected,
        upper: range.upper,
    }
}

/// Whether a range that was found again is about the one that was told: neither end is off by more than its width.
fn agrees(found: &Range, told: &Range) -> bool {
    let width = told.upper - told.lower;
    (found.lower - told.lower).abs() <= width && (found.upper - told.upper).abs() <= width
}
