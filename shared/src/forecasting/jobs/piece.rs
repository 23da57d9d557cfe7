//! The forecasts of a few hundred series, from points that are already there.

use super::definition::check_numbers;
use super::packed::{Entry, MAX_SERIES, Words, encode};
use super::score::Sums;
use crate::auth::Tenant;
use crate::forecasting::remote::make_or_ask;
use crate::forecasting::{Forecast, ForecastRequest, score};
use crate::series::{Point, SeriesId};
use crate::{App, Error};
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
    /// those of a row that is not full
    entries: Vec<Entry>,
    pub(super) series: i64,
    pub(super) skipped: i64,
    pub(super) reason: Option<String>,
    /// what became of the forecasts that will go, those of earlier pieces included
    pub(super) came_true: Sums,
    /// the last series that was looked at
    last: Option<SeriesId>,
}

impl Made {
    pub(super) fn bytes(&self) -> usize {
        self.rows.iter().map(|(_, blob)| blob.len()).sum()
    }

    /// Packs the row that is not full.
    pub(super) fn seal(&mut self) -> Result<(), Error> {
        let entries = std::mem::take(&mut self.entries);
        if let Some(first) = entries.first() {
            self.rows.push((first.series_id, encode(&entries)?));
        }
        Ok(())
    }

    /// Starts where the sums of earlier pieces stand.
    pub(super) fn after(came_true: Sums) -> Self {
        Self {
            came_true,
            ..Self::default()
        }
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

    /// Forecasts some series. One that cannot be forecast is skipped, and counted with the reason of the first.
    ///
    /// # Errors
    /// 503 if the database does not answer.
    pub(super) async fn forecast(
        &mut self,
        app: &App,
        tenant: &Tenant,
        series: &[SeriesId],
        request: &ForecastRequest,
        made: &mut Made,
    ) -> Result<(), Error> {
        for series_id in series {
            let points = self.points.remove(series_id).unwrap_or_default();
            if let Some(earlier) = self.falling.remove(series_id) {
                let levels = &earlier.words.shown.levels;
                if let Some(score) = score(&earlier.forecast, levels, earlier.naive_error, &points) {
                    made.came_true.add(&score);
                }
            }
            let forecast = make_or_ask(app, tenant, &points, request).await;
            match forecast.and_then(|forecast| entry(*series_id, forecast)) {
                Ok(entry) => {
                    made.entries.push(entry);
                    made.series += 1;
                }
                Err(error @ Error::Unavailable { .. }) => return Err(error),
                Err(error) => {
                    made.skipped += 1;
                    made.reason.get_or_insert_with(|| format!("{series_id}: {error}"));
                }
            }
            made.last = Some(*series_id);
            if made.entries.len() == MAX_SERIES {
                made.seal()?;
            }
        }
        Ok(())
    }
}

fn entry(series_id: SeriesId, made: Forecast) -> Result<Entry, Error> {
    check_numbers(made.packed.mean.len(), made.packed.quantiles.probabilities.len())?;
    let finite = made
        .packed
        .mean
        .iter()
        .chain(made.packed.quantiles.values.iter().flatten())
        .all(|number| number.is_finite());
    if !finite {
        return Err(Error::schema("the forecast is not finite"));
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
