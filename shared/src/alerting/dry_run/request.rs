use crate::alerting::rule::Draft;
use crate::alerting::{Definition, rules};
use crate::auth::Tenant;
use crate::clock::{DAY, Millis};
use crate::id::RuleId;
use crate::{Code, Error, time};
use serde::Deserialize;
use serde_json::Value;

/// How far back a rule is tried, unless the request says.
const DEFAULT: Millis = 30 * DAY;
/// The longest range.
const MAX: Millis = 92 * DAY;

/// Which rule is to be tried, and for when.
#[derive(Debug, Clone)]
pub struct DryRunRequest {
    rule: Tried,
    from: Option<Millis>,
    to: Option<Millis>,
}

#[derive(Debug, Clone)]
enum Tried {
    Saved(RuleId),
    Unsaved(Box<Definition>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    #[serde(default)]
    rule_id: Option<String>,
    #[serde(default)]
    rule: Option<Draft>,
    #[serde(default)]
    from: Option<Value>,
    #[serde(default)]
    to: Option<Value>,
}

impl DryRunRequest {
    /// Reads the body of `POST /v1/alert-rules/test`.
    ///
    /// # Errors
    /// 400 with the field that is wrong; a rule is checked as if it were saved. 404 for a `rule_id` that is none.
    pub fn parse(body: &[u8]) -> Result<Self, Error> {
        let wire: Wire = serde_json::from_slice(body).map_err(|error| Error::schema(error.to_string()))?;
        let rule = match (wire.rule_id, wire.rule) {
            (Some(id), None) => Tried::Saved(RuleId::parse(&id).ok_or(Error::NotFound("the rule"))?),
            (None, Some(draft)) => Tried::Unsaved(Box::new(draft.check()?)),
            _ => return Err(Error::schema("give either rule_id or rule")),
        };
        Ok(Self {
            rule,
            from: instant("from", wire.from)?,
            to: instant("to", wire.to)?,
        })
    }

    /// The rule that is meant.
    pub(super) async fn definition(&self, tenant: &Tenant) -> Result<Definition, Error> {
        match &self.rule {
            Tried::Saved(rule_id) => Ok(rules::get(tenant, rule_id).await?.definition),
            Tried::Unsaved(definition) => {
                rules::check_references(tenant, definition).await?;
                Ok(Definition::clone(definition))
            }
        }
    }

    /// From when to when, seen from `now`: nothing is known of what comes.
    pub(super) fn range(&self, now: Millis) -> Result<(Millis, Millis), Error> {
        let to = self.to.unwrap_or(now).min(now);
        let from = self.from.unwrap_or(to.saturating_sub(DEFAULT));
        match to.saturating_sub(from) {
            ..=0 => Err(wrong_time("from must be before to, and in the past")),
            length if length > MAX => Err(wrong_time("a rule is tried on 92 days at most: take a later from")),
            _ => Ok((from, to)),
        }
    }
}

fn instant(field: &str, value: Option<Value>) -> Result<Option<Millis>, Error> {
    let read =
        |value: &Value| time::of_json(value).ok_or_else(|| wrong_time(format!("{field} must be a time in RFC 3339")));
    value.as_ref().map(read).transpose()
}

fn wrong_time(message: impl Into<String>) -> Error {
    Error::Malformed {
        code: Code::InvalidTimestamp,
        message: message.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOW: Millis = 1_795_428_000_000;

    fn request(body: Value) -> Result<(Millis, Millis), Error> {
        DryRunRequest::parse(body.to_string().as_bytes())?.range(NOW)
    }

    fn with(fields: Value) -> Value {
        let mut body = json!({"rule_id": RuleId::derived(0, &[])});
        body.as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        body
    }

    #[test]
    fn the_last_thirty_days_are_meant_unless_it_says() {
        assert_eq!(request(with(json!({}))).unwrap(), (NOW - 30 * DAY, NOW));
        let week = json!({"from": NOW - 7 * DAY, "to": "2026-11-22T10:00:00Z"});
        assert_eq!(request(with(week)).unwrap(), (NOW - 7 * DAY, NOW - DAY));
        let future = json!({"from": NOW - DAY, "to": NOW + DAY});
        assert_eq!(request(with(future)).unwrap(), (NOW - DAY, NOW));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for (body, status, words) in [
            (json!({}), 400, "either rule_id or rule"),
            (json!({"rule_id": "x"}), 404, "the rule"),
            (json!({"rule": {"name": "x"}}), 400, "metric_key"),
            (with(json!({"from": NOW})), 400, "before to"),
            (with(json!({"from": NOW - 93 * DAY})), 400, "92 days"),
            (with(json!({"to": "soon"})), 400, "to must be"),
            (with(json!({"until": 1})), 400, "until"),
            (with(json!({"rule": {}})), 400, ""),
        ] {
            let error = request(body.clone()).unwrap_err();
            assert_eq!(error.status(), status, "{body}");
            assert!(error.to_string().contains(words), "{body}: {error}");
        }
    }
}
