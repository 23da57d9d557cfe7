//! A message of Slack: blocks of plain text, in which no value is read as markup.

use crate::notify::channel::Letter;
use crate::notify::channel::story::{Story, fit, plain};
use crate::notify::notice::Notice;
use crate::notify::outbox::MessageKind;
use serde_json::{Value, json};

/// Slack's limits, in characters.
const HEADER: usize = 150;
const SECTION: usize = 3_000;
/// Below the 2,000 of a field, for the blocks together have an undocumented limit of about 13,200.
const FIELD: usize = 300;
const FIELDS: usize = 10;
const ALT: usize = 2_000;

/// The message, without the place where it goes.
pub(in crate::notify::channel) fn write(notice: &Notice, story: &Story) -> String {
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

/// The message with its picture below. Slack refuses it if it cannot fetch the picture.
pub(super) fn pictured(letter: &Letter<'_>) -> Option<String> {
    let picture = letter.picture?;
    let url = picture.url.as_deref()?;
    let mut body: Value = serde_json::from_str(letter.body).ok()?;
    let image = json!({"type": "image", "image_url": url, "alt_text": fit(&picture.alt, ALT, plain)});
    body["blocks"].as_array_mut()?.push(image);
    Some(body.to_string())
}
