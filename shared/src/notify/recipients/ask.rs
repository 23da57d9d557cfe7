//! The mails that ask whether somebody wants mail: beside the messages, and few.
//!
//! Somebody counts as asked before the mail is sent, so that nobody is asked twice for one reason, and
//! stays so if the server was given the mail, whatever it says. Whom it took no mail for is given the
//! attempt back, and waits as long again as they have waited.

use super::{Token, open};
use crate::auth::Tenant;
use crate::clock::{DAY, MINUTE, Millis};
use crate::config::MailSettings;
use crate::notify::channel::escaped;
use crate::notify::mail::{self, Mail, Mailer, NoReply};
use crate::{App, Error};
use db::{Batch, Step, args, wall_ms};
use futures::{StreamExt, stream};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::time::Duration;

/// How often somebody is asked, a day apart; and how often in a day, over all channels.
const ASKS: i64 = 3;
/// How many are asked in one run, and how many of them at the same time.
const IN_A_RUN: i64 = 50;
const AT_ONCE: usize = 4;
/// No mail is begun later than this after the start of a run, so that it is over in time.
const BEGINNING: Millis = 2_000;
/// How long the server has for a mail: as long as for one of a message.
const WITHIN: Duration = Duration::from_secs(20);
/// When somebody is asked again, at the soonest, whom the server took no mail for; a day later at the latest.
const AGAIN: Millis = 15 * MINUTE;
/// Whom the server has taken no mail for since then counts as asked all the same, so that it ends.
const PATIENCE: Millis = 30 * DAY;

/// Those who are due to be asked, as far as nobody else has asked them too often in the last day: an address
/// can be entered by anybody, and in many channels.
macro_rules! due {
    () => {
        concat!(
            " FROM channel_recipients AS r INDEXED BY channel_recipients_to_ask
              JOIN notification_channels AS c ON c.org_id = r.org_id AND c.channel_id = r.channel_id
              JOIN organizations AS o ON o.org_id = r.org_id
              WHERE r.org_id IN (SELECT org_id FROM authority) AND r.standing = 'pending' AND r.listed = 1 AND r.asked < ?3
                AND r.ask_at <= ",
            wall_ms!("?2"),
            " AND c.deleted_at IS NULL AND c.enabled = 1 AND o.environment <> 'test'
              AND (SELECT count(*) FROM channel_recipients AS x INDEXED BY channel_recipients_asked
                   WHERE x.address = r.address AND x.asked > 0 AND x.ask_at > ",
            wall_ms!("?2"),
            ") < ?3"
        )
    };
}

/// Somebody who is asked now.
struct Asked {
    channel_id: String,
    address: String,
    token: Token,
    /// how often, this one included
    times: i64,
}

/// What became of a mail that asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// sent, or refused for good
    Asked,
    /// the server did not take it
    PutOff,
    /// there was no time for it
    Left,
}

/// Sends the mails that ask, to everybody who is due to be asked, within half a minute; says to how many.
///
/// # Errors
/// 503 if the database does not answer. A mail that the server does not take, or has no time for, is sent again later and
/// does not count; one that it refuses for good does, and one that it was given and said nothing about.
pub async fn ask(app: &App, tenant: &Tenant, mailer: &dyn Mailer) -> Result<usize, Error> {
    let Some(settings) = &app.config.mail else { return Ok(0) };
    let offset = app.clock.wall_offset();
    let any = Step::tenant(concat!("SELECT 1", due!(), " LIMIT 1"), args![offset, ASKS]);
    let found = tenant.run(Batch::read_one(any)).await?;
    if found.step(0)?.rows.is_empty() {
        return Ok(0);
    }
    let asked = take(app, tenant).await?;
    let end = app.clock.wall() + BEGINNING;
    let count = asked.len();
    let asking = asked.into_iter().map(|one| async move {
        let fate = if app.clock.wall() < end {
            ask_one(settings, mailer, &one, app.clock.wall()).await
        } else {
            Fate::Left
        };
        (fate != Fate::Asked).then(|| json!([one.channel_id, one.address, one.times, fate == Fate::PutOff]))
    });
    let answers: Vec<_> = stream::iter(asking).buffer_unordered(AT_ONCE).collect().await;
    let waiting: Vec<_> = answers.into_iter().flatten().collect();
    let sent = count - waiting.len();
    if !waiting.is_empty() {
        let list = serde_json::Value::from(waiting).to_string();
        let back = Step::tenant(GIVE_BACK, args![offset, list, AGAIN, DAY, PATIENCE]);
        tenant.run(Batch::write_one(back).repeatable()).await?;
    }
    Ok(sent)
}

/// Takes those who are asked now, of each address one at a time.
async fn take(app: &App, tenant: &Tenant) -> Result<Vec<Asked>, Error> {
    let take = Step::tenant(
        concat!(
            "UPDATE channel_recipients SET asked = asked + 1, ask_at = ",
            wall_ms!("?2"),
            " + ?4 WHERE (org_id, channel_id, address) IN (
                SELECT org_id, channel_id, address FROM (SELECT r.org_id, r.channel_id, r.address, min(r.ask_at)",
            due!(),
            " GROUP BY r.address LIMIT ?5))
             RETURNING channel_id, address, token, asked"
        ),
        args![app.clock.wall_offset(), ASKS, DAY, IN_A_RUN],
    );
    let reply = tenant.run(Batch::write_one(take)).await?;
    let mut asked = Vec::new();
    for row in &reply.step(0)?.rows {
        let (channel_id, address) = (row.text(0)?, row.text(1)?);
        match open(app, channel_id, address, row.blob(2)?) {
            Ok(token) => asked.push(Asked {
                channel_id: channel_id.to_owned(),
                address: address.to_owned(),
                token,
                times: row.integer(3)?,
            }),
            // of one who was sealed with a key that is gone: the others are asked
            Err(error) => tracing::warn!(channel_id, %error, "a recipient is not asked"),
        }
    }
    Ok(asked)
}

/// Those who were not asked are again: at once, or, put off, after as long as they have waited by now. A repetition finds
/// that done.
const GIVE_BACK: &str = concat!(
    "UPDATE channel_recipients AS r SET asked = asked - 1, ask_at = ",
    wall_ms!("?2"),
    " + iif(m.value ->> 3, min(max(",
    wall_ms!("?2"),
    " - r.changed_at, ?4), ?5), 0) FROM json_each(?3) AS m
      WHERE r.org_id IN (SELECT org_id FROM authority) AND r.channel_id = m.value ->> 0 AND r.address = m.value ->> 1
        AND r.standing = 'pending' AND r.asked = m.value ->> 2 AND r.changed_at > ",
    wall_ms!("?2"),
    " - ?6"
);

/// Sends the mail that asks one.
async fn ask_one(settings: &MailSettings, mailer: &dyn Mailer, one: &Asked, at: Millis) -> Fate {
    let channel_id = one.channel_id.as_str();
    let mail = asking(settings, &one.address, &one.token, at);
    match mail::hand_over(mailer, &mail, WITHIN).await {
        Ok(reply) if reply.is_taken() => Fate::Asked,
        Ok(reply) => {
            tracing::warn!(channel_id, code = reply.code, "a recipient could not be asked");
            if reply.is_refused() { Fate::Asked } else { Fate::PutOff }
        }
        Err(NoReply { words, handed_over }) => {
            tracing::warn!(channel_id, error = words, handed_over, "the mail server did not answer");
            if handed_over { Fate::Asked } else { Fate::PutOff }
        }
    }
}

/// A mail of our own words only: nothing that a tenant wrote reaches somebody who has not agreed to it.
fn asking(settings: &MailSettings, address: &str, token: &Token, at: Millis) -> Mail {
    let from = &settings.from;
    let link = token.link(&settings.public_url, "");
    let digest = Sha256::digest([token.0.as_bytes(), &at.to_be_bytes()].concat());
    let id: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let text = format!(
        "Somebody has entered this address to be told of alerts by mail.\n\nIf that was you, confirm it here:\n{link}\n\nOtherwise do nothing, and you will get no mail from us.\n"
    );
    let html = format!(
        "<p>Somebody has entered this address to be told of alerts by mail.</p>\n<p>If that was you: <a href=\"{0}\">confirm it</a>.</p>\n<p>Otherwise do nothing, and you will get no mail from us.</p>\n",
        escaped(&link, 2_048)
    );
    Mail {
        from: from.to_owned(),
        to: address.to_owned(),
        subject: "Please confirm: alerts by mail".into(),
        text,
        html,
        picture: None,
        message_id: format!("<confirm-{id}@{}>", settings.domain()),
        answers: None,
        unsubscribe: Some(token.link(&settings.public_url, "/unsubscribe")),
        at,
    }
}
