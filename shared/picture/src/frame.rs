//! Where in the picture a time and a value are.

use crate::axis::Scale;
use crate::{Chart, HEIGHT, WIDTH};

pub(crate) const LEFT: f64 = 64.0;
pub(crate) const RIGHT: f64 = WIDTH - 28.0;
pub(crate) const TOP: f64 = 92.0;
pub(crate) const BOTTOM: f64 = HEIGHT - 50.0;

/// What is further away than this many times the range of the values is told at the edge instead.
const REACH: f64 = 3.0;

/// The range of times and values that is shown.
pub(crate) struct Frame {
    pub(crate) from: i64,
    pub(crate) to: i64,
    pub(crate) low: f64,
    pub(crate) high: f64,
    x: Scale,
    y: Scale,
}

impl Frame {
    pub(crate) fn of(chart: &Chart) -> Self {
        let times = chart.history.iter().map(|point| point.at);
        let times = times
            .chain(chart.expected.iter().map(|range| range.at))
            .chain([chart.now]);
        let (from, to) = times.fold((i64::MAX, i64::MIN), |(low, high), at| (low.min(at), high.max(at)));
        let (from, to) = if from < to {
            (from, to)
        } else {
            (chart.now - 1_800_000, chart.now + 1_800_000)
        };
        let (low, high) = values(chart);
        Self {
            from,
            to,
            low,
            high,
            x: Scale::new(0.0, (to - from) as f64, LEFT, RIGHT),
            y: Scale::new(low, high, BOTTOM, TOP),
        }
    }

    pub(crate) fn x(&self, at: i64) -> f64 {
        self.x.at((at - self.from) as f64)
    }

    /// Held within reach, so that no number of the drawing is beyond what a renderer can hold.
    pub(crate) fn y(&self, value: f64) -> f64 {
        self.y.at(value).clamp(-HEIGHT, 2.0 * HEIGHT)
    }
}

/// The range of values: all that was measured, and what is expected and the threshold if they are near.
fn values(chart: &Chart) -> (f64, f64) {
    let bounds = |values: &mut dyn Iterator<Item = f64>| {
        values.filter(|value| value.is_finite() && value.abs() < 1e300).fold(
            None,
            |range: Option<(f64, f64)>, value| {
                let (low, high) = range.unwrap_or((value, value));
                Some((low.min(value), high.max(value)))
            },
        )
    };
    let measured = chart.history.iter().map(|point| point.value);
    let marks = chart.marks.iter().map(|mark| mark.value);
    let middle = chart.expected.iter().map(|range| range.middle);
    let core = bounds(&mut measured.chain(marks).chain(middle));
    let threshold = chart.threshold.iter().map(|threshold| threshold.value);
    let (mut low, mut high) = core.or_else(|| bounds(&mut threshold.clone())).unwrap_or((0.0, 1.0));
    let span = if high > low { high - low } else { high.abs().max(1.0) };
    let near = |value: &f64| *value >= low - REACH * span && *value <= high + REACH * span;
    let edges = chart.expected.iter().flat_map(|range| [range.lower, range.upper]);
    let wider = bounds(&mut edges.chain(threshold).filter(near));
    if let Some((lower, higher)) = wider {
        (low, high) = (low.min(lower), high.max(higher));
    }
    let span = if high > low {
        high - low
    } else {
        high.abs().max(1.0) * 0.5
    };
    // what was never negative has its axis at zero rather than below it
    let bottom = if low >= 0.0 && low - 0.08 * span < 0.0 {
        0.0
    } else {
        low - 0.08 * span
    };
    (bottom, high + 0.12 * span)
}
