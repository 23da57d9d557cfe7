//! Channels: where an organization wants to be told, and how each kind of receiver is spoken to.
//!
//! A kind of channel does four things, each in the file of its name: it reads its configuration, it
//! writes a [`Notice`] as the body that the first attempt freezes, it turns that body into requests,
//! and it judges the answers.

mod discord;
mod email;
pub(super) mod guard;
mod item;
mod pagerduty;
mod request;
mod rotation;
mod sealed;
mod slack;
mod store;
mod story;
mod teams;
mod template;
mod test_call;
mod webhook;

pub(super) use email::{Words, escaped};
pub use item::{ChannelItem, get, list};
pub use request::{ChannelChange, NewChannel, RateLimit};
pub use rotation::{GRACE, rotate_secret};
pub(super) use sealed::{SealedChannel, open};
pub use store::{Created, Issued, create, delete, update};
pub use template::Templates;
pub use test_call::{TestOutcome, test};

use super::address::Reach;
use super::call::Call;
use super::notice::Notice;
use super::outbox::MessageKind;
use super::picture::{Picture, Taking};
use super::redact;
use super::retry::{self, Verdict};
use super::sender::Answer;
use super::signature::SigningSecret;
use crate::Error;
use crate::clock::Millis;
use discord::Discord;
use email::Email;
use pagerduty::PagerDuty;
use serde_json::Value;
use slack::Slack;
use teams::Teams;
use webhook::Webhook;

const NOT_FOUND: Error = Error::NotFound("the channel");
/// Bytes of what a receiver calls a message.
const MAX_NAME: usize = 128;

/// What a channel's receiver is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChannelType {
    /// any HTTP endpoint, by Standard Webhooks
    Webhook,
    /// an incoming webhook, or a bot
    Slack,
    /// Events API v2
    PagerDuty,
    /// a workflow that posts adaptive cards
    Teams,
    /// a webhook of a channel
    Discord,
    /// mail to people who have confirmed it
    Email,
}

impl ChannelType {
    const ALL: [(Self, &'static str); 6] = [
        (Self::Webhook, "webhook"),
        (Self::Slack, "slack"),
        (Self::PagerDuty, "pagerduty"),
        (Self::Teams, "teams"),
        (Self::Discord, "discord"),
        (Self::Email, "email"),
    ];

    /// Reads a `type`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let found = Self::ALL.iter().find(|(_, name)| *name == text);
        found.map(|(r#type, _)| *r#type)
    }

    /// As written in requests and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        let found = Self::ALL.iter().find(|(r#type, _)| *r#type == self);
        found.map_or("", |(_, name)| name)
    }

    /// All of them, for a sentence.
    fn names() -> String {
        Self::ALL.map(|(_, name)| name).join(", ")
    }

    /// The body that the first attempt freezes. It is kept in clear, so that no credential is in it.
    pub(super) fn write(self, notice: &Notice, templates: &Templates) -> Written {
        let (story, note) = templates.tell(notice);
        let body = match self {
            // for programs: it holds the notice itself
            Self::Webhook => webhook::write(notice),
            Self::Slack => slack::write(notice, &story),
            Self::PagerDuty => pagerduty::write(notice, &story),
            Self::Teams => teams::write(notice, &story),
            Self::Discord => discord::write(notice, &story),
            Self::Email => email::write(&story),
        };
        Written { body, note }
    }
}

/// A body, and what is to be said about it in the delivery log.
#[derive(Debug, Clone)]
pub(super) struct Written {
    pub(super) body: String,
    pub(super) note: Option<String>,
}

/// How a channel's receiver is reached: read once, and good from then on.
#[derive(Debug, Clone)]
pub(super) enum ChannelConfig {
    Webhook(Webhook),
    Slack(Slack),
    PagerDuty(PagerDuty),
    Teams(Teams),
    Discord(Discord),
    Email(Email),
}

impl ChannelConfig {
    /// Reads the configuration of a request.
    ///
    /// # Errors
    /// A sentence for people.
    pub(super) fn parse(r#type: ChannelType, config: &Value, reach: Reach) -> Result<Self, String> {
        match r#type {
            ChannelType::Webhook => Webhook::parse(config, reach).map(Self::Webhook),
            ChannelType::Slack => Slack::parse(config, reach).map(Self::Slack),
            ChannelType::PagerDuty => PagerDuty::parse(config, reach).map(Self::PagerDuty),
            ChannelType::Teams => Teams::parse(config, reach).map(Self::Teams),
            ChannelType::Discord => Discord::parse(config, reach).map(Self::Discord),
            ChannelType::Email => Email::parse(config).map(Self::Email),
        }
    }

    /// What replies show, and what is kept in clear: credentials are masked.
    pub(super) fn shown(&self) -> Value {
        match self {
            Self::Webhook(webhook) => webhook.shown(),
            Self::Slack(slack) => slack.shown(),
            Self::PagerDuty(pagerduty) => pagerduty.shown(),
            Self::Teams(teams) => teams.shown(),
            Self::Discord(discord) => discord.shown(),
            Self::Email(email) => email.shown(),
        }
    }

    /// What is sealed: the whole configuration, where a part of it is a credential.
    pub(super) fn credentials(&self) -> Option<String> {
        let credentials = match self {
            Self::Webhook(_) | Self::Email(_) => return None,
            Self::Slack(slack) => slack.credentials(),
            Self::PagerDuty(pagerduty) => pagerduty.credentials(),
            Self::Teams(teams) => teams.credentials(),
            Self::Discord(discord) => discord.credentials(),
        };
        Some(credentials.to_string())
    }

    /// What of the configuration no log may show: that of a webhook is kept in clear, and its URL is
    /// a password all the same.
    pub(super) fn credential_pieces(&self) -> Vec<String> {
        let config = match self {
            Self::Webhook(webhook) => webhook.shown(),
            Self::Email(_) => Value::Null,
            Self::Slack(slack) => slack.credentials(),
            Self::PagerDuty(pagerduty) => pagerduty.credentials(),
            Self::Teams(teams) => teams.credentials(),
            Self::Discord(discord) => discord.credentials(),
        };
        redact::pieces(&config)
    }

    /// Reads a kept channel.
    ///
    /// # Errors
    /// What is wrong with it, for its owner.
    fn restore(channel: &SealedChannel, opened: &str, reach: Reach) -> Result<Self, String> {
        let read = |text: &str| serde_json::from_str(text).map_err(|_| "the channel's configuration is broken");
        if channel.r#type == ChannelType::Webhook {
            let mut secrets = SigningSecret::parse_all(opened).ok_or("the channel's secret is broken")?;
            secrets.truncate(if channel.rotating { 2 } else { 1 });
            let webhook = Webhook::parse(&read(&channel.config)?, reach)?;
            return Ok(Self::Webhook(webhook.signed_by(secrets)));
        }
        let config = if opened.is_empty() { &channel.config } else { opened };
        Self::parse(channel.r#type, &read(config)?, reach)
    }

    /// How pictures go with the messages.
    pub(super) fn takes_pictures(&self) -> Taking {
        match self {
            Self::Discord(_) | Self::Email(_) => Taking::Attached,
            Self::Slack(_) | Self::PagerDuty(_) | Self::Teams(_) => Taking::Linked,
            Self::Webhook(_) => Taking::Never,
        }
    }

    /// The requests that tell this message, in order.
    ///
    /// # Errors
    /// What is wrong with the channel, for its owner.
    pub(super) fn calls(&self, letter: &Letter<'_>) -> Result<Vec<Call>, String> {
        match self {
            Self::Webhook(webhook) => Ok(vec![webhook.call(letter)?]),
            Self::Slack(slack) => slack.calls(letter),
            Self::PagerDuty(pagerduty) => pagerduty.calls(letter),
            Self::Teams(teams) => Ok(vec![teams.call(letter)]),
            Self::Discord(discord) => discord.calls(letter),
            Self::Email(_) => Err("mail is no request".into()),
        }
    }

    /// What an answer to one of them means.
    pub(super) fn judge(&self, answer: &Answer, now: Millis) -> Judgement {
        match self {
            Self::Webhook(_) => Webhook::judge(answer, now),
            Self::PagerDuty(_) => PagerDuty::judge(answer, now),
            Self::Email(_) => Judgement::by_status(answer, now),
            Self::Slack(slack) => slack.judge(answer, now),
            Self::Teams(_) => Teams::judge(answer, now),
            Self::Discord(_) => Discord::judge(answer, now),
        }
    }
}

/// A message on its way: what the first attempt froze, and what this attempt knows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Letter<'a> {
    /// the same on each attempt
    pub(super) message_id: &'a str,
    /// `None` for a test call
    pub(super) kind: Option<MessageKind>,
    /// as [`ChannelType::write`] wrote it
    pub(super) body: &'a str,
    /// what the receiver calls the first message of the group, once it was told one
    pub(super) thread: Option<&'a str>,
    /// what is drawn of it, where the channel takes a picture and there is one
    pub(super) picture: Option<&'a Picture>,
    /// wall time of the attempt
    pub(super) now: Millis,
}

/// What an answer means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Judgement {
    pub(super) verdict: Verdict,
    /// why it is not accepted, for the channel's owner
    pub(super) error: Option<String>,
    /// what the receiver calls the message that it has now
    pub(super) thread: Option<String>,
    /// what is to be said about an acceptance all the same
    pub(super) note: Option<String>,
}

/// What a receiver calls a message, if it is no longer than any name that they give.
fn name(given: String) -> Option<String> {
    (given.len() <= MAX_NAME).then_some(given)
}

impl Judgement {
    /// No answer, or nothing to ask: worth another try.
    pub(super) fn failed(error: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Retry(None),
            error: Some(error.into()),
            thread: None,
            note: None,
        }
    }

    /// Never to be accepted, for this reason.
    fn refused(error: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Refused,
            ..Self::failed(error)
        }
    }

    /// With another verdict.
    fn with(self, verdict: Verdict) -> Self {
        Self { verdict, ..self }
    }

    /// What the status alone says.
    fn by_status(answer: &Answer, now: Millis) -> Self {
        let verdict = retry::judge(answer.status, &answer.headers, now);
        let words = answer.words();
        let error = if words.is_empty() {
            answer.status.to_string()
        } else {
            format!("{}: {words}", answer.status)
        };
        Self {
            verdict,
            error: (verdict != Verdict::Delivered).then_some(error),
            thread: None,
            note: None,
        }
    }
}
