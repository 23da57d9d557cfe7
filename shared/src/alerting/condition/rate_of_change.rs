use super::recent::{Keep, Recent, Summary};
use super::{Operator, Span, Verdict, check_window};
use crate::clock::{MINUTE, Millis};
use crate::series::Point;
use serde::{Deserialize, Serialize};

/// A change of the value beyond a limit: the last value less the one that stood a window before it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateOfChange {
    /// how far back the value is that the last one is compared with; whole minutes
    pub window: Span,
    /// how the change is compared; a fall is a change below 0
    pub operator: Operator,
    /// the limit, in the unit of the values or in per cent
    pub value: f64,
    /// what the change is counted in
    #[serde(default)]
    pub unit: Unit,
    /// of a change that is counted by time: by how much of it
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per: Option<Span>,
}

/// What a change is counted in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// the unit of the values
    #[default]
    Absolute,
    /// per cent of the earlier value, or rather of its size: a rise is above 0, whatever the sign of the values
    Percent,
}

/// Two values of a series and what lies between them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Change {
    /// the earlier value
    pub from: f64,
    /// the last value
    pub to: f64,
    /// the change, in the unit of the rule; infinite in per cent of 0
    pub by: f64,
}

impl RateOfChange {
    pub(super) fn checked(self) -> Result<Self, String> {
        check_window("window", self.window)?;
        if self.per.is_some_and(|per| per.millis() < 1) {
            return Err("condition.per must be longer than nothing".into());
        }
        Ok(self)
    }

    pub(super) fn keeps(&self) -> Keep {
        Keep::Window(Summary::Value, self.window.millis())
    }

    /// The change up to the last point; `None` if there is no earlier point, or it is too old to stand for the value a
    /// window ago: by more than three usual intervals of the series and a quarter of the window.
    #[must_use]
    pub fn change(&self, recent: &Recent, interval: Millis) -> Option<Change> {
        let (then, now) = recent.ends(self.window.millis())?;
        let missing = now
            .timestamp
            .saturating_sub(self.window.millis())
            .saturating_sub(then.timestamp);
        let tolerated = interval.saturating_mul(3).max(self.window.millis() / 4).max(MINUTE);
        (missing <= tolerated).then(|| self.between(then, now))
    }

    fn between(&self, then: Point, now: Point) -> Change {
        let (from, to) = (then.value, now.value);
        let difference = to - from;
        let change = match self.unit {
            Unit::Absolute => difference,
            // nothing is no part of nothing; anything else is infinitely more, or less
            Unit::Percent if difference == 0.0 => 0.0,
            Unit::Percent => 100.0 * (difference / from.abs()),
        };
        #[expect(clippy::cast_precision_loss, reason = "times are far below 2^53 ms apart")]
        let by = self.per.map_or(change, |per| {
            change * (per.millis() as f64 / now.timestamp.saturating_sub(then.timestamp).max(1) as f64)
        });
        Change { from, to, by }
    }

    /// What a change says.
    #[must_use]
    pub fn verdict(&self, change: &Change) -> Verdict {
        match () {
            () if change.by.is_nan() => Verdict::Frozen,
            () if self.operator.holds(change.by, self.value) => Verdict::Breach,
            () => Verdict::Clear,
        }
    }
}
