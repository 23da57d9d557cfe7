//! The forecasts of a few hundred series, from points that are already there.

use super::definition::{Definition, check_numbers};
use super::packed::{Entry, Words, encode};
use super::score::Sums;
use crate::Error;
use crate::forecasting::{ForecastRequest, make, score};
use crate::series::{Point, SeriesId};
use std::collections::HashMap;

/// What is read of the series of a piece.
#[derive(Debug)]
pub(super) struct Piece {
    points: HashMap<SeriesId, Vec<Point>>,
    /// what the run whose results will go said of them
    falling: HashMap<SeriesId, Entry>,
}

/// What was made and is still to be written.
#[derive(Debug, Default)]
pub(super) struct Made {
    /// first series and blob
    pub(super) rows: Vec<(SeriesId, Vec<u8>)>,
    pub(super) series: i64,
    pub(super) skipped: i64,
    pub(super) reason: Option<String>,
    /// what became of the forecasts that will go, those of earlier pieces included
    pub(super) came_true: Sums,
    /// the last series that was looked at
    pub(super) last: Option<SeriesId>,
}

impl Made {
    pub(super) fn bytes(&self) -> usize {
        self.rows.iter().map(|(_, blob)| blob.len()).sum()
    }

    /// Where the run goes on; nothing if no series was looked at.
    pub(super) fn next_series(&self) -> Option<i64> {
        self.last.map(|last| last.raw().saturating_add(1))
    }
}

impl Piece {
    pub(super) fn new(points: HashMap<SeriesId, Vec<Point>>, falling: Vec<Entry>) -> Self {
        Self {
            points,
            falling: falling.into_iter().map(|entry| (entry.series_id, entry)).collect(),
        }
    }

    /// Forecasts a row of series. One that cannot be forecast is skipped, and counted with the reason of the first.
    pub(super) fn forecast(&mut self, row: &[SeriesId], definition: &Definition, made: &mut Made) -> Result<(), Error> {
        let mut entries = Vec::with_capacity(row.len());
        for series_id in row {
            let points = self.points.remove(series_id).unwrap_or_default();
            if let Some(earlier) = self.falling.remove(series_id) {
                let levels = &earlier.words.shown.levels;
                if let Some(score) = score(&earlier.forecast, levels, earlier.naive_error, &points) {
                    made.came_true.add(&score);
                }
            }
            match entry(*series_id, &points, &definition.request) {
                Ok(entry) => entries.push(entry),
                Err(error) => {
                    made.skipped += 1;
                    made.reason.get_or_insert_with(|| format!("{series_id}: {error}"));
                }
            }
        }
        made.series += i64::try_from(entries.len()).unwrap_or(i64::MAX);
        made.last = row.last().copied();
        if let Some(first) = entries.first() {
            made.rows.push((first.series_id, encode(&entries)?));
        }
        Ok(())
    }
}

fn entry(series_id: SeriesId, points: &[Point], request: &ForecastRequest) -> Result<Entry, Error> {
    let made = make(points, request)?;
    check_numbers(made.packed.mean.len(), made.packed.quantiles.probabilities.len())?;
    let finite = made
        .packed
        .mean
        .iter()
        .chain(made.packed.quantiles.values.iter().flatten())
        .all(|number| number.is_finite());
    if !finite {
        return Err(Error::unavailable("a forecast is not finite"));
    }
    Ok(Entry {
        series_id,
        origin: made.origin,
        naive_error: made.naive_error,
        words: Words {
            backend: made.backend,
            model_info: made.model_info,
            shown: made.shown,
        },
        forecast: made.packed,
    })
}
