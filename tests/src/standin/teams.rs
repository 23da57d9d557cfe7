//! Microsoft Teams: a workflow of Power Automate, which queues what it is sent.

use super::{StandIn, Verdict, only, text};
use crate::receiver::Message;
use serde_json::{Value, json};

/// The path and query of the workflow.
pub const PATH: &str = "/workflows/ab12/triggers/manual/paths/invoke?api-version=2016-06-01&sig=5up3rs3cr3tsig";

/// What a team would see once its runs are through.
#[derive(Debug, Default)]
pub struct Team {
    /// the titles of the cards, oldest first
    pub queued: Vec<String>,
}

/// Starts a workflow.
pub async fn start() -> StandIn<Team> {
    StandIn::start(Team::default(), serve, |problem| {
        (
            400,
            json!({"error": {"code": "TriggerInputSchemaMismatch", "message": problem}}),
        )
    })
    .await
}

fn serve(team: &mut Team, message: &Message) -> Verdict {
    if !message.query.contains("sig=5up3rs3cr3tsig") {
        return Ok((401, json!({"error": {"code": "DirectApiAuthorizationRequired"}})));
    }
    if message.body.len() > 28_000 {
        return Ok((413, Value::Null));
    }
    let body = message.json();
    only(&body, &["type", "attachments"])?;
    let [attachment] = &body["attachments"].as_array().ok_or("no attachments")?[..] else {
        return Err("not one attachment".into());
    };
    only(attachment, &["contentType", "contentUrl", "content"])?;
    if body["type"] != "message" || attachment["contentType"] != "application/vnd.microsoft.card.adaptive" {
        return Err("this is no message with an adaptive card".into());
    }
    let card = &attachment["content"];
    only(card, &["$schema", "type", "version", "body", "msteams", "actions"])?;
    if card["type"] != "AdaptiveCard" || card["version"] != "1.4" || card["msteams"].get("entities").is_some() {
        return Err("this card is none, or mentions somebody".into());
    }
    let blocks = card["body"].as_array().ok_or("an empty card")?;
    for block in blocks {
        if block["type"] == "Image" {
            only(block, &["type", "url", "altText"])?;
            if !text(block, "url", 9, 2_000)?.starts_with("https://") {
                return Err("this picture is fetched from nowhere".into());
            }
            text(block, "altText", 1, 2_000)?;
            continue;
        }
        only(block, &["type", "inlines"])?;
        if block["type"] != "RichTextBlock" {
            return Err(format!("{} reads Markdown", block["type"]));
        }
        for run in block["inlines"].as_array().ok_or("no runs")? {
            only(run, &["type", "text", "size", "weight", "color"])?;
            text(run, "text", 0, 28_000)?;
        }
    }
    team.queued.push(text(&blocks[0]["inlines"][0], "text", 1, 256)?);
    Ok((202, Value::Null))
}
