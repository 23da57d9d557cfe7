//! What goes from left to right: the range that was expected, the history, and what is flagged of it.

use crate::drawing::{BLUE, DOT, Drawing, SKY, VERMILION};
use crate::frame::Frame;
use crate::{Point, Range};
use std::fmt::Write;

/// Points of a line that are drawn: more than a screen has columns says nothing more.
const COLUMNS: usize = 600;

pub(crate) fn expected(out: &mut Drawing, ranges: &[Range], frame: &Frame) {
    let ranges: Vec<_> = ranges
        .iter()
        .filter(|range| range.lower.is_finite() && range.middle.is_finite() && range.upper.is_finite())
        .collect();
    if ranges.len() < 2 {
        return;
    }
    let step = ranges.len().div_ceil(COLUMNS);
    let last = ranges.len() - 1;
    let drawn: Vec<_> = ranges
        .iter()
        .enumerate()
        .filter(|(n, _)| n % step == 0 || *n == last)
        .map(|(_, range)| {
            (
                frame.x(range.at),
                frame.y(range.lower),
                frame.y(range.middle),
                frame.y(range.upper),
            )
        })
        .collect();
    let mut area = String::new();
    let mut middle = String::new();
    for (n, (x, _, center, upper)) in drawn.iter().enumerate() {
        let command = if n == 0 { 'M' } else { 'L' };
        let _ = write!(area, "{command}{x:.1} {upper:.1}");
        let _ = write!(middle, "{command}{x:.1} {center:.1}");
    }
    for (x, lower, _, _) in drawn.iter().rev() {
        let _ = write!(area, "L{x:.1} {lower:.1}");
    }
    out.add(format_args!(r#"<path d="{area}Z" fill="{SKY}" fill-opacity="0.3"/>"#));
    out.add(format_args!(
        r#"<path d="{middle}" fill="none" stroke="{BLUE}" stroke-width="1.5" stroke-dasharray="4 3"/>"#
    ));
}

pub(crate) fn history(out: &mut Drawing, points: &[Point], frame: &Frame) {
    let mut line = String::new();
    let mut lonely = Vec::new();
    for run in runs(points) {
        if let [only] = run {
            lonely.push(*only);
            continue;
        }
        for (n, point) in thinned(run).into_iter().enumerate() {
            let command = if n == 0 { 'M' } else { 'L' };
            let _ = write!(line, "{command}{:.1} {:.1}", frame.x(point.at), frame.y(point.value));
        }
    }
    if !line.is_empty() {
        out.add(format_args!(
            r#"<path d="{line}" fill="none" stroke="{BLUE}" stroke-width="2" stroke-linejoin="round" stroke-linecap="round"/>"#
        ));
    }
    for point in lonely {
        out.add(format_args!(
            r#"<circle cx="{:.1}" cy="{:.1}" r="2" fill="{BLUE}"/>"#,
            frame.x(point.at),
            frame.y(point.value)
        ));
    }
}

/// Those that are not as they should be, over the line.
pub(crate) fn flagged(out: &mut Drawing, points: &[Point], frame: &Frame) {
    for point in points.iter().filter(|point| point.value.is_finite()) {
        let (x, y) = (frame.x(point.at), frame.y(point.value));
        out.add(format_args!(
            r#"<circle cx="{x:.1}" cy="{y:.1}" r="{DOT}" fill="{VERMILION}"/>"#
        ));
    }
}

/// Points that belong together: between runs something is missing.
fn runs(points: &[Point]) -> Vec<&[Point]> {
    let mut steps: Vec<_> = points
        .windows(2)
        .map(|pair| pair[1].at - pair[0].at)
        .filter(|step| *step > 0)
        .collect();
    steps.sort_unstable();
    let usual = steps.get(steps.len() / 2).copied().unwrap_or(i64::MAX / 4);
    points
        .chunk_by(|a, b| a.value.is_finite() && b.value.is_finite() && b.at - a.at <= 3 * usual.min(i64::MAX / 4))
        .filter(|run| run[0].value.is_finite())
        .collect()
}

/// As many points as columns can show: of each stretch the lowest and the highest, so that no peak is lost.
fn thinned(run: &[Point]) -> Vec<Point> {
    if run.len() <= 2 * COLUMNS {
        return run.to_vec();
    }
    let mut kept = Vec::with_capacity(2 * COLUMNS + 2);
    for stretch in run.chunks(run.len().div_ceil(COLUMNS)) {
        let by_value = |a: &&Point, b: &&Point| a.value.total_cmp(&b.value);
        if let (Some(low), Some(high)) = (stretch.iter().min_by(by_value), stretch.iter().max_by(by_value)) {
            let mut pair = [*low, *high];
            pair.sort_by_key(|point| point.at);
            kept.extend(pair);
        }
    }
    kept.extend(run.last());
    kept
}
