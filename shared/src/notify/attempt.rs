//! One attempt at one message: the channel is opened, its requests are sent, the answers are judged.

use super::channel::{self, ChannelConfig, Judgement, Letter};
use super::claim::{Change, Claim, Outcome};
use super::retry::{self, Verdict};
use super::sender::Sender;
use crate::App;

/// Makes the attempt.
pub(super) async fn attempt(app: &App, sender: &Sender, claim: Claim) -> (Claim, Change) {
    let started = app.clock.wall();
    let told = tell(app, sender, &claim).await;
    let delay = match told.judgement.verdict {
        Verdict::Retry(asked) => retry::delay(claim.attempts, asked),
        _ => None,
    };
    let outcome = match (told.judgement.verdict, delay) {
        (Verdict::Delivered, _) => Outcome::Delivered,
        (Verdict::Retry(_), Some(_)) => Outcome::Retry,
        _ => Outcome::Dead,
    };
    let change = Change {
        outcome,
        delay: delay.unwrap_or(0),
        status: told.status,
        disables: told.judgement.verdict == Verdict::Gone,
        error: told.judgement.error,
        thread: told.judgement.thread,
        duration: (app.clock.wall() - started).max(0),
    };
    (claim, change)
}

struct Told {
    judgement: Judgement,
    status: Option<u16>,
}

impl Told {
    fn failed(error: impl Into<String>) -> Self {
        Self {
            judgement: Judgement::failed(error),
            status: None,
        }
    }
}

async fn tell(app: &App, sender: &Sender, claim: &Claim) -> Told {
    if claim.attempts > retry::ATTEMPTS {
        // each attempt ended with its process: a message must not be able to do that for ever
        return Told::failed("given up: no attempt came to an end");
    }
    // looked at before each attempt, for the configuration may have become stricter since the channel was made
    let told = match channel::open(app, &claim.channel, sender.reach()) {
        Ok(config) => converse(app, sender, claim, &config).await,
        Err(error) => Err(error),
    };
    told.unwrap_or_else(Told::failed)
}

/// Sends the requests of a message one after the other, until one of them ends it.
async fn converse(app: &App, sender: &Sender, claim: &Claim, config: &ChannelConfig) -> Result<Told, String> {
    let letter = Letter {
        message_id: &claim.message_id,
        kind: claim.kind,
        body: &claim.body,
        thread: claim.thread.as_deref(),
        now: app.clock.wall(),
    };
    let mut calls = config.calls(&letter)?.into_iter().peekable();
    while let Some(call) = calls.next() {
        let role = call.role;
        let answer = sender.send(call).await?;
        let judgement = config.judge(&answer, app.clock.wall());
        let goes_on = match judgement.verdict {
            Verdict::Delivered => role.goes_on(true),
            Verdict::Refused => role.goes_on(false),
            Verdict::Retry(_) | Verdict::Gone => false,
        };
        if !goes_on || calls.peek().is_none() {
            let status = Some(answer.status.as_u16());
            return Ok(Told { judgement, status });
        }
    }
    Err("the channel has nothing to send".into())
}
