//! One line a backend: its measures over all series.

use prediction::{Backend, Backtest, Measures};
use serde::Serialize;
use std::collections::BTreeMap;

/// What is printed.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    /// how many series
    series: usize,
    /// how many were too short
    left_out: usize,
    horizon: u16,
    windows: usize,
    best: Option<String>,
    /// the smallest error relative to seasonal naive first
    backends: Vec<Line>,
}

/// Means over series, each of which counts the same.
#[derive(Debug, Serialize)]
struct Line {
    backend: String,
    mae: f64,
    rmse: f64,
    smape: f64,
    /// over the series where naive is wrong at all, as `skill`
    mase: Option<f64>,
    pinball: Option<f64>,
    coverage: BTreeMap<String, f64>,
    /// 1 - the geometric mean of the relative errors (A. Davydenko & R. Fildes 2013, "Measuring forecasting accuracy",
    /// International Journal of Forecasting 29): series of any size count the same, and one series gives its own
    skill: Option<f64>,
}

impl Summary {
    pub(super) fn of(tested: &[Backtest], levels: &[f64], horizon: u16, left_out: usize) -> Self {
        let names = tested.first().map_or(&[][..], |result| &result.records);
        let mut backends: Vec<Line> = names
            .iter()
            .map(|record| Line::of(record.backend, tested, levels))
            .collect();
        let rank = |line: &Line| (line.skill.map_or(0.0, |skill| -skill), line.mae);
        backends.sort_by(|a, b| {
            let ((a, a_mae), (b, b_mae)) = (rank(a), rank(b));
            a.total_cmp(&b).then(a_mae.total_cmp(&b_mae))
        });
        Self {
            series: tested.len(),
            left_out,
            horizon,
            windows: tested.first().map_or(0, |result| result.origins.len()),
            best: backends.first().map(|line| line.backend.clone()),
            backends,
        }
    }

    pub(super) fn text(&self) -> String {
        let levels: Vec<&String> = self
            .backends
            .first()
            .map_or(Vec::new(), |line| line.coverage.keys().collect());
        let mut rows: Vec<Vec<String>> = Vec::with_capacity(self.backends.len() + 1);
        let heads = ["backend", "MAE", "RMSE", "sMAPE", "MASE", "pinball"].map(str::to_owned);
        let mut head = heads.to_vec();
        head.extend(levels.iter().map(|level| format!("in {level}%")));
        head.push("skill".to_owned());
        rows.push(head);
        for line in &self.backends {
            let mut row = vec![
                line.backend.clone(),
                number(line.mae),
                number(line.rmse),
                format!("{:.2}", line.smape),
                line.mase.map_or_else(none, |mase| format!("{mase:.3}")),
                line.pinball.map_or_else(none, number),
            ];
            row.extend(line.coverage.values().map(|share| format!("{:.1}%", 100.0 * share)));
            row.push(line.skill.map_or_else(none, |skill| format!("{skill:.3}")));
            rows.push(row);
        }
        format!(
            "{}\n{} series, {} windows of {} steps each; skill is 1 - error / error of seasonal-naive",
            aligned(&rows),
            self.series,
            self.windows,
            self.horizon
        )
    }
}

impl Line {
    fn of(backend: Backend, tested: &[Backtest], levels: &[f64]) -> Self {
        let all: Vec<&Measures> = tested
            .iter()
            .flat_map(|result| &result.records)
            .filter(|record| record.backend == backend)
            .map(|record| &record.overall)
            .collect();
        let mean = |value: &dyn Fn(&Measures) -> Option<f64>| {
            let known: Vec<f64> = all.iter().filter_map(|measures| value(measures)).collect();
            (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
        };
        let coverage = levels.iter().filter_map(|level| {
            let share = mean(&|measures| measures.coverage_at(*level))?;
            Some((level.to_string(), share))
        });
        // a forecast without any error would make the geometric mean of all others nothing
        let relative = mean(&|measures| measures.skill.map(|skill| (1.0 - skill).max(1e-6).ln()));
        Self {
            backend: backend.to_string(),
            mae: mean(&|measures| Some(measures.mae)).unwrap_or_default(),
            rmse: mean(&|measures| Some(measures.rmse)).unwrap_or_default(),
            smape: mean(&|measures| Some(measures.smape)).unwrap_or_default(),
            mase: mean(&|measures| measures.mase),
            pinball: mean(&|measures| measures.pinball),
            coverage: coverage.collect(),
            skill: relative.map(|relative| 1.0 - relative.exp()),
        }
    }
}

fn none() -> String {
    "-".to_owned()
}

/// Four digits that count, and no more.
fn number(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        size if !(1e-4..1e7).contains(&size) => format!("{value:.3e}"),
        size if size >= 1_000.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    }
}

/// The first column to the left, the others to the right.
fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(String::len)
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let lines = rows.iter().map(|row| {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .enumerate()
            .map(|(column, (cell, width))| match column {
                0 => format!("{cell:width$}"),
                _ => format!("{cell:>width$}"),
            })
            .collect();
        cells.join("  ")
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_digits_that_count() {
        let shown = [0.0, 0.00001234, 0.5, 12.345, 12_345.6, 1.5e9].map(number);
        assert_eq!(shown, ["0", "1.234e-5", "0.5000", "12.35", "12346", "1.500e9"]);
    }
}
