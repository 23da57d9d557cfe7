//! What a rule is.

mod draft;

pub use draft::Draft;

use super::condition::{Condition, Keep, Need};
use super::routing::Routing;
use super::severity::Severity;
use super::span::Span;
use crate::clock::Millis;
use crate::id::{ChannelId, RuleId};
use crate::series::{Dimensions, MetricPattern};
use crate::time;
use serde::Serialize;
use sha2::{Digest, Sha256};

/// A rule that was checked.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Definition {
    /// for people
    pub name: String,
    /// the metrics whose series it watches; none if it looks at other rules
    pub metric_key: MetricPattern,
    /// which of them: those that have all of these
    pub dimensions: Dimensions,
    /// that of its alerts
    pub severity: Severity,
    /// when it holds
    pub condition: Condition,
    /// who is told
    pub channels: Vec<ChannelId>,
    /// how long the condition must hold before it fires
    #[serde(rename = "for")]
    pub hold: Span,
    /// how long the condition must not hold before it is resolved
    pub keep_firing_for: Span,
    /// how long a value stands; without it, for ever
    pub no_data_after: Option<Span>,
    /// how old a point must be before it is looked at: by then it is corrected, and those that are late are there
    pub delay: Span,
    /// how long a series must have been there before the rule fires
    pub grace: Span,
    /// whether it is evaluated
    pub enabled: bool,
    /// how its alerts are told
    #[serde(flatten)]
    pub routing: Routing,
}

impl Definition {
    /// What must be remembered of the last points of a series, beyond the last one.
    #[must_use]
    pub fn need(&self) -> Option<Need> {
        let delay = self.delay.millis();
        let keep = self.condition.keeps().or((delay > 0).then_some(Keep::Points(1)))?;
        Some(Need { delay, keep })
    }

    /// What must be remembered to know whether a series is new.
    #[must_use]
    pub fn age(&self) -> Option<Need> {
        let grace = self.grace.millis();
        let keep = Keep::Age(grace);
        (grace > 0).then_some(Need { delay: 0, keep })
    }

    /// All that must be remembered of a series.
    pub fn needs(&self) -> impl Iterator<Item = Need> {
        self.need().into_iter().chain(self.age())
    }
}

/// A rule of an organization.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Rule {
    /// its identity
    pub rule_id: RuleId,
    /// what it says
    #[serde(flatten)]
    pub definition: Definition,
    /// when it was made
    #[serde(serialize_with = "time::rfc3339")]
    pub created_at: Millis,
    /// when it was changed last, or made, or deleted
    #[serde(serialize_with = "time::rfc3339")]
    pub updated_at: Millis,
    /// whether only its closing messages are still waited for
    #[serde(skip)]
    pub deleted: bool,
}

impl Rule {
    /// Whether it is to be evaluated.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.definition.enabled && !self.deleted
    }

    /// What an instance belongs to: the rule, and what it watches and asks for. A change of those starts anew; a
    /// change of name, severity, channels or timers does not.
    #[must_use]
    pub fn revision(&self) -> Revision {
        let mut hash = Sha256::new();
        for text in [
            self.definition.metric_key.as_str(),
            &self.definition.dimensions.to_json(),
            &serde_json::to_string(&self.definition.condition).unwrap_or_default(),
        ] {
            hash.update(text);
            hash.update([0]);
        }
        let mut print = [0; 8];
        print.copy_from_slice(&hash.finalize()[..8]);
        Revision {
            rule: RuleKey::of(&self.rule_id),
            print: u64::from_be_bytes(print),
        }
    }
}

/// A rule's identity as packed state keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleKey(pub u128);

impl RuleKey {
    /// The key of an identity.
    #[must_use]
    pub fn of(rule_id: &RuleId) -> Self {
        let hex = rule_id.as_str().strip_prefix(RuleId::PREFIX).unwrap_or_default();
        Self(u128::from_str_radix(hex, 16).unwrap_or_default())
    }

    /// The text of the identity.
    #[must_use]
    pub fn text(self) -> String {
        format!("{}{:032x}", RuleId::PREFIX, self.0)
    }
}

/// A rule as it watches and asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision {
    /// which rule
    pub rule: RuleKey,
    /// hash of metric, dimensions and condition
    pub print: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;
    use serde_json::json;

    fn draft(change: impl Fn(&mut serde_json::Value)) -> Result<Definition, Error> {
        let mut body = json!({
            "name": "orders high", "metric_key": "shop.orders", "severity": "critical",
            "condition": {"type": "threshold", "operator": "gt", "value": 500}, "channels": []
        });
        change(&mut body);
        serde_json::from_value::<Draft>(body)
            .map_err(|error| Error::schema(error.to_string()))?
            .check()
    }

    fn rule(change: impl Fn(&mut serde_json::Value)) -> Rule {
        Rule {
            rule_id: RuleId::derived(1, &[b"r"]),
            definition: draft(change).unwrap(),
            created_at: 0,
            updated_at: 0,
            deleted: false,
        }
    }

    #[test]
    fn the_contracts_body_is_taken_and_its_defaults_are_filled_in() {
        let definition = draft(|_| ()).unwrap();
        assert!(definition.enabled && definition.hold.millis() == 0 && definition.no_data_after.is_none());
        let body = serde_json::to_value(rule(|body| body["for"] = json!("5m"))).unwrap();
        assert_eq!(body["for"], "5m");
        assert_eq!(body["condition"]["type"], "threshold");
        assert_eq!(body["rule_id"].as_str().map(str::len), Some(37));
    }

    #[test]
    fn what_makes_no_sense_is_400_and_names_the_field() {
        for (field, value, words) in [
            ("name", json!(" "), "name"),
            ("name", json!("a\u{0}b"), "name"),
            ("metric_key", json!("9x"), "metric_key"),
            ("severity", json!("bad"), "bad"),
            ("condition", json!({"type": "composite"}), "mode"),
            ("delay", json!("90s"), "delay"),
            ("delay", json!("61m"), "delay"),
            ("grace", json!("32d"), "grace"),
            ("channels", json!(["key_00"]), "chan_"),
            ("for", json!("32d"), "for"),
            ("for", json!("soon"), "duration"),
            ("no_data_after", json!("10s"), "no_data_after"),
            ("window", json!("1h"), "window"),
            ("dimensions", json!({"a": 1}), "invalid type"),
        ] {
            let error = draft(|body| body[field] = value.clone()).unwrap_err();
            assert!(error.to_string().contains(words), "{field}: {error}");
            assert_eq!(error.status(), 400);
        }
        let missing = draft(|body| {
            body["condition"] = json!({"type": "missing_data", "after": "5m"});
            body["no_data_after"] = json!("5m");
        });
        assert!(missing.is_err());
    }

    #[test]
    fn a_channel_twice_is_one() {
        let id = ChannelId::derived(1, &[b"c"]);
        let definition = draft(|body| body["channels"] = json!([id, id])).unwrap();
        assert_eq!(definition.channels, [id]);
    }

    #[test]
    fn only_what_it_watches_and_asks_makes_another_revision() {
        let base = rule(|_| ()).revision();
        for (field, value, same) in [
            ("name", json!("other"), true),
            ("severity", json!("info"), true),
            ("for", json!("5m"), true),
            ("keep_firing_for", json!("5m"), true),
            ("no_data_after", json!("5m"), true),
            ("enabled", json!(false), true),
            ("metric_key", json!("other"), false),
            ("dimensions", json!({"a": "b"}), false),
            (
                "condition",
                json!({"type": "threshold", "operator": "gt", "value": 501}),
                false,
            ),
        ] {
            let other = rule(|body| body[field] = value.clone()).revision();
            assert_eq!(other == base, same, "{field}");
            assert_eq!(other.rule, base.rule);
        }
        assert_eq!(base.rule.text(), rule(|_| ()).rule_id.as_str());
    }
}
