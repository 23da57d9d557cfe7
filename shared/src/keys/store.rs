use super::{ApiKey, Environment};
use crate::auth::{Scopes, Tenant};
use crate::clock::Millis;
use crate::http::page::{Cursor, Page};
use crate::id::{Entropy, KeyId};
use crate::{Error, time};
use db::{Batch, DbError, Row, Step, args, raise, wall_ms};
use serde::Serialize;

/// What a new key is to be.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// for people, 1 to 100 characters
    pub name: String,
    /// what it allows
    pub scopes: Scopes,
    /// when it ends
    pub expires_at: Option<Millis>,
}

/// A key that was just made: the only time that its text is known.
#[derive(Debug, Clone)]
pub struct Issued {
    /// its identity
    pub key_id: KeyId,
    /// its text, to be shown once
    pub key: ApiKey,
}

/// A key as lists show it.
#[derive(Debug, Clone, Serialize)]
#[expect(missing_docs, reason = "the fields of the HTTP contract")]
pub struct KeyItem {
    pub key_id: String,
    pub name: String,
    pub display: String,
    pub scopes: serde_json::Value,
    #[serde(serialize_with = "time::rfc3339")]
    pub created_at: Millis,
    #[serde(serialize_with = "time::rfc3339_option")]
    pub expires_at: Option<Millis>,
    #[serde(serialize_with = "time::rfc3339_option")]
    pub revoked_at: Option<Millis>,
    pub rotated_from: Option<String>,
    #[serde(serialize_with = "time::rfc3339_option")]
    pub last_used_at: Option<Millis>,
}

/// The steps that make a key of the given text; the caller runs them, alone or with an idempotency
/// record. A key never allows more than the key that makes it, and never lives longer.
pub(crate) fn creation(tenant: &Tenant, issued: &Issued, new: &NewKey) -> Vec<Step> {
    let offset = tenant.clock().wall_offset();
    vec![
        Step::tenant(
            concat!(
                "SELECT CASE WHEN EXISTS (
                    SELECT 1 FROM authority AS a JOIN api_keys AS maker ON maker.org_id = a.org_id AND maker.key_id = a.actor
                    WHERE (maker.expires_at IS NOT NULL AND (?3 IS NULL OR ?3 > maker.expires_at))
                       OR (NOT EXISTS (SELECT 1 FROM json_each(maker.scopes) WHERE value = 'admin')
                           AND EXISTS (SELECT 1 FROM json_each(?2) AS asked
                                       WHERE asked.value NOT IN (SELECT value FROM json_each(maker.scopes))))
                 ) THEN ",
                raise!(),
                " ELSE 1 END"
            ),
            args![new.scopes.to_json(), new.expires_at],
        ),
        Step::tenant(
            concat!(
                "INSERT INTO api_keys (org_id, key_id, key_hash, name, display, scopes, created_at, created_by, expires_at)
                 SELECT org_id, ?2, ?3, ?4, ?5, ?6, ",
                wall_ms!("?7"),
                ", actor, ?8 FROM authority"
            ),
            args![
                &issued.key_id,
                &issued.key.hash()[..],
                &new.name,
                issued.key.display(),
                new.scopes.to_json(),
                offset,
                new.expires_at
            ],
        ),
    ]
}

/// The environment of the tenant's organization, which decides the prefix of its keys.
///
/// # Errors
/// 401, 403 or 503.
pub(super) async fn environment(tenant: &Tenant) -> Result<Environment, Error> {
    let step = Step::tenant(
        "SELECT environment FROM organizations WHERE org_id = (SELECT org_id FROM authority)",
        vec![],
    );
    let reply = tenant.run(Batch::read_one(step)).await?;
    Environment::parse(reply.step(0)?.one()?.text(0)?).ok_or_else(|| Error::unavailable("an unknown environment"))
}

/// Makes a key.
///
/// # Errors
/// 403 if it would allow more, or live longer, than the key that makes it; 401, 403 or 503.
pub async fn create(tenant: &Tenant, entropy: &Entropy, new: &NewKey) -> Result<Issued, Error> {
    let environment = environment(tenant).await?;
    let issued = Issued {
        key_id: KeyId::new(tenant.clock(), entropy)?,
        key: ApiKey::from_random(environment, entropy.bytes()?),
    };
    let mut batch = Batch::write();
    for step in creation(tenant, &issued, new) {
        batch.push(step);
    }
    match tenant.run(batch).await {
        Err(DbError::Raised { step: 0, .. }) => Err(Error::Forbidden),
        Err(other) => Err(other.into()),
        Ok(_) => Ok(issued),
    }
}

/// The organization's keys, oldest first, revoked ones included.
///
/// # Errors
/// 401, 403 or 503.
pub async fn list(tenant: &Tenant, limit: usize, after: Option<&Cursor>) -> Result<Page<KeyItem>, Error> {
    let step = Step::tenant(
        "SELECT key_id, name, display, scopes, created_at, expires_at, revoked_at, rotated_from, last_used_at FROM api_keys
         WHERE org_id = (SELECT org_id FROM authority) AND key_id > ?2 ORDER BY key_id LIMIT ?3",
        args![after.map_or("", Cursor::as_str), Page::<KeyItem>::fetch(limit)],
    );
    let reply = tenant.run(Batch::read_one(step)).await?;
    let items = reply.step(0)?.rows.iter().map(item).collect::<Result<Vec<_>, _>>()?;
    Ok(Page::cut(items, limit, |item| item.key_id.clone()))
}

fn item(row: &Row) -> Result<KeyItem, DbError> {
    Ok(KeyItem {
        key_id: row.text(0)?.to_owned(),
        name: row.text(1)?.to_owned(),
        display: row.text(2)?.to_owned(),
        scopes: serde_json::from_str(row.text(3)?).unwrap_or_default(),
        created_at: row.integer(4)?,
        expires_at: row.opt_integer(5)?,
        revoked_at: row.opt_integer(6)?,
        rotated_from: row.opt_text(7)?.map(str::to_owned),
        last_used_at: row.opt_integer(8)?,
    })
}

/// Ends a key, from the reply on. A key that had ended already stays as it is.
///
/// # Errors
/// 404 if the organization has no such key; 401, 403 or 503.
pub async fn revoke(tenant: &Tenant, key_id: &KeyId) -> Result<(), Error> {
    let mut batch = Batch::write().repeatable();
    let known = batch.push(Step::tenant(
        "SELECT 1 FROM api_keys WHERE org_id = (SELECT org_id FROM authority) AND key_id = ?2",
        args![key_id],
    ));
    batch.push(Step::tenant(
        concat!(
            "UPDATE api_keys SET revoked_at = coalesce(revoked_at, ",
            wall_ms!("?3"),
            "), revoked_by = coalesce(revoked_by, (SELECT actor FROM authority))
             WHERE org_id = (SELECT org_id FROM authority) AND key_id = ?2"
        ),
        args![key_id, tenant.clock().wall_offset()],
    ));
    let reply = tenant.run(batch).await?;
    reply.step(known)?.first().map(|_| ()).ok_or(Error::NotFound("the key"))
}

/// Makes a successor with the same name, scopes and expiry; the old key ends after `grace`
/// milliseconds (0: at once), and never later than it would have.
///
/// # Errors
/// 404 if the organization has no such key; 409 if it has ended; 401, 403 or 503.
pub async fn rotate(tenant: &Tenant, entropy: &Entropy, key_id: &KeyId, grace: Millis) -> Result<Issued, Error> {
    let environment = environment(tenant).await?;
    let issued = Issued {
        key_id: KeyId::new(tenant.clock(), entropy)?,
        key: ApiKey::from_random(environment, entropy.bytes()?),
    };
    let offset = tenant.clock().wall_offset();
    let mut batch = Batch::write();
    batch.push(Step::tenant(
        concat!(
            "SELECT CASE WHEN NOT EXISTS (SELECT 1 FROM api_keys WHERE org_id = (SELECT org_id FROM authority) AND key_id = ?2)
             THEN ",
            raise!(),
            " ELSE 1 END"
        ),
        args![key_id],
    ));
    batch.push(Step::tenant(
        concat!(
            "SELECT CASE WHEN EXISTS (SELECT 1 FROM api_keys WHERE org_id = (SELECT org_id FROM authority) AND key_id = ?2
                AND (revoked_at IS NOT NULL OR expires_at <= ",
            wall_ms!("?3"),
            ")) THEN ",
            raise!(),
            " ELSE 1 END"
        ),
        args![key_id, offset],
    ));
    // a key may only make a successor of what it could have made itself
    batch.push(Step::tenant(
        concat!(
            "SELECT CASE WHEN EXISTS (
                SELECT 1 FROM authority AS a JOIN api_keys AS maker ON maker.org_id = a.org_id AND maker.key_id = a.actor
                JOIN api_keys AS old ON old.org_id = a.org_id AND old.key_id = ?2
                WHERE maker.key_id <> old.key_id
                  AND ((maker.expires_at IS NOT NULL AND (old.expires_at IS NULL OR old.expires_at > maker.expires_at))
                    OR (NOT EXISTS (SELECT 1 FROM json_each(maker.scopes) WHERE value = 'admin')
                        AND EXISTS (SELECT 1 FROM json_each(old.scopes) AS asked
                                    WHERE asked.value NOT IN (SELECT value FROM json_each(maker.scopes)))))
             ) THEN ",
            raise!(),
            " ELSE 1 END"
        ),
        args![key_id],
    ));
    batch.push(Step::tenant(
        concat!(
            "INSERT INTO api_keys (org_id, key_id, key_hash, name, display, scopes, created_at, created_by, expires_at, rotated_from)
             SELECT a.org_id, ?3, ?4, old.name, ?5, old.scopes, ",
            wall_ms!("?6"),
            ", a.actor, old.expires_at, old.key_id
             FROM authority AS a JOIN api_keys AS old ON old.org_id = a.org_id AND old.key_id = ?2"
        ),
        args![key_id, &issued.key_id, &issued.key.hash()[..], issued.key.display(), offset],
    ));
    batch.push(Step::tenant(
        concat!(
            "UPDATE api_keys SET expires_at = min(coalesce(expires_at, 9223372036854775807), ",
            wall_ms!("?3"),
            " + ?4) WHERE org_id = (SELECT org_id FROM authority) AND key_id = ?2"
        ),
        args![key_id, offset, grace],
    ));
    match tenant.run(batch).await {
        Err(DbError::Raised { step: 0, .. }) => Err(Error::NotFound("the key")),
        Err(DbError::Raised { step: 1, .. }) => Err(Error::conflict("the key has ended and cannot be rotated")),
        Err(DbError::Raised { step: 2, .. }) => Err(Error::Forbidden),
        Err(other) => Err(other.into()),
        Ok(_) => Ok(issued),
    }
}
