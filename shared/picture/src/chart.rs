//! The picture as SVG.

use crate::axis;
use crate::curve::{expected, flagged, history};
use crate::drawing::{BLUE, DOT, Drawing, GRID, INK, QUIET, SKY, VERMILION};
use crate::frame::{BOTTOM, Frame, LEFT, RIGHT, TOP};
use crate::words::{self, number};
use crate::{Chart, HEIGHT, Mark, WIDTH};

/// The picture of a chart.
#[must_use]
pub fn svg(chart: &Chart) -> String {
    let frame = Frame::of(chart);
    let mut out = Drawing::new();
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
    out.into_text()
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
