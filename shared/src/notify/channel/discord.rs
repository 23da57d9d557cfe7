//! Discord: a webhook whose first message the resolve edits.
//!
//! Nobody is mentioned, whatever a label holds, for the body allows no mention; and what Discord would
//! read as markup is escaped.

use super::story::{Story, fit, plain};
use super::{Judgement, Letter, name};
use crate::clock::Millis;
use crate::notify::address::Reach;
use crate::notify::call::{Call, Role};
use crate::notify::notice::Notice;
use crate::notify::outbox::MessageKind;
use crate::notify::picture::Picture;
use crate::notify::retry::{self, Verdict};
use crate::notify::sender::Answer;
use crate::notify::target::SecretUrl;
use crate::time;
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

/// Discord's limits, in characters.
const TITLE: usize = 256;
const DESCRIPTION: usize = 4_096;
const FIELDS: usize = 25;
/// Below the 1,024 of a field's value: an embed has 6,000 in all.
const VALUE: usize = 128;
/// Of the description of a file.
const ALT: usize = 1_024;
const PICTURE: &str = "chart.png";
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

/// The message with its picture below.
fn pictured(post: Call, letter: &Letter<'_>, picture: &Picture) -> Result<Call, String> {
    let mut body: Value = serde_json::from_str(letter.body).map_err(|error| error.to_string())?;
    body["embeds"][0]["image"] = json!({"url": format!("attachment://{PICTURE}")});
    let alt = fit(&picture.alt, ALT, plain);
    body["attachments"] = json!([{"id": 0, "filename": PICTURE, "description": alt}]);
    let form = Call {
        body: body.to_string().into(),
        ..post
    };
    // an id is random enough to stand nowhere in the picture
    let call = form.with_png(&format!("iv-{}", letter.message_id), PICTURE, &picture.png)?;
    Ok(call.with_role(Role::Preferred))
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

/// The message.
pub(super) fn write(notice: &Notice, story: &Story) -> String {
    let fields: Vec<Value> = story
        .facts
        .iter()
        .take(FIELDS)
        .filter(|(_, value)| !value.trim().is_empty())
        .map(|(name, value)| json!({"name": name, "value": escaped(value, VALUE), "inline": true}))
        .collect();
    json!({
        "embeds": [{
            "title": escaped(&story.title, TITLE),
            "description": escaped(&story.text, DESCRIPTION),
            "color": colour(notice.kind),
            "timestamp": time::format(notice.occurred_at),
            "fields": fields,
        }],
        "allowed_mentions": {"parse": []},
    })
    .to_string()
}

fn colour(kind: Option<MessageKind>) -> u32 {
    match kind {
        Some(MessageKind::Firing) => 0x00d9_3025,
        Some(MessageKind::NoData) => 0x0080_8080,
        Some(MessageKind::Acknowledged) => 0x00f9_ab00,
        Some(MessageKind::Resolved) => 0x001e_8e3e,
        None => 0x001a_73e8,
    }
}

/// Each ASCII sign may begin markup somewhere, and a backslash before it never shows.
fn escaped(text: &str, limit: usize) -> String {
    fit(text, limit, |letter, to| {
        if matches!(
            letter,
            '\\' | '*' | '_' | '~' | '`' | '|' | '<' | '>' | '@' | '#' | '[' | ']' | '(' | ')' | '-' | ':' | '+'
        ) {
            to.push('\\');
        }
        to.push(letter);
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

    const URL: &str = "https://discord.com/api/webhooks/1234/token-abcd";

    fn discord(url: &str) -> Result<Discord, String> {
        Discord::parse(&json!({"url": url}), Reach::Public)
    }

    #[test]
    fn a_webhook_is_known_by_its_path_and_masked() {
        for wrong in [
            "https://discord.com/",
            "https://discord.com/api/webhooks/1234",
            "https://discord.com/api/webhooks/x/token",
            "https://discord.com/api/webhooks/1234/token/messages",
            "https://discord.com/…abcd",
            "https://10.0.0.1/api/webhooks/1234/token",
        ] {
            assert!(discord(wrong).is_err(), "{wrong}");
        }
        assert!(discord("https://discord.com/api/v10/webhooks/1234/token").is_ok());
        let one = discord(URL).unwrap();
        assert_eq!(one.shown(), json!({"url": "https://discord.com/…abcd"}));
        assert!(!format!("{one:?}").contains("token"));
        assert_eq!(one.credentials(), json!({"url": URL}));
    }

    #[test]
    fn a_resolve_edits_the_first_message_or_is_a_message_of_its_own() {
        let asked = |url: &str, kind, thread| -> Vec<String> {
            let letter = Letter {
                message_id: "msg_1",
                kind,
                body: "{}",
                thread,
                picture: None,
                now: 0,
            };
            let calls = discord(url).unwrap().calls(&letter).unwrap();
            calls
                .iter()
                .map(|call| format!("{} {}", call.method, call.url.as_str()))
                .collect()
        };
        let post = format!("POST {URL}?wait=true");
        assert_eq!(asked(URL, Some(MessageKind::Firing), None), std::slice::from_ref(&post));
        assert_eq!(
            asked(URL, Some(MessageKind::Firing), Some("77")),
            std::slice::from_ref(&post)
        );
        assert_eq!(
            asked(URL, Some(MessageKind::Resolved), None),
            std::slice::from_ref(&post)
        );
        assert_eq!(
            asked(URL, Some(MessageKind::Resolved), Some("77")),
            [format!("PATCH {URL}/messages/77"), post]
        );
        let forum = format!("{URL}?thread_id=9");
        assert_eq!(
            asked(&forum, Some(MessageKind::Resolved), Some("77")),
            [
                format!("PATCH {URL}/messages/77?thread_id=9"),
                format!("POST {URL}?thread_id=9&wait=true")
            ]
        );
    }

    #[test]
    fn answers_are_judged_as_discord_documents_them() {
        let judged = |status, body: &str| {
            let answer = Answer {
                status: StatusCode::from_u16(status).unwrap(),
                headers: HeaderMap::new(),
                body: body.into(),
            };
            Discord::judge(&answer, 0)
        };
        let accepted = judged(200, r#"{"id":"77","content":""}"#);
        assert_eq!(
            (accepted.verdict, accepted.thread.as_deref()),
            (Verdict::Delivered, Some("77"))
        );
        for (status, body, verdict) in [
            (
                429,
                r#"{"message":"You are being rate limited.","retry_after":0.65,"global":false}"#,
                Verdict::Retry(Some(650)),
            ),
            (429, r#"{"retry_after":1e300}"#, Verdict::Retry(Some(3_600_000))),
            (429, r#"{"retry_after":-1}"#, Verdict::Retry(Some(0))),
            (429, "", Verdict::Retry(None)),
            (404, r#"{"message":"Unknown Message","code":10008}"#, Verdict::Refused),
            (404, r#"{"message":"Unknown Webhook","code":10015}"#, Verdict::Gone),
            (
                401,
                r#"{"message":"Invalid Webhook Token","code":50027}"#,
                Verdict::Gone,
            ),
            (400, r#"{"code":50035}"#, Verdict::Refused),
            (200, "<html>", Verdict::Retry(None)),
            (204, "", Verdict::Retry(None)),
            (200, r#"{"id":77}"#, Verdict::Retry(None)),
            (502, "", Verdict::Retry(None)),
        ] {
            assert_eq!(judged(status, body).verdict, verdict, "{status} {body}");
        }
    }

    #[test]
    fn the_message_is_readable() {
        insta::assert_snapshot!(written(&notice(Some(MessageKind::Firing), "a <b>")), @r#"{"allowed_mentions":{"parse":[]},"embeds":[{"color":14233637,"description":"a \\<b\\>\na \\<b\\>","fields":[{"inline":true,"name":"Severity","value":"critical"},{"inline":true,"name":"Series","value":"latency{host=a \\<b\\>}"},{"inline":true,"name":"Value","value":"512.5"},{"inline":true,"name":"Since","value":"2026\\-11\\-23T10\\:00\\:00Z"},{"inline":true,"name":"Acknowledged by","value":"a \\<b\\>"}],"timestamp":"2026-11-23T10:00:00Z","title":"Firing\\: a \\<b\\>"}]}"#);
    }

    proptest! {
        #[test]
        fn any_message_keeps_the_limits_and_mentions_nobody(notice in any_notice()) {
            let body: Value = serde_json::from_str(&written(&notice)).unwrap();
            prop_assert_eq!(&body["allowed_mentions"], &json!({"parse": []}));
            prop_assert!(body.get("content").is_none());
            let embed = &body["embeds"][0];
            let mut total = 0;
            let mut within = |text: &Value, limits: std::ops::RangeInclusive<usize>| {
                let length = text.as_str().unwrap().encode_utf16().count();
                total += length;
                limits.contains(&length)
            };
            prop_assert!(within(&embed["title"], 1..=256));
            prop_assert!(within(&embed["description"], 0..=4_096));
            let fields = embed["fields"].as_array().unwrap();
            prop_assert!(fields.len() <= 25);
            for field in fields {
                prop_assert!(within(&field["name"], 1..=256) && within(&field["value"], 1..=1_024));
            }
            prop_assert!(total <= 6_000, "{}", total);
        }

        #[test]
        fn no_sign_of_markup_is_left_bare(text in "[a*_~`|<>@#()\\[\\]\\\\-]{0,60}") {
            let escaped = escaped(&text, 200);
            let mut letters = escaped.chars();
            let mut read = String::new();
            while let Some(letter) = letters.next() {
                if letter == '\\' {
                    read.extend(letters.next());
                } else {
                    prop_assert_eq!(letter, 'a');
                    read.push(letter);
                }
            }
            prop_assert_eq!(read, text);
        }
    }
}
