//! A message as mail: one to each recipient who has confirmed, over one message's worth of attempts.
//!
//! A recipient is settled once the server has taken the mail or refused it for good, and is then left
//! alone: one whom the server puts off holds nobody up, and has nobody written to twice. The message is
//! delivered when all are settled, and the mail of one was taken. An attempt that ends before it is
//! recorded, or a server that was given a mail and does not answer, has it sent again, with the same
//! `Message-ID`, by which mail programs know it; but few times ([`Settled`]), for it may have arrived.

use super::attempt::Told;
use super::channel::{Judgement, Words, escaped};
use super::claim::Claim;
use super::mail::{self, Mail, NoReply, SmtpReply};
use super::picture::Picture;
use super::recipients;
use super::retry::Verdict;
use super::settlement::Settled;
use crate::App;
use crate::auth::Tenant;
use futures::future::join_all;
use std::time::Duration;

/// Characters of a link, far more than any has.
const LINK: usize = 2_048;

/// Writes to those who are not settled, to all of them at once: the server has this time for each.
///
/// # Errors
/// Why nobody can be written to now.
pub(super) async fn post(
    app: &App,
    tenant: &Tenant,
    claim: &Claim,
    picture: Option<Picture>,
    within: Duration,
) -> Result<Told, String> {
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
    let mut recipients = recipients.map_err(|_| "the recipients could not be read")?;
    if recipients.is_empty() && claim.settled.is_empty() {
        return Err("none of the recipients has confirmed".into());
    }
    recipients.retain(|(address, _)| !claim.settled.holds(address));
    let message_id = format!("<{}@{}>", claim.message_id, settings.domain());
    let mails = recipients.into_iter().map(|(to, unsubscribe)| Mail {
        from: settings.from.clone(),
        text: format!(
            "{}\n\n-- \nNo more of these mails: {unsubscribe}\n",
            words.text.trim_end()
        ),
        html: format!(
            "{}<p><a href=\"{}\">No more of these mails</a></p>\n",
            words.html,
            escaped(&unsubscribe, LINK)
        ),
        picture: picture.clone(),
        subject: words.subject.clone(),
        message_id: message_id.clone(),
        // an attempt before this one may have begun the thread
        answers: claim.thread.clone().filter(|first| *first != message_id),
        unsubscribe: Some(unsubscribe),
        at: app.clock.wall(),
        to,
    });
    let sent = mails.map(|mail| async move {
        let answer = mail::hand_over(mailer.as_ref(), &mail, within).await;
        (mail.to, answer)
    });
    Ok(judge(claim.settled.clone(), join_all(sent).await, message_id))
}

/// What the server's answers come to, with those of the attempts before.
fn judge(mut settled: Settled, answers: Vec<(String, Result<SmtpReply, NoReply>)>, message_id: String) -> Told {
    // of whom nothing more is to be expected, in words
    let mut given_up = Vec::new();
    let (mut status, mut put_off) = (None, None);
    for (to, answer) in answers {
        match answer {
            Ok(reply) if reply.is_taken() || reply.is_refused() => {
                status = Some(reply.code);
                if reply.is_refused() {
                    given_up.push(format!("{to}: {} {}", reply.code, reply.words));
                }
                settled.answered(to, &reply);
            }
            Ok(reply) => {
                put_off.get_or_insert((Some(reply.code), format!("{to}: {} {}", reply.code, reply.words)));
            }
            Err(NoReply {
                words,
                handed_over: false,
            }) => {
                put_off.get_or_insert((None, format!("{to}: {words}")));
            }
            Err(NoReply { words, .. }) => {
                settled.unanswered(to.clone());
                let gives_up = settled.holds(&to);
                let words = format!("{to}: {words}; the mail may have arrived");
                if gives_up {
                    given_up.push(format!("{words}, and is not sent again"));
                } else {
                    put_off.get_or_insert((None, words));
                }
            }
        }
    }
    let taken = settled.any_taken();
    let verdict = match &put_off {
        Some(_) => Verdict::Retry(None),
        None if taken => Verdict::Delivered,
        None => Verdict::Refused,
    };
    let mut said = given_up;
    if let Some((code, words)) = put_off {
        status = code.or(status);
        said.insert(0, words);
    }
    if said.is_empty() && verdict == Verdict::Refused {
        said.push("none of the recipients is left".into());
    }
    let judgement = Judgement {
        verdict,
        error: (!said.is_empty()).then(|| said.join("; ")),
        thread: taken.then_some(message_id),
        note: None,
    };
    Told::by_mail(judgement, status, settled)
}
