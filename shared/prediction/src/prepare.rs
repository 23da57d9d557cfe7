//! A history as the models see it: without resets, outliers, level shifts, effects of the calendar, and with its seasons known.

use crate::adjust::Adjustment;
use crate::calendar_effects::{Calendar, Effects, Regressor};
use crate::clean::{self, Shift};
use crate::combine::Ensemble;
use crate::history::{History, interpolate};
use crate::models::classify;
use crate::outcome::Cleaning;
use crate::season::{self, centred_mean};
use crate::steady::{Steady, SteadyPositions};
use crate::{Error, Grid, Options};

/// The models see at least this many of the most recent values ...
const WINDOW: usize = 1_024;
/// ... or this many cycles of the longest season ...
const CYCLES: usize = 5;
/// ... but never more values than this.
const LARGEST_WINDOW: usize = 5_040;
/// A shorter history is not cleaned: a value that looks odd may be all there is to know.
const LEAST_CLEANED: usize = 40;

/// Effects of the calendar are looked for in what deviates from the mean of so many values (or of a season).
const TREND: usize = 7;
/// How often effects and that mean are estimated in turn.
const ROUNDS: usize = 3;

/// A prepared history. Everything is in the scaled unit of [`History`].
#[derive(Debug, Clone)]
pub(crate) struct Prepared {
    history: History,
    /// What came true, to be compared with forecasts: without resets, shifts and effects.
    pub(crate) actual: Vec<f64>,
    /// What models are fitted to and run over: `actual` with its outliers capped.
    pub(crate) fitted: Vec<f64>,
    pub(crate) adjustment: Adjustment,
    /// Season lengths in steps, shortest first.
    seasons: Vec<usize>,
    steady: SteadyPositions,
    intermittent: bool,
    counter: bool,
    outliers: usize,
    shift: Option<Shift>,
    effects: Option<Effects>,
}

impl Prepared {
    /// Prepares the window of the most recent values.
    ///
    /// # Errors
    /// [`Error::NoObservations`] without a finite value.
    pub(crate) fn new(grid: &Grid<'_>, options: &Options) -> Result<Self, Error> {
        let mut candidates = options.seasons.clone().unwrap_or_else(|| {
            let mut usual = season::candidates(grid.step);
            usual.extend(&options.further_seasons);
            usual
        });
        candidates.sort_unstable();
        candidates.dedup();
        candidates.retain(|m| 2 * m <= grid.values.len().min(LARGEST_WINDOW));
        let longest = candidates.last().copied().unwrap_or(1);
        let counter = clean::is_counter(grid.values);
        let unbroken = if counter {
            clean::without_resets(grid.values)
        } else {
            Vec::new()
        };
        let values = if counter { &unbroken } else { grid.values };
        let mut history = History::new(values, (CYCLES * longest).clamp(WINDOW, LARGEST_WINDOW))?;
        if counter {
            // bounds are those of the totals as they were: without its resets one begins below zero
            let largest = grid
                .values
                .iter()
                .filter(|v| v.is_finite())
                .fold(0.0, |a: f64, v| a.max(*v));
            history.range = (0.0, largest / history.scale);
        }
        let rare = classify(grid.values.get(history.first..).unwrap_or_default()).is_rare();
        let critical = if rare { season::STRICT } else { season::LENIENT };
        let tested = options.seasons.is_none().then_some(critical);
        let mut series = Self::with_seasons(history, &candidates, tested);
        series.counter = counter;
        series.intermittent = series.seasons.is_empty() && rare;
        // nothing of events without a calendar
        let regressors = match options.calendar {
            Some(_) => options.regressors_from(series.history.first),
            None => Vec::new(),
        };
        if options.clean && !series.intermittent && series.len() >= LEAST_CLEANED {
            series.cap_outliers(&regressors);
            series.align_shift();
        }
        if let Some(calendar) = &options.calendar {
            let first = i64::try_from(series.history.first).unwrap_or(i64::MAX);
            let calendar = Calendar {
                start: grid.step.add(grid.start, first),
                step: grid.step,
                offset: calendar.offset,
            };
            series.remove_effects(&calendar, &regressors);
        }
        series.steady = SteadyPositions::find(&series.actual, series.observed(), &series.seasons);
        Ok(series)
    }

    fn with_seasons(mut history: History, candidates: &[usize], tested: Option<f64>) -> Self {
        let mut adjustment = Adjustment::estimate(&history.values, &history.observed, candidates, tested);
        if history.observed.iter().any(|observed| !observed) {
            // gaps are filled again, now with the season
            let mut filled = adjustment.remove(&history.values, 0);
            interpolate(&mut filled, &history.observed);
            adjustment.restore(0, &mut filled, 0);
            for ((value, seen), filled) in history.values.iter_mut().zip(&history.observed).zip(filled) {
                *value = if *seen { *value } else { filled };
            }
            adjustment = Adjustment::estimate(&history.values, &history.observed, &adjustment.lengths(), None);
        }
        Self {
            actual: history.values.clone(),
            fitted: history.values.clone(),
            seasons: adjustment.lengths(),
            adjustment,
            history,
            steady: SteadyPositions::default(),
            intermittent: false,
            counter: false,
            outliers: 0,
            shift: None,
            effects: None,
        }
    }

    /// Caps outliers, but for those at steps that the caller has named: they have a reason.
    fn cap_outliers(&mut self, named: &[Regressor]) {
        let Some(mut capped) = clean::cap_outliers(&self.fitted, &self.seasons) else {
            return;
        };
        for step in named.iter().flat_map(|regressor| &regressor.steps) {
            if let (Some(cleaned), Some(mark), Some(value)) = (
                capped.values.get_mut(*step),
                capped.capped.get_mut(*step),
                self.fitted.get(*step),
            ) {
                *cleaned = *value;
                *mark = false;
            }
        }
        self.outliers = capped.capped.iter().filter(|capped| **capped).count();
        self.fitted = capped.values;
        self.estimate_seasons();
    }

    fn align_shift(&mut self) {
        let season = self.seasons.last().copied().unwrap_or(1);
        if let Some(shift) = clean::level_shift(&self.fitted, season) {
            let found = self.fitted.clone();
            shift.align(&found, &mut self.fitted);
            shift.align(&found, &mut self.actual);
            self.shift = Some(shift);
            self.estimate_seasons();
        }
    }

    /// The value that step `t` has had in each cycle of some season, if it was always the same: closed at night is closed at
    /// night.
    pub(crate) fn steady(&self, t: usize) -> Option<Steady> {
        self.steady.at(t)
    }

    fn remove_effects(&mut self, calendar: &Calendar, regressors: &[Regressor]) {
        let adjusted = self.adjustment.remove(&self.fitted, 0);
        let width = TREND.max(self.seasons.first().copied().unwrap_or(1));
        // an effect bends the mean that it is measured against, less so once most of it is known
        for _ in 0..ROUNDS {
            let mut plain = adjusted.clone();
            if let Some(effects) = &self.effects {
                effects.remove(0, &mut plain);
            }
            let remainder: Vec<f64> = adjusted
                .iter()
                .zip(centred_mean(&plain, width))
                .zip(&self.history.observed)
                .map(|((value, level), seen)| if *seen { value - level } else { f64::NAN })
                .collect();
            self.effects = Effects::estimate(&remainder, calendar, regressors);
            if self.effects.is_none() {
                break;
            }
        }
        if let Some(effects) = &self.effects {
            effects.remove(0, &mut self.fitted);
            effects.remove(0, &mut self.actual);
            self.estimate_seasons();
        }
    }

    /// Seasons once more, after the values have changed; which ones they are is settled.
    fn estimate_seasons(&mut self) {
        self.adjustment = Adjustment::estimate(&self.fitted, &self.history.observed, &self.seasons, None);
    }

    /// The forecasts of `steps` steps after the last value, with the effects of the calendar; the last value where a model
    /// left the finite numbers.
    pub(crate) fn ahead(&self, ensemble: &Ensemble, steps: usize) -> Vec<f64> {
        let mut path = ensemble.forecasts(&self.fitted, &[self.len()], steps);
        if let Some(effects) = &self.effects {
            effects.restore(self.len(), &mut path);
        }
        let last = self.history.values.last().copied().unwrap_or_default();
        (self.len()..)
            .zip(path)
            .map(|(t, value)| {
                self.steady(t)
                    .map_or(if value.is_finite() { value } else { last }, |steady| steady.value)
            })
            .collect()
    }

    /// How many values the models see.
    pub(crate) fn len(&self) -> usize {
        self.fitted.len()
    }

    /// Gaps after the last value.
    pub(crate) fn lead(&self) -> usize {
        self.history.lead
    }

    /// What a value is to be multiplied with to be in the unit of the caller.
    pub(crate) fn scale(&self) -> f64 {
        self.history.scale
    }

    /// The smallest and the largest finite value of the whole grid.
    pub(crate) fn range(&self) -> (f64, f64) {
        self.history.range
    }

    /// How many finite values the whole grid holds.
    pub(crate) fn observations(&self) -> usize {
        self.history.observations
    }

    /// Whether the value of each index was observed, not filled in.
    pub(crate) fn observed(&self) -> &[bool] {
        &self.history.observed
    }

    /// Season lengths in steps, shortest first.
    pub(crate) fn seasons(&self) -> &[usize] {
        &self.seasons
    }

    /// Whether a quarter of the steps or more are zero, and no season says when.
    pub(crate) fn is_intermittent(&self) -> bool {
        self.intermittent
    }

    /// What was found and dealt with, for the report.
    pub(crate) fn cleaning(&self) -> Cleaning {
        Cleaning {
            counter: self.counter,
            outliers: self.outliers,
            level_shift: self.shift.map(|shift| self.history.first + shift.at),
            intermittent: self.intermittent,
            calendar: self
                .effects
                .iter()
                .flat_map(|effects| effects.names())
                .map(str::to_owned)
                .collect(),
        }
    }
}
