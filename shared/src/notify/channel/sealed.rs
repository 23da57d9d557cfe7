//! Channels as they are kept: their credentials sealed.

use super::{ChannelConfig, ChannelType, NOT_FOUND, Templates};
use crate::auth::Tenant;
use crate::clock::Millis;
use crate::id::ChannelId;
use crate::notify::address::Reach;
use crate::secrets::Place;
use crate::{App, Error};
use db::{Batch, Step, args, wall_ms};

/// Seals what a channel must not show.
pub(super) fn seal(app: &App, id: &ChannelId, text: &str) -> Result<Vec<u8>, Error> {
    let sealer = app.sealer.as_ref().ok_or_else(|| {
        Error::conflict("a channel's secret cannot be kept: set INTENTVISION_SECRET_KEY to 32 random bytes in base64")
    })?;
    sealer.seal(&app.entropy, place(id.as_str()), text.as_bytes())
}

/// A channel as it is kept: its credentials sealed.
#[derive(Debug, Clone)]
pub(in crate::notify) struct SealedChannel {
    pub(in crate::notify) channel_id: String,
    pub(in crate::notify) r#type: ChannelType,
    pub(in crate::notify) config: String,
    pub(in crate::notify) secret: Vec<u8>,
    /// whether the signing secret before the newest still signs
    pub(in crate::notify) rotating: bool,
    /// when it was changed last: what an attempt finds out is said of the channel as it was then
    pub(in crate::notify) updated_at: Millis,
}

/// A channel with its name and its templates.
///
/// # Errors
/// 404 if the organization has no such channel; 401, 403 or 503.
pub(super) async fn sealed(tenant: &Tenant, id: &ChannelId) -> Result<(String, SealedChannel, Templates), Error> {
    let step = Step::tenant(
        concat!(
            "SELECT name, type, config, secret, templates, coalesce(previous_until > ",
            wall_ms!("?3"),
            ", 0), updated_at FROM notification_channels
             WHERE org_id = (SELECT org_id FROM authority) AND deleted_at IS NULL AND channel_id = ?2"
        ),
        args![id, tenant.clock().wall_offset()],
    );
    let reply = tenant.run(Batch::read_one(step)).await?;
    let row = reply.step(0)?.first().ok_or(NOT_FOUND)?;
    let channel = SealedChannel {
        channel_id: id.as_str().to_owned(),
        r#type: ChannelType::parse(row.text(1)?).ok_or(NOT_FOUND)?,
        config: row.text(2)?.to_owned(),
        secret: row.opt_blob(3)?.unwrap_or_default().to_vec(),
        rotating: row.integer(5)? != 0,
        updated_at: row.integer(6)?,
    };
    let templates = row.opt_text(4)?.map(Templates::kept).unwrap_or_default();
    Ok((row.text(0)?.to_owned(), channel, templates))
}

/// Opens a channel whose messages may go as far as `reach`.
///
/// # Errors
/// What is wrong with it, for its owner.
pub(in crate::notify) fn open(app: &App, channel: &SealedChannel, reach: Reach) -> Result<ChannelConfig, String> {
    let text = unseal(app, &channel.channel_id, &channel.secret).map_err(|error| {
        tracing::error!(
            channel_id = channel.channel_id,
            ?error,
            "a channel's secret does not open"
        );
        "the channel's secret does not open: is INTENTVISION_SECRET_KEY the one it was sealed with?"
    })?;
    ChannelConfig::restore(channel, &text, reach)
}

pub(super) fn unseal(app: &App, channel_id: &str, sealed: &[u8]) -> Result<String, Error> {
    let sealer = app
        .sealer
        .as_ref()
        .ok_or_else(|| Error::unavailable("there is no secret key"))?;
    let text = String::from_utf8(sealer.open(place(channel_id), sealed)?);
    text.map_err(|_| Error::unavailable("a channel's secret is no text"))
}

fn place(channel_id: &str) -> Place<'_> {
    Place {
        table: "notification_channels",
        column: "secret",
        row: channel_id,
    }
}
