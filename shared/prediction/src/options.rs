//! What the caller gives: a grid and the options of a forecast.

use std::fmt;
use std::str::FromStr;

use crate::calendar_effects::Regressor;
use crate::{Error, Step, level};

/// The longest horizon, in steps.
pub const MAX_HORIZON: usize = 10_000;
/// The most quantiles of one forecast.
pub const MAX_PROBABILITIES: usize = 199;
/// The most season lengths of one kind: each costs a pass over the history.
pub const MAX_SEASONS: usize = 5;
/// The longest season, in steps (a week of 5 minutes is 2,016).
pub const MAX_SEASON: usize = 2_520;

/// A regular history: one value a step, oldest first.
#[derive(Debug, Clone, Copy)]
pub struct Grid<'a> {
    /// Time of the first value, epoch milliseconds UTC.
    pub start: i64,
    /// Distance between neighbours.
    pub step: Step,
    /// One value a step; NaN and infinities are gaps.
    pub values: &'a [f64],
}

impl Grid<'_> {
    /// The time of the value at `index`, epoch milliseconds UTC; `values.len()` is the first future one.
    pub fn time(&self, index: usize) -> i64 {
        self.step.add(self.start, i64::try_from(index).unwrap_or(i64::MAX))
    }
}

/// How to forecast.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Steps to forecast, 1 to [`MAX_HORIZON`].
    pub horizon: usize,
    /// Quantile probabilities, each in (0, 1), in any order; at most [`MAX_PROBABILITIES`]. May be empty.
    pub probabilities: Vec<f64>,
    /// Season lengths in steps, 2 to [`MAX_SEASON`], used as far as the history is long enough. `None`: the usual
    /// ones for the step, each tested; empty: no season.
    pub seasons: Option<Vec<usize>>,
    /// Season lengths in steps, 2 to [`MAX_SEASON`], to be tested like those that are usual for the step; of no account if
    /// `seasons` are given.
    pub further_seasons: Vec<usize>,
    /// Whether outliers are capped and a level shift is evened out before models are fitted, in histories of 40 values or
    /// more.
    pub clean: bool,
    /// If the timestamps of the grid are real ones: where their dates are. Then effects of the calendar are looked for.
    pub calendar: Option<LocalTime>,
    /// Holidays and the like, by the steps of the grid at which they are; looked at only with a `calendar`.
    pub regressors: Vec<Regressor>,
    /// Limits that no forecast and no quantile may leave.
    pub bounds: Bounds,
    /// The model, or the choice of it.
    pub backend: Backend,
}

impl Options {
    /// `auto` with the quantiles of the 80% and the 95% interval, tested seasons and bounds from history.
    pub fn new(horizon: usize) -> Self {
        Self {
            horizon,
            probabilities: vec![0.025, 0.1, 0.9, 0.975],
            seasons: None,
            further_seasons: Vec::new(),
            clean: true,
            calendar: None,
            regressors: Vec::new(),
            bounds: Bounds::History,
            backend: Backend::Auto,
        }
    }

    /// The regressors with their steps counted from step `first` of the grid.
    pub(crate) fn regressors_from(&self, first: usize) -> Vec<Regressor> {
        let moved = |regressor: &Regressor| Regressor {
            name: regressor.name.clone(),
            steps: regressor
                .steps
                .iter()
                .filter_map(|step| step.checked_sub(first))
                .collect(),
        };
        self.regressors.iter().map(moved).collect()
    }

    /// Refuses what is out of range; hands back the probabilities in ascending order without repetition.
    pub(crate) fn check(&self) -> Result<Vec<f64>, Error> {
        if !(1..=MAX_HORIZON).contains(&self.horizon) {
            return Err(Error::Horizon(self.horizon));
        }
        if self.probabilities.len() > MAX_PROBABILITIES {
            return Err(Error::TooManyProbabilities(self.probabilities.len()));
        }
        let most = self
            .seasons
            .as_ref()
            .map_or(0, Vec::len)
            .max(self.further_seasons.len());
        if most > MAX_SEASONS {
            return Err(Error::TooManySeasons(most));
        }
        let mut seasons = self.seasons.iter().flatten().chain(&self.further_seasons);
        if let Some(season) = seasons.find(|m| !(2..=MAX_SEASON).contains(*m)) {
            return Err(Error::Season(*season));
        }
        if let Bounds::Fixed { lower, upper } = self.bounds {
            let finite = lower.into_iter().chain(upper).all(f64::is_finite);
            let ordered = lower.zip(upper).is_none_or(|(lower, upper)| lower <= upper);
            if !finite || !ordered {
                return Err(Error::Bounds);
            }
        }
        level::sorted_probabilities(&self.probabilities)
    }
}

/// Where dates are read off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LocalTime {
    /// How far local time is ahead of UTC, in minutes. An hour of summer time does not matter.
    pub offset: i32,
}

/// Limits that no forecast and no quantile may leave.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Bounds {
    /// From the history: at least 0 if no value is negative, at most 0 if none is positive, otherwise none.
    #[default]
    History,
    /// As given, finite and in order; `None` is no limit.
    Fixed {
        /// The smallest value allowed.
        lower: Option<f64>,
        /// The largest value allowed.
        upper: Option<f64>,
    },
}

impl Bounds {
    /// No limits at all.
    pub const NONE: Self = Bounds::Fixed {
        lower: None,
        upper: None,
    };
}

/// A forecasting model, or the choice of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Backend {
    /// Fits several members, compares them on past origins and combines them.
    #[default]
    Auto,
    /// The value one season ago (the longest one found), or the last value without a season.
    SeasonalNaive,
    /// The exponentially decayed mean of the values at the same place of the season.
    SeasonalMean,
    /// Simple exponential smoothing on the seasonally adjusted series.
    ExponentialSmoothing,
    /// Holt's linear trend, damped, on the seasonally adjusted series.
    Holt,
    /// Holt-Winters with damped trend, additive or multiplicative; without a season the same as `Holt`.
    HoltWinters,
    /// The dynamic optimised theta model on the seasonally adjusted series.
    Theta,
    /// Ridge autoregression on recent and seasonal lags of the seasonally adjusted series.
    Autoregression,
    /// Autoregression of the changes with drift, ARIMA(p,1,0), on the seasonally adjusted series.
    IntegratedAutoregression,
    /// Complex exponential smoothing on the seasonally adjusted series.
    ComplexSmoothing,
    /// The theta model on the means of whole cycles of the shortest season; without a season the same as `Theta`.
    AggregatedTheta,
    /// Teunter, Syntetos & Babai's method for intermittent demand, on the series as it is; where demand is not rare the same as
    /// `ExponentialSmoothing`.
    Tsb,
    /// Croston's method for intermittent demand with the correction of Syntetos & Boylan, on the series as it is; where demand
    /// is not rare the same as `ExponentialSmoothing`.
    Sba,
}

impl Backend {
    /// Every backend of this crate.
    pub const ALL: [Self; 13] = [
        Self::Auto,
        Self::SeasonalNaive,
        Self::SeasonalMean,
        Self::ExponentialSmoothing,
        Self::Holt,
        Self::HoltWinters,
        Self::Theta,
        Self::Autoregression,
        Self::IntegratedAutoregression,
        Self::ComplexSmoothing,
        Self::AggregatedTheta,
        Self::Tsb,
        Self::Sba,
    ];

    /// Its name in requests and reports, in kebab case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::SeasonalNaive => "seasonal-naive",
            Self::SeasonalMean => "seasonal-mean",
            Self::ExponentialSmoothing => "exponential-smoothing",
            Self::Holt => "holt",
            Self::HoltWinters => "holt-winters",
            Self::Theta => "theta",
            Self::Autoregression => "autoregression",
            Self::IntegratedAutoregression => "integrated-autoregression",
            Self::ComplexSmoothing => "complex-smoothing",
            Self::AggregatedTheta => "aggregated-theta",
            Self::Tsb => "tsb",
            Self::Sba => "sba",
        }
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Backend {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let known = Self::ALL.into_iter().find(|backend| backend.name() == name);
        known.ok_or_else(|| Error::Backend(name.chars().take(64).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for backend in Backend::ALL {
            assert_eq!(backend.to_string().parse(), Ok(backend));
        }
        assert_eq!("Theta".parse::<Backend>(), Err(Error::Backend("Theta".to_owned())));
    }

    #[test]
    fn options_out_of_range_are_refused() {
        let with = |change: fn(&mut Options)| {
            let mut options = Options::new(3);
            change(&mut options);
            options.check()
        };
        assert_eq!(with(|o| o.horizon = 0), Err(Error::Horizon(0)));
        assert_eq!(
            with(|o| o.horizon = MAX_HORIZON + 1),
            Err(Error::Horizon(MAX_HORIZON + 1))
        );
        assert_eq!(
            with(|o| o.probabilities = vec![0.5; 200]),
            Err(Error::TooManyProbabilities(200))
        );
        assert_eq!(with(|o| o.probabilities = vec![1.0]), Err(Error::Probability(1.0)));
        assert_eq!(with(|o| o.seasons = Some(vec![7, 1])), Err(Error::Season(1)));
        assert_eq!(
            with(|o| o.bounds = Bounds::Fixed {
                lower: Some(2.0),
                upper: Some(1.0)
            }),
            Err(Error::Bounds)
        );
        assert_eq!(
            with(|o| o.bounds = Bounds::Fixed {
                lower: Some(f64::NAN),
                upper: None
            }),
            Err(Error::Bounds)
        );
        assert_eq!(with(|o| o.probabilities = vec![0.9, 0.1, 0.9]), Ok(vec![0.1, 0.9]));
    }
}
