//! Slack: an incoming webhook at `/services/...`, and `chat.postMessage` and `chat.update` at `/api/`.

use super::{StandIn, Verdict, only, text};
use crate::receiver::Message;
use http::header::AUTHORIZATION;
use serde_json::{Value, json};

/// The token that the workspace knows.
pub const TOKEN: &str = "xoxb-standin-5up3rs3cr3t";
/// The channel that its bot is in.
pub const CHANNEL: &str = "C024BE91L";

/// A message as the channel shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// its id in the channel
    pub ts: String,
    /// the message that it answers to
    pub thread: Option<String>,
    /// its text
    pub text: String,
    /// whether it was changed
    pub edited: bool,
}

/// What a workspace shows, and how it is in a bad mood.
#[derive(Debug, Default)]
pub struct Workspace {
    /// oldest first
    pub shown: Vec<Shown>,
    /// the `error` of every call, while there is one
    pub error: Option<&'static str>,
    /// nobody may answer to a message
    pub locked: bool,
}

/// Starts a workspace.
pub async fn start() -> StandIn<Workspace> {
    StandIn::start(Workspace::default(), serve, |_| (400, json!("invalid_blocks"))).await
}

fn serve(workspace: &mut Workspace, message: &Message) -> Verdict {
    let body = message.json();
    if message.path.starts_with("/services/") {
        check(&body, &[])?;
        workspace.show(&body);
        return Ok((200, json!("ok")));
    }
    if let Some(error) = workspace.error {
        return Ok((200, json!({"ok": false, "error": error})));
    }
    let token = message.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    if token != Some(&format!("Bearer {TOKEN}")) {
        return Ok((200, json!({"ok": false, "error": "invalid_auth"})));
    }
    check(&body, &["channel", "ts", "thread_ts", "reply_broadcast"])?;
    if body["channel"] != CHANNEL {
        return Ok((200, json!({"ok": false, "error": "channel_not_found"})));
    }
    if workspace.locked && body.get("thread_ts").is_some() {
        return Ok((200, json!({"ok": false, "error": "restricted_action_thread_locked"})));
    }
    let ts = match message.path.as_str() {
        "/api/chat.postMessage" => workspace.show(&body),
        "/api/chat.update" => {
            let found = workspace.shown.iter_mut().find(|shown| body["ts"] == shown.ts.as_str());
            let Some(shown) = found else {
                return Ok((200, json!({"ok": false, "error": "message_not_found"})));
            };
            shown.text = body["text"].as_str().unwrap_or_default().to_owned();
            shown.edited = true;
            shown.ts.clone()
        }
        other => return Err(format!("there is no method {other}")),
    };
    Ok((
        200,
        json!({"ok": true, "channel": CHANNEL, "ts": ts, "message": {"text": body["text"]}}),
    ))
}

impl Workspace {
    fn show(&mut self, body: &Value) -> String {
        let ts = format!("1503435956.{:06}", self.shown.len());
        self.shown.push(Shown {
            ts: ts.clone(),
            thread: body["thread_ts"].as_str().map(str::to_owned),
            text: body["text"].as_str().unwrap_or_default().to_owned(),
            edited: false,
        });
        ts
    }
}

/// The published limits of messages and of Block Kit, and that nothing is said to a whole channel.
fn check(body: &Value, place: &[&str]) -> Result<(), String> {
    let known = ["text", "blocks", "mrkdwn", "unfurl_links", "attachments"];
    only(body, &[&known[..], place].concat())?;
    escaped(&text(body, "text", 1, 40_000)?)?;
    let blocks = body["blocks"].as_array().ok_or("there are no blocks")?;
    if blocks.len() > 50 {
        return Err(format!("{} blocks", blocks.len()));
    }
    blocks.iter().try_for_each(block)
}

fn block(block: &Value) -> Result<(), String> {
    match block["type"].as_str() {
        Some("header") => {
            only(block, &["type", "text"])?;
            composition(&block["text"], 150)
        }
        Some("section") => {
            only(block, &["type", "text", "fields"])?;
            let fields = block["fields"].as_array().cloned().unwrap_or_default();
            if block.get("text").is_none() && fields.is_empty() || fields.len() > 10 {
                return Err(format!("a section with {} fields", fields.len()));
            }
            block.get("text").map_or(Ok(()), |text| composition(text, 3_000))?;
            fields.iter().try_for_each(|field| composition(field, 2_000))
        }
        other => Err(format!("a block of type {other:?}")),
    }
}

fn composition(object: &Value, most: usize) -> Result<(), String> {
    only(object, &["type", "text", "emoji", "verbatim"])?;
    if object["type"] != "plain_text" && object["type"] != "mrkdwn" {
        return Err(format!("a text of type {}", object["type"]));
    }
    escaped(&text(object, "text", 1, most)?)
}

fn escaped(text: &str) -> Result<(), String> {
    let bare = text.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "");
    if bare.contains(['&', '<', '>']) {
        return Err(format!("markup of Slack in {text:?}"));
    }
    Ok(())
}
