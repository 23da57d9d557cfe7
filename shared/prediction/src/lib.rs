//! Forecasting of regular time series: pure maths, no I/O, no clock, no async, deterministic.
//!
//! [`forecast`] takes a [`Grid`] (start, step, values; NaN is a gap) and [`Options`] and hands back a [`Forecast`]:
//! a point forecast, nested quantiles and a [`Report`] of how it came about. [`regularise`] makes a grid of points with
//! arbitrary timestamps, [`Step`] does the arithmetic of fixed and calendar steps, [`accuracy`] measures forecasts,
//! [`backtest()`] walks forward through a history with several backends, and [`drift`] tells when errors leave theirs.
//!
//! ```
//! use prediction::{Grid, Options, Step, forecast};
//! let values: Vec<f64> = (0..72).map(|t| 10.0 + f64::from(t % 12)).collect();
//! let grid = Grid { start: 0, step: Step::Months(1), values: &values };
//! let ahead = forecast(&grid, &Options::new(12))?;
//! assert_eq!(ahead.report.seasons, [12]);
//! assert!((ahead.mean[5] - 15.0).abs() < 0.5);
//! let interval = ahead.quantiles.interval(95.0)?.unwrap();
//! assert!(interval.lower[5] <= ahead.mean[5] && ahead.mean[5] <= interval.upper[5]);
//! # Ok::<(), prediction::Error>(())
//! ```
//!
//! # Method
//! 1. Prepare: scale, fill gaps for fitting, find the seasons that the step suggests and the autocorrelation confirms; deal
//!    with counters, outliers, a level shift and the calendar ([`clean`], [`calendar_effects`]).
//! 2. Remove the seasons by shrunk indices, fit the members, weigh them by their errors at refitted past origins.
//! 3. Run the combination over many past origins; the size of its errors at each step, widening monotone, and their
//!    empirical quantiles give the intervals.
#![warn(missing_docs)]

pub mod accuracy;
mod adjust;
mod backtest;
mod calendar;
pub mod calendar_effects;
mod candidates;
pub mod clean;
mod combine;
pub mod detect;
pub mod drift;
mod engine;
mod error;
mod history;
mod interval;
mod level;
mod measures;
mod member;
mod models;
mod normal;
mod optimise;
mod options;
mod outcome;
mod prepare;
#[cfg(test)]
#[path = "../tests/published/mod.rs"]
mod published;
mod regular;
mod rolling;
mod season;
#[cfg(test)]
mod simulation;
mod steady;
mod step;

pub use backtest::{Backtest, MIN_TRAINING, Record, Walk, backtest};
pub use engine::forecast;
pub use error::Error;
pub use level::{probabilities_of_level, probabilities_of_levels};
pub use measures::Measures;
pub use options::{Backend, Bounds, Grid, LocalTime, MAX_HORIZON, MAX_PROBABILITIES, MAX_SEASON, MAX_SEASONS, Options};
pub use outcome::{Cleaning, Forecast, Interval, Member, Quantiles, Report};
pub use regular::{MAX_CELLS, Regular, regularise, share_a_phase};
pub use step::Step;
