//! Discord: a webhook whose first message the resolve edits.
//!
//! Nobody is mentioned, whatever a label holds, for the body allows no mention; and what Discord would
//! read as markup is escaped.

mod embed;

pub(super) use embed::write;

use super::{Judgement, Letter, name};
use crate::clock::Millis;
use crate::notify::address::Reach;
use crate::notify::call::{Call, Role};
use crate::notify::outbox::MessageKind;
use crate::notify::retry::{self, Verdict};
use crate::notify::sender::Answer;
use crate::notify::target::SecretUrl;
use embed::pictured;
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

/// `Unknown Message`: somebody deleted it.
const UNKNOWN_MESSAGE: u64 = 10_008;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    url: String,
}

/// A webhook of a channel.
#[derive(Debug, Clone)]
pub(in crate::notify) struct Discord {
    url: SecretUrl,
}

impl Discord {
    pub(super) fn parse(config: &Value, reach: Reach) -> Result<Self, String> {
        let config = Config::deserialize(config).map_err(|error| error.to_string())?;
        let url = SecretUrl::parse(&config.url, reach).map_err(|error| format!("url: {error}"))?;
        if !is_webhook(&url) {
            return Err("url: a Discord webhook ends with /api/webhooks/ID/TOKEN".into());
        }
        Ok(Self { url })
    }

    pub(super) fn shown(&self) -> Value {
        json!({"url": self.url.mask()})
    }

    pub(super) fn credentials(&self) -> Value {
        json!({"url": self.url.reveal()})
    }

    pub(super) fn calls(&self, letter: &Letter<'_>) -> Result<Vec<Call>, String> {
        let post = Call::ask(self.url.url().with_query("wait", "true")?, letter.body.to_owned());
        let first = letter.thread.filter(|_| letter.kind == Some(MessageKind::Resolved));
        let Some(id) = first else {
            // without its picture, if that is what is wrong with it
            let pictured = letter
                .picture
                .map(|picture| pictured(post.clone(), letter, picture))
                .transpose()?;
            return Ok(pictured.into_iter().chain([post]).collect());
        };
        let edit = Call::ask(self.url.url().below(&["messages", id])?, letter.body.to_owned());
        Ok(vec![edit.with_method(Method::PATCH).with_role(Role::Preferred), post])
    }

    pub(super) fn judge(answer: &Answer, now: Millis) -> Judgement {
        let judgement = Judgement::by_status(answer, now);
        let reply: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        match answer.status.as_u16() {
            200..=299 => match reply["id"].as_str() {
                Some(id) => Judgement {
                    thread: name(id.to_owned()),
                    ..judgement
                },
                // a proxy may say so in its stead
                None => Judgement::failed("a reply that is none of Discord's"),
            },
            429 => match reply["retry_after"].as_f64() {
                Some(seconds) => judgement.with(Verdict::Retry(Some(retry::bounded(seconds)))),
                None => judgement,
            },
            404 if reply["code"] == UNKNOWN_MESSAGE => judgement,
            // who goes on asking is banned by address
            401 | 404 => judgement.with(Verdict::Gone),
            _ => judgement,
        }
    }
}

/// `/api/webhooks/ID/TOKEN`, with or without a version of the interface.
fn is_webhook(url: &SecretUrl) -> bool {
    let segments = url.url().segments();
    let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
    let (id, token) = match parts[..] {
        ["api", "webhooks", id, token] => (id, token),
        ["api", version, "webhooks", id, token] if version.starts_with('v') => (id, token),
        _ => return false,
    };
    !id.is_empty() && id.chars().all(|c| c.is_ascii_digit()) && !token.is_empty()
}

#[cfg(test)]
mod tests;
