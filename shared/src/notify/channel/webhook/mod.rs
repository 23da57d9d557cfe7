//! Any HTTP endpoint, by Standard Webhooks: the whole notice as JSON, signed.

mod body;

use super::{Judgement, Letter};
use crate::clock::Millis;
use crate::notify::address::Reach;
use crate::notify::call::Call;
use crate::notify::notice::Notice;
use crate::notify::retry::Verdict;
use crate::notify::sender::Answer;
use crate::notify::signature::{self, ID_HEADER, SIGNATURE_HEADER, SigningSecret, TIMESTAMP_HEADER};
use crate::notify::target::WebhookUrl;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    url: String,
}

/// Where it goes, and what signs it.
#[derive(Debug, Clone)]
pub(in crate::notify) struct Webhook {
    url: WebhookUrl,
    /// the newest first; none while it is only a configuration
    secrets: Vec<SigningSecret>,
}

/// The notice as JSON: what is frozen is what is sent and signed.
pub(super) fn write(notice: &Notice) -> String {
    notice.body()
}

impl Webhook {
    pub(super) fn parse(config: &Value, reach: Reach) -> Result<Self, String> {
        let config = Config::deserialize(config).map_err(|error| error.to_string())?;
        let url = WebhookUrl::parse(&config.url, reach).map_err(|error| format!("url: {error}"))?;
        Ok(Self {
            url,
            secrets: Vec::new(),
        })
    }

    /// With the secrets that sign its messages.
    pub(super) fn signed_by(self, secrets: Vec<SigningSecret>) -> Self {
        Self { secrets, ..self }
    }

    pub(super) fn shown(&self) -> Value {
        json!({"url": self.url})
    }

    pub(super) fn call(&self, letter: &Letter<'_>) -> Result<Call, String> {
        let timestamp = letter.now.div_euclid(1000);
        let signature = signature::sign(&self.secrets, letter.message_id, timestamp, letter.body.as_bytes());
        Call::post(self.url.clone(), letter.body.to_owned())
            .with_header(ID_HEADER, letter.message_id)?
            .with_header(TIMESTAMP_HEADER, &timestamp.to_string())?
            .with_header(SIGNATURE_HEADER, &signature)
    }

    /// Nobody knows what is behind the URL: while it is deployed anew, its proxy may answer 404 or redirect to a page of
    /// its own. Only 410 is final.
    pub(super) fn judge(answer: &Answer, now: Millis) -> Judgement {
        let judgement = Judgement::by_status(answer, now);
        match judgement.verdict {
            Verdict::Refused => judgement.with(Verdict::Retry(None)),
            _ => judgement,
        }
    }
}
