use serde::{Deserialize, Serialize};

/// How a value is compared with a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Operator {
    Gt,
    Gte,
    Lt,
    Lte,
    Eq,
    Neq,
}

/// In which direction values get worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// the larger, the worse
    Up,
    /// the smaller, the worse
    Down,
}

impl Operator {
    /// Whether `value` stands to `limit` as the operator says.
    #[must_use]
    #[expect(clippy::float_cmp, reason = "eq and neq ask for exactly this")]
    pub fn holds(self, value: f64, limit: f64) -> bool {
        match self {
            Self::Gt => value > limit,
            Self::Gte => value >= limit,
            Self::Lt => value < limit,
            Self::Lte => value <= limit,
            Self::Eq => value == limit,
            Self::Neq => value != limit,
        }
    }

    /// The direction of an operator that has one.
    #[must_use]
    pub fn direction(self) -> Option<Direction> {
        match self {
            Self::Gt | Self::Gte => Some(Direction::Up),
            Self::Lt | Self::Lte => Some(Direction::Down),
            Self::Eq | Self::Neq => None,
        }
    }

    /// For people: `above 100`.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Gt => "above",
            Self::Gte => "at or above",
            Self::Lt => "below",
            Self::Lte => "at or below",
            Self::Eq => "equal to",
            Self::Neq => "other than",
        }
    }
}
