use crate::LocalTime;

/// How a series is watched. The same settings must be given with every call for one series; a change takes effect from
/// the next point on.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// How many false alarms a user puts up with, per series and 30 days. Lower is quieter. Between
    /// [`MIN_BUDGET`](Self::MIN_BUDGET) and [`MAX_BUDGET`](Self::MAX_BUDGET); outside, the nearest of them counts.
    pub false_alarms_a_month: f64,
    /// Which way a value must be off.
    pub direction: Direction,
    /// How far a value must at least be off, both if both are given.
    pub minimum_effect: MinimumEffect,
    /// What the hours of the day and the days of the week follow.
    pub local: LocalTime,
    /// When the day of a series ends, in milliseconds after local midnight: neighbours in storage share a row, and not all
    /// rows should be rolled in one minute. Taken modulo a day.
    pub day_offset: i64,
}

/// Deviations smaller than this are never alarms, however unusual.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct MinimumEffect {
    /// In the unit of the series.
    pub absolute: Option<f64>,
    /// In per cent of the expected value.
    pub percent: Option<f64>,
}

/// Which way a value is, or must be, off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Direction {
    /// Above or below.
    #[default]
    Both,
    /// Above what was expected.
    Up,
    /// Below what was expected.
    Down,
}

impl Direction {
    /// All of them.
    pub const ALL: &[Self] = &[Self::Both, Self::Up, Self::Down];

    /// Which way a distance goes.
    pub(super) fn of(off: f64) -> Self {
        if off > 0.0 {
            Self::Up
        } else if off < 0.0 {
            Self::Down
        } else {
            Self::Both
        }
    }

    /// Whether a deviation the other way is none of its business.
    #[must_use]
    pub fn admits(self, other: Direction) -> bool {
        self == Direction::Both || other == Direction::Both || self == other
    }

    /// `both`, `up` or `down`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Both => "both",
            Self::Up => "up",
            Self::Down => "down",
        }
    }

    /// Reads its name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|direction| direction.as_str() == text)
    }
}

impl MinimumEffect {
    /// Whether `value` is far enough from `expected`.
    #[must_use]
    pub fn reached(&self, value: f64, expected: f64) -> bool {
        let off = (value - expected).abs();
        self.absolute.is_none_or(|least| off >= least)
            && self.percent.is_none_or(|least| off * 100.0 >= least * expected.abs())
    }
}

impl Settings {
    /// The smallest budget: about one false alarm in eight years.
    pub const MIN_BUDGET: f64 = 0.01;
    /// The largest budget: one a day.
    pub const MAX_BUDGET: f64 = 30.0;
    /// The default budget.
    pub const DEFAULT_BUDGET: f64 = 1.0;

    /// The budget, brought into its limits; the default if it is not a number.
    #[must_use]
    pub fn budget(&self) -> f64 {
        if self.false_alarms_a_month.is_nan() {
            Self::DEFAULT_BUDGET
        } else {
            self.false_alarms_a_month.clamp(Self::MIN_BUDGET, Self::MAX_BUDGET)
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            false_alarms_a_month: Self::DEFAULT_BUDGET,
            direction: Direction::Both,
            minimum_effect: MinimumEffect::default(),
            local: LocalTime::default(),
            day_offset: 0,
        }
    }
}
