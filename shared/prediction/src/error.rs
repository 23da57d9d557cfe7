//! The one error of this crate: what the caller asked for cannot be answered.
//!
//! A numerical difficulty inside a model is never an error; the engine falls back to a simpler model instead.

/// Why a forecast, a grid or a measure could not be computed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The history is empty or holds no finite value.
    #[error("the history holds no finite value")]
    NoObservations,
    /// The horizon is zero or above [`MAX_HORIZON`](crate::MAX_HORIZON).
    #[error("horizon {0} is outside 1 to {max}", max = crate::MAX_HORIZON)]
    Horizon(usize),
    /// A quantile probability is not strictly between 0 and 1.
    #[error("probability {0} is not between 0 and 1")]
    Probability(f64),
    /// More quantiles were asked for than [`MAX_PROBABILITIES`](crate::MAX_PROBABILITIES).
    #[error("{0} probabilities are more than {max}", max = crate::MAX_PROBABILITIES)]
    TooManyProbabilities(usize),
    /// An interval level is not strictly between 0 and 100.
    #[error("level {0} is not between 0 and 100")]
    Level(f64),
    /// A season is below 2 or above [`MAX_SEASON`](crate::MAX_SEASON).
    #[error("season {0} is outside 2 to {max}", max = crate::MAX_SEASON)]
    Season(usize),
    /// More seasons were given than [`MAX_SEASONS`](crate::MAX_SEASONS).
    #[error("{0} seasons are more than {max}", max = crate::MAX_SEASONS)]
    TooManySeasons(usize),
    /// The bounds are not finite or the lower one is above the upper one.
    #[error("the bounds are not finite or not in order")]
    Bounds,
    /// A step that is not a positive number followed by one of s, m, h, d, w, M, q, y.
    #[error("step {0:?} is not a positive number followed by s, m, h, d, w, M, q or y")]
    Step(String),
    /// A step of zero or negative length.
    #[error("the step is not positive")]
    StepLength,
    /// No step was given, and fewer than two different timestamps do not tell one.
    #[error("the step cannot be inferred from fewer than two different timestamps")]
    StepUnknown,
    /// A backtest leaves too little history before its first window.
    #[error("the history has {values} steps, the backtest needs at least {needed}")]
    TooShort {
        /// Steps of the history.
        values: usize,
        /// Steps that it needs.
        needed: usize,
    },
    /// A backtest without a window or without a step between them.
    #[error("a backtest needs at least one window, and at least one step between them")]
    Walk,
    /// A backend name that does not exist.
    #[error("backend {0:?} does not exist")]
    Backend(String),
    /// Slices that belong together differ in length, or are empty.
    #[error("the slices compared are empty or differ in length")]
    Length,
}
