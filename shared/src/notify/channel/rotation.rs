//! A new signing secret for a webhook: for a while the old one signs too, so that its receiver can change
//! over whenever it likes.

use super::guard;
use super::sealed::{seal, sealed, unseal};
use super::store::{self, Created, Issued};
use super::{ChannelType, NOT_FOUND};
use crate::auth::Tenant;
use crate::clock::{DAY, Millis};
use crate::id::ChannelId;
use crate::idempotency::Operation;
use crate::notify::signature::SigningSecret;
use crate::{App, Error};
use db::{Step, args, raise, wall_ms};
use http::StatusCode;
use serde_json::json;

/// How long both sign, unless the request says otherwise.
pub const GRACE: Millis = DAY;
/// The longest.
const MAX_GRACE: Millis = 7 * DAY;

/// Makes a new secret; the one before signs for `grace` more milliseconds, and an older one no longer.
///
/// # Errors
/// 404 if the organization has no such channel; 409 if it is no webhook, or if somebody else rotates it at the
/// same time; 400 for a grace above seven days; 401, 403 or 503.
pub async fn rotate_secret(
    app: &App,
    tenant: &Tenant,
    id: &ChannelId,
    grace: Millis,
    operation: Option<&Operation>,
) -> Result<Created<Issued>, Error> {
    if !(0..=MAX_GRACE).contains(&grace) {
        return Err(Error::schema("grace_seconds is a whole number from 0 to 604800"));
    }
    let (_, channel, _) = sealed(tenant, id).await?;
    if channel.r#type != ChannelType::Webhook {
        return Err(Error::conflict(
            "only a webhook has a secret that signs; change the config of others",
        ));
    }
    let kept = unseal(app, id.as_str(), &channel.secret)?;
    let before = kept.split(' ').next().unwrap_or_default();
    let secret = SigningSecret::new(&app.entropy)?;
    let renewed = seal(app, id, &[secret.reveal(), before].join(" "))?;
    let issued = Issued {
        shown: json!({"channel_id": id, "grace_seconds": grace / 1_000}),
        secret: Some(secret),
    };
    let steps = vec![
        guard::exists(id),
        Step::tenant(
            concat!(
                "SELECT CASE WHEN EXISTS (SELECT 1 FROM notification_channels
                    WHERE org_id = (SELECT org_id FROM authority) AND channel_id = ?2 AND secret = ?3) THEN 1 ELSE ",
                raise!(),
                " END"
            ),
            args![id, &channel.secret[..]],
        ),
        Step::tenant(
            concat!(
                "UPDATE notification_channels SET secret = ?3, previous_until = now + ?5, updated_at = max(updated_at + 1, now)
                 FROM (SELECT ",
                wall_ms!("?4"),
                " AS now) WHERE org_id = (SELECT org_id FROM authority) AND channel_id = ?2"
            ),
            args![id, renewed, app.clock.wall_offset(), grace],
        ),
    ];
    let refused = |step| match step {
        0 => Some(NOT_FOUND),
        1 => Some(Error::conflict("somebody else has rotated the secret just now")),
        _ => None,
    };
    match store::commit(tenant, operation, StatusCode::CREATED, &issued.stored(), steps, refused).await? {
        Created::Now(_) => Ok(Created::Now(issued)),
        Created::Before(replay) => Ok(Created::Before(replay)),
    }
}
