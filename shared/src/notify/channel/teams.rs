//! Microsoft Teams: a workflow ("when a Teams webhook request is received") that posts an adaptive card.
//!
//! 202 says that Power Automate has queued the run, and nothing says later whether the card was
//! posted. Texts are runs of a rich text block, where neither Markdown nor a mention is read.

use super::story::{Story, fit, plain};
use super::{Judgement, Letter};
use crate::clock::Millis;
use crate::notify::address::Reach;
use crate::notify::call::Call;
use crate::notify::notice::Notice;
use crate::notify::outbox::MessageKind;
use crate::notify::retry::Verdict;
use crate::notify::sender::Answer;
use crate::notify::target::SecretUrl;
use serde::Deserialize;
use serde_json::{Value, json};

/// Characters; the whole stays below 28 kB even if each takes four bytes, or six in JSON's escapes.
const TITLE: usize = 256;
const TEXT: usize = 3_000;
const FACT: usize = 100;
const FACTS: usize = 10;
/// Each is a block, which takes more than its text.
const LINES: usize = 60;
/// Of the picture's words for who cannot see it.
const ALT: usize = 500;
/// Bytes of a card.
const MAX_CARD: usize = 28_000;
const QUEUED: &str = "queued: Power Automate does not tell whether its workflow posted the card";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    url: String,
}

/// The URL of a workflow; its `sig` is a credential.
#[derive(Debug, Clone)]
pub(in crate::notify) struct Teams {
    url: SecretUrl,
}

impl Teams {
    pub(super) fn parse(config: &Value, reach: Reach) -> Result<Self, String> {
        let config = Config::deserialize(config).map_err(|error| error.to_string())?;
        let url = SecretUrl::parse(&config.url, reach).map_err(|error| format!("url: {error}"))?;
        Ok(Self { url })
    }

    pub(super) fn shown(&self) -> Value {
        json!({"url": self.url.mask()})
    }

    pub(super) fn credentials(&self) -> Value {
        json!({"url": self.url.reveal()})
    }

    pub(super) fn call(&self, letter: &Letter<'_>) -> Call {
        let body = pictured(letter).unwrap_or_else(|| letter.body.to_owned());
        Call::post(self.url.url().clone(), body)
    }

    pub(super) fn judge(answer: &Answer, now: Millis) -> Judgement {
        let judgement = Judgement::by_status(answer, now);
        match answer.status.as_u16() {
            // the workflow was deleted, or belonged to somebody who has left
            404 => judgement.with(Verdict::Gone),
            200..=299 => Judgement {
                note: Some(QUEUED.into()),
                ..judgement
            },
            _ => judgement,
        }
    }
}

/// The card with its picture below, if there is one and room for it.
fn pictured(letter: &Letter<'_>) -> Option<String> {
    let picture = letter.picture?;
    let url = picture.url.as_deref()?;
    let mut message: Value = serde_json::from_str(letter.body).ok()?;
    let card = message.pointer_mut("/attachments/0/content/body")?.as_array_mut()?;
    card.push(json!({"type": "Image", "url": url, "altText": fit(&picture.alt, ALT, plain)}));
    Some(message.to_string()).filter(|text| text.len() <= MAX_CARD)
}

/// The message.
pub(super) fn write(notice: &Notice, story: &Story) -> String {
    let mut body = vec![text(&[run(
        &story.title,
        TITLE,
        json!({
            "size": "Large", "weight": "Bolder", "color": colour(notice.kind),
        }),
    )])];
    for part in fit(&story.text, TEXT, plain)
        .lines()
        .filter(|line| !line.trim().is_empty())
        .take(LINES)
    {
        body.push(text(&[run(part, TEXT, json!({}))]));
    }
    for (name, value) in story.facts.iter().take(FACTS) {
        body.push(text(&[
            run(&format!("{name}: "), FACT, json!({"weight": "Bolder"})),
            run(value, FACT, json!({})),
        ]));
    }
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.4",
                "body": body,
                "msteams": {"width": "Full"},
            },
        }],
    })
    .to_string()
}

fn text(runs: &[Value]) -> Value {
    json!({"type": "RichTextBlock", "inlines": runs})
}

fn run(text: &str, limit: usize, mut style: Value) -> Value {
    style["type"] = "TextRun".into();
    style["text"] = fit(text, limit, plain).into();
    style
}

fn colour(kind: Option<MessageKind>) -> &'static str {
    match kind {
        Some(MessageKind::Firing) => "Attention",
        Some(MessageKind::NoData | MessageKind::Acknowledged) => "Warning",
        Some(MessageKind::Resolved) => "Good",
        None => "Accent",
    }
}

#[cfg(test)]
mod tests {
    use super::super::story::tests::{any_notice, notice};
    use super::*;
    use crate::notify::picture::Picture;
    use http::{HeaderMap, StatusCode};
    use proptest::prelude::*;

    fn written(notice: &Notice) -> String {
        write(notice, &Story::of(notice))
    }

    #[test]
    fn the_url_is_masked_with_its_signature() {
        let url = "https://prod-1.westeurope.logic.azure.com:443/workflows/ab/triggers/manual/paths/invoke?api-version=2016-06-01&sig=s3cr3tabcd";
        let teams = Teams::parse(&json!({"url": url}), Reach::Public).unwrap();
        assert_eq!(
            teams.shown(),
            json!({"url": "https://prod-1.westeurope.logic.azure.com/…abcd"})
        );
        assert!(!format!("{teams:?}").contains("s3cr3t"));
        let call = teams.call(&Letter {
            message_id: "msg_1",
            kind: None,
            body: "{}",
            thread: None,
            picture: None,
            now: 0,
        });
        assert!(!format!("{call:?}").contains("s3cr3t"));
        assert!(call.url.as_str().ends_with("sig=s3cr3tabcd"));
        assert!(Teams::parse(&teams.shown(), Reach::Public).is_err());
    }

    #[test]
    fn answers_are_judged_as_power_automate_gives_them() {
        for (status, verdict) in [
            (202, Verdict::Delivered),
            (400, Verdict::Refused),
            (401, Verdict::Refused),
            (404, Verdict::Gone),
            (429, Verdict::Retry(None)),
            (502, Verdict::Retry(None)),
        ] {
            let answer = Answer {
                status: StatusCode::from_u16(status).unwrap(),
                headers: HeaderMap::new(),
                body: Vec::new(),
            };
            assert_eq!(Teams::judge(&answer, 0).verdict, verdict, "{status}");
        }
    }

    /// A block takes more room than the shortest line.
    #[test]
    fn a_card_of_many_short_lines_is_below_28_kb() {
        let notice = notice(None, "a");
        let text = "a\n".repeat(TEXT);
        let story = Story {
            text,
            ..Story::of(&notice)
        };
        assert!(write(&notice, &story).len() <= 28_000);
    }

    #[test]
    fn a_picture_goes_below_unless_the_card_becomes_too_large() {
        let teams = Teams::parse(&json!({"url": "https://example.com/workflows/ab"}), Reach::Public).unwrap();
        let picture = Picture {
            png: Vec::new(),
            alt: "a chart".into(),
            url: Some("https://metrics.example.com/v1/pictures/x".into()),
        };
        for (filler, is_shown) in [(0, true), (MAX_CARD - 120, false)] {
            let card = json!({"attachments": [{"content": {"body": [text(&[])]}}], "filler": "x".repeat(filler)});
            let body = card.to_string();
            let call = teams.call(&Letter {
                message_id: "msg_1",
                kind: None,
                body: &body,
                thread: None,
                picture: Some(&picture),
                now: 0,
            });
            let sent = std::str::from_utf8(&call.body).unwrap();
            assert!(sent.len() <= MAX_CARD);
            assert_eq!(sent.contains(r#""type":"Image""#), is_shown);
        }
    }

    proptest! {
        #[test]
        fn any_card_is_below_28_kb_and_reads_no_markup(notice in any_notice()) {
            let body = written(&notice);
            prop_assert!(body.len() <= 28_000, "{}", body.len());
            let card: Value = serde_json::from_str(&body).unwrap();
            let content = &card["attachments"][0]["content"];
            prop_assert!(content["msteams"].get("entities").is_none());
            for block in content["body"].as_array().unwrap() {
                prop_assert_eq!(&block["type"], "RichTextBlock");
                for run in block["inlines"].as_array().unwrap() {
                    prop_assert_eq!(&run["type"], "TextRun");
                    prop_assert!(run.get("selectAction").is_none());
                }
            }
        }
    }
}
