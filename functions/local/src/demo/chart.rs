//! A small chart of plain text: what was, and what is expected.

/// One column, two characters wide: a value that was seen, or a forecast with its two intervals.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Column {
    Seen(f64),
    Expected {
        mean: f64,
        /// lower and upper end of the 80 % interval
        inner: (f64, f64),
        /// lower and upper end of the 95 % interval
        outer: (f64, f64),
    },
}

/// Bars for what was seen, shades for the intervals, a line for the limit; `rows` high, with the
/// scale at the left.
pub(super) fn draw(columns: &[Column], limit: f64, rows: u32) -> String {
    let highest = columns.iter().map(|column| column.top()).fold(limit, f64::max);
    let cell = (highest / f64::from(rows)).max(f64::MIN_POSITIVE);
    let mut text = String::new();
    for row in (0..rows).rev() {
        let bottom = f64::from(row) * cell;
        let limit_here = bottom < limit && limit <= bottom + cell;
        let scale = if limit_here { limit } else { bottom };
        let label = if limit_here || row % 3 == 0 {
            format!("{scale:6.0} ")
        } else {
            " ".repeat(7)
        };
        text.push_str(&label);
        let cells = columns.iter().map(|column| column.cell(bottom, cell, limit_here));
        let cells: String = cells.flat_map(|cell| [cell, cell]).collect();
        text.push_str(cells.trim_end());
        text.push('\n');
    }
    text
}

impl Column {
    fn top(self) -> f64 {
        match self {
            Self::Seen(value) => value,
            Self::Expected { outer, .. } => outer.1,
        }
    }

    /// What fills the cell from `bottom` up to `bottom + size`.
    fn cell(self, bottom: f64, size: f64, limit_here: bool) -> char {
        let empty = if limit_here { '─' } else { ' ' };
        let overlaps = |(lower, upper): (f64, f64)| lower < bottom + size && upper > bottom;
        match self {
            Self::Seen(value) => bar(((value - bottom) / size).clamp(0.0, 1.0)).unwrap_or(empty),
            Self::Expected { mean, .. } if bottom <= mean && mean < bottom + size => '━',
            Self::Expected { inner, .. } if overlaps(inner) => '▒',
            Self::Expected { outer, .. } if overlaps(outer) => '░',
            Self::Expected { .. } => empty,
        }
    }
}

/// The block that fills this part of a cell.
fn bar(part: f64) -> Option<char> {
    const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let eighths = (part * 8.0).round() as usize;
    eighths.checked_sub(1).and_then(|index| BLOCKS.get(index)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_shades_and_the_limit_are_where_they_belong() {
        let columns = [
            Column::Seen(1.0),
            Column::Seen(2.5),
            Column::Expected {
                mean: 2.5,
                inner: (2.0, 3.0),
                outer: (1.0, 4.0),
            },
            Column::Seen(0.0),
        ];
        let chart = draw(&columns, 3.5, 4);
        let lines: Vec<&str> = chart.lines().collect();
        assert_eq!(lines.len(), 4);
        for (line, end) in lines.iter().zip(["4 ────░░──", "▄▄━━", "██░░", "0 ████"])
        {
            assert!(line.ends_with(end), "{chart}");
        }
    }

    #[test]
    fn nothing_at_all_is_drawn_without_panic() {
        assert_eq!(draw(&[], 0.0, 2).lines().count(), 2);
        draw(&[Column::Seen(f64::NAN), Column::Seen(f64::INFINITY)], 1.0, 3);
    }
}
