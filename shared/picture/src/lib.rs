//! Draws what a message tells: the history of a series, what is expected of it, and the threshold that matters.
//!
//! Pure: data in, an SVG text out ([`svg`]), and pixels with the feature `png`. No clock, no network, no system
//! font: the same chart is the same picture everywhere. Colours are those of Okabe and Ito, which people with any
//! kind of colour vision tell apart; nothing is said by colour alone.

#![warn(missing_docs)]

mod axis;
mod chart;
mod curve;
mod drawing;
mod frame;
#[cfg(feature = "png")]
mod pixels;
mod words;

pub use axis::moment;
pub use chart::svg;
use jiff::tz::TimeZone;
#[cfg(feature = "png")]
pub use pixels::{Error, png};
pub use words::number;

/// Epoch milliseconds UTC.
pub type Millis = i64;

/// Width of a picture in units of its SVG; a PNG has twice as many pixels.
pub const WIDTH: f64 = 800.0;
/// Height of a picture.
pub const HEIGHT: f64 = 400.0;

/// What is drawn.
#[derive(Debug, Clone)]
pub struct Chart {
    /// which series, in a line
    pub title: String,
    /// what is the matter with it, in a line
    pub subtitle: String,
    /// in whose time the axis is written
    pub zone: TimeZone,
    /// the minute that the message tells of
    pub now: Millis,
    /// what was measured, or what comes of that, in order of time
    pub history: Vec<Point>,
    /// what its line is called, as in `measured`
    pub history_label: String,
    /// what is expected, in order of time: of the past, of the future, or none
    pub expected: Vec<Range>,
    /// what the shaded range is called, as in `forecast, 80 %`
    pub expected_label: String,
    /// the value that the rule looks at
    pub threshold: Option<Threshold>,
    /// points of the history that are not as they should be
    pub flagged: Vec<Point>,
    /// what they are called, as in `unusual`
    pub flagged_label: String,
    /// points to look at
    pub marks: Vec<Mark>,
}

/// A value at a time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// when
    pub at: Millis,
    /// how much; what is not finite is a gap
    pub value: f64,
}

/// An expected range at a time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    /// when
    pub at: Millis,
    /// its lower end
    pub lower: f64,
    /// what is expected most
    pub middle: f64,
    /// its upper end
    pub upper: f64,
}

/// A line across the picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Threshold {
    /// where
    pub value: f64,
    /// what it is called, as in `above 500`
    pub label: String,
}

/// A point to look at.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    /// when
    pub at: Millis,
    /// where
    pub value: f64,
    /// what happens there, in few words
    pub label: String,
}

/// What the picture shows, for who cannot see it.
#[must_use]
pub fn alt(chart: &Chart) -> String {
    let mut words = vec![format!("Chart of {}", chart.title)];
    if !chart.subtitle.is_empty() {
        words.push(chart.subtitle.clone());
    }
    if let Some(last) = chart.history.iter().rev().find(|point| point.value.is_finite()) {
        words.push(format!("last value {}", words::number(last.value)));
    }
    if let Some(threshold) = &chart.threshold {
        words.push(threshold.label.clone());
    }
    match chart.flagged.len() {
        0 => {}
        1 => words.push(format!("1 point {}", chart.flagged_label)),
        count => words.push(format!("{count} points {}", chart.flagged_label)),
    }
    words.extend(chart.marks.iter().map(|mark| mark.label.clone()));
    words.join("; ")
}
