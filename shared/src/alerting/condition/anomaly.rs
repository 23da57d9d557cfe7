use super::{Points, Watch};
use crate::alerting::instance::Verdict;
use prediction::detect::{Direction, MinimumEffect, Severity};
use serde::{Deserialize, Serialize};

/// Values that the detector does not expect.
///
/// It holds while an incident is open that is bad enough, in the direction and of the size that is asked for. With `points`
/// it holds while enough of the last points were so, each on its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Anomaly {
    /// how bad it must at least be
    #[serde(with = "severity")]
    pub min_severity: Severity,
    /// which way values must be off
    #[serde(default, with = "direction")]
    pub direction: Direction,
    /// how far values must be off
    #[serde(default, with = "effect", skip_serializing_if = "effect::is_none")]
    pub minimum_effect: MinimumEffect,
    /// how many of the last points must be abnormal, of at most [`Watch::POINTS`]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub points: Option<Points>,
}

/// Something abnormal, as far as rules look at it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Deviation {
    pub(super) severity: Severity,
    pub(super) direction: Direction,
    pub(super) size: Option<Size>,
}

/// A value and what it should have been.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Size {
    pub(super) value: f64,
    pub(super) expected: f64,
}

impl Anomaly {
    pub(super) fn checked(self) -> Result<Self, String> {
        let MinimumEffect { absolute, percent } = self.minimum_effect;
        for (field, least) in [("absolute", absolute), ("percent", percent)] {
            if least.is_some_and(|least| !least.is_finite() || least < 0.0) {
                return Err(format!("condition.minimum_effect.{field} must not be below 0"));
            }
        }
        Points::check(self.points, Watch::POINTS)?;
        Ok(self)
    }

    /// What the incident and the last points of a series say; nothing is known while the detector still learns.
    #[must_use]
    pub fn verdict(&self, watch: &Watch) -> Verdict {
        let holds = match self.points {
            None => watch.worst().is_some_and(|worst| self.concerns(&worst)),
            Some(points) => self.abnormal(watch, points) >= usize::from(points.at_least),
        };
        match (holds, watch.has_learned()) {
            (true, _) => Verdict::Breach,
            (false, true) => Verdict::Clear,
            (false, false) => Verdict::Unknown,
        }
    }

    /// How many of the last points are abnormal enough.
    pub(in crate::alerting) fn abnormal(&self, watch: &Watch, points: Points) -> usize {
        let last = watch.abnormal(points.of);
        last.filter(|deviation| self.concerns(deviation)).count()
    }

    fn concerns(&self, deviation: &Deviation) -> bool {
        // a size is that of values above or below; a stuck sensor and silence have none
        let size = deviation.size.filter(|_| deviation.direction != Direction::Both);
        deviation.severity >= self.min_severity
            && self.direction.admits(deviation.direction)
            && size.is_none_or(|size| self.minimum_effect.reached(size.value, size.expected))
    }
}

/// Names in JSON of what `prediction`, which knows no JSON, names.
macro_rules! named {
    ($module:ident: $type:ty, $choice:literal) => {
        mod $module {
            use serde::{Deserialize, Deserializer, Serializer, de::Error};

            pub(super) fn serialize<S: Serializer>(value: &$type, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(value.as_str())
            }

            pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<$type, D::Error> {
                let text = String::deserialize(deserializer)?;
                <$type>::parse(&text).ok_or_else(|| {
                    D::Error::custom(format!(
                        concat!("{} is {:?}, not ", $choice),
                        stringify!($module),
                        text
                    ))
                })
            }
        }
    };
}

named!(severity: prediction::detect::Severity, "low, medium, high or critical");
named!(direction: prediction::detect::Direction, "both, up or down");

mod effect {
    use prediction::detect::MinimumEffect;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Json {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        absolute: Option<f64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        percent: Option<f64>,
    }

    pub(super) fn is_none(effect: &MinimumEffect) -> bool {
        *effect == MinimumEffect::default()
    }

    pub(super) fn serialize<S: Serializer>(effect: &MinimumEffect, serializer: S) -> Result<S::Ok, S::Error> {
        let MinimumEffect { absolute, percent } = *effect;
        Json { absolute, percent }.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<MinimumEffect, D::Error> {
        let Json { absolute, percent } = Json::deserialize(deserializer)?;
        Ok(MinimumEffect { absolute, percent })
    }
}
