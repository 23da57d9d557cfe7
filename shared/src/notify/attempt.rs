//! One attempt at one message: the channel is opened, its requests or mails are sent, the answers are
//! judged.

use super::channel::Words;
use super::channel::{self, ChannelConfig, Judgement, Letter};
use super::claim::{Change, Claim, Outcome};
use super::mail::{Mail, SmtpReply};
use super::recipients;
use super::retry::{self, Verdict};
use super::sender::Sender;
use crate::App;
use crate::auth::Tenant;

/// Makes the attempt.
pub(super) async fn attempt(app: &App, tenant: &Tenant, sender: &Sender, claim: Claim) -> (Claim, Change) {
    let started = app.clock.wall();
    let told = tell(app, tenant, sender, &claim).await;
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

    fn by_mail(judgement: Judgement, reply: &SmtpReply) -> Self {
        Self {
            judgement,
            status: Some(reply.code),
        }
    }
}

async fn tell(app: &App, tenant: &Tenant, sender: &Sender, claim: &Claim) -> Told {
    if claim.attempts > retry::ATTEMPTS {
        // each attempt ended with its process: a message must not be able to do that for ever
        return Told::failed("given up: no attempt came to an end");
    }
    // looked at before each attempt, for the configuration may have become stricter since the channel was made
    let told = match channel::open(app, &claim.channel, sender.reach()) {
        Ok(ChannelConfig::Email(_)) => post(app, tenant, claim).await,
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

/// Sends a mail to each recipient who has confirmed, over one message's worth of attempts. It is
/// delivered when each server has taken its mail; one that is refused for good does not hold the
/// others up. A repetition has the same `Message-ID`, by which mail programs know it.
async fn post(app: &App, tenant: &Tenant, claim: &Claim) -> Result<Told, String> {
    let (Some(settings), Some(mailer)) = (&app.config.mail, &app.mailer) else {
        return Err(
            "this installation sends no mail: INTENTVISION_SMTP_URL or INTENTVISION_MAIL_FROM is not set".into(),
        );
    };
    let words: Words = serde_json::from_str(&claim.body).map_err(|_| "the message is broken")?;
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
    };
    last.map(|reply| Told::by_mail(judgement, &reply))
        .ok_or_else(|| "nobody was written to".into())
}
