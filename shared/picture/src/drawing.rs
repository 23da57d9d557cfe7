//! The picture as SVG.

use crate::axis::{self, Scale};
use crate::words::{self, number};
use crate::{Chart, HEIGHT, Mark, Point, Range, WIDTH};
use std::fmt::Write;

const LEFT: f64 = 64.0;
const RIGHT: f64 = WIDTH - 28.0;
const TOP: f64 = 92.0;
const BOTTOM: f64 = HEIGHT - 50.0;

const INK: &str = "#1f2933";
const QUIET: &str = "#5b6b7b";
const GRID: &str = "#e6eaef";
const BLUE: &str = "#0072b2";
const SKY: &str = "#56b4e9";
const VERMILION: &str = "#d55e00";

/// The radius of a point that is flagged.
const DOT: f64 = 3.5;
/// Points of a line that are drawn: more than a screen has columns says nothing more.
const COLUMNS: usize = 600;
/// What is further away than this many times the range of the values is told at the edge instead.
const REACH: f64 = 3.0;

/// The picture of a chart.
#[must_use]
pub fn svg(chart: &Chart) -> String {
    let frame = Frame::of(chart);
    let mut out = Drawing(String::with_capacity(32 * 1024));
    out.add(format_args!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="Roboto">"#
    ));
    out.add(format_args!(
        r##"<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>"##
    ));
    let room = WIDTH - 2.0 * 24.0;
    out.text(24.0, 32.0, 18.0, INK, "start", &words::text(&chart.title, 18.0, room));
    out.text(
        24.0,
        54.0,
        13.0,
        QUIET,
        "start",
        &words::text(&chart.subtitle, 13.0, room),
    );
    axes(&mut out, chart, &frame);
    legend(&mut out, chart);
    // nothing leaves the plot
    out.add(format_args!(
        r#"<clipPath id="plot"><rect x="{LEFT}" y="{TOP}" width="{}" height="{}"/></clipPath><g clip-path="url(#plot)">"#,
        RIGHT - LEFT,
        BOTTOM - TOP
    ));
    expected(&mut out, &chart.expected, &frame);
    history(&mut out, &chart.history, &frame);
    flagged(&mut out, &chart.flagged, &frame);
    out.add(format_args!("</g>"));
    threshold(&mut out, chart, &frame);
    now(&mut out, chart, &frame);
    for mark in &chart.marks {
        marked(&mut out, mark, &frame);
    }
    out.add(format_args!("</svg>"));
    out.0
}

struct Drawing(String);

impl Drawing {
    fn add(&mut self, piece: std::fmt::Arguments<'_>) {
        // writing to a string does not fail
        let _ = self.0.write_fmt(piece);
        self.0.push('\n');
    }

    /// `text` is escaped.
    fn text(&mut self, x: f64, y: f64, size: f64, fill: &str, anchor: &str, text: &str) {
        self.add(format_args!(
            r#"<text x="{x:.1}" y="{y:.1}" font-size="{size}" fill="{fill}" text-anchor="{anchor}">{text}</text>"#
        ));
    }

    /// Text that stays readable over lines.
    fn label(&mut self, x: f64, y: f64, fill: &str, anchor: &str, text: &str) {
        self.add(format_args!(
            r##"<text x="{x:.1}" y="{y:.1}" font-size="12" fill="{fill}" text-anchor="{anchor}" stroke="#ffffff" stroke-width="3" stroke-linejoin="round" paint-order="stroke">{text}</text>"##
        ));
    }
}

/// The range of times and values that is shown.
struct Frame {
    from: i64,
    to: i64,
    low: f64,
    high: f64,
    x: Scale,
    y: Scale,
}

impl Frame {
    fn of(chart: &Chart) -> Self {
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

    fn x(&self, at: i64) -> f64 {
        self.x.at((at - self.from) as f64)
    }

    /// Held within reach, so that no number of the drawing is beyond what a renderer can hold.
    fn y(&self, value: f64) -> f64 {
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

fn axes(out: &mut Drawing, chart: &Chart, frame: &Frame) {
    for value in axis::round_values(frame.low, frame.high) {
        let y = frame.y(value);
        out.add(format_args!(r#"<path d="M{LEFT} {y:.1}H{RIGHT}" stroke="{GRID}"/>"#));
        out.text(LEFT - 8.0, y + 4.0, 12.0, QUIET, "end", &number(value));
    }
    for (at, label) in axis::round_times(frame.from, frame.to, &chart.zone) {
        let x = frame.x(at);
        out.add(format_args!(r#"<path d="M{x:.1} {BOTTOM}v5" stroke="{QUIET}"/>"#));
        // whole at the edges
        let half = words::width(&label, 12.0) / 2.0;
        let middle = x.clamp(half + 4.0, WIDTH - half - 4.0);
        out.text(middle, BOTTOM + 20.0, 12.0, QUIET, "middle", &label);
    }
    out.add(format_args!(r#"<path d="M{LEFT} {BOTTOM}H{RIGHT}" stroke="{QUIET}"/>"#));
    let zone = chart.zone.iana_name().unwrap_or("UTC");
    let zone = format!("times: {zone}");
    out.text(
        24.0,
        HEIGHT - 12.0,
        11.0,
        QUIET,
        "start",
        &words::text(&zone, 11.0, 300.0),
    );
}

fn legend(out: &mut Drawing, chart: &Chart) {
    let y = 76.0;
    let mut x = 24.0;
    let mut entry = |out: &mut Drawing, sign: &str, label: &str| {
        out.add(format_args!(r#"<g transform="translate({x:.1} {y})">{sign}</g>"#));
        out.text(
            x + 28.0,
            y + 4.0,
            12.0,
            QUIET,
            "start",
            &words::text(label, 12.0, 240.0),
        );
        x += 28.0 + words::width(label, 12.0).min(240.0) + 22.0;
    };
    let measured = format!(r#"<path d="M0 0H20" stroke="{BLUE}" stroke-width="2"/>"#);
    entry(out, &measured, &chart.history_label);
    if !chart.expected.is_empty() {
        let expected = format!(
            r#"<rect y="-5" width="20" height="10" fill="{SKY}" fill-opacity="0.3"/><path d="M0 0H20" stroke="{BLUE}" stroke-width="1.5" stroke-dasharray="4 3"/>"#
        );
        entry(out, &expected, &chart.expected_label);
    }
    if !chart.flagged.is_empty() {
        let dot = format!(r#"<circle cx="10" r="{DOT}" fill="{VERMILION}"/>"#);
        entry(out, &dot, &chart.flagged_label);
    }
    if let Some(threshold) = &chart.threshold {
        let line = format!(r#"<path d="M0 0H20" stroke="{VERMILION}" stroke-width="2" stroke-dasharray="7 4"/>"#);
        entry(out, &line, &threshold.label);
    }
}

fn expected(out: &mut Drawing, ranges: &[Range], frame: &Frame) {
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

fn history(out: &mut Drawing, points: &[Point], frame: &Frame) {
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
fn flagged(out: &mut Drawing, points: &[Point], frame: &Frame) {
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

fn threshold(out: &mut Drawing, chart: &Chart, frame: &Frame) {
    let Some(threshold) = &chart.threshold else { return };
    let label = words::text(&threshold.label, 12.0, 320.0);
    if threshold.value > frame.high || threshold.value < frame.low {
        // too far away: said at the edge that it is beyond
        let (y, arrow) = if threshold.value > frame.high {
            (TOP + 14.0, '↑')
        } else {
            (BOTTOM - 8.0, '↓')
        };
        out.label(RIGHT - 4.0, y, VERMILION, "end", &format!("{label} {arrow}"));
        return;
    }
    let y = frame.y(threshold.value);
    out.add(format_args!(
        r#"<path d="M{LEFT} {y:.1}H{RIGHT}" stroke="{VERMILION}" stroke-width="2" stroke-dasharray="7 4"/>"#
    ));
    let above = y - TOP > 20.0;
    out.label(
        LEFT + 8.0,
        if above { y - 6.0 } else { y + 16.0 },
        VERMILION,
        "start",
        &label,
    );
}

/// The minute of the message, unless it is the edge of the picture.
fn now(out: &mut Drawing, chart: &Chart, frame: &Frame) {
    let x = frame.x(chart.now);
    let label = axis::moment(chart.now, &chart.zone);
    if x < RIGHT - 1.0 {
        out.add(format_args!(
            r#"<path d="M{x:.1} {TOP}V{BOTTOM}" stroke="{INK}" stroke-dasharray="2 3"/>"#
        ));
    }
    let half = words::width(&label, 11.0) / 2.0;
    let x = x.clamp(LEFT + half, RIGHT - half);
    out.text(x, HEIGHT - 12.0, 11.0, INK, "middle", &label);
}

fn marked(out: &mut Drawing, mark: &Mark, frame: &Frame) {
    if !mark.value.is_finite() || mark.at < frame.from || mark.at > frame.to {
        return;
    }
    let (x, y) = (frame.x(mark.at), frame.y(mark.value).clamp(TOP, BOTTOM));
    out.add(format_args!(
        r##"<circle cx="{x:.1}" cy="{y:.1}" r="6" fill="{VERMILION}" stroke="#ffffff" stroke-width="2"/>"##
    ));
    let label = words::text(&mark.label, 12.0, 300.0);
    let half = words::width(&label, 12.0) / 2.0;
    if x + half > RIGHT {
        // at the edge of the plot the line comes from above or below: beside it there is room
        out.label(x - 12.0, y + 4.0, INK, "end", &label);
        return;
    }
    let middle = x.max(LEFT + half);
    let above = y - TOP > 24.0;
    out.label(middle, if above { y - 12.0 } else { y + 22.0 }, INK, "middle", &label);
}
