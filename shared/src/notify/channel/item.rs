//! Channels as lists show them: their credentials masked.

use super::sealed::unseal;
use super::{ChannelType, NOT_FOUND};
use crate::auth::Tenant;
use crate::clock::Millis;
use crate::http::page::{Cursor, Page};
use crate::id::ChannelId;
use crate::notify::breaker::{Health, health};
use crate::notify::signature::SigningSecret;
use crate::{App, Error, time};
use db::{Batch, DbError, Row, Step, args, wall_ms};
use serde::Serialize;
use serde_json::Value;

/// A channel as lists show it.
#[derive(Debug, Clone, Serialize)]
#[expect(missing_docs, reason = "the fields of the HTTP contract")]
pub struct ChannelItem {
    pub channel_id: String,
    pub name: String,
    pub r#type: String,
    pub config: Value,
    /// of a channel of type email: who has confirmed
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recipients: Option<Value>,
    /// null: the default words
    pub templates: Option<Value>,
    pub enabled: bool,
    /// why it is disabled, unless its owner did it
    pub disabled_because: Option<String>,
    /// what signs a webhook, masked
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// messages in five minutes, above which there is one digest a minute; null: as usual for the type
    pub rate_limit: Option<i64>,
    pub health: Health,
    #[serde(serialize_with = "time::rfc3339")]
    pub created_at: Millis,
    #[serde(serialize_with = "time::rfc3339")]
    pub updated_at: Millis,
}

/// The organization's channels, for [`read`], by the clock moved by `?2`.
macro_rules! shown {
    () => {
        concat!(
            "SELECT c.channel_id, c.name, c.type, c.config, c.enabled, c.secret, c.created_at, c.updated_at, c.disabled_because,
                    c.rate_limit, c.templates,
                    (SELECT nullif(json_group_array(json_object('address', r.address, 'standing', r.standing)), '[]')
                     FROM channel_recipients AS r WHERE r.org_id = c.org_id AND r.channel_id = c.channel_id AND r.listed = 1), ",
            health!("?2"),
            " FROM notification_channels AS c WHERE c.org_id = (SELECT org_id FROM authority) AND c.deleted_at IS NULL"
        )
    };
}

/// One of them.
pub(super) fn shown(tenant: &Tenant, id: &ChannelId) -> Step {
    Step::tenant(
        concat!(shown!(), " AND c.channel_id = ?3"),
        args![tenant.clock().wall_offset(), id],
    )
}

/// The organization's channels, oldest first.
///
/// # Errors
/// 401, 403 or 503.
pub async fn list(
    app: &App,
    tenant: &Tenant,
    limit: usize,
    after: Option<&Cursor>,
) -> Result<Page<ChannelItem>, Error> {
    let step = Step::tenant(
        concat!(shown!(), " AND c.channel_id > ?3 ORDER BY c.channel_id LIMIT ?4"),
        args![
            tenant.clock().wall_offset(),
            after.map_or("", Cursor::as_str),
            Page::<ChannelItem>::fetch(limit)
        ],
    );
    let reply = tenant.run(Batch::read_one(step)).await?;
    let rows = &reply.step(0)?.rows;
    let items = rows.iter().map(|row| read(app, row)).collect::<Result<Vec<_>, _>>()?;
    Ok(Page::cut(items, limit, |item| item.channel_id.clone()))
}

/// One channel.
///
/// # Errors
/// 404 if the organization has no such channel; 401, 403 or 503.
pub async fn get(app: &App, tenant: &Tenant, id: &ChannelId) -> Result<ChannelItem, Error> {
    let reply = tenant.run(Batch::read_one(shown(tenant, id))).await?;
    let row = reply.step(0)?.first().ok_or(NOT_FOUND)?;
    Ok(read(app, row)?)
}

/// Reads a row of [`shown`].
pub(super) fn read(app: &App, row: &Row) -> Result<ChannelItem, DbError> {
    let channel_id = row.text(0)?.to_owned();
    let r#type = row.text(2)?.to_owned();
    let secret = (r#type == ChannelType::Webhook.as_str()).then(|| {
        let sealed = row.opt_blob(5).ok().flatten().unwrap_or_default();
        let secrets = unseal(app, &channel_id, sealed)
            .ok()
            .as_deref()
            .and_then(SigningSecret::parse_all);
        let newest = secrets.as_deref().and_then(<[_]>::first);
        newest.map_or("whsec_…".to_owned(), SigningSecret::mask)
    });
    Ok(ChannelItem {
        name: row.text(1)?.to_owned(),
        r#type,
        config: serde_json::from_str(row.text(3)?).unwrap_or_default(),
        enabled: row.integer(4)? != 0,
        disabled_because: row.opt_text(8)?.map(str::to_owned),
        recipients: row.opt_text(11)?.and_then(|text| serde_json::from_str(text).ok()),
        templates: row.opt_text(10)?.and_then(|text| serde_json::from_str(text).ok()),
        secret,
        rate_limit: row.opt_integer(9)?,
        health: Health::read(row, 12)?,
        created_at: row.integer(6)?,
        updated_at: row.integer(7)?,
        channel_id,
    })
}
