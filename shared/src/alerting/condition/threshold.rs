use super::recent::{Keep, Recent, Summary, Windowed};
use super::{Direction, Operator, Points, Span, Verdict, check_window};
use serde::{Deserialize, Serialize};

/// A value beyond a limit: the last one, so many of the last ones, or what those of a window come to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Threshold {
    /// how the value is compared
    pub operator: Operator,
    /// the limit
    pub value: f64,
    /// the limit that the value must come back to before it counts as recovered
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recover: Option<f64>,
    /// how many of the last points must be beyond the limit, of at most [`Recent::POINTS`]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub points: Option<Points>,
    /// what of the window is compared
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aggregation: Option<Aggregation>,
    /// how long the window is that ends at the minute; whole minutes
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Span>,
}

/// What the values of a window come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Aggregation {
    Avg,
    Sum,
    Min,
    Max,
    Count,
    Last,
}

impl Aggregation {
    fn summary(self) -> Summary {
        match self {
            Self::Avg | Self::Sum => Summary::Sum,
            Self::Min => Summary::Min,
            Self::Max => Summary::Max,
            Self::Count => Summary::Count,
            Self::Last => Summary::Value,
        }
    }

    /// The value of a window; `None` if it has none. Of no points only the number is known.
    #[must_use]
    pub fn of(self, windowed: Windowed) -> Option<f64> {
        match (self, windowed) {
            (_, Windowed::NotYet) => None,
            (Self::Count, Windowed::Nothing) => Some(0.0),
            (_, Windowed::Nothing) => None,
            (Self::Count, Windowed::Points { count, .. }) => Some(f64::from(count)),
            (Self::Avg, Windowed::Points { count, value }) => Some(value / f64::from(count.max(1))),
            (_, Windowed::Points { value, .. }) => Some(value),
        }
    }

    /// For people: `the average`.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Avg => "the average",
            Self::Sum => "the sum",
            Self::Min => "the least value",
            Self::Max => "the largest value",
            Self::Count => "the number of points",
            Self::Last => "the last value",
        }
    }
}

impl Threshold {
    pub(super) fn checked(self) -> Result<Self, String> {
        Points::check(self.points, Recent::POINTS)?;
        match (self.aggregation, self.window, self.points) {
            (Some(_), None, _) | (None, Some(_), _) => {
                return Err("condition.aggregation and condition.window need each other".into());
            }
            (Some(_), Some(_), Some(_)) => {
                return Err("condition.points and condition.window exclude each other".into());
            }
            (_, Some(window), None) => check_window("window", window)?,
            (None, None, _) => (),
        }
        match (self.recover, self.operator.direction()) {
            (None, _) => Ok(self),
            (Some(_), None) => Err("condition.recover needs one of the operators gt, gte, lt, lte".into()),
            (Some(recover), Some(Direction::Up)) if recover > self.value => {
                Err("condition.recover must not be above condition.value with gt and gte".into())
            }
            (Some(recover), Some(Direction::Down)) if recover < self.value => {
                Err("condition.recover must not be below condition.value with lt and lte".into())
            }
            _ => Ok(self),
        }
    }

    pub(super) fn keeps(&self) -> Option<Keep> {
        match (self.points, self.aggregation, self.window) {
            (Some(points), ..) => Some(Keep::Points(points.of)),
            (None, Some(aggregation), Some(window)) => Some(Keep::Window(aggregation.summary(), window.millis())),
            _ => None,
        }
    }

    /// What a value says.
    #[must_use]
    pub fn verdict(&self, value: f64) -> Verdict {
        if self.operator.holds(value, self.value) {
            return Verdict::Breach;
        }
        let recovered = match (self.recover, self.operator.direction()) {
            (Some(recover), Some(Direction::Up)) => value <= recover,
            (Some(recover), Some(Direction::Down)) => value >= recover,
            _ => true,
        };
        if recovered { Verdict::Clear } else { Verdict::Between }
    }

    /// What the last values say, and how many of them are beyond the limit. It has recovered when no longer so many are
    /// short of the recovery threshold. Of fewer values than are asked for, those that are missing count as good ones.
    pub fn of_points(&self, points: Points, values: impl Iterator<Item = f64>) -> (Verdict, usize) {
        let (mut beyond, mut between) = (0, 0);
        for value in values {
            match self.verdict(value) {
                Verdict::Breach => beyond += 1,
                Verdict::Between => between += 1,
                _ => (),
            }
        }
        let least = usize::from(points.at_least);
        let verdict = match () {
            () if beyond >= least => Verdict::Breach,
            () if beyond + between >= least => Verdict::Between,
            () => Verdict::Clear,
        };
        (verdict, beyond)
    }
}
