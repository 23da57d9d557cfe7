//! One attempt at one message: the channel is opened, its requests or mails are sent, the answers are
//! judged.

use super::breaker::Trouble;
use super::channel::{self, ChannelConfig, Judgement, Letter, Words};
use super::claim::Claim;
use super::mail::{Mail, SmtpReply};
use super::picture::{self, Picture};
use super::recipients;
use super::record::{Change, Outcome};
use super::redact::redact;
use super::retry::{self, Verdict};
use super::sender::Sender;
use crate::App;
use crate::auth::Tenant;

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

struct Told {
    judgement: Judgement,
    status: Option<u16>,
    /// `host:port`, where nobody was there to take the connection
    unreached: Option<String>,
}

impl Told {
    fn failed(error: impl Into<String>) -> Self {
        Self {
            judgement: Judgement::failed(error),
            status: None,
            unreached: None,
        }
    }

    fn by_mail(judgement: Judgement, reply: &SmtpReply) -> Self {
        Self {
            judgement,
            status: Some(reply.code),
            unreached: None,
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
        Some(Trouble {
            // 429 with a time: busy, and well
            counts: !(self.status == Some(429) && asked.is_some()),
            asked: asked.unwrap_or(0),
            host: self.unreached.clone(),
        })
    }
}

async fn tell(app: &App, tenant: &Tenant, sender: &Sender, claim: &Claim) -> Told {
    if claim.attempts > retry::attempts(claim.lasting) {
        // each attempt ended with its process: a message must not be able to do that for ever
        return Told::failed("given up: no attempt came to an end");
    }
    // looked at before each attempt, for the configuration may have become stricter since the channel was made
    let told = match channel::open(app, &claim.channel, sender.reach()) {
        Ok(config @ ChannelConfig::Email(_)) => {
            let picture = drawn(app, sender, claim, &config).await;
            post(app, tenant, claim, picture).await
        }
        Ok(config) => {
            let told = converse(app, sender, claim, &config).await;
            told.map(|told| told.without(&config.credential_pieces()))
        }
        Err(error) => Err(error),
    };
    told.unwrap_or_else(Told::failed)
}

/// The picture that goes with the message, if it and its channel take one.
async fn drawn(app: &App, sender: &Sender, claim: &Claim, config: &ChannelConfig) -> Option<Picture> {
    match sender.painter() {
        Some(painter) if claim.tells_trouble() => picture::of(app, painter, claim, config.takes_pictures()).await,
        _ => None,
    }
}

/// Sends the requests of a message one after the other, until one of them ends it.
async fn converse(app: &App, sender: &Sender, claim: &Claim, config: &ChannelConfig) -> Result<Told, String> {
    let picture = drawn(app, sender, claim, config).await;
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
        let answer = match sender.send(call).await {
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
            });
        }
    }
    Err("the channel has nothing to send".into())
}

/// Sends a mail to each recipient who has confirmed, over one message's worth of attempts. It is
/// delivered when each server has taken its mail; one that is refused for good does not hold the
/// others up. A repetition has the same `Message-ID`, by which mail programs know it.
async fn post(app: &App, tenant: &Tenant, claim: &Claim, picture: Option<Picture>) -> Result<Told, String> {
    let (Some(settings), Some(mailer)) = (&app.config.mail, &app.mailer) else {
        return Err(
            "this installation sends no mail: INTENTVISION_SMTP_URL or INTENTVISION_MAIL_FROM is not set".into(),
        );
    };
    let mut words: Words = serde_json::from_str(&claim.body).map_err(|_| "the message is broken")?;
    if let Some(picture) = &picture {
        words.show(picture);
    }
    let recipients = recipients::confirmed(app, tenant, &claim.channel.channel_id).await;
    let recipients = recipients.map_err(|_| "the recipients could not be read")?;
    if recipients.is_empty() {
        return Err("none of the recipients has confirmed".into());
    }
    let domain = settings.from.rsplit_once('@').map_or("localhost", |(_, domain)| domain);
    let message_id = format!("<{}@{domain}>", claim.message_id);
    let (mut last, mut refused, mut taken) = (None, Vec::new(), 0);
    for (to, unsubscribe) in recipients {
        let mail = Mail {
            from: settings.from.clone(),
            text: format!(
                "{}\n\n-- \nNo more of these mails: {unsubscribe}\n",
                words.text.trim_end()
            ),
            html: words.html.clone(),
            picture: picture.clone(),
            subject: words.subject.clone(),
            message_id: message_id.clone(),
            answers: claim.thread.clone(),
            unsubscribe: Some(unsubscribe),
            at: app.clock.wall(),
            to,
        };
        let reply = mailer.send(&mail).await?;
        match reply.code {
            200..=399 => taken += 1,
            500..=599 => refused.push(format!("{}: {} {}", mail.to, reply.code, reply.words)),
            _ => {
                return Ok(Told::by_mail(
                    Judgement::failed(format!("{} {}", reply.code, reply.words)),
                    &reply,
                ));
            }
        }
        last = Some(reply);
    }
    let error = (!refused.is_empty()).then(|| refused.join("; "));
    let verdict = if taken > 0 {
        Verdict::Delivered
    } else {
        Verdict::Refused
    };
    let judgement = Judgement {
        verdict,
        error,
        thread: Some(message_id),
        note: None,
    };
    last.map(|reply| Told::by_mail(judgement, &reply))
        .ok_or_else(|| "nobody was written to".into())
}
