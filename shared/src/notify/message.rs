//! The body of a message: what a receiver needs to know without asking back.

use super::outbox::MessageKind;
use crate::clock::Millis;
use crate::series::SeriesId;
use crate::time;
use serde::Serialize;
use serde_json::{Map, Value, json};

/// Bytes of a body.
const MAX_BODY: usize = 20_000;
/// Characters that a text is cut to where a body would be larger, one step after the other.
const CUTS: [usize; 3] = [512, 128, 32];

/// What is known about a message when it is first sent.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    /// `None` for a test call
    pub(super) kind: Option<MessageKind>,
    pub(super) occurred_at: Millis,
    pub(super) channel_id: String,
    pub(super) channel_name: String,
    pub(super) alert: Option<AlertFacts>,
    pub(super) rule: Option<RuleFacts>,
    pub(super) series: Option<SeriesFacts>,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct AlertFacts {
    pub(super) alert_id: String,
    pub(super) status: &'static str,
    pub(super) severity: String,
    #[serde(serialize_with = "time::rfc3339")]
    pub(super) started_at: Millis,
    #[serde(serialize_with = "time::rfc3339_option")]
    pub(super) resolved_at: Option<Millis>,
    pub(super) value: Option<f64>,
    pub(super) summary: String,
    pub(super) reason: String,
    pub(super) acknowledged_by: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct RuleFacts {
    pub(super) rule_id: String,
    pub(super) name: String,
    pub(super) severity: String,
    pub(super) condition: Value,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct SeriesFacts {
    pub(super) series_id: SeriesId,
    pub(super) metric_key: String,
    pub(super) dimensions: Map<String, Value>,
}

#[derive(Serialize)]
struct Body<'a, D: Serialize> {
    r#type: &'a str,
    timestamp: String,
    data: D,
}

#[derive(Serialize)]
struct AlertData<'a> {
    alert: &'a Option<AlertFacts>,
    rule: &'a Option<RuleFacts>,
    series: &'a Option<SeriesFacts>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    truncated: bool,
}

impl Facts {
    /// The body, below [`MAX_BODY`] bytes: long texts are cut, and at last dimensions and condition
    /// are left out, rather than that nobody is told.
    pub(super) fn body(&self) -> String {
        let Some(kind) = self.kind else {
            let data = json!({
                "channel": {"channel_id": self.channel_id, "name": self.channel_name},
                "message": "a test call: no alert fires",
            });
            return self.write("test", &data);
        };
        let whole = self.write_alert(kind, false);
        if whole.len() <= MAX_BODY {
            return whole;
        }
        let mut facts = self.clone();
        for limit in CUTS {
            facts.cut(limit);
            let body = facts.write_alert(kind, true);
            if body.len() <= MAX_BODY {
                return body;
            }
        }
        if let Some(rule) = &mut facts.rule {
            rule.condition = Value::Null;
        }
        if let Some(series) = &mut facts.series {
            series.dimensions.clear();
        }
        facts.write_alert(kind, true)
    }

    fn write_alert(&self, kind: MessageKind, truncated: bool) -> String {
        self.write(
            kind.as_str(),
            &AlertData {
                alert: &self.alert,
                rule: &self.rule,
                series: &self.series,
                truncated,
            },
        )
    }

    fn write(&self, r#type: &str, data: &impl Serialize) -> String {
        let body = Body {
            r#type,
            timestamp: time::format(self.occurred_at),
            data,
        };
        // texts, numbers and maps with text keys: there is nothing that JSON could not hold
        serde_json::to_string(&body).unwrap_or_default()
    }

    fn cut(&mut self, limit: usize) {
        if let Some(alert) = &mut self.alert {
            cut(&mut alert.summary, limit);
            cut(&mut alert.reason, limit);
            alert.acknowledged_by.iter_mut().for_each(|by| cut(by, limit));
        }
        if let Some(rule) = &mut self.rule {
            cut(&mut rule.name, limit);
        }
        if let Some(series) = &mut self.series {
            cut(&mut series.metric_key, 256);
            for value in series.dimensions.values_mut() {
                if let Value::String(text) = value {
                    cut(text, limit);
                }
            }
        }
    }
}

fn cut(text: &mut String, limit: usize) {
    if let Some((end, _)) = text.char_indices().nth(limit) {
        text.truncate(end);
        text.push('…');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn facts(text: &str, dimensions: usize) -> Facts {
        Facts {
            kind: Some(MessageKind::Firing),
            occurred_at: 1_795_428_000_000,
            channel_id: "chan_1".into(),
            channel_name: "ops".into(),
            alert: Some(AlertFacts {
                alert_id: "alert_1".into(),
                status: "firing",
                severity: "critical".into(),
                started_at: 1_795_428_000_000,
                resolved_at: None,
                value: Some(512.5),
                summary: text.into(),
                reason: text.into(),
                acknowledged_by: None,
            }),
            rule: Some(RuleFacts {
                rule_id: "rule_1".into(),
                name: "latency".into(),
                severity: "critical".into(),
                condition: json!({"type": "threshold", "operator": "gt", "value": 500.0}),
            }),
            series: Some(SeriesFacts {
                series_id: SeriesId::from_raw(255).unwrap(),
                metric_key: "latency".into(),
                dimensions: (0..dimensions)
                    .map(|n| (format!("{n:064}"), Value::from(text)))
                    .collect(),
            }),
        }
    }

    #[test]
    fn the_body_is_the_contract() {
        insta::assert_snapshot!(facts("too slow", 1).body(), @r#"{"type":"alert.firing","timestamp":"2026-11-23T10:00:00Z","data":{"alert":{"alert_id":"alert_1","status":"firing","severity":"critical","started_at":"2026-11-23T10:00:00Z","resolved_at":null,"value":512.5,"summary":"too slow","reason":"too slow","acknowledged_by":null},"rule":{"rule_id":"rule_1","name":"latency","severity":"critical","condition":{"operator":"gt","type":"threshold","value":500.0}},"series":{"series_id":"ser_00000000000000ff","metric_key":"latency","dimensions":{"0000000000000000000000000000000000000000000000000000000000000000":"too slow"}}}}"#);
        let test = Facts {
            kind: None,
            ..facts("", 0)
        };
        insta::assert_snapshot!(test.body(), @r#"{"type":"test","timestamp":"2026-11-23T10:00:00Z","data":{"channel":{"channel_id":"chan_1","name":"ops"},"message":"a test call: no alert fires"}}"#);
    }

    #[test]
    fn a_composite_rule_has_no_series() {
        let body = Facts {
            series: None,
            ..facts("x", 0)
        }
        .body();
        assert!(body.contains(r#""series":null"#), "{body}");
    }

    proptest! {
        #[test]
        fn any_body_is_json_below_the_limit_and_says_when_it_was_cut(text in ".{0,1100}", dimensions in 0_usize..=30, huge: bool) {
            let mut facts = facts(&text, dimensions);
            if huge && let Some(rule) = &mut facts.rule {
                rule.condition = Value::from(vec![text.clone(); 100]);
            }
            let body = facts.body();
            prop_assert!(body.len() <= MAX_BODY, "{}", body.len());
            let read: Value = serde_json::from_str(&body).unwrap();
            prop_assert_eq!(&read["data"]["alert"]["alert_id"], "alert_1");
            let whole = read["data"]["alert"]["summary"] == text.as_str() && read["data"]["series"]["dimensions"].as_object().unwrap().len() == dimensions;
            prop_assert!(whole || read["data"]["truncated"] == true);
        }
    }

    #[test]
    fn the_worst_body_stays_below_the_limit() {
        let body = facts(&"\u{1}".repeat(1_024), 30).body();
        assert!(body.len() <= MAX_BODY, "{}", body.len());
        assert!(body.contains(r#""truncated":true"#));
    }
}
