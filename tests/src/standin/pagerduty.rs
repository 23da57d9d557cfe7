//! `PagerDuty`: `POST /v2/enqueue` of the Events API.

use super::{StandIn, Verdict, only, text};
use crate::receiver::Message;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The integration key that the account knows.
pub const ROUTING_KEY: &str = "5tandinK3y5tandinK3y5tandinK3y00";

/// The incidents of an account: `dedup_key` to what was done to it, in order.
#[derive(Debug, Default)]
pub struct Account {
    /// e.g. `trigger acknowledge resolve`
    pub incidents: BTreeMap<String, String>,
}

/// Starts an account.
pub async fn start() -> StandIn<Account> {
    let refuse = |problem: &str| {
        (
            400,
            json!({"status": "invalid event", "message": "Event object is invalid", "errors": [problem]}),
        )
    };
    StandIn::start(Account::default(), serve, refuse).await
}

fn serve(account: &mut Account, message: &Message) -> Verdict {
    if message.path != "/v2/enqueue" {
        return Ok((404, Value::Null));
    }
    if message.body.len() > 512_000 {
        return Err(format!("{} bytes", message.body.len()));
    }
    let event = message.json();
    only(
        &event,
        &[
            "routing_key",
            "event_action",
            "dedup_key",
            "payload",
            "client",
            "client_url",
            "links",
            "images",
        ],
    )?;
    if text(&event, "routing_key", 32, 32)? != ROUTING_KEY {
        return Err("'routing_key' is invalid".into());
    }
    let key = text(&event, "dedup_key", 1, 255)?;
    let action = text(&event, "event_action", 1, 11)?;
    match action.as_str() {
        "trigger" => payload(&event["payload"])?,
        "acknowledge" | "resolve" => {}
        other => return Err(format!("event_action {other}")),
    }
    let done = account.incidents.entry(key.clone()).or_default();
    if !done.is_empty() {
        done.push(' ');
    }
    done.push_str(&action);
    Ok((
        202,
        json!({"status": "success", "message": "Event processed", "dedup_key": key}),
    ))
}

fn payload(payload: &Value) -> Result<(), String> {
    only(
        payload,
        &[
            "summary",
            "source",
            "severity",
            "timestamp",
            "component",
            "group",
            "class",
            "custom_details",
        ],
    )?;
    text(payload, "summary", 1, 1_024)?;
    text(payload, "source", 1, 1_024)?;
    let severity = text(payload, "severity", 1, 8)?;
    if !["critical", "error", "warning", "info"].contains(&severity.as_str()) {
        return Err(format!("severity {severity}"));
    }
    Ok(())
}
