//! `PagerDuty`, Events API v2: one incident a group, by the same `dedup_key` from its trigger to its
//! resolve.

use super::story::{Story, fit, plain};
use super::{Judgement, Letter};
use crate::clock::Millis;
use crate::config::Secret;
use crate::notify::address::Reach;
use crate::notify::call::{Call, Role};
use crate::notify::notice::Notice;
use crate::notify::outbox::MessageKind;
use crate::notify::sender::Answer;
use crate::notify::target::WebhookUrl;
use crate::time;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

const ENQUEUE: &str = "https://events.pagerduty.com/v2/enqueue";
const ROUTING_KEY: usize = 32;
/// `PagerDuty`'s limits, in characters and in bytes.
const SUMMARY: usize = 1_024;
/// Below 512,000, for the key and a picture's link are added later.
const EVENT: usize = 500_000;
/// Of texts without a published limit.
const SHORT: usize = 255;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    routing_key: String,
    url: Option<String>,
}

/// An integration of a service.
#[derive(Debug, Clone)]
pub(in crate::notify) struct PagerDuty {
    routing_key: Secret,
    url: WebhookUrl,
}

impl PagerDuty {
    pub(super) fn parse(config: &Value, reach: Reach) -> Result<Self, String> {
        let config = Config::deserialize(config).map_err(|error| error.to_string())?;
        let key = config.routing_key;
        if key.len() != ROUTING_KEY || !key.chars().all(|c| c.is_ascii_alphanumeric()) {
            return Err(format!(
                "routing_key: the integration key of an Events API v2 integration has {ROUTING_KEY} letters and digits"
            ));
        }
        let url = config.url.as_deref().unwrap_or(ENQUEUE);
        Ok(Self {
            routing_key: Secret::new(key),
            url: WebhookUrl::parse(url, reach).map_err(|error| format!("url: {error}"))?,
        })
    }

    pub(super) fn shown(&self) -> Value {
        json!({"routing_key": self.routing_key.mask(""), "url": self.url})
    }

    pub(super) fn credentials(&self) -> Value {
        json!({"routing_key": self.routing_key.reveal(), "url": self.url})
    }

    pub(super) fn calls(&self, letter: &Letter<'_>) -> Result<Vec<Call>, String> {
        let mut event: Map<String, Value> = serde_json::from_str(letter.body).map_err(|_| "the message is broken")?;
        event.insert("routing_key".into(), self.routing_key.reveal().into());
        let call = |event: &Map<String, Value>| Call::ask(self.url.clone(), json!(event).to_string());
        let told = call(&event);
        if letter.kind.is_some() {
            let picture = letter
                .picture
                .and_then(|picture| Some((picture.url.as_deref()?, &picture.alt)));
            // images are shown from https alone
            let pictured = picture
                .filter(|(url, _)| url.starts_with("https://"))
                .map(|(url, alt)| {
                    event.insert("images".into(), json!([{"src": url, "alt": fit(alt, SUMMARY, plain)}]));
                    call(&event).with_role(Role::Preferred)
                });
            return Ok(pictured.into_iter().chain([told]).collect());
        }
        // a test leaves no open incident behind
        event.insert("event_action".into(), "resolve".into());
        event.remove("payload");
        Ok(vec![told.with_role(Role::Required), call(&event)])
    }

    /// 202 is success; 400 is final, 429 and 5xx are not, as anywhere.
    pub(super) fn judge(answer: &Answer, now: Millis) -> Judgement {
        match answer.status.as_u16() {
            202 => Judgement::by_status(answer, now),
            // a proxy may say so in its stead
            200..=299 => Judgement::failed(format!("{}, where PagerDuty answers 202", answer.status)),
            _ => Judgement::by_status(answer, now),
        }
    }
}

/// The event, without the key of its integration.
pub(super) fn write(notice: &Notice, story: &Story) -> String {
    let mut event = json!({
        "event_action": match notice.kind {
            None | Some(MessageKind::Firing | MessageKind::NoData) => "trigger",
            Some(MessageKind::Acknowledged) => "acknowledge",
            Some(MessageKind::Resolved) => "resolve",
        },
        "dedup_key": dedup_key(notice),
        "client": "IntentVision",
    });
    if event["event_action"] != "trigger" {
        return event.to_string();
    }
    event["payload"] = payload(notice, story);
    let whole = event.to_string();
    if whole.len() <= EVENT {
        return whole;
    }
    event["payload"]["custom_details"] = json!({"left_out": format!("the details would pass {EVENT} bytes")});
    event.to_string()
}

/// The same from the trigger to the resolve, and another for each channel and group.
fn dedup_key(notice: &Notice) -> String {
    let group = match notice.kind {
        Some(_) => notice.group.clone(),
        None => format!("test {}", notice.occurred_at),
    };
    let digest = Sha256::digest([notice.channel_id.as_str(), &group].join("\0"));
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn payload(notice: &Notice, story: &Story) -> Value {
    let first = notice.alerts.first();
    let mut payload = json!({
        "summary": fit(&story.title, SUMMARY, plain),
        "source": "IntentVision",
        "severity": severity(first.map_or("info", |one| &one.alert.severity)),
        "timestamp": time::format(notice.occurred_at),
        "custom_details": {"text": story.text, "alerts": notice.alerts, "unlisted": notice.unlisted},
    });
    if let Some(series) = first.and_then(|one| one.series.as_ref()) {
        payload["source"] = fit(&series.metric_key, SHORT, plain).into();
        payload["component"] = fit(&series.metric_key, SHORT, plain).into();
    }
    if let Some(rule) = first.and_then(|one| one.rule.as_ref()) {
        payload["group"] = fit(&rule.name, SHORT, plain).into();
        payload["class"] = rule.condition["type"].clone();
    }
    payload
}

/// Both have the same four; a fifth would be refused there.
fn severity(ours: &str) -> &str {
    match ours {
        "critical" | "error" | "warning" => ours,
        _ => "info",
    }
}

#[cfg(test)]
mod tests {
    use super::super::story::tests::{any_notice, notice};
    use super::*;
    use crate::notify::retry::Verdict;
    use http::{HeaderMap, StatusCode};
    use proptest::prelude::*;

    fn written(notice: &Notice) -> String {
        write(notice, &Story::of(notice))
    }

    fn pagerduty() -> PagerDuty {
        let config = json!({"routing_key": "0123456789abcdef0123456789abcdef"});
        PagerDuty::parse(&config, Reach::Public).unwrap()
    }

    fn sent(kind: Option<MessageKind>) -> Vec<Value> {
        let body = written(&notice(kind, "slow"));
        let letter = Letter {
            message_id: "msg_1",
            kind,
            body: &body,
            thread: None,
            picture: None,
            now: 0,
        };
        let calls = pagerduty().calls(&letter).unwrap();
        calls
            .iter()
            .map(|call| serde_json::from_slice(&call.body).unwrap())
            .collect()
    }

    #[test]
    fn the_key_is_the_same_from_trigger_to_resolve_and_kept_out_of_the_frozen_body() {
        let mut keys = Vec::new();
        for (kind, action) in [
            (MessageKind::Firing, "trigger"),
            (MessageKind::NoData, "trigger"),
            (MessageKind::Acknowledged, "acknowledge"),
            (MessageKind::Resolved, "resolve"),
        ] {
            let [event] = &sent(Some(kind))[..] else {
                panic!("one event")
            };
            assert_eq!(event["event_action"], action);
            assert_eq!(event["routing_key"], "0123456789abcdef0123456789abcdef");
            assert_eq!(event.get("payload").is_some(), action == "trigger");
            assert!(!written(&notice(Some(kind), "slow")).contains("0123456789abcdef"));
            keys.push(event["dedup_key"].clone());
        }
        keys.dedup();
        assert_eq!(keys.len(), 1);
        assert_eq!(keys[0].as_str().unwrap().len(), 64);
        let mut other = notice(Some(MessageKind::Firing), "slow");
        other.group = "alert_2".into();
        assert_ne!(dedup_key(&other), keys[0]);
        other.channel_id = "chan_2".into();
        other.group = "alert_1".into();
        assert_ne!(dedup_key(&other), keys[0]);
    }

    #[test]
    fn a_test_call_opens_an_incident_and_closes_it() {
        let events = sent(None);
        let actions: Vec<_> = events.iter().map(|event| event["event_action"].clone()).collect();
        assert_eq!(actions, ["trigger", "resolve"]);
        assert_eq!(events[0]["dedup_key"], events[1]["dedup_key"]);
        assert_eq!(events[0]["payload"]["severity"], "info");
    }

    #[test]
    fn only_202_is_an_acceptance() {
        for (status, verdict) in [
            (202, Verdict::Delivered),
            (200, Verdict::Retry(None)),
            (204, Verdict::Retry(None)),
            (302, Verdict::Refused),
            (400, Verdict::Refused),
            (429, Verdict::Retry(None)),
            (500, Verdict::Retry(None)),
            (410, Verdict::Gone),
        ] {
            let answer = Answer {
                status: StatusCode::from_u16(status).unwrap(),
                headers: HeaderMap::new(),
                body: Vec::new(),
            };
            assert_eq!(PagerDuty::judge(&answer, 0).verdict, verdict, "{status}");
        }
    }

    #[test]
    fn a_wrong_configuration_is_refused_and_the_key_is_masked() {
        for wrong in [
            json!({}),
            json!({"routing_key": "short"}),
            json!({"routing_key": "0123456789abcdef0123456789abcde\n"}),
            json!({"routing_key": "…cdef"}),
            json!({"routing_key": "0123456789abcdef0123456789abcdef", "url": "https://[::1]/"}),
        ] {
            assert!(PagerDuty::parse(&wrong, Reach::Public).is_err(), "{wrong}");
        }
        let shown = json!({"routing_key": "…cdef", "url": ENQUEUE});
        assert_eq!(pagerduty().shown(), shown);
        assert!(!format!("{:?}", pagerduty()).contains("0123"));
    }

    #[test]
    fn details_that_are_too_large_are_left_out_and_named() {
        let mut huge = notice(Some(MessageKind::Firing), &"x".repeat(1_024));
        huge.alerts = vec![huge.alerts[0].clone(); 500];
        let body = written(&huge);
        assert!(body.len() <= EVENT);
        assert!(body.contains("left_out"));
    }

    proptest! {
        #[test]
        fn any_event_keeps_the_limits_and_fits_the_schema(notice in any_notice()) {
            let body = written(&notice);
            prop_assert!(body.len() <= EVENT);
            let event: Value = serde_json::from_str(&body).unwrap();
            prop_assert!((1..=255).contains(&event["dedup_key"].as_str().unwrap().len()));
            if event["event_action"] == "trigger" {
                let payload = &event["payload"];
                prop_assert!((1..=1_024).contains(&payload["summary"].as_str().unwrap().chars().count()));
                prop_assert!(!payload["source"].as_str().unwrap().is_empty());
                prop_assert!(["critical", "error", "warning", "info"].contains(&payload["severity"].as_str().unwrap()));
            }
        }
    }
}
