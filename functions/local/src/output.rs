//! What commands print: plain text for people, one JSON value for programs.

use crate::Failure;
use serde::Serialize;
use std::io::{ErrorKind, Write};

/// Prints a line to stdout. A reader that has gone away is no failure.
///
/// # Errors
/// If stdout cannot be written.
pub(crate) fn line(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::Failed(format!("stdout cannot be written: {error}")))
        }
        _ => Ok(()),
    }
}

/// Prints the value as JSON, or else what `text` makes of it.
///
/// # Errors
/// If stdout cannot be written.
pub(crate) fn show<T: Serialize>(json: bool, value: &T, text: impl FnOnce(&T) -> String) -> Result<(), Failure> {
    if json {
        let json = serde_json::to_string(value).map_err(|error| Failure::Failed(error.to_string()))?;
        line(&json)
    } else {
        line(text(value).trim_end())
    }
}

/// Columns of equal width, as wide as their longest cell.
pub(crate) fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    let mut text = String::new();
    for row in rows {
        let cells: Vec<String> = row
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}
