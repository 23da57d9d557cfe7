//! Slack: an incoming webhook, or a bot that edits its first message and answers below it.
//!
//! Whatever a label holds is plain text: no value stands where Slack reads its markup, and `&`, `<`
//! and `>` are escaped, so that none can mention a channel. Servers that take Slack's incoming
//! webhooks (Mattermost, Rocket.Chat) are reached by their own URL.

use super::story::{Story, fit, plain};
use super::{Judgement, Letter, name};
use crate::clock::Millis;
use crate::config::Secret;
use crate::notify::address::Reach;
use crate::notify::call::{Call, Role};
use crate::notify::notice::Notice;
use crate::notify::outbox::MessageKind;
use crate::notify::retry::Verdict;
use crate::notify::sender::{Answer, bounded};
use crate::notify::target::{SecretUrl, WebhookUrl};
use serde::Deserialize;
use serde_json::{Value, json};

const API: &str = "https://slack.com/api/";
const MAX_TOKEN: usize = 255;
/// Slack's limits, in characters.
const HEADER: usize = 150;
const SECTION: usize = 3_000;
/// Below the 2,000 of a field, for the blocks together have an undocumented limit of about 13,200.
const FIELD: usize = 300;
const FIELDS: usize = 10;
const ALT: usize = 2_000;
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

/// The message with its picture below. Slack refuses it if it cannot fetch the picture.
fn pictured(letter: &Letter<'_>) -> Option<String> {
    let picture = letter.picture?;
    let url = picture.url.as_deref()?;
    let mut body: Value = serde_json::from_str(letter.body).ok()?;
    let image = json!({"type": "image", "image_url": url, "alt_text": fit(&picture.alt, ALT, plain)});
    body["blocks"].as_array_mut()?.push(image);
    Some(body.to_string())
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

/// The message, without the place where it goes.
pub(super) fn write(notice: &Notice, story: &Story) -> String {
    let title = format!("{} {}", sign(notice.kind), story.title);
    let mut blocks = vec![json!({"type": "header", "text": plain_text(&title, HEADER)})];
    if !story.text.trim().is_empty() {
        blocks.push(json!({"type": "section", "text": plain_text(&story.text, SECTION)}));
    }
    let fields: Vec<Value> = story
        .facts
        .iter()
        .take(FIELDS)
        .map(|(name, value)| plain_text(&format!("{name}\n{value}"), FIELD))
        .collect();
    if !fields.is_empty() {
        blocks.push(json!({"type": "section", "fields": fields}));
    }
    // shown in notifications, and by clients without blocks
    json!({"text": escaped(&title, SECTION), "mrkdwn": false, "unfurl_links": false, "blocks": blocks}).to_string()
}

fn sign(kind: Option<MessageKind>) -> &'static str {
    match kind {
        Some(MessageKind::Firing) => "🔴",
        Some(MessageKind::NoData) => "⚪",
        Some(MessageKind::Acknowledged) => "👀",
        Some(MessageKind::Resolved) => "✅",
        None => "🔔",
    }
}

fn plain_text(text: &str, limit: usize) -> Value {
    json!({"type": "plain_text", "text": escaped(text, limit), "emoji": false})
}

fn escaped(text: &str, limit: usize) -> String {
    fit(text, limit, |letter, to| match letter {
        '&' => to.push_str("&amp;"),
        '<' => to.push_str("&lt;"),
        '>' => to.push_str("&gt;"),
        _ => to.push(letter),
    })
}

#[cfg(test)]
mod tests {
    use super::super::story::tests::{any_notice, notice};
    use super::*;
    use http::{HeaderMap, StatusCode};
    use proptest::prelude::*;

    fn written(notice: &Notice) -> String {
        write(notice, &Story::of(notice))
    }

    fn bot() -> Slack {
        Slack::parse(&json!({"token": "xoxb-1-abcd", "channel": "C024BE91L"}), Reach::Public).unwrap()
    }

    fn incoming() -> Slack {
        let url = "https://hooks.slack.com/services/T1/B1/secretabcd";
        Slack::parse(&json!({"url": url}), Reach::Public).unwrap()
    }

    fn judged(slack: &Slack, status: u16, body: &str) -> Judgement {
        let answer = Answer {
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::new(),
            body: body.into(),
        };
        slack.judge(&answer, 0)
    }

    #[test]
    fn a_configuration_is_one_of_the_two_ways() {
        for wrong in [
            json!({}),
            json!({"url": "https://hooks.slack.com/a", "token": "xoxb-1", "channel": "C1"}),
            json!({"token": "xoxb-1"}),
            json!({"channel": "C1"}),
            json!({"token": "xoxp-1", "channel": "C1"}),
            json!({"token": "xoxb-1\r\nx: y", "channel": "C1"}),
            json!({"token": "xoxb-1", "channel": "#ops"}),
            json!({"url": "http://hooks.slack.com/a"}),
            json!({"url": "https://10.0.0.1/a"}),
            json!({"url": "https://hooks.slack.com/…abcd"}),
            json!({"token": "xoxb-…abcd", "channel": "C1"}),
            json!({"token": "xoxb-1", "channel": "C1", "api_url": "https://127.0.0.1/"}),
        ] {
            assert!(Slack::parse(&wrong, Reach::Public).is_err(), "{wrong}");
        }
    }

    /// Requirement 47.
    #[test]
    fn r47_what_is_shown_holds_no_credential() {
        for (slack, secret) in [(bot(), "xoxb-1-abcd"), (incoming(), "secretabcd")] {
            assert!(!slack.shown().to_string().contains(secret));
            assert!(!format!("{slack:?}").contains(secret));
            let again = Slack::parse(&slack.credentials(), Reach::Public).unwrap();
            assert_eq!(again.shown(), slack.shown());
            assert!(slack.credentials().to_string().contains(secret));
        }
        assert_eq!(incoming().shown(), json!({"url": "https://hooks.slack.com/…abcd"}));
    }

    #[test]
    fn the_message_is_readable() {
        insta::assert_snapshot!(written(&notice(Some(MessageKind::Firing), "a < b")), @r#"{"blocks":[{"text":{"emoji":false,"text":"🔴 Firing: a &lt; b","type":"plain_text"},"type":"header"},{"text":{"emoji":false,"text":"a &lt; b\na &lt; b","type":"plain_text"},"type":"section"},{"fields":[{"emoji":false,"text":"Severity\ncritical","type":"plain_text"},{"emoji":false,"text":"Series\nlatency{host=a &lt; b}","type":"plain_text"},{"emoji":false,"text":"Value\n512.5","type":"plain_text"},{"emoji":false,"text":"Since\n2026-11-23T10:00:00Z","type":"plain_text"},{"emoji":false,"text":"Acknowledged by\na &lt; b","type":"plain_text"}],"type":"section"}],"mrkdwn":false,"text":"🔴 Firing: a &lt; b","unfurl_links":false}"#);
    }

    #[test]
    fn a_resolve_edits_the_first_message_and_answers_below_it() {
        let letter = |kind, thread| Letter {
            message_id: "msg_1",
            kind,
            body: "{\"text\":\"x\"}",
            thread,
            picture: None,
            now: 0,
        };
        let asked = |kind, thread| -> Vec<(String, Value)> {
            let calls = bot().calls(&letter(kind, thread)).unwrap();
            let asked = calls.iter().map(|call| {
                assert_eq!(call.headers["authorization"], "Bearer xoxb-1-abcd");
                (
                    call.url.as_str().to_owned(),
                    serde_json::from_slice(&call.body).unwrap(),
                )
            });
            asked.collect()
        };
        let post = "https://slack.com/api/chat.postMessage".to_owned();
        let first = asked(Some(MessageKind::Firing), None);
        assert_eq!(first, [(post.clone(), json!({"text": "x", "channel": "C024BE91L"}))]);
        let again = asked(Some(MessageKind::Firing), Some("C9 1.2"));
        let below = |broadcast| json!({"text": "x", "channel": "C9", "thread_ts": "1.2", "reply_broadcast": broadcast});
        let alone = (post.clone(), json!({"text": "x", "channel": "C024BE91L"}));
        assert_eq!(again, [(post.clone(), below(true)), alone.clone()]);
        let resolve = asked(Some(MessageKind::Resolved), Some("C9 1.2"));
        let update = (
            "https://slack.com/api/chat.update".to_owned(),
            json!({"text": "x", "channel": "C9", "ts": "1.2"}),
        );
        assert_eq!(resolve, [update, (post, below(false)), alone]);
    }

    #[test]
    fn answers_are_judged_as_slack_documents_them() {
        for body in ["ok", "ok\n", r#"{"ok":true}"#, r#"{"success":true}"#] {
            assert_eq!(judged(&incoming(), 200, body).verdict, Verdict::Delivered, "{body}");
        }
        for (status, body) in [(200, "<html>"), (200, ""), (204, ""), (202, "ok")] {
            assert_eq!(
                judged(&incoming(), status, body).verdict,
                Verdict::Retry(None),
                "{status} {body}"
            );
        }
        for (status, body, verdict) in [
            (400, "invalid_payload", Verdict::Refused),
            (403, "action_prohibited", Verdict::Refused),
            (404, "channel_not_found", Verdict::Gone),
            (410, "channel_is_archived", Verdict::Gone),
            (429, "rate_limited", Verdict::Retry(None)),
            (500, "rollup_error", Verdict::Retry(None)),
            (200, r#"{"ok":false}"#, Verdict::Refused),
        ] {
            let judgement = judged(&incoming(), status, body);
            assert_eq!(judgement.verdict, verdict, "{status} {body}");
            assert!(judgement.error.unwrap().contains(body));
        }
        let accepted = judged(&bot(), 200, r#"{"ok":true,"channel":"C9","ts":"1503435956.000247"}"#);
        assert_eq!(
            (accepted.verdict, accepted.thread.as_deref()),
            (Verdict::Delivered, Some("C9 1503435956.000247"))
        );
        for (body, verdict) in [
            (r#"{"ok":false,"error":"ratelimited"}"#, Verdict::Retry(None)),
            (r#"{"ok":false,"error":"token_revoked"}"#, Verdict::Gone),
            (r#"{"ok":false,"error":"not_in_channel"}"#, Verdict::Refused),
            (r#"{"ok":false,"error":"msg_blocks_too_long"}"#, Verdict::Refused),
            ("{}", Verdict::Retry(None)),
            ("<html>", Verdict::Retry(None)),
        ] {
            assert_eq!(judged(&bot(), 200, body).verdict, verdict, "{body}");
        }
        let endless = json!({"ok": false, "error": "x".repeat(60_000)}).to_string();
        assert!(judged(&bot(), 200, &endless).error.unwrap().len() < 300);
        let endless = json!({"ok": true, "channel": "C9", "ts": "1".repeat(60_000)}).to_string();
        assert_eq!(judged(&bot(), 200, &endless).thread, None);
    }

    proptest! {
        #[test]
        fn any_message_keeps_the_limits_and_mentions_nobody(notice in any_notice()) {
            let body: Value = serde_json::from_str(&written(&notice)).unwrap();
            let length = |text: &Value| text.as_str().unwrap().encode_utf16().count();
            let blocks = body["blocks"].as_array().unwrap();
            prop_assert!(blocks.len() <= 50);
            prop_assert!((1..=150).contains(&length(&blocks[0]["text"]["text"])));
            let mut total = length(&body["text"]);
            for block in blocks {
                let fields = block["fields"].as_array().cloned().unwrap_or_default();
                prop_assert!(fields.len() <= 10);
                for text in fields.iter().chain(block.get("text")) {
                    prop_assert_eq!(&text["type"], "plain_text");
                    prop_assert!((1..=3_000).contains(&length(&text["text"])));
                    total += length(&text["text"]);
                }
            }
            prop_assert!(total <= 13_200, "{}", total);
            let whole = body.to_string();
            prop_assert!(!whole.contains(['<', '>']));
            prop_assert!(!whole.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "").contains('&'));
        }
    }
}
