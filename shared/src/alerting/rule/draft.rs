//! A rule as it is sent, and what of it is checked when it is saved.

use super::Definition;
use crate::Error;
use crate::alerting::condition::Condition;
use crate::alerting::external;
use crate::alerting::name;
use crate::alerting::routing::{Escalation, Notify, Routing};
use crate::alerting::severity::Severity;
use crate::alerting::span::Span;
use crate::clock::Millis;
use crate::error::Code;
use crate::id::{ChannelId, RuleId, ScheduleId};
use crate::series::{Dimensions, MetricPattern};
use serde::Deserialize;

const MAX_NAME: usize = 200;
const MAX_CHANNELS: usize = 20;
const MAX_WAIT: Millis = 31 * crate::clock::DAY;
const MAX_DELAY: Millis = crate::clock::HOUR;

/// A rule as a caller sends it, not yet checked.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the fields of the HTTP contract")]
pub struct Draft {
    pub name: String,
    #[serde(default)]
    pub metric_key: Option<String>,
    #[serde(default)]
    pub dimensions: Dimensions,
    pub severity: Severity,
    pub condition: serde_json::Value,
    #[serde(default)]
    pub channels: Vec<ChannelId>,
    #[serde(default, rename = "for")]
    pub hold: Span,
    #[serde(default)]
    pub keep_firing_for: Span,
    #[serde(default)]
    pub no_data_after: Option<Span>,
    #[serde(default)]
    pub delay: Span,
    #[serde(default)]
    pub grace: Span,
    #[serde(default = "yes")]
    pub enabled: bool,
    #[serde(default)]
    pub notify: Notify,
    #[serde(default)]
    pub escalate: Option<Escalation>,
    #[serde(default)]
    pub inhibited_by: Vec<RuleId>,
    #[serde(default)]
    pub equal: Vec<String>,
    #[serde(default)]
    pub mute_schedules: Vec<ScheduleId>,
}

fn yes() -> bool {
    true
}

impl Draft {
    /// Checks what the types do not.
    ///
    /// # Errors
    /// 400 with the field and the reason.
    pub fn check(self) -> Result<Definition, Error> {
        let name = name::checked(&self.name, MAX_NAME)?;
        let condition = Condition::parse(self.condition).map_err(Error::schema)?;
        let metric_key = match self.metric_key {
            Some(_) if condition.is_composite() => {
                return Err(Error::schema(
                    "a condition of type composite watches no metric_key: it names rules",
                ));
            }
            None if condition.is_composite() => MetricPattern::none(),
            Some(text) => {
                MetricPattern::parse(&text).ok_or_else(|| invalid_metric("metric_key is not a metric key"))?
            }
            None => return Err(invalid_metric("metric_key is missing")),
        };
        if condition.is_composite() && (!self.dimensions.is_empty() || self.grace.millis() > 0) {
            return Err(Error::schema(
                "dimensions and grace have no meaning with a condition of type composite",
            ));
        }
        if condition.is_external() {
            if metric_key.as_str() != external::METRIC {
                return Err(Error::schema(format!(
                    "a condition of type external watches the metric {}",
                    external::METRIC
                )));
            }
            if self.grace.millis() > 0 {
                return Err(Error::schema("grace has no meaning with a condition of type external"));
            }
        }
        let mut channels: Vec<ChannelId> = Vec::new();
        for channel in self.channels {
            if !channels.contains(&channel) {
                channels.push(channel);
            }
        }
        if channels.len() > MAX_CHANNELS {
            return Err(Error::schema(format!("a rule has at most {MAX_CHANNELS} channels")));
        }
        let waits = [
            ("for", self.hold),
            ("keep_firing_for", self.keep_firing_for),
            ("grace", self.grace),
        ];
        for (field, span) in waits {
            if span.millis() > MAX_WAIT {
                return Err(Error::schema(format!("{field} must be at most 31 days")));
            }
        }
        check_delay(&condition, self.delay)?;
        if let Some(span) = self.no_data_after {
            if matches!(
                condition,
                Condition::MissingData(_) | Condition::Composite(_) | Condition::External(_)
            ) {
                return Err(Error::schema(
                    "no_data_after has no meaning with a condition of type missing_data, composite or external",
                ));
            }
            if span.millis() < crate::clock::MINUTE {
                return Err(Error::schema("no_data_after must be at least 1m"));
            }
        }
        let routing = Routing {
            notify: self.notify,
            escalate: self.escalate,
            inhibited_by: self.inhibited_by,
            equal: self.equal,
            mute_schedules: self.mute_schedules,
        };
        Ok(Definition {
            name,
            metric_key,
            dimensions: self.dimensions,
            severity: self.severity,
            condition,
            routing: routing.check(&channels)?,
            channels,
            hold: self.hold,
            keep_firing_for: self.keep_firing_for,
            no_data_after: self.no_data_after,
            delay: self.delay,
            grace: self.grace,
            enabled: self.enabled,
        })
    }
}

fn invalid_metric(message: &'static str) -> Error {
    Error::Malformed {
        code: Code::InvalidMetricKey,
        message: message.into(),
    }
}

fn check_delay(condition: &Condition, delay: Span) -> Result<(), Error> {
    let length = delay.millis();
    if length % crate::clock::MINUTE != 0 || length > MAX_DELAY {
        return Err(Error::schema("delay must be whole minutes, at most 1 hour"));
    }
    match condition {
        Condition::Threshold(_) | Condition::RateOfChange(_) => Ok(()),
        _ if length == 0 => Ok(()),
        _ => Err(Error::schema(
            "delay has a meaning only with a condition of type threshold or rate_of_change",
        )),
    }
}
