//! The body of a message: what a receiver needs to know without asking back.

use crate::notify::notice::{AlertFacts, AlertNotice, Notice, RuleFacts, SeriesFacts, Tally, Why};
use crate::notify::outbox::MessageKind;
use crate::time;
use serde::Serialize;
use serde_json::{Value, json};

/// Bytes of a body.
const MAX_BODY: usize = 20_000;
/// Characters that a text is cut to where a body would be larger, one step after the other.
const CUTS: [usize; 3] = [512, 128, 32];

#[derive(Serialize)]
struct Body<'a, D: Serialize> {
    r#type: &'a str,
    timestamp: String,
    data: D,
}

#[derive(Serialize)]
struct AlertData<'a> {
    alert: Option<&'a AlertFacts>,
    rule: Option<&'a RuleFacts>,
    series: Option<&'a SeriesFacts>,
    group_id: &'a str,
    why: Option<Why>,
    /// all that are listed, if there are several
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    alerts: &'a [AlertNotice],
    #[serde(skip_serializing_if = "is_zero")]
    unlisted: usize,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    truncated: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl Notice {
    /// The body, below [`MAX_BODY`] bytes: long texts are cut, then dimensions and condition are left out, and at last fewer
    /// alerts are listed, rather than that nobody is told.
    pub(super) fn body(&self) -> String {
        let Some(kind) = self.kind else {
            let data = json!({
                "channel": {"channel_id": self.channel_id, "name": self.channel_name},
                "message": "a test call: no alert fires",
            });
            return self.write("test", &data);
        };
        if let Some(tally) = self.digest {
            return self.write_digest(tally);
        }
        let whole = self.write_alert(kind, false);
        if whole.len() <= MAX_BODY {
            return whole;
        }
        let mut shorter = self.clone();
        for limit in CUTS {
            shorter.alerts.iter_mut().for_each(|one| one.cut(limit));
            let body = shorter.write_alert(kind, true);
            if body.len() <= MAX_BODY {
                return body;
            }
        }
        for one in &mut shorter.alerts {
            if let Some(rule) = &mut one.rule {
                rule.condition = Value::Null;
            }
            if let Some(series) = &mut one.series {
                series.dimensions.clear();
            }
        }
        loop {
            let body = shorter.write_alert(kind, true);
            if body.len() <= MAX_BODY || shorter.alerts.len() <= 1 {
                return body;
            }
            let kept = shorter.alerts.len() / 2;
            shorter.unlisted += shorter.alerts.len() - kept;
            shorter.alerts.truncate(kept);
        }
    }

    /// All of it as far as there is room: what is not listed is counted.
    fn write_digest(&self, tally: Tally) -> String {
        let mut shorter = self.clone();
        loop {
            let body = shorter.write(
                "alert.digest",
                &json!({
                    "summary": tally.to_string(),
                    "counts": tally,
                    "alerts": shorter.alerts,
                    "unlisted": shorter.unlisted,
                }),
            );
            if body.len() <= MAX_BODY || shorter.alerts.is_empty() {
                return body;
            }
            if shorter.alerts.len() == self.alerts.len() {
                // short texts make room for more alerts than few long ones
                shorter.alerts.iter_mut().for_each(|one| one.cut(CUTS[1]));
            }
            shorter.alerts.pop();
            shorter.unlisted += 1;
        }
    }

    fn write_alert(&self, kind: MessageKind, truncated: bool) -> String {
        let first = self.alerts.first();
        self.write(
            kind.as_str(),
            &AlertData {
                alert: first.map(|one| &one.alert),
                rule: first.and_then(|one| one.rule.as_ref()),
                series: first.and_then(|one| one.series.as_ref()),
                group_id: &self.group,
                why: self.why,
                alerts: if self.alerts.len() + self.unlisted > 1 {
                    &self.alerts
                } else {
                    &[]
                },
                unlisted: self.unlisted,
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
}

impl AlertNotice {
    fn cut(&mut self, limit: usize) {
        cut(&mut self.alert.summary, limit);
        cut(&mut self.alert.reason, limit);
        self.alert.acknowledged_by.iter_mut().for_each(|by| cut(by, limit));
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
    use crate::series::SeriesId;
    use proptest::prelude::*;

    fn notice(text: &str, dimensions: usize) -> Notice {
        Notice {
            kind: Some(MessageKind::Firing),
            why: Some(Why::First),
            occurred_at: 1_795_428_000_000,
            channel_id: "chan_1".into(),
            channel_name: "ops".into(),
            group: "grp_1".into(),
            unlisted: 0,
            digest: None,
            alerts: vec![AlertNotice {
                alert: AlertFacts {
                    alert_id: "alert_1".into(),
                    status: "firing",
                    severity: "critical".into(),
                    started_at: 1_795_428_000_000,
                    resolved_at: None,
                    value: Some(512.5),
                    summary: text.into(),
                    reason: text.into(),
                    acknowledged_by: None,
                },
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
            }],
        }
    }

    #[test]
    fn the_body_is_the_contract() {
        insta::assert_snapshot!(notice("too slow", 1).body(), @r#"{"type":"alert.firing","timestamp":"2026-11-23T10:00:00Z","data":{"alert":{"alert_id":"alert_1","status":"firing","severity":"critical","started_at":"2026-11-23T10:00:00Z","resolved_at":null,"value":512.5,"summary":"too slow","reason":"too slow","acknowledged_by":null},"rule":{"rule_id":"rule_1","name":"latency","severity":"critical","condition":{"operator":"gt","type":"threshold","value":500.0}},"series":{"series_id":"ser_00000000000000ff","metric_key":"latency","dimensions":{"0000000000000000000000000000000000000000000000000000000000000000":"too slow"}},"group_id":"grp_1","why":"first"}}"#);
        let test = Notice {
            kind: None,
            ..notice("", 0)
        };
        insta::assert_snapshot!(test.body(), @r#"{"type":"test","timestamp":"2026-11-23T10:00:00Z","data":{"channel":{"channel_id":"chan_1","name":"ops"},"message":"a test call: no alert fires"}}"#);
    }

    #[test]
    fn a_composite_rule_has_no_series() {
        let mut notice = notice("x", 0);
        notice.alerts[0].series = None;
        let body = notice.body();
        assert!(body.contains(r#""series":null"#), "{body}");
    }

    proptest! {
        #[test]
        fn any_body_is_json_below_the_limit_and_says_when_it_was_cut(text in ".{0,1100}", dimensions in 0_usize..=30, huge: bool) {
            let mut notice = notice(&text, dimensions);
            if huge && let Some(rule) = &mut notice.alerts[0].rule {
                rule.condition = Value::from(vec![text.clone(); 100]);
            }
            let body = notice.body();
            prop_assert!(body.len() <= MAX_BODY, "{}", body.len());
            let read: Value = serde_json::from_str(&body).unwrap();
            prop_assert_eq!(&read["data"]["alert"]["alert_id"], "alert_1");
            let whole = read["data"]["alert"]["summary"] == text.as_str() && read["data"]["series"]["dimensions"].as_object().unwrap().len() == dimensions;
            prop_assert!(whole || read["data"]["truncated"] == true);
        }
    }

    #[test]
    fn several_alerts_are_listed_after_the_most_urgent() {
        let mut notice = notice("x", 30);
        notice.alerts = vec![notice.alerts[0].clone(); 20];
        notice.unlisted = 7;
        let read: Value = serde_json::from_str(&notice.body()).unwrap();
        let data = &read["data"];
        assert_eq!(data["alert"], data["alerts"][0]["alert"]);
        assert_eq!(data["alerts"].as_array().map(Vec::len), Some(20));
        assert_eq!(data["unlisted"], 7);
        // and those that there is no room for are counted
        for one in &mut notice.alerts {
            one.alert.summary = "\u{1}".repeat(1_024);
            one.alert.reason = "\u{1}".repeat(1_024);
        }
        let body = notice.body();
        assert!(body.len() <= MAX_BODY, "{}", body.len());
        let read: Value = serde_json::from_str(&body).unwrap();
        let listed = read["data"]["alerts"].as_array().map_or(0, Vec::len);
        assert!(listed > 1, "{listed}");
        assert_eq!(read["data"]["unlisted"], 27 - listed);
    }

    #[test]
    fn the_worst_body_stays_below_the_limit() {
        let body = notice(&"\u{1}".repeat(1_024), 30).body();
        assert!(body.len() <= MAX_BODY, "{}", body.len());
        assert!(body.contains(r#""truncated":true"#));
    }
}
