//! Links to pictures, for services that fetch what they show: signed, so that nobody logs in, and
//! good for a day.

use crate::auth::{Authority, Tenant};
use crate::clock::{DAY, Millis};
use crate::id::{MessageId, OrgId};
use crate::secrets::Sealer;
use crate::{App, Error};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use db::{Batch, Step, args, wall_ms};

/// How long a link is good for, and a picture is kept.
pub(super) const KEPT: Millis = DAY;
/// Bytes of the signature that a link carries.
const SIGNATURE: usize = 16;
const PURPOSE: &str = "picture link 1";
const NOT_FOUND: Error = Error::NotFound("the picture");

/// The right to see one picture until a time; made for a message, or read from a token that this
/// installation signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    org: OrgId,
    message: MessageId,
    until: Millis,
}

impl Link {
    pub(super) fn new(org: OrgId, message: MessageId, until: Millis) -> Self {
        Self { org, message, until }
    }

    /// The organization that it was made for.
    pub(crate) fn org(&self) -> &OrgId {
        &self.org
    }

    /// As the last part of a URL.
    pub(super) fn token(&self, sealer: &Sealer) -> String {
        let text = format!("{}/{}/{}", self.org, self.message, self.until);
        let mut bytes = sealer.sign(PURPOSE, text.as_bytes())[..SIGNATURE].to_vec();
        bytes.extend_from_slice(text.as_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads a token; `None` if it was not signed with this key.
    fn parse(token: &str, sealer: &Sealer) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (signature, text) = bytes.split_at_checked(SIGNATURE)?;
        if !sealer.signed(PURPOSE, text, signature) {
            return None;
        }
        let mut parts = std::str::from_utf8(text).ok()?.split('/');
        let link = Self {
            org: OrgId::parse(parts.next()?)?,
            message: MessageId::parse(parts.next()?)?,
            until: parts.next()?.parse().ok()?,
        };
        parts.next().is_none().then_some(link)
    }
}

/// Keeps a picture for those who follow its link.
pub(super) fn keep(message: &MessageId, png: Vec<u8>, offset: Millis) -> Step {
    Step::tenant(
        concat!(
            "INSERT INTO pictures (org_id, message_id, png, created_at)
             SELECT org_id, ?2, ?3, ",
            wall_ms!("?4"),
            " FROM authority WHERE true
             ON CONFLICT (org_id, message_id) DO UPDATE SET png = excluded.png, created_at = excluded.created_at"
        ),
        args![message, png, offset],
    )
}

/// Deletes up to `limit` pictures that no link leads to any more, and says how many.
///
/// # Errors
/// 503.
pub async fn expire(system: &Tenant, limit: u32) -> Result<u64, Error> {
    let step = Step::tenant(
        concat!(
            "DELETE FROM pictures WHERE (org_id, message_id) IN (
                SELECT org_id, message_id FROM pictures INDEXED BY pictures_by_age
                WHERE org_id IN (SELECT org_id FROM authority) AND created_at <= ",
            wall_ms!("?2"),
            " - ?3 ORDER BY created_at LIMIT ?4)"
        ),
        args![system.clock().wall_offset(), KEPT, limit],
    );
    let reply = system.run(Batch::write_one(step).repeatable()).await?;
    Ok(reply.step(0)?.affected)
}

/// The PNG that a token leads to.
///
/// # Errors
/// 404 for a token that is none or has run out, and for a picture that is gone; 503.
pub async fn follow(app: &App, token: &str) -> Result<Bytes, Error> {
    let sealer = app.sealer.as_ref().ok_or(NOT_FOUND)?;
    let link = Link::parse(token, sealer).ok_or(NOT_FOUND)?;
    let step = Step::tenant(
        concat!(
            "SELECT png FROM pictures WHERE org_id = (SELECT org_id FROM authority) AND message_id = ?2 AND ?3 > ",
            wall_ms!("?4")
        ),
        args![&link.message, link.until, app.clock.wall_offset()],
    );
    let tenant = app.tenant(&Authority::link(&link));
    let reply = tenant.run(Batch::read_one(step)).await?;
    let row = reply.step(0)?.first().ok_or(NOT_FOUND)?;
    Ok(Bytes::copy_from_slice(row.blob(0)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Secret;
    use proptest::prelude::*;

    fn sealer(byte: u8) -> Sealer {
        let key = base64::engine::general_purpose::STANDARD.encode([byte; 32]);
        Sealer::new(&Secret::new(key)).unwrap()
    }

    fn link() -> Link {
        Link::new(
            OrgId::derived(0, &[b"a"]),
            MessageId::derived(0, &[b"b"]),
            1_795_428_000_000,
        )
    }

    #[test]
    fn a_token_reads_back_with_its_own_key_alone() {
        let token = link().token(&sealer(1));
        assert_eq!(Link::parse(&token, &sealer(1)), Some(link()));
        assert_eq!(Link::parse(&token, &sealer(2)), None);
        assert!(token.len() < 200, "{token}");
    }

    proptest! {
        #[test]
        fn a_token_that_was_changed_is_none(at in 0_usize..150, other in "[A-Za-z0-9_-]", any in ".{0,80}") {
            let mut token = link().token(&sealer(1));
            let at = at % token.len();
            if token[at..=at] != other {
                token.replace_range(at..=at, &other);
                prop_assert_eq!(Link::parse(&token, &sealer(1)), None);
            }
            prop_assert_eq!(Link::parse(&any, &sealer(1)), None);
        }
    }
}
