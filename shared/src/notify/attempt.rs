//! One attempt at one message: the channel is opened, its requests or mails are sent, the answers are
//! judged.

use super::breaker::Trouble;
use super::channel::{self, ChannelConfig, Judgement, Letter};
use super::claim::Claim;
use super::picture::Picture;
use super::post::post;
use super::record::{Change, Outcome};
use super::redact::redact;
use super::retry::{self, Verdict};
use super::sender::{Sender, Silence};
use super::settlement::Settled;
use crate::App;
use crate::auth::Tenant;
use crate::clock::{Clock, Millis};
use std::time::Duration;
use tokio::time::timeout;

/// Makes the attempt.
pub(super) async fn attempt(app: &App, tenant: &Tenant, sender: &Sender, claim: Claim) -> (Claim, Change) {
    let started = app.clock.wall();
    let told = tell(app, tenant, sender, &claim).await;
    let delay = match told.judgement.verdict {
        Verdict::Retry(asked) => retry::delay(claim.attempts, claim.lasting, asked),
        // it waits until somebody enables the channel again
        Verdict::Gone if claim.lasting => Some(0),
        _ => None,
    };
    let outcome = match (told.judgement.verdict, delay) {
        (Verdict::Delivered, _) => Outcome::Delivered,
        (_, Some(_)) => Outcome::Retry,
        _ => Outcome::Dead,
    };
    let change = Change {
        outcome,
        delay: delay.unwrap_or(0),
        status: told.status,
        disables: told.judgement.verdict == Verdict::Gone,
        trouble: told.trouble(),
        note: note(&claim, told.judgement.note),
        error: told.judgement.error,
        thread: told.judgement.thread,
        settled: told.settled,
        duration: (app.clock.wall() - started).max(0),
    };
    (claim, change)
}

/// What is to be said in the log beside the outcome: of the body by the attempt that wrote it, and of
/// what its receiver takes an acceptance for.
fn note(claim: &Claim, of_receiver: Option<String>) -> Option<String> {
    let of_body = claim.note.clone().filter(|_| claim.attempts == 1);
    let notes: Vec<String> = of_body.into_iter().chain(of_receiver).collect();
    (!notes.is_empty()).then(|| notes.join("; "))
}

/// What was said to an attempt.
pub(super) struct Told {
    pub(super) judgement: Judgement,
    pub(super) status: Option<u16>,
    /// `host:port`, where nobody was there to take the connection
    unreached: Option<String>,
    /// for mail: what is known of its recipients by now
    settled: Option<Settled>,
}

impl Told {
    fn failed(error: impl Into<String>) -> Self {
        Self {
            judgement: Judgement::failed(error),
            status: None,
            unreached: None,
            settled: None,
        }
    }

    pub(super) fn by_mail(judgement: Judgement, status: Option<u16>, settled: Settled) -> Self {
        Self {
            judgement,
            status,
            unreached: None,
            settled: Some(settled),
        }
    }

    /// Without what the receiver repeated of a credential.
    fn without(mut self, pieces: &[String]) -> Self {
        for words in self.judgement.error.iter_mut() {
            *words = redact(words, pieces);
        }
        self
    }

    /// How this leaves the endpoint.
    fn trouble(&self) -> Option<Trouble> {
        let asked = match self.judgement.verdict {
            Verdict::Delivered => return None,
            Verdict::Retry(asked) => asked,
            Verdict::Refused | Verdict::Gone => None,
        };
        // busy, and well: one that asks for time, and a mail server that says anything of anybody
        let well = match self.settled {
            Some(_) => self.status.is_some(),
            None => self.status == Some(429) && asked.is_some(),
        };
        Some(Trouble {
            counts: !well,
            asked: asked.unwrap_or(0),
            host: self.unreached.clone(),
        })
    }
}

/// The end of an attempt, by the clock of this process.
struct End<'a> {
    clock: &'a Clock,
    at: Millis,
}

impl End<'_> {
    /// How long it is until then; nothing is begun after it.
    fn left(&self) -> Option<Duration> {
        let left = u64::try_from(self.at - self.clock.wall()).unwrap_or(0);
        (left > 0).then(|| Duration::from_millis(left))
    }
}

async fn tell(app: &App, tenant: &Tenant, sender: &Sender, claim: &Claim) -> Told {
    let time = Millis::try_from(sender.attempt_time().as_millis()).unwrap_or(Millis::MAX);
    let end = End {
        clock: &app.clock,
        at: app.clock.wall().saturating_add(time),
    };
    if claim.attempts > retry::attempts(claim.lasting) {
        // each attempt ended with its process: a message must not be able to do that for ever
        return Told::failed("given up: no attempt came to an end");
    }
    // looked at before each attempt, for the configuration may have become stricter since the channel was made
    let told = match channel::open(app, &claim.channel, sender.reach()) {
        Ok(config @ ChannelConfig::Email(_)) => {
            let picture = drawn(app, sender, claim, &config).await;
            post(app, tenant, claim, picture, end.left().unwrap_or_default()).await
        }
        Ok(config) => {
            let told = converse(app, sender, claim, &config, &end).await;
            told.map(|told| told.without(&config.credential_pieces()))
        }
        Err(error) => Err(error),
    };
    told.unwrap_or_else(Told::failed)
}

/// The picture that goes with the message, if it and its channel take one.
async fn drawn(app: &App, sender: &Sender, claim: &Claim, config: &ChannelConfig) -> Option<Picture> {
    match sender.illustrator() {
        Some(illustrator) if claim.tells_trouble() => illustrator.picture(app, claim, config.takes_pictures()).await,
        _ => None,
    }
}

/// Sends the requests of a message one after the other, until one of them ends it. A picture goes with the first attempt
/// alone: a receiver that cannot fetch it, or is busy with it, is told without it the next time.
async fn converse(
    app: &App,
    sender: &Sender,
    claim: &Claim,
    config: &ChannelConfig,
    end: &End<'_>,
) -> Result<Told, String> {
    let picture = match claim.attempts {
        1 => drawn(app, sender, claim, config).await,
        _ => None,
    };
    let letter = Letter {
        message_id: &claim.message_id,
        kind: claim.kind,
        body: &claim.body,
        thread: claim.thread.as_deref(),
        picture: picture.as_ref(),
        now: app.clock.wall(),
    };
    let mut calls = config.calls(&letter)?.into_iter().peekable();
    while let Some(call) = calls.next() {
        let role = call.role;
        let endpoint = call.url.endpoint();
        let sent = match end.left() {
            Some(left) => timeout(left, sender.send(call)).await.ok(),
            None => None,
        };
        let answer = match sent.unwrap_or_else(|| Err(Silence::reached("no answer in time"))) {
            Ok(answer) => answer,
            Err(silence) => {
                return Ok(Told {
                    unreached: endpoint.filter(|_| !silence.reached),
                    ..Told::failed(silence.words)
                });
            }
        };
        let judgement = config.judge(&answer, app.clock.wall());
        let goes_on = match judgement.verdict {
            Verdict::Delivered => role.goes_on(true),
            Verdict::Refused => role.goes_on(false),
            Verdict::Retry(_) | Verdict::Gone => false,
        };
        if !goes_on || calls.peek().is_none() {
            let status = Some(answer.status.as_u16());
            return Ok(Told {
                judgement,
                status,
                unreached: None,
                settled: None,
            });
        }
    }
    Err("the channel has nothing to send".into())
}

#[cfg(test)]
mod tests {
    use super::super::claim::LEASE;
    use super::super::sender::Limits;

    /// Nobody else takes the message while it is on its way, or its end is recorded.
    #[test]
    fn an_attempt_ends_well_within_its_lease() {
        let attempt = i64::try_from(Limits::default().attempt.as_millis()).unwrap();
        assert!(attempt + 5_000 <= LEASE);
    }
}
