//! Channels: where an organization wants to be told. For now they are webhooks.

use super::address::Reach;
use super::signature::SigningSecret;
use super::target::WebhookUrl;
use crate::alerting::notices;
use crate::auth::Tenant;
use crate::clock::Millis;
use crate::http::page::{Cursor, Page};
use crate::id::{ChannelId, MessageId};
use crate::idempotency::{Operation, OperationError, Outcome, Replay};
use crate::secrets::Place;
use crate::{App, Error, time};
use db::{Batch, DbError, Reply, Row, Step, args, raise, wall_ms};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

const WEBHOOK: &str = "webhook";
/// Types that the contract names and that cannot be made yet.
const LATER: [&str; 5] = ["email", "slack", "pagerduty", "teams", "discord"];
const MAX_NAME: usize = 100;
const NOT_FOUND: Error = Error::NotFound("the channel");

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WebhookConfig {
    url: String,
}

/// What a new channel is to be.
#[derive(Debug, Clone)]
pub struct NewChannel {
    name: String,
    config: Value,
}

impl NewChannel {
    /// A channel of this type with this configuration, whose messages may go as far as `reach`.
    ///
    /// # Errors
    /// 400 for a name that is empty or too long, a type that is not known or not available yet, a
    /// configuration that does not fit the type, and a URL that nothing may be sent to.
    pub fn new(name: &str, r#type: &str, config: Value, reach: Reach) -> Result<Self, Error> {
        let name = check_name(name)?;
        match r#type {
            WEBHOOK => {}
            later if LATER.contains(&later) => {
                return Err(Error::schema(format!(
                    "channels of type {later} are not available yet, only webhook is"
                )));
            }
            _ => return Err(Error::schema("the type of a channel is webhook")),
        }
        Ok(Self {
            name,
            config: check_config(config, reach)?,
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
    /// As [`NewChannel::new`].
    pub fn new(name: Option<&str>, config: Option<Value>, enabled: Option<bool>, reach: Reach) -> Result<Self, Error> {
        Ok(Self {
            name: name.map(check_name).transpose()?,
            config: config.map(|config| check_config(config, reach)).transpose()?,
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

fn check_config(config: Value, reach: Reach) -> Result<Value, Error> {
    let config: WebhookConfig =
        serde_json::from_value(config).map_err(|error| Error::schema(format!("config: {error}")))?;
    let url = WebhookUrl::parse(&config.url, reach).map_err(|error| Error::schema(format!("config.url: {error}")))?;
    Ok(json!({"url": url}))
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
    /// masked
    pub secret: String,
    #[serde(serialize_with = "time::rfc3339")]
    pub created_at: Millis,
    #[serde(serialize_with = "time::rfc3339")]
    pub updated_at: Millis,
}

/// A channel that was just made: the only time that its secret is shown.
#[derive(Debug, Clone)]
pub struct Issued {
    shown: Value,
    secret: SigningSecret,
}

impl Issued {
    /// The one reply that shows the secret.
    #[must_use]
    pub fn reveal(&self) -> Value {
        with(&self.shown, "secret", self.secret.reveal())
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
    let sealer = app.sealer.as_ref().ok_or_else(|| {
        Error::conflict("a channel's secret cannot be kept: set INTENTVISION_SECRET_KEY to 32 random bytes in base64")
    })?;
    let id = ChannelId::new(&app.clock, &app.entropy)?;
    let secret = SigningSecret::new(&app.entropy)?;
    let sealed = sealer.seal(&app.entropy, place(id.as_str()), secret.reveal().as_bytes())?;
    let shown = json!({
        "channel_id": id, "name": new.name, "type": WEBHOOK, "config": new.config, "enabled": true,
    });
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
            WEBHOOK,
            new.config.to_string(),
            sealed,
            app.clock.wall_offset()
        ],
    )];
    let stored = with(&shown, "secret_shown", true);
    match commit(tenant, operation, StatusCode::CREATED, &stored, steps, |_| None).await? {
        Created::Now(_) => Ok(Created::Now(Issued { shown, secret })),
        Created::Before(replay) => Ok(Created::Before(replay)),
    }
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
        "SELECT channel_id, name, type, config, enabled, secret, created_at, updated_at FROM notification_channels
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
        "SELECT channel_id, name, type, config, enabled, secret, created_at, updated_at FROM notification_channels
         WHERE org_id = (SELECT org_id FROM authority) AND deleted_at IS NULL AND channel_id = ?2",
        args![id],
    );
    let reply = tenant.run(Batch::read_one(step)).await?;
    let row = reply.step(0)?.first().ok_or(NOT_FOUND)?;
    Ok(item(app, row)?)
}

fn item(app: &App, row: &Row) -> Result<ChannelItem, DbError> {
    let channel_id = row.text(0)?.to_owned();
    let sealed = row.opt_blob(5)?.unwrap_or_default();
    let secrets = open_secrets(app, &channel_id, sealed).unwrap_or_default();
    Ok(ChannelItem {
        name: row.text(1)?.to_owned(),
        r#type: row.text(2)?.to_owned(),
        config: serde_json::from_str(row.text(3)?).unwrap_or_default(),
        enabled: row.integer(4)? != 0,
        secret: secrets.first().map_or("whsec_…".to_owned(), SigningSecret::mask),
        created_at: row.integer(6)?,
        updated_at: row.integer(7)?,
        channel_id,
    })
}

/// Changes a channel. One that is disabled is told nothing: what waits for it becomes a dead letter,
/// but for resolves, which wait until it is enabled again.
///
/// # Errors
/// 404 if the organization has no such channel; 401, 403 or 503.
pub async fn update(app: &App, tenant: &Tenant, id: &ChannelId, change: &ChannelChange) -> Result<ChannelItem, Error> {
    let mut batch = Batch::write().repeatable();
    let updated = batch.push(Step::tenant(
        concat!(
            "UPDATE notification_channels
             SET name = coalesce(?3, name), config = coalesce(?4, config), enabled = coalesce(?5, enabled), updated_at = ",
            wall_ms!("?6"),
            " WHERE org_id = (SELECT org_id FROM authority) AND deleted_at IS NULL AND channel_id = ?2
             RETURNING channel_id, name, type, config, enabled, secret, created_at, updated_at"
        ),
        args![
            id,
            change.name.as_deref(),
            change.config.as_ref().map(ToString::to_string),
            change.enabled,
            tenant.clock().wall_offset()
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
    batch.push(notices::ask());
    let reply = tenant.run(batch).await?;
    let row = reply.step(updated)?.first().ok_or(NOT_FOUND)?;
    Ok(item(app, row)?)
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
    batch.push(notices::ask());
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
                "INSERT INTO outbox (org_id, message_id, channel_id, group_id, flush, type, occurred_at, state,
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

/// Where a channel's messages go; looked at before each attempt, for the configuration may have
/// become stricter since the channel was made.
pub(super) fn target(config: &str, reach: Reach) -> Result<WebhookUrl, String> {
    let config: WebhookConfig = serde_json::from_str(config).map_err(|_| "the channel's configuration is broken")?;
    WebhookUrl::parse(&config.url, reach)
}

/// A channel's secrets, the newest first.
pub(super) fn open_secrets(app: &App, channel_id: &str, sealed: &[u8]) -> Result<Vec<SigningSecret>, Error> {
    let sealer = app
        .sealer
        .as_ref()
        .ok_or_else(|| Error::unavailable("there is no secret key"))?;
    let text = String::from_utf8(sealer.open(place(channel_id), sealed)?);
    text.ok()
        .and_then(|text| SigningSecret::parse_all(&text))
        .ok_or_else(|| Error::unavailable("a channel's secret is none"))
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

    fn refusal(name: &str, r#type: &str, config: Value) -> String {
        let error = NewChannel::new(name, r#type, config, Reach::Public).unwrap_err();
        assert_eq!(error.status(), StatusCode::BAD_REQUEST);
        error.to_string()
    }

    #[test]
    fn other_types_are_refused_in_words() {
        for later in LATER {
            let message = refusal("a", later, json!({"url": "https://example.com"}));
            assert!(
                message.contains(later) && message.contains("not available yet"),
                "{message}"
            );
        }
        let unknown = refusal("a", "pigeon", json!({}));
        assert!(unknown.contains("webhook"), "{unknown}");
    }

    #[test]
    fn a_wrong_name_or_configuration_is_refused() {
        let good = json!({"url": "https://example.com/hook"});
        assert!(NewChannel::new("é".repeat(100).as_str(), "webhook", good.clone(), Reach::Public).is_ok());
        for name in ["", "  ", "a\0b", "a\nb", &"é".repeat(101)] {
            assert!(refusal(name, "webhook", good.clone()).contains("name"), "{name:?}");
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
            assert!(refusal("a", "webhook", config.clone()).contains("config"), "{config}");
        }
    }
}
