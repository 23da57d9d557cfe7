//! Discord: a webhook, `POST` of a message and `PATCH` of one.

use super::{StandIn, Verdict, only, text};
use crate::receiver::Message;
use serde_json::{Value, json};

/// The path of the webhook that the server knows.
pub const PATH: &str = "/api/webhooks/1234567890/t0k3n-5up3rs3cr3t";

/// The messages of a channel: id and title.
#[derive(Debug, Default)]
pub struct Channel {
    /// oldest first
    pub shown: Vec<(String, String)>,
}

/// Starts a server.
pub async fn start() -> StandIn<Channel> {
    StandIn::start(Channel::default(), serve, |problem| {
        (
            400,
            json!({"code": 50_035, "message": "Invalid Form Body", "errors": problem}),
        )
    })
    .await
}

fn serve(channel: &mut Channel, message: &Message) -> Verdict {
    let Some(rest) = message.path.strip_prefix(PATH) else {
        return Ok((404, json!({"code": 10_015, "message": "Unknown Webhook"})));
    };
    let body = message.json();
    let title = check(&body)?;
    match (message.method.as_str(), rest.strip_prefix("/messages/")) {
        ("POST", None) if message.query == "wait=true" => {
            let id = format!("77{}", channel.shown.len());
            channel.shown.push((id.clone(), title));
            Ok((200, json!({"id": id, "type": 0})))
        }
        ("POST", None) => Err("without wait there is no id".into()),
        ("PATCH", Some(id)) => match channel.shown.iter_mut().find(|(known, _)| known == id) {
            Some((_, shown)) => {
                *shown = title;
                Ok((200, json!({"id": id, "type": 0})))
            }
            None => Ok((404, json!({"code": 10_008, "message": "Unknown Message"}))),
        },
        other => Err(format!("{other:?}")),
    }
}

/// The published limits, and that nobody is mentioned.
fn check(body: &Value) -> Result<String, String> {
    only(body, &["content", "embeds", "allowed_mentions", "username"])?;
    if body["allowed_mentions"] != json!({"parse": []}) {
        return Err("somebody may be mentioned".into());
    }
    let embeds = body["embeds"].as_array().ok_or("there are no embeds")?;
    if embeds.is_empty() || embeds.len() > 10 {
        return Err(format!("{} embeds", embeds.len()));
    }
    let mut total = 0;
    let mut count = |text: String| total += text.encode_utf16().count();
    for embed in embeds {
        only(
            embed,
            &[
                "title",
                "description",
                "color",
                "timestamp",
                "fields",
                "footer",
                "image",
            ],
        )?;
        count(text(embed, "title", 1, 256)?);
        count(text(embed, "description", 0, 4_096)?);
        let fields = embed["fields"].as_array().cloned().unwrap_or_default();
        if fields.len() > 25 || !embed["color"].is_u64() {
            return Err(format!("{} fields", fields.len()));
        }
        for field in &fields {
            count(text(field, "name", 1, 256)?);
            count(text(field, "value", 1, 1_024)?);
        }
    }
    if total > 6_000 {
        return Err(format!("{total} characters in all"));
    }
    text(&embeds[0], "title", 1, 256)
}
