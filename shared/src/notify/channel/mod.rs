//! Channels: where an organization wants to be told, and how each kind of receiver is spoken to.
//!
//! A kind of channel does four things, each in the file of its name: it reads its configuration, it
//! writes a [`Notice`] as the body that the first attempt freezes, it turns that body into requests,
//! and it judges the answers. [`store`] keeps channels.

mod store;
mod webhook;

pub use store::{ChannelChange, ChannelItem, Created, Issued, NewChannel, create, delete, get, list, test, update};
pub(super) use store::{SealedChannel, open};

use super::address::Reach;
use super::call::Call;
use super::notice::Notice;
use super::outbox::MessageKind;
use super::retry::{self, Verdict};
use super::sender::Answer;
use super::signature::SigningSecret;
use crate::clock::Millis;
use serde_json::Value;
use webhook::Webhook;

/// What a channel's receiver is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChannelType {
    /// any HTTP endpoint, by Standard Webhooks
    Webhook,
}

impl ChannelType {
    const ALL: [(Self, &'static str); 1] = [(Self::Webhook, "webhook")];

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
    pub(super) fn write(self, notice: &Notice) -> String {
        match self {
            Self::Webhook => webhook::write(notice),
        }
    }
}

/// How a channel's receiver is reached: read once, and good from then on.
#[derive(Debug, Clone)]
pub(super) enum ChannelConfig {
    Webhook(Webhook),
}

impl ChannelConfig {
    /// Reads the configuration of a request.
    ///
    /// # Errors
    /// A sentence for people.
    pub(super) fn parse(r#type: ChannelType, config: &Value, reach: Reach) -> Result<Self, String> {
        match r#type {
            ChannelType::Webhook => Webhook::parse(config, reach).map(Self::Webhook),
        }
    }

    /// What replies show, and what is kept in clear: credentials are masked.
    pub(super) fn shown(&self) -> Value {
        match self {
            Self::Webhook(webhook) => webhook.shown(),
        }
    }

    /// What is sealed: the whole configuration, where a part of it is a credential.
    pub(super) fn credentials(&self) -> Option<String> {
        match self {
            Self::Webhook(_) => None,
        }
    }

    /// Reads a kept channel.
    ///
    /// # Errors
    /// What is wrong with it, for its owner.
    pub(super) fn restore(r#type: ChannelType, config: &str, opened: &str, reach: Reach) -> Result<Self, String> {
        let broken = |_| "the channel's configuration is broken";
        match r#type {
            ChannelType::Webhook => {
                let config = serde_json::from_str(config).map_err(broken)?;
                let secrets = SigningSecret::parse_all(opened).ok_or("the channel's secret is broken")?;
                Ok(Self::Webhook(Webhook::parse(&config, reach)?.signed_by(secrets)))
            }
        }
    }

    /// The requests that tell this message, in order.
    ///
    /// # Errors
    /// What is wrong with the channel, for its owner.
    pub(super) fn calls(&self, letter: &Letter<'_>) -> Result<Vec<Call>, String> {
        match self {
            Self::Webhook(webhook) => Ok(vec![webhook.call(letter)?]),
        }
    }

    /// What an answer to one of them means.
    pub(super) fn judge(&self, answer: &Answer, now: Millis) -> Judgement {
        match self {
            Self::Webhook(_) => Judgement::by_status(answer, now),
        }
    }
}

/// A message on its way: what the first attempt froze, and what this attempt knows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Letter<'a> {
    /// the same on each attempt
    pub(super) message_id: &'a str,
    /// `None` for a test call
    #[expect(dead_code, reason = "kinds that edit and thread ask for it")]
    pub(super) kind: Option<MessageKind>,
    /// as [`ChannelType::write`] wrote it
    pub(super) body: &'a str,
    /// what the receiver calls the first message of the group, once it was told one
    #[expect(dead_code, reason = "kinds that edit and thread ask for it")]
    pub(super) thread: Option<&'a str>,
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
}

impl Judgement {
    /// No answer, or nothing to ask: worth another try.
    pub(super) fn failed(error: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Retry(None),
            error: Some(error.into()),
            thread: None,
        }
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
        }
    }
}
