//! What a picture is drawn on, and its colours.

use std::fmt::Write;

pub(crate) const INK: &str = "#1f2933";
pub(crate) const QUIET: &str = "#5b6b7b";
pub(crate) const GRID: &str = "#e6eaef";
pub(crate) const BLUE: &str = "#0072b2";
pub(crate) const SKY: &str = "#56b4e9";
pub(crate) const VERMILION: &str = "#d55e00";

/// The radius of a point that is flagged.
pub(crate) const DOT: f64 = 3.5;

/// Pieces of SVG, a line each.
pub(crate) struct Drawing(String);

impl Drawing {
    pub(crate) fn new() -> Self {
        Self(String::with_capacity(32 * 1024))
    }

    pub(crate) fn into_text(self) -> String {
        self.0
    }

    pub(crate) fn add(&mut self, piece: std::fmt::Arguments<'_>) {
        // writing to a string does not fail
        let _ = self.0.write_fmt(piece);
        self.0.push('\n');
    }

    /// `text` is escaped.
    pub(crate) fn text(&mut self, x: f64, y: f64, size: f64, fill: &str, anchor: &str, text: &str) {
        self.add(format_args!(
            r#"<text x="{x:.1}" y="{y:.1}" font-size="{size}" fill="{fill}" text-anchor="{anchor}">{text}</text>"#
        ));
    }

    /// Text that stays readable over lines.
    pub(crate) fn label(&mut self, x: f64, y: f64, fill: &str, anchor: &str, text: &str) {
        self.add(format_args!(
            r##"<text x="{x:.1}" y="{y:.1}" font-size="12" fill="{fill}" text-anchor="{anchor}" stroke="#ffffff" stroke-width="3" stroke-linejoin="round" paint-order="stroke">{text}</text>"##
        ));
    }
}
