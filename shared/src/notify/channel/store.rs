//! Channels as they are kept: made, shown, changed, ended and tested.

use super::{ChannelConfig, ChannelType};
use crate::auth::Tenant;
use crate::clock::Millis;
use crate::http::page::{Cursor, Page};
use crate::id::{ChannelId, MessageId};
use crate::idempotency::{Operation, OperationError, Outcome, Replay};
use crate::notify::address::Reach;
use crate::notify::signature::SigningSecret;
use crate::secrets::Place;
use crate::{App, Error, time};
use db::{Batch, DbError, Reply, Row, Step, args, raise, wall_ms};
use http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};

const MAX_NAME: usize = 100;
const NOT_FOUND: Error = Error::NotFound("the channel");

/// What a new channel is to be.
#[derive(Debug, Clone)]
pub struct NewChannel {
    name: String,
    r#type: ChannelType,
    config: ChannelConfig,
}

impl NewChannel {
    /// A channel of this type with this configuration, whose messages may go as far as `reach`.
    ///
    /// # Errors
    /// 400 for a name that is empty or too long, a type that is not known, a configuration that does
    /// not fit the type, and a URL that nothing may be sent to.
    pub fn new(name: &str, r#type: &str, config: &Value, reach: Reach) -> Result<Self, Error> {
        let name = check_name(name)?;
        let r#type = ChannelType::parse(r#type)
            .ok_or_else(|| Error::schema(format!("the type of a channel is one of {}", ChannelType::names())))?;
        Ok(Self {
            name,
            r#type,
            config: check_config(r#type, config, reach)?,
        })
    }
}

/// What changes of a channel; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct ChannelChange {
    name: Option<String>,
    config: Option<Value>,
    enabled: Option<bool>,
}

impl ChannelChange {
    /// A change.
    ///
    /// # Errors
    /// 400 for a name that is empty or too long.
    pub fn new(name: Option<&str>, config: Option<Value>, enabled: Option<bool>) -> Result<Self, Error> {
        Ok(Self {
            name: name.map(check_name).transpose()?,
            config,
            enabled,
        })
    }
}

fn check_name(name: &str) -> Result<String, Error> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
        return Err(Error::schema(format!(
            "a channel's name has 1 to {MAX_NAME} characters, none of them a control character"
        )));
    }
    Ok(name.to_owned())
}

fn check_config(r#type: ChannelType, config: &Value, reach: Reach) -> Result<ChannelConfig, Error> {
    ChannelConfig::parse(r#type, config, reach).map_err(|error| Error::schema(format!("config: {error}")))
}

/// A channel as lists show it.
#[derive(Debug, Clone, Serialize)]
#[expect(missing_docs, reason = "the fields of the HTTP contract")]
pub struct ChannelItem {
    pub channel_id: String,
    pub name: String,
    pub r#type: String,
    pub config: Value,
    pub enabled: bool,
    /// why it is disabled, unless its owner did it
    pub disabled_because: Option<String>,
    /// what signs a webhook, masked
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    #[serde(serialize_with = "time::rfc3339")]
    pub created_at: Millis,
    #[serde(serialize_with = "time::rfc3339")]
    pub updated_at: Millis,
}

/// A reply that shows a signing secret, if there is a new one: the only time that this happens.
#[derive(Debug, Clone)]
pub struct Issued {
    shown: Value,
    secret: Option<SigningSecret>,
}

impl Issued {
    /// The one reply that shows the secret.
    #[must_use]
    pub fn reveal(&self) -> Value {
        match &self.secret {
            Some(secret) => with(&self.shown, "secret", secret.reveal()),
            None => self.shown.clone(),
        }
    }

    /// The reply to a repetition of the request.
    fn stored(&self) -> Value {
        match self.secret {
            Some(_) => with(&self.shown, "secret_shown", true),
            None => self.shown.clone(),
        }
    }
}

/// What became of a request that makes something.
#[derive(Debug)]
pub enum Created<T> {
    /// it was made now
    Now(T),
    /// it was made before, under the same idempotency key
    Before(Replay),
}

/// Makes a channel, and sends nothing.
///
/// # Errors
/// 409 if there is no key to seal its secret with; 401, 403 or 503.
pub async fn create(
    app: &App,
    tenant: &Tenant,
    new: &NewChannel,
    operation: Option<&Operation>,
) -> Result<Created<Issued>, Error> {
    let id = ChannelId::new(&app.clock, &app.entropy)?;
    let secret = match new.r#type {
        ChannelType::Webhook => Some(SigningSecret::new(&app.entropy)?),
        _ => None,
    };
    let kept = match (&secret, new.config.credentials()) {
        (Some(secret), _) => secret.reveal().to_owned(),
        (None, credentials) => credentials.unwrap_or_default(),
    };
    let sealed = seal(app, &id, &kept)?;
    let config = new.config.shown();
    let issued = Issued {
        shown: json!({
            "channel_id": id, "name": new.name, "type": new.r#type.as_str(), "config": config, "enabled": true,
        }),
        secret,
    };
    let steps = vec![Step::tenant(
        concat!(
            "INSERT INTO notification_channels (org_id, channel_id, name, type, config, secret, created_at, updated_at)
             SELECT a.org_id, ?2, ?3, ?4, ?5, ?6, now, now FROM authority AS a JOIN (SELECT ",
            wall_ms!("?7"),
            " AS now)"
        ),
        args![
            &id,
            &new.name,
            new.r#type.as_str(),
            config.to_string(),
            sealed,
            app.clock.wall_offset()
        ],
    )];
    match commit(tenant, operation, StatusCode::CREATED, &issued.stored(), steps, |_| {
        None
    })
    .await?
    {
        Created::Now(_) => Ok(Created::Now(issued)),
        Created::Before(replay) => Ok(Created::Before(replay)),
    }
}

/// Seals what a channel must not show.
fn seal(app: &App, id: &ChannelId, text: &str) -> Result<Vec<u8>, Error> {
    let sealer = app.sealer.as_ref().ok_or_else(|| {
        Error::conflict("a channel's secret cannot be kept: set INTENTVISION_SECRET_KEY to 32 random bytes in base64")
    })?;
    sealer.seal(&app.entropy, place(id.as_str()), text.as_bytes())
}

fn with(object: &Value, name: &str, value: impl Into<Value>) -> Value {
    let mut object = object.clone();
    object[name] = value.into();
    object
}

/// Runs the steps, with the idempotency record in front if there is an operation; `refused`
/// translates the step that raised.
async fn commit(
    tenant: &Tenant,
    operation: Option<&Operation>,
    status: StatusCode,
    stored: &Value,
    steps: Vec<Step>,
    refused: fn(usize) -> Option<Error>,
) -> Result<Created<Reply>, Error> {
    let mut batch = Batch::write();
    let record = operation.map(|operation| operation.record(&mut batch, tenant, status, stored));
    let first = batch.steps.len();
    for step in steps {
        batch.push(step);
    }
    let result = tenant.run(batch).await;
    let outcome = match (operation, record) {
        (Some(operation), Some(record)) => operation.outcome(record, result),
        _ => result.map(Outcome::Done).map_err(OperationError::Db),
    };
    match outcome {
        Ok(Outcome::Done(reply)) => Ok(Created::Now(reply)),
        Ok(Outcome::Replayed(replay)) => Ok(Created::Before(replay)),
        Err(OperationError::Db(DbError::Raised { step, rescued })) => {
            let known = step.checked_sub(first).and_then(refused);
            Err(known.unwrap_or_else(|| DbError::Raised { step, rescued }.into()))
        }
        Err(other) => Err(other.into()),
    }
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
        "SELECT channel_id, name, type, config, enabled, secret, created_at, updated_at, disabled_because FROM notification_channels
         WHERE org_id = (SELECT org_id FROM authority) AND deleted_at IS NULL AND channel_id > ?2
         ORDER BY channel_id LIMIT ?3",
        args![after.map_or("", Cursor::as_str), Page::<ChannelItem>::fetch(limit)],
    );
    let reply = tenant.run(Batch::read_one(step)).await?;
    let rows = &reply.step(0)?.rows;
    let items = rows.iter().map(|row| item(app, row)).collect::<Result<Vec<_>, _>>()?;
    Ok(Page::cut(items, limit, |item| item.channel_id.clone()))
}

/// One channel.
///
/// # Errors
/// 404 if the organization has no such channel; 401, 403 or 503.
pub async fn get(app: &App, tenant: &Tenant, id: &ChannelId) -> Result<ChannelItem, Error> {
    let step = Step::tenant(
        "SELECT channel_id, name, type, config, enabled, secret, created_at, updated_at, disabled_because FROM notification_channels
         WHERE org_id = (SELECT org_id FROM authority) AND deleted_at IS NULL AND channel_id = ?2",
        args![id],
    );
    let reply = tenant.run(Batch::read_one(step)).await?;
    let row = reply.step(0)?.first().ok_or(NOT_FOUND)?;
    Ok(item(app, row)?)
}

fn item(app: &App, row: &Row) -> Result<ChannelItem, DbError> {
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
        secret,
        created_at: row.integer(6)?,
        updated_at: row.integer(7)?,
        channel_id,
    })
}

/// Changes a channel. One that is disabled is told nothing: what waits for it becomes a dead letter,
/// but for resolves, which wait until it is enabled again.
///
/// # Errors
/// 404 if the organization has no such channel; 400 for a configuration that does not fit its type,
/// or that nothing may be sent to as far as `reach` goes; 401, 403 or 503.
pub async fn update(
    app: &App,
    tenant: &Tenant,
    id: &ChannelId,
    change: &ChannelChange,
    reach: Reach,
) -> Result<ChannelItem, Error> {
    let config = match &change.config {
        // a channel's type never changes
        Some(config) => Some(check_config(type_of(tenant, id).await?, config, reach)?),
        None => None,
    };
    let credentials = config.as_ref().and_then(ChannelConfig::credentials);
    let sealed = credentials.map(|text| seal(app, id, &text)).transpose()?;
    let mut batch = Batch::write().repeatable();
    let updated = batch.push(Step::tenant(
        concat!(
            "UPDATE notification_channels
             SET name = coalesce(?3, name), config = coalesce(?4, config), secret = coalesce(?7, secret),
                 enabled = coalesce(?5, enabled), disabled_because = iif(?5 IS NULL, disabled_because, NULL), updated_at = ",
            wall_ms!("?6"),
            " WHERE org_id = (SELECT org_id FROM authority) AND deleted_at IS NULL AND channel_id = ?2
             RETURNING channel_id, name, type, config, enabled, secret, created_at, updated_at, disabled_because"
        ),
        args![
            id,
            change.name.as_deref(),
            config.map(|config| config.shown().to_string()),
            change.enabled,
            tenant.clock().wall_offset(),
            sealed
        ],
    ));
    if change.enabled == Some(false) {
        batch.push(Step::tenant(
            "UPDATE outbox INDEXED BY outbox_in_flight SET state = 'dead', last_error = 'the channel is disabled'
             WHERE org_id = (SELECT org_id FROM authority) AND channel_id = ?2
               AND state = 'pending' AND type <> 'alert.resolved'",
            args![id],
        ));
    }
    let reply = tenant.run(batch).await?;
    let row = reply.step(updated)?.first().ok_or(NOT_FOUND)?;
    Ok(item(app, row)?)
}

async fn type_of(tenant: &Tenant, id: &ChannelId) -> Result<ChannelType, Error> {
    let step = Step::tenant(
        "SELECT type FROM notification_channels
         WHERE org_id = (SELECT org_id FROM authority) AND deleted_at IS NULL AND channel_id = ?2",
        args![id],
    );
    let reply = tenant.run(Batch::read_one(step)).await?;
    let row = reply.step(0)?.first().ok_or(NOT_FOUND)?;
    ChannelType::parse(row.text(0)?).ok_or(NOT_FOUND)
}

/// Ends a channel: its secret is forgotten, and what waits for it becomes a dead letter.
///
/// # Errors
/// 404 if the organization has no such channel; 401, 403 or 503.
pub async fn delete(tenant: &Tenant, id: &ChannelId) -> Result<(), Error> {
    let mut batch = Batch::write();
    let deleted = batch.push(Step::tenant(
        concat!(
            "UPDATE notification_channels SET secret = NULL, enabled = 0, deleted_at = ",
            wall_ms!("?3"),
            " WHERE org_id = (SELECT org_id FROM authority) AND deleted_at IS NULL AND channel_id = ?2"
        ),
        args![id, tenant.clock().wall_offset()],
    ));
    batch.push(Step::tenant(
        "UPDATE outbox INDEXED BY outbox_in_flight SET state = 'dead', last_error = 'the channel was deleted'
         WHERE org_id = (SELECT org_id FROM authority) AND channel_id = ?2 AND state = 'pending'",
        args![id],
    ));
    let reply = tenant.run(batch).await?;
    if reply.step(deleted)?.affected == 0 {
        return Err(NOT_FOUND);
    }
    Ok(())
}

/// Puts a test message into the outbox; it goes the way of every other message.
///
/// # Errors
/// 404 if the organization has no such channel; 409 if it is disabled; 401, 403 or 503.
pub async fn test(
    app: &App,
    tenant: &Tenant,
    id: &ChannelId,
    operation: Option<&Operation>,
) -> Result<Created<MessageId>, Error> {
    let message_id = MessageId::new(&app.clock, &app.entropy)?;
    let steps = vec![
        Step::tenant(
            concat!(
                "SELECT CASE WHEN EXISTS (SELECT 1 FROM notification_channels
                    WHERE org_id = (SELECT org_id FROM authority) AND channel_id = ?2 AND deleted_at IS NULL) THEN 1 ELSE ",
                raise!(),
                " END"
            ),
            args![id],
        ),
        Step::tenant(
            concat!(
                "SELECT CASE WHEN EXISTS (SELECT 1 FROM notification_channels
                    WHERE org_id = (SELECT org_id FROM authority) AND channel_id = ?2 AND enabled = 1) THEN 1 ELSE ",
                raise!(),
                " END"
            ),
            args![id],
        ),
        Step::tenant(
            concat!(
                "INSERT INTO outbox (org_id, message_id, channel_id, alert_id, transition_seq, type, occurred_at, state,
                                     due_at, created_at)
                 SELECT o.org_id, ?3, ?2, '', 0, 'test', coalesce(?4, wall), iif(o.environment = 'test', 'recorded', 'pending'),
                        wall, wall
                 FROM authority AS a JOIN organizations AS o ON o.org_id = a.org_id JOIN (SELECT ",
                wall_ms!("?5"),
                " AS wall)"
            ),
            args![id, &message_id, app.clock.product_override(), app.clock.wall_offset()],
        ),
    ];
    let stored = json!({"message_id": message_id});
    let created = commit(
        tenant,
        operation,
        StatusCode::ACCEPTED,
        &stored,
        steps,
        |step| match step {
            0 => Some(NOT_FOUND),
            1 => Some(Error::conflict("the channel is disabled")),
            _ => None,
        },
    );
    match created.await? {
        Created::Now(_) => Ok(Created::Now(message_id)),
        Created::Before(replay) => Ok(Created::Before(replay)),
    }
}

/// A channel as it is kept: its credentials sealed.
#[derive(Debug, Clone)]
pub(in crate::notify) struct SealedChannel {
    pub(in crate::notify) channel_id: String,
    pub(in crate::notify) r#type: ChannelType,
    pub(in crate::notify) config: String,
    pub(in crate::notify) secret: Vec<u8>,
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
    ChannelConfig::restore(channel.r#type, &channel.config, &text, reach)
}

fn unseal(app: &App, channel_id: &str, sealed: &[u8]) -> Result<String, Error> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(name: &str, r#type: &str, config: &Value) -> String {
        let error = NewChannel::new(name, r#type, config, Reach::Public).unwrap_err();
        assert_eq!(error.status(), StatusCode::BAD_REQUEST);
        error.to_string()
    }

    #[test]
    fn an_unknown_type_is_refused_with_those_that_there_are() {
        let unknown = refusal("a", "pigeon", &json!({}));
        assert!(unknown.contains("webhook"), "{unknown}");
    }

    #[test]
    fn a_wrong_name_or_configuration_is_refused() {
        let good = json!({"url": "https://example.com/hook"});
        assert!(NewChannel::new("é".repeat(100).as_str(), "webhook", &good, Reach::Public).is_ok());
        for name in ["", "  ", "a\0b", "a\nb", &"é".repeat(101)] {
            assert!(refusal(name, "webhook", &good).contains("name"), "{name:?}");
        }
        for config in [
            json!({}),
            json!(null),
            json!("https://example.com"),
            json!({"url": 1}),
            json!({"url": "https://example.com", "method": "GET"}),
            json!({"url": "http://example.com"}),
            json!({"url": "https://10.0.0.1/"}),
        ] {
            assert!(refusal("a", "webhook", &config).contains("config"), "{config}");
        }
    }
}
