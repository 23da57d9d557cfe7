//! Who gets the mail of a channel: nobody who has not confirmed it, and nobody who has ended it.
//!
//! A recipient is asked by a mail with a link. What the link shows does nothing, for programs follow
//! links before people do; its button does. The link's token stands for the recipient alone; it is
//! kept sealed, for later mails hold it too, and found by its hash.

mod ask;

pub use ask::ask;

use crate::auth::{Authority, Tenant};
use crate::id::ChannelId;
use crate::secrets::Place;
use crate::{App, Error};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use db::{Batch, Step, args, wall_ms};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Bytes of a token.
const TOKEN: usize = 24;
const NOT_FOUND: Error = Error::NotFound("the recipient");

/// Whether somebody gets mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// asked, and no answer yet
    Pending,
    /// gets mail
    Confirmed,
    /// wants none
    Unsubscribed,
}

impl Standing {
    fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Confirmed => "confirmed",
            Self::Unsubscribed => "unsubscribed",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Pending, Self::Confirmed, Self::Unsubscribed]
            .into_iter()
            .find(|standing| standing.as_str() == text)
    }
}

/// The token of a link: whoever holds it reads the recipient's mail.
#[derive(Clone)]
pub struct Token(String);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token([redacted])")
    }
}

impl Token {
    fn new(app: &App) -> Result<Self, Error> {
        Ok(Self(URL_SAFE_NO_PAD.encode(app.entropy.bytes::<TOKEN>()?)))
    }

    /// Reads one, by its form alone.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        (bytes.len() == TOKEN).then(|| Self(text.to_owned()))
    }

    fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }

    /// A page of this token below the installation's address. The token stands in the query, which no log holds.
    fn link(&self, public_url: &str, page: &str) -> String {
        format!("{public_url}/v1/recipients{page}?token={}", self.0)
    }
}

/// The steps that make these, and no others, the recipients of a channel. Who confirmed stays confirmed,
/// who ended it stays so, and who was asked is not asked anew.
pub(super) fn replace(app: &App, id: &ChannelId, addresses: &[String]) -> Result<Vec<Step>, Error> {
    let sealer = app
        .sealer
        .as_ref()
        .ok_or_else(|| Error::unavailable("there is no secret key"))?;
    let list = serde_json::Value::from(addresses).to_string();
    let mut steps = vec![Step::tenant(
        "UPDATE channel_recipients SET listed = address IN (SELECT value FROM json_each(?3))
         WHERE org_id = (SELECT org_id FROM authority) AND channel_id = ?2",
        args![id, list],
    )];
    for address in addresses {
        let token = Token::new(app)?;
        let row = row_of(id.as_str(), address);
        let sealed = sealer.seal(&app.entropy, place(&row), token.0.as_bytes())?;
        steps.push(Step::tenant(
            concat!(
                "INSERT INTO channel_recipients (org_id, channel_id, address, standing, token_hash, token, ask_at, asked, changed_at)
                 SELECT c.org_id, c.channel_id, ?3, 'pending', ?4, ?5, wall, 0, wall
                 FROM notification_channels AS c JOIN (SELECT ",
                wall_ms!("?6"),
                " AS wall) WHERE c.org_id = (SELECT org_id FROM authority) AND c.channel_id = ?2 AND c.deleted_at IS NULL
                 ON CONFLICT (org_id, channel_id, address) DO NOTHING"
            ),
            args![id, address.as_str(), &token.hash()[..], sealed, app.clock.wall_offset()],
        ));
    }
    Ok(steps)
}

/// The step that ends the mail of a channel which is deleted.
pub(super) fn end(id: &ChannelId) -> Step {
    Step::tenant(
        "UPDATE channel_recipients SET listed = 0 WHERE org_id = (SELECT org_id FROM authority) AND channel_id = ?2",
        args![id],
    )
}

/// Who gets the mail of a channel, with the link that ends it.
pub(super) async fn confirmed(app: &App, tenant: &Tenant, channel_id: &str) -> Result<Vec<(String, String)>, Error> {
    let step = Step::tenant(
        "SELECT channel_id, address, token FROM channel_recipients
         WHERE org_id IN (SELECT org_id FROM authority) AND channel_id = ?2 AND standing = 'confirmed' AND listed = 1
         ORDER BY address",
        args![channel_id],
    );
    let reply = tenant.run(Batch::read_one(step)).await?;
    let url = app.config.mail.as_ref().map_or("", |mail| &mail.public_url);
    let rows = reply.step(0)?.rows.iter().map(|row| {
        let token = open(app, row.text(0)?, row.text(1)?, row.blob(2)?)?;
        Ok((row.text(1)?.to_owned(), token.link(url, "/unsubscribe")))
    });
    rows.collect()
}

/// How the holder of a token stands.
///
/// # Errors
/// 404 if the token is none; 503.
pub async fn standing(app: &App, token: &Token) -> Result<Standing, Error> {
    let step = Step::tenant(
        "SELECT standing FROM channel_recipients WHERE org_id = (SELECT org_id FROM authority) AND token_hash = ?2",
        args![&token.hash()[..]],
    );
    let reply = holder(app, token).run(Batch::read_one(step)).await?;
    let row = reply.step(0)?.first().ok_or(NOT_FOUND)?;
    Standing::parse(row.text(0)?).ok_or(NOT_FOUND)
}

/// The holder of a token wants mail, or wants none.
///
/// # Errors
/// 404 if the token is none; 503.
pub async fn decide(app: &App, token: &Token, wants: bool) -> Result<Standing, Error> {
    let standing = if wants {
        Standing::Confirmed
    } else {
        Standing::Unsubscribed
    };
    let step = Step::tenant(
        concat!(
            "UPDATE channel_recipients SET standing = ?3, changed_at = ",
            wall_ms!("?4"),
            " WHERE org_id = (SELECT org_id FROM authority) AND token_hash = ?2"
        ),
        args![&token.hash()[..], standing.as_str(), app.clock.wall_offset()],
    );
    let reply = holder(app, token).run(Batch::write_one(step).repeatable()).await?;
    if reply.step(0)?.affected == 0 {
        return Err(NOT_FOUND);
    }
    Ok(standing)
}

fn holder(app: &App, token: &Token) -> Tenant {
    app.tenant(&Authority::recipient(token.hash()))
}

fn open(app: &App, channel_id: &str, address: &str, sealed: &[u8]) -> Result<Token, Error> {
    let sealer = app
        .sealer
        .as_ref()
        .ok_or_else(|| Error::unavailable("there is no secret key"))?;
    let text = sealer.open(place(&row_of(channel_id, address)), sealed)?;
    let token = String::from_utf8(text).ok().and_then(|text| Token::parse(&text));
    token.ok_or_else(|| Error::unavailable("a recipient's token is none"))
}

/// Ids of channels are unique over all organizations.
fn row_of(channel_id: &str, address: &str) -> String {
    format!("{channel_id} {address}")
}

fn place(row: &str) -> Place<'_> {
    Place {
        table: "channel_recipients",
        column: "token",
        row,
    }
}
