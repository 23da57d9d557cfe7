//! What a silence is: which alerts it keeps quiet, and how long.

use super::routing::whole_minutes;
use super::severity::Severity;
use crate::Error;
use crate::clock::{DAY, Millis};
use crate::id::{RuleId, SilenceId};
use crate::series::Dimensions;
use serde::{Deserialize, Serialize};

const MAX_REASON: usize = 500;
const MAX_PATTERN: usize = 256;
/// The longest that a silence with an end may last.
const MAX_LENGTH: Millis = 366 * DAY;

/// Which alerts: those that agree with all that is given, which is at least one.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Matchers {
    /// the metric; `*` stands for any characters
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric_key: Option<String>,
    /// the rule
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule_id: Option<RuleId>,
    /// all of these are among the dimensions of the alert's series
    #[serde(skip_serializing_if = "Dimensions::is_empty")]
    pub dimensions: Dimensions,
    /// the severity
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
}

/// What of an alert a silence looks at.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// its rule
    pub rule_id: &'a RuleId,
    /// the metric of its series, or of the rule
    pub metric_key: &'a str,
    /// of its series; none of a composite rule
    pub dimensions: &'a Dimensions,
    /// its own
    pub severity: Severity,
}

impl Matchers {
    fn check(&self) -> Result<(), Error> {
        if *self == Self::default() {
            return Err(Error::schema(
                "matchers names at least one of metric_key, rule_id, dimensions and severity",
            ));
        }
        let pattern = self.metric_key.as_deref().unwrap_or("*");
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_:./-*".contains(&byte);
        if pattern.is_empty() || pattern.len() > MAX_PATTERN || !pattern.bytes().all(plain) {
            return Err(Error::schema(format!(
                "matchers.metric_key has 1 to {MAX_PATTERN} characters: those of metric keys, and * for any"
            )));
        }
        Ok(())
    }

    /// Whether it is about series, and not rules and severities alone.
    pub(super) fn names_series(&self) -> bool {
        self.metric_key.is_some() || !self.dimensions.is_empty()
    }

    /// Whether an alert of a rule may be one of those.
    pub(super) fn may_match(&self, rule_id: &RuleId, severity: Severity, metric_key: &str) -> bool {
        let metric = self.metric_key.as_ref().is_none_or(|pattern| glob(pattern, metric_key));
        self.rule_id.as_ref().is_none_or(|mine| mine == rule_id)
            && self.severity.is_none_or(|mine| mine == severity)
            && metric
    }

    /// Whether an alert is one of those.
    #[must_use]
    pub fn matches(&self, subject: Subject<'_>) -> bool {
        self.rule_id.as_ref().is_none_or(|rule_id| rule_id == subject.rule_id)
            && self.severity.is_none_or(|severity| severity == subject.severity)
            && self.dimensions.is_subset_of(subject.dimensions)
            && self
                .metric_key
                .as_ref()
                .is_none_or(|pattern| glob(pattern, subject.metric_key))
    }
}

/// Whether a text is like a pattern, in which `*` stands for any characters, also none.
fn glob(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

/// A silence as a caller sends it, not yet checked.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the fields of the HTTP contract")]
pub struct Draft {
    pub matchers: Matchers,
    pub reason: String,
    #[serde(default)]
    pub ends_at: Option<String>,
    #[serde(default)]
    pub until: Option<Until>,
}

/// The end of a silence that has no time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Until {
    /// when no alert that it mutes is open any longer
    Resolved,
}

/// A silence to be made.
#[derive(Debug, Clone, PartialEq)]
pub struct NewSilence {
    /// which alerts
    pub matchers: Matchers,
    /// why, for people
    pub reason: String,
    /// when it ends; `None`: when no alert that it mutes is open any longer
    pub ends_at: Option<Millis>,
}

impl Draft {
    /// Checks a silence that is made `now`.
    ///
    /// # Errors
    /// 400 with the field and the reason.
    pub fn check(self, now: Millis) -> Result<NewSilence, Error> {
        self.matchers.check()?;
        let reason = self.reason.trim();
        if reason.is_empty() || reason.chars().count() > MAX_REASON {
            return Err(Error::schema(format!("reason must have 1 to {MAX_REASON} characters")));
        }
        let ends_at = match (&self.ends_at, self.until) {
            (None, Some(Until::Resolved)) => None,
            (Some(text), None) => {
                let end =
                    crate::time::parse(text).ok_or_else(|| Error::schema("ends_at must be a time in RFC 3339"))?;
                if end <= now || end > now + MAX_LENGTH {
                    return Err(Error::schema("ends_at must be in the future, at most a year ahead"));
                }
                Some(end)
            }
            _ => {
                return Err(Error::schema(
                    "a silence has either ends_at, a time, or until, which is \"resolved\"",
                ));
            }
        };
        Ok(NewSilence {
            matchers: self.matchers,
            reason: reason.to_owned(),
            ends_at,
        })
    }
}

/// A silence as the decision who is told sees it. It holds in the minutes from its making to before its end.
#[derive(Debug, Clone, PartialEq)]
pub struct Silence {
    /// its identity
    pub silence_id: SilenceId,
    /// which alerts
    pub matchers: Matchers,
    /// when it was made
    pub created_at: Millis,
    /// when it ends or has ended; `None`: when no alert that it mutes is open any longer
    pub ends_at: Option<Millis>,
}

impl Silence {
    /// Whether it holds in a minute.
    #[must_use]
    pub fn holds(&self, minute: Millis) -> bool {
        self.created_at <= minute && self.ends_at.is_none_or(|end| minute < end)
    }

    /// Whether it has ended by `minute`, after `after`, and held before in some minute from `since` on.
    #[must_use]
    pub fn ended(&self, since: Millis, after: Millis, minute: Millis) -> bool {
        let first = self.created_at.max(since);
        let held = whole_minutes(first);
        self.ends_at
            .is_some_and(|end| end > after && end <= minute && held < end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::MINUTE;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, text, like) in [
            ("shop.orders", "shop.orders", true),
            ("shop.orders", "shop.orders2", false),
            ("shop.*", "shop.orders", true),
            ("shop.*", "shop.", true),
            ("*", "", true),
            ("*.orders", "shop.orders", true),
            ("s*p.*s", "shop.orders", true),
            ("a*a", "a", false),
            ("a*b*a", "aba", true),
            ("a*b*c", "acb", false),
        ] {
            assert_eq!(glob(pattern, text), like, "{pattern} {text}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_cut_out_is_still_like_it(text in "[ab.]{0,12}", from in 0_usize..13, to in 0_usize..13) {
            let (from, to) = (from.min(to).min(text.len()), from.max(to).min(text.len()));
            let pattern = format!("{}*{}", &text[..from], &text[to..]);
            prop_assert!(glob(&pattern, &text));
            let other = format!("{text}c");
            prop_assert!(!glob(&pattern, &other) || pattern.ends_with('*'));
        }
    }

    #[test]
    fn all_that_is_given_must_agree() {
        let rule_id = RuleId::derived(0, &[b"r"]);
        let dimensions = Dimensions::new([("host".into(), "a".into()), ("zone".into(), "1".into())]).unwrap();
        let subject = Subject {
            rule_id: &rule_id,
            metric_key: "shop.orders",
            dimensions: &dimensions,
            severity: Severity::Error,
        };
        for (matchers, matches) in [
            (json!({"rule_id": rule_id}), true),
            (json!({"rule_id": RuleId::derived(0, &[b"other"])}), false),
            (json!({"dimensions": {"host": "a"}}), true),
            (json!({"dimensions": {"host": "b"}}), false),
            (json!({"metric_key": "shop.*", "severity": "error"}), true),
            (json!({"metric_key": "shop.*", "severity": "info"}), false),
        ] {
            let matchers: Matchers = serde_json::from_value(matchers).unwrap();
            assert_eq!(matchers.matches(subject), matches, "{matchers:?}");
        }
    }

    #[test]
    fn a_silence_needs_a_matcher_a_reason_and_one_end() {
        let now = crate::time::parse("2026-11-28T12:00:00Z").unwrap();
        let draft = |change: fn(&mut serde_json::Value)| {
            let mut body =
                json!({"matchers": {"metric_key": "a"}, "reason": "deploy", "ends_at": "2026-11-28T13:00:00Z"});
            change(&mut body);
            serde_json::from_value::<Draft>(body)
                .map_err(|error| Error::schema(error.to_string()))?
                .check(now)
        };
        assert_eq!(draft(|_| ()).unwrap().ends_at, Some(now + crate::clock::HOUR));
        let resolved = draft(|body| {
            body["ends_at"] = json!(null);
            body["until"] = json!("resolved");
        });
        assert_eq!(resolved.unwrap().ends_at, None);
        for change in [
            (|body: &mut serde_json::Value| body["matchers"] = json!({})) as fn(&mut serde_json::Value),
            |body| body["matchers"] = json!({"hosts": "a"}),
            |body| body["reason"] = json!(" "),
            |body| body["ends_at"] = json!("2026-11-28T12:00:00Z"),
            |body| body["ends_at"] = json!("2028-11-28T12:00:00Z"),
            |body| body["ends_at"] = json!("soon"),
            |body| body["ends_at"] = json!(null),
            |body| body["until"] = json!("resolved"),
            |body| body["until"] = json!("later"),
        ] {
            assert!(draft(change).is_err());
        }
    }

    #[test]
    fn a_silence_that_held_in_no_minute_has_kept_nothing_quiet() {
        let silence = |created_at, end| Silence {
            silence_id: SilenceId::derived(0, &[]),
            matchers: Matchers::default(),
            created_at,
            ends_at: Some(end),
        };
        let minute = MINUTE;
        assert!(silence(minute, 3 * minute).holds(2 * minute));
        assert!(!silence(minute, 3 * minute).holds(3 * minute));
        assert!(silence(minute, 3 * minute).ended(0, 0, 3 * minute));
        assert!(
            !silence(minute, 3 * minute).ended(0, 3 * minute, 4 * minute),
            "told since"
        );
        assert!(!silence(minute + 1, minute + 30_000).ended(0, 0, 5 * minute));
        assert!(
            !silence(minute, 3 * minute).ended(3 * minute, 0, 3 * minute),
            "it began after"
        );
    }
}
