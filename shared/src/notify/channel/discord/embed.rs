//! A message of Discord: one embed, in which no value is read as markup.

use crate::notify::call::{Call, Role};
use crate::notify::channel::Letter;
use crate::notify::channel::story::{Story, fit, plain};
use crate::notify::notice::Notice;
use crate::notify::outbox::MessageKind;
use crate::notify::picture::Picture;
use crate::time;
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

/// The message.
pub(in crate::notify::channel) fn write(notice: &Notice, story: &Story) -> String {
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
pub(super) fn escaped(text: &str, limit: usize) -> String {
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

/// The message with its picture below.
pub(super) fn pictured(post: Call, letter: &Letter<'_>, picture: &Picture) -> Result<Call, String> {
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
