//! Channels are made, changed and ended.

use super::item::{self, ChannelItem};
use super::request::{ChannelChange, NewChannel, RateLimit, check_config, check_rate_limit, check_templates};
use super::sealed::{seal, sealed};
use super::{ChannelConfig, ChannelType, NOT_FOUND, Templates};
use crate::alerting::notices;
use crate::auth::Tenant;
use crate::id::ChannelId;
use crate::idempotency::{Operation, OperationError, Outcome, Replay};
use crate::notify::address::Reach;
use crate::notify::breaker;
use crate::notify::recipients;
use crate::notify::signature::SigningSecret;
use crate::{App, Error};
use db::{Batch, DbError, Reply, Step, args, wall_ms};
use http::StatusCode;
use serde_json::{Value, json};

/// A reply that shows a signing secret, if there is a new one: the only time that this happens.
#[derive(Debug, Clone)]
pub struct Issued {
    pub(super) shown: Value,
    pub(super) secret: Option<SigningSecret>,
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
    pub(super) fn stored(&self) -> Value {
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
    if new.r#type == ChannelType::Email && app.config.mail.is_none() {
        return Err(Error::conflict(
            "this installation sends no mail: set INTENTVISION_SMTP_URL, INTENTVISION_MAIL_FROM and INTENTVISION_PUBLIC_URL",
        ));
    }
    let issued = Issued {
        shown: json!({
            "channel_id": id, "name": new.name, "type": new.r#type.as_str(), "config": config, "enabled": true,
            "rate_limit": new.rate_limit.map(RateLimit::get),
        }),
        secret,
    };
    let mut steps = vec![Step::tenant(
        concat!(
            "INSERT INTO notification_channels (org_id, channel_id, name, type, config, secret, rate_limit, templates,
                                                created_at, updated_at)
             SELECT a.org_id, ?2, ?3, ?4, ?5, ?6, ?8, ?9, now, now FROM authority AS a JOIN (SELECT ",
            wall_ms!("?7"),
            " AS now)"
        ),
        args![
            &id,
            &new.name,
            new.r#type.as_str(),
            config.to_string(),
            sealed,
            app.clock.wall_offset(),
            new.rate_limit.map(RateLimit::get),
            new.templates.as_ref().and_then(text_of)
        ],
    )];
    if let ChannelConfig::Email(email) = &new.config {
        steps.extend(recipients::replace(app, &id, email.to())?);
    }
    match commit(tenant, operation, StatusCode::CREATED, &issued.stored(), steps, |_| {
        None
    })
    .await?
    {
        Created::Now(_) => Ok(Created::Now(issued)),
        Created::Before(replay) => Ok(Created::Before(replay)),
    }
}

fn text_of(templates: &Templates) -> Option<String> {
    serde_json::to_string(templates).ok()
}

fn with(object: &Value, name: &str, value: impl Into<Value>) -> Value {
    let mut object = object.clone();
    object[name] = value.into();
    object
}

/// Runs the steps, with the idempotency record in front if there is an operation; `refused`
/// translates the step that raised.
pub(super) async fn commit(
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
    let (mut config, mut templates) = (None, None);
    if change.config.is_some() || change.templates.is_some() || change.rate_limit.is_some() {
        // a channel's type never changes
        let r#type = sealed(tenant, id).await?.1.r#type;
        check_rate_limit(r#type, change.rate_limit)?;
        if let Some(given) = &change.config {
            config = Some(check_config(r#type, given, reach)?);
        }
        if let Some(given) = change.templates.as_ref().filter(|given| !given.is_null()) {
            templates = Some(check_templates(r#type, given)?);
        }
    }
    let credentials = config.as_ref().and_then(ChannelConfig::credentials);
    let secret = credentials.map(|text| seal(app, id, &text)).transpose()?;
    let mut batch = Batch::write().repeatable();
    batch.push(Step::tenant(
        concat!(
            "UPDATE notification_channels
             SET name = coalesce(?3, name), config = coalesce(?4, config), secret = coalesce(?7, secret),
                 rate_limit = coalesce(?8, rate_limit), templates = iif(?9, ?10, templates), enabled = coalesce(?5, enabled),
                 disabled_because = iif(?5 IS NULL, disabled_because, NULL), updated_at = max(updated_at + 1, ",
            wall_ms!("?6"),
            ") WHERE org_id = (SELECT org_id FROM authority) AND deleted_at IS NULL AND channel_id = ?2"
        ),
        args![
            id,
            change.name.as_deref(),
            config.as_ref().map(|config| config.shown().to_string()),
            change.enabled,
            tenant.clock().wall_offset(),
            secret,
            change.rate_limit.map(RateLimit::get),
            change.templates.is_some(),
            templates.as_ref().and_then(text_of)
        ],
    ));
    match &config {
        Some(ChannelConfig::Email(email)) => {
            for step in recipients::replace(app, id, email.to())? {
                batch.push(step);
            }
        }
        // where it is told now, nobody knows what stands in another place
        Some(_) => {
            batch.push(Step::tenant(
                "DELETE FROM channel_threads WHERE org_id = (SELECT org_id FROM authority) AND channel_id = ?2",
                args![id],
            ));
        }
        None => {}
    }
    if change.config.is_some() || change.enabled == Some(true) {
        // it is another endpoint now, or somebody has repaired it
        batch.push(breaker::forget(id.as_str()));
    }
    if change.enabled == Some(false) {
        batch.push(Step::tenant(
            "UPDATE outbox INDEXED BY outbox_in_flight SET state = 'dead', last_error = 'the channel is disabled'
             WHERE org_id = (SELECT org_id FROM authority) AND channel_id = ?2
               AND state = 'pending' AND type <> 'alert.resolved' AND digest_of = 0",
            args![id],
        ));
    }
    batch.push(notices::ask());
    let updated = batch.push(item::shown(tenant, id));
    let reply = tenant.run(batch).await?;
    let row = reply.step(updated)?.first().ok_or(NOT_FOUND)?;
    Ok(item::read(app, row)?)
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
    batch.push(recipients::end(id));
    batch.push(breaker::forget(id.as_str()));
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
