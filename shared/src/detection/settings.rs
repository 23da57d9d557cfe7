//! How an organization's series are watched: its false-alarm budget, the direction, the minimum effect, and what is expected.

use prediction::LocalTime;
use prediction::detect::{Detector, Direction, MinimumEffect, Settings};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

/// Settings of detection as in requests, in replies and, as JSON, in `org_state.detection`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Wire")]
pub struct DetectionSettings {
    false_alarms_a_month: f64,
    #[serde(serialize_with = "direction_name")]
    direction: Direction,
    #[serde(serialize_with = "effect_fields")]
    minimum_effect: MinimumEffect,
    expectation: Expectation,
}

/// What a detector holds values against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Expectation {
    /// what it has learned of the series itself
    #[default]
    Learned,
    /// the newest stored forecast of the series, where that says something
    Forecast,
}

impl Default for DetectionSettings {
    /// One false alarm per series and month, both directions, any effect, what was learned.
    fn default() -> Self {
        Self {
            false_alarms_a_month: Settings::DEFAULT_BUDGET,
            direction: Direction::Both,
            minimum_effect: MinimumEffect::default(),
            expectation: Expectation::default(),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    #[serde(default)]
    false_alarms_a_month: Option<f64>,
    #[serde(default)]
    direction: Option<String>,
    #[serde(default)]
    minimum_effect: Option<Effect>,
    #[serde(default)]
    expectation: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Effect {
    #[serde(default)]
    absolute: Option<f64>,
    #[serde(default)]
    percent: Option<f64>,
}

impl TryFrom<Wire> for DetectionSettings {
    type Error = String;

    fn try_from(wire: Wire) -> Result<Self, String> {
        let budget = wire.false_alarms_a_month.unwrap_or(Settings::DEFAULT_BUDGET);
        if !(Settings::MIN_BUDGET..=Settings::MAX_BUDGET).contains(&budget) {
            return Err(format!(
                "false_alarms_a_month must be between {} and {}",
                Settings::MIN_BUDGET,
                Settings::MAX_BUDGET
            ));
        }
        let direction = match wire.direction {
            None => Direction::Both,
            Some(name) => Direction::parse(&name).ok_or("direction must be both, up or down")?,
        };
        let expectation = match wire.expectation.as_deref() {
            None | Some("learned") => Expectation::Learned,
            Some("forecast") => Expectation::Forecast,
            Some(_) => return Err("expectation must be learned or forecast".into()),
        };
        let (absolute, percent) = wire
            .minimum_effect
            .map_or((None, None), |effect| (effect.absolute, effect.percent));
        for (field, least) in [("absolute", absolute), ("percent", percent)] {
            if least.is_some_and(|least| !least.is_finite() || least < 0.0) {
                return Err(format!("minimum_effect.{field} must be a finite number from 0 on"));
            }
        }
        Ok(Self {
            false_alarms_a_month: budget,
            direction,
            minimum_effect: MinimumEffect { absolute, percent },
            expectation,
        })
    }
}

impl DetectionSettings {
    /// Reads settings: an object with `false_alarms_a_month`, `direction`, `minimum_effect` and `expectation`, each of which may be
    /// left out for its default.
    ///
    /// # Errors
    /// A sentence for people, which names the field.
    pub fn parse(value: Value) -> Result<Self, String> {
        if !value.is_object() {
            return Err("the settings of detection must be an object".into());
        }
        serde_json::from_value(value).map_err(|error| error.to_string())
    }

    /// Reads what [`DetectionSettings::to_json`] wrote.
    #[must_use]
    pub fn from_json(text: &str) -> Option<Self> {
        Self::parse(serde_json::from_str(text).ok()?).ok()
    }

    /// As kept in `org_state.detection`.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::json!(self).to_string()
    }

    /// What a detector holds values against.
    #[must_use]
    pub fn expectation(&self) -> Expectation {
        self.expectation
    }

    /// A detector with these settings for series of this local time, whose day ends `day_offset` milliseconds after
    /// local midnight.
    #[must_use]
    pub fn detector(&self, local: LocalTime, day_offset: i64) -> Detector {
        Detector::new(Settings {
            false_alarms_a_month: self.false_alarms_a_month,
            direction: self.direction,
            minimum_effect: self.minimum_effect,
            local,
            day_offset,
        })
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn direction_name<S: Serializer>(direction: &Direction, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(direction.as_str())
}

fn effect_fields<S: Serializer>(effect: &MinimumEffect, serializer: S) -> Result<S::Ok, S::Error> {
    Effect {
        absolute: effect.absolute,
        percent: effect.percent,
    }
    .serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_left_out_has_its_default() {
        let settings = DetectionSettings::parse(json!({})).unwrap();
        assert_eq!(settings, DetectionSettings::default());
        assert_eq!(
            json!(settings),
            json!({"false_alarms_a_month": 1.0, "direction": "both", "minimum_effect": {"absolute": null, "percent": null},
                "expectation": "learned"})
        );
    }

    #[test]
    fn they_read_back_as_they_are_stored() {
        let settings = DetectionSettings::parse(json!({
            "false_alarms_a_month": 0.25, "direction": "down", "minimum_effect": {"percent": 12.5},
            "expectation": "forecast"
        }))
        .unwrap();
        assert_eq!(DetectionSettings::from_json(&settings.to_json()), Some(settings));
    }

    #[test]
    fn what_makes_no_sense_is_refused_and_the_field_is_named() {
        for (value, words) in [
            (json!([]), "must be an object"),
            (json!({"false_alarms_a_month": 0}), "false_alarms_a_month"),
            (json!({"false_alarms_a_month": 30.5}), "false_alarms_a_month"),
            (json!({"false_alarms_a_month": "1"}), "invalid type"),
            (json!({"direction": "sideways"}), "direction"),
            (
                json!({"expectation": "hope"}),
                "expectation must be learned or forecast",
            ),
            (json!({"minimum_effect": {"percent": -1}}), "minimum_effect.percent"),
            (json!({"minimum_effect": {"share": 1}}), "share"),
            (json!({"sensitivity": 3}), "sensitivity"),
        ] {
            let error = DetectionSettings::parse(value.clone()).unwrap_err();
            assert!(error.contains(words), "{value}: {error}");
        }
    }
}
