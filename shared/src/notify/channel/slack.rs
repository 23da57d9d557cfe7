//! Slack: an incoming webhook, or a bot that edits its first message and answers below it.
//!
//! Whatever a label holds is plain text: no value stands where Slack reads its markup, and `&`, `<`
//! and `>` are escaped, so that none can mention a channel. Servers that take Slack's incoming
//! webhooks (Mattermost, Rocket.Chat) are reached by their own URL.

mod blocks;

pub(super) use blocks::write;

use super::{Judgement, Letter, name};
use crate::clock::Millis;
use crate::config::Secret;
use crate::notify::address::Reach;
use crate::notify::call::{Call, Role};
use crate::notify::outbox::MessageKind;
use crate::notify::retry::Verdict;
use crate::notify::sender::{Answer, bounded};
use crate::notify::target::{SecretUrl, WebhookUrl};
use blocks::pictured;
use serde::Deserialize;
use serde_json::{Value, json};

const API: &str = "https://slack.com/api/";
const MAX_TOKEN: usize = 255;
const NONE_OF_SLACK: &str = "a reply that is none of Slack's";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    url: Option<String>,
    token: Option<String>,
    channel: Option<String>,
    api_url: Option<String>,
}

/// One of the two ways.
#[derive(Debug, Clone)]
pub(in crate::notify) enum Slack {
    /// a URL that takes messages, and knows nothing of them afterwards
    Incoming(SecretUrl),
    /// a token with `chat:write`, and where its bot writes
    Bot {
        token: Secret,
        channel: String,
        api: WebhookUrl,
    },
}

impl Slack {
    pub(super) fn parse(config: &Value, reach: Reach) -> Result<Self, String> {
        let config = Config::deserialize(config).map_err(|error| error.to_string())?;
        match config {
            Config {
                url: Some(url),
                token: None,
                channel: None,
                api_url: None,
            } => Ok(Self::Incoming(
                SecretUrl::parse(&url, reach).map_err(|error| format!("url: {error}"))?,
            )),
            Config {
                url: None,
                token: Some(token),
                channel: Some(channel),
                api_url,
            } => {
                let api = api_url.as_deref().unwrap_or(API);
                Ok(Self::Bot {
                    token: check_token(token)?,
                    channel: check_channel(channel)?,
                    api: WebhookUrl::parse(api, reach).map_err(|error| format!("api_url: {error}"))?,
                })
            }
            _ => Err("give either `url` (an incoming webhook), or `token` and `channel` (a bot)".into()),
        }
    }

    pub(super) fn shown(&self) -> Value {
        match self {
            Self::Incoming(url) => json!({"url": url.mask()}),
            Self::Bot { token, channel, api } => {
                json!({"token": token.mask("xoxb-"), "channel": channel, "api_url": api})
            }
        }
    }

    pub(super) fn credentials(&self) -> Value {
        match self {
            Self::Incoming(url) => json!({"url": url.reveal()}),
            Self::Bot { token, channel, api } => {
                json!({"token": token.reveal(), "channel": channel, "api_url": api})
            }
        }
    }

    pub(super) fn calls(&self, letter: &Letter<'_>) -> Result<Vec<Call>, String> {
        let (token, channel, api) = match self {
            Self::Incoming(url) => {
                let post = |body: String| Call::ask(url.url().clone(), body);
                let pictured = pictured(letter).map(|body| post(body).with_role(Role::Preferred));
                return Ok(pictured.into_iter().chain([post(letter.body.to_owned())]).collect());
            }
            Self::Bot { token, channel, api } => (token, channel, api),
        };
        let method = |name: &str, body: &str, more: &Value| {
            let mut body: Value = serde_json::from_str(body).map_err(|_| "the message is broken")?;
            if let (Some(body), Some(more)) = (body.as_object_mut(), more.as_object()) {
                body.extend(more.clone());
            }
            Call::ask(api.below(&[name])?, body.to_string()).with_bearer(token.reveal())
        };
        let post = |body: &str, place: &Value| method("chat.postMessage", body, place);
        let mut calls = Vec::new();
        // the place that Slack itself named, for only posting takes other names of it
        if let Some((place, first)) = letter.thread.and_then(|thread| thread.split_once(' ')) {
            let resolved = letter.kind == Some(MessageKind::Resolved);
            if resolved {
                // somebody may have deleted it, and whoever follows it is told below all the same
                let edit = method("chat.update", letter.body, &json!({"channel": place, "ts": first}))?;
                calls.push(edit.with_role(Role::Optional));
            }
            let below = json!({"channel": place, "thread_ts": first, "reply_broadcast": !resolved});
            if let Some(body) = pictured(letter) {
                calls.push(post(&body, &below)?.with_role(Role::Preferred));
            }
            // somebody may have locked it
            calls.push(post(letter.body, &below)?.with_role(Role::Preferred));
        } else if let Some(body) = pictured(letter) {
            calls.push(post(&body, &json!({"channel": channel}))?.with_role(Role::Preferred));
        }
        calls.push(post(letter.body, &json!({"channel": channel}))?);
        Ok(calls)
    }

    pub(super) fn judge(&self, answer: &Answer, now: Millis) -> Judgement {
        let judgement = Judgement::by_status(answer, now);
        let reply: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        match (self, answer.status.as_u16()) {
            (Self::Incoming(_), 404) => judgement.with(Verdict::Gone),
            // of servers that speak like Slack, in both their dialects
            (Self::Incoming(_), 200) if reply["ok"] == false || reply["success"] == false => {
                Judgement::refused(answer.words())
            }
            (Self::Incoming(_), 200) if answer.words() == "ok" || reply["ok"] == true || reply["success"] == true => {
                judgement
            }
            // a proxy may say so in its stead
            (Self::Incoming(_), 200..=299) => Judgement::failed(NONE_OF_SLACK),
            (Self::Bot { .. }, 200) if reply["ok"] == true => {
                let (place, ts) = (reply["channel"].as_str(), reply["ts"].as_str());
                Judgement {
                    thread: place.zip(ts).and_then(|(place, ts)| name(format!("{place} {ts}"))),
                    ..judgement
                }
            }
            (Self::Bot { .. }, 200) => {
                let Some(error) = reply["error"].as_str() else {
                    return Judgement::failed(NONE_OF_SLACK);
                };
                Judgement::refused(format!("Slack says {}", bounded(error))).with(verdict_of(error))
            }
            _ => judgement,
        }
    }
}

/// What `"ok": false` means.
fn verdict_of(error: &str) -> Verdict {
    match error {
        "ratelimited"
        | "rate_limited"
        | "internal_error"
        | "fatal_error"
        | "service_unavailable"
        | "request_timeout" => Verdict::Retry(None),
        "invalid_auth"
        | "not_authed"
        | "account_inactive"
        | "token_revoked"
        | "token_expired"
        | "team_access_not_granted"
        | "channel_not_found"
        | "is_archived" => Verdict::Gone,
        _ => Verdict::Refused,
    }
}

fn check_token(token: String) -> Result<Secret, String> {
    let letters = |c: char| c.is_ascii_alphanumeric() || c == '-';
    if !token.starts_with("xoxb-") || token.len() > MAX_TOKEN || !token.chars().all(letters) {
        return Err("token: the token of a bot begins with xoxb-".into());
    }
    Ok(Secret::new(token))
}

fn check_channel(channel: String) -> Result<String, String> {
    let id = channel.len() <= 32
        && channel.starts_with(['C', 'D', 'G'])
        && channel.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
    if !id || channel.len() < 2 {
        return Err(
            "channel: the id of a channel, such as C024BE91L; Slack shows it under the channel's details".into(),
        );
    }
    Ok(channel)
}

#[cfg(test)]
mod tests;
