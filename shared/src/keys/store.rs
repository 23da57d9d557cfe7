use super::{ApiKey, Environment};
use crate::auth::{Scopes, Tenant};
use crate::clock::Millis;
use crate::http::page::{Cursor, Page};
use crate::id::{Entropy, KeyId};
use crate::idempotency::{Operation, OperationError, Outcome, Replay};
use crate::{Error, time};
use db::{Batch, DbError, Row, Step, args, raise, wall_ms};
use http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};

/// What a new key is to be.
#[derive(Debug, Clone)]
pub struct NewKey {
    name: String,
    scopes: Scopes,
    expires_at: Option<Millis>,
}

impl NewKey {
    /// The longest name, in characters.
    pub const MAX_NAME: usize = 100;

    /// A key with this name for people, these scopes, and an end or none.
    ///
    /// # Errors
    /// 400 if the name is empty or too long.
    pub fn new(name: &str, scopes: Scopes, expires_at: Option<Millis>) -> Result<Self, Error> {
        let name = name.trim();
        if name.is_empty() || name.chars().count() > Self::MAX_NAME {
            return Err(Error::schema(format!(
                "a key's name has 1 to {} characters",
                Self::MAX_NAME
            )));
        }
        Ok(Self {
            name: name.to_owned(),
            scopes,
            expires_at,
        })
    }
}

/// A key that was just made: the only time that its text is known.
#[derive(Debug, Clone)]
pub struct Issued {
    /// its identity
    pub key_id: KeyId,
    /// its text, to be shown once
    pub key: ApiKey,
}

impl Issued {
    /// The one reply that shows the key.
    #[must_use]
    pub fn reveal(&self) -> Value {
        json!({"key_id": self.key_id, "key": self.key.reveal()})
    }
}

/// What became of a request for a key.
#[derive(Debug)]
pub enum Created {
    /// it was made now
    Now(Issued),
    /// it was made before, under the same idempotency key; its text is gone
    Before(Replay),
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

/// A key in the making. Which prefix it gets is up to the organization's environment, which only
/// the transaction knows: so both texts are prepared, and the hash of one is stored.
struct Draft {
    key_id: KeyId,
    live: ApiKey,
    test: ApiKey,
}

impl Draft {
    fn new(tenant: &Tenant, entropy: &Entropy) -> Result<Self, Error> {
        let random = entropy.bytes()?;
        Ok(Self {
            key_id: KeyId::new(tenant.clock(), entropy)?,
            live: ApiKey::from_random(Environment::Live, random),
            test: ApiKey::from_random(Environment::Test, random),
        })
    }

    /// What the statements that insert a key have in common, from `?2` on.
    fn args(&self, tenant: &Tenant) -> Vec<db::Value> {
        args![
            &self.key_id,
            &self.live.hash()[..],
            &self.test.hash()[..],
            self.live.display(),
            self.test.display(),
            tenant.clock().wall_offset()
        ]
    }

    /// Runs the batch, with the idempotency record in front if there is an operation.
    ///
    /// `refused` translates the step that raised, counted from the first of `steps`.
    async fn commit(
        self,
        tenant: &Tenant,
        operation: Option<&Operation>,
        steps: Vec<Step>,
        refused: fn(usize) -> Option<Error>,
    ) -> Result<Created, Error> {
        let mut batch = Batch::write();
        let stored = json!({"key_id": self.key_id, "secret_shown": true});
        let record = operation.map(|o| o.record(&mut batch, tenant, StatusCode::CREATED, &stored));
        let first = batch.steps.len();
        for step in steps {
            batch.push(step);
        }
        let environment = batch.push(Step::tenant(
            "SELECT environment FROM organizations WHERE org_id = (SELECT org_id FROM authority)",
            vec![],
        ));
        let result = tenant.run(batch).await;
        let outcome = match (operation, record) {
            (Some(operation), Some(record)) => operation.outcome(record, result),
            _ => result.map(Outcome::Done).map_err(OperationError::Db),
        };
        match outcome {
            Ok(Outcome::Replayed(replay)) => Ok(Created::Before(replay)),
            Ok(Outcome::Done(reply)) => {
                let environment = reply.step(environment)?.one()?.text(0)?;
                let key = if environment == Environment::Live.as_str() {
                    self.live
                } else {
                    self.test
                };
                Ok(Created::Now(Issued {
                    key_id: self.key_id,
                    key,
                }))
            }
            Err(OperationError::Db(DbError::Raised { step, rescued })) => {
                let known = step.checked_sub(first).and_then(refused);
                Err(known.unwrap_or_else(|| DbError::Raised { step, rescued }.into()))
            }
            Err(other) => Err(other.into()),
        }
    }
}

/// Raises if the key that acts would hand out more than it has: a scope, or a longer life. `asked`
/// gives `scopes` and `expires_at` of what it hands out.
macro_rules! no_more_than_own {
    ($asked:literal) => {
        concat!(
            "SELECT CASE WHEN EXISTS (
                SELECT 1 FROM authority AS a
                JOIN api_keys AS maker ON maker.org_id = a.org_id AND maker.key_id = a.actor
                JOIN (",
            $asked,
            ") AS asked
                WHERE (maker.expires_at IS NOT NULL AND (asked.expires_at IS NULL OR asked.expires_at > maker.expires_at))
                   OR (NOT EXISTS (SELECT 1 FROM json_each(maker.scopes) WHERE value = 'admin')
                       AND EXISTS (SELECT 1 FROM json_each(asked.scopes) AS scope
                                   WHERE scope.value NOT IN (SELECT value FROM json_each(maker.scopes))))
             ) THEN ",
            raise!(),
            " ELSE 1 END"
        )
    };
}

/// Makes a key.
///
/// # Errors
/// 400 if it would have ended already; 403 if it would allow more, or live longer, than the key
/// that makes it; 401, 403 or 503.
pub async fn create(
    tenant: &Tenant,
    entropy: &Entropy,
    new: &NewKey,
    operation: Option<&Operation>,
) -> Result<Created, Error> {
    if new.expires_at.is_some_and(|end| end <= tenant.clock().wall()) {
        return Err(Error::schema("expires_at is in the past"));
    }
    let draft = Draft::new(tenant, entropy)?;
    let mut insert = draft.args(tenant);
    insert.extend(args![&new.name, new.scopes.to_json(), new.expires_at]);
    let steps = vec![
        Step::tenant(
            no_more_than_own!("SELECT ?2 AS scopes, ?3 AS expires_at"),
            args![new.scopes.to_json(), new.expires_at],
        ),
        Step::tenant(
            concat!(
                "INSERT INTO api_keys (org_id, key_id, key_hash, name, display, scopes, created_at, created_by, expires_at)
                 SELECT a.org_id, ?2, iif(o.environment = 'live', ?3, ?4), ?8, iif(o.environment = 'live', ?5, ?6), ?9, ",
                wall_ms!("?7"),
                ", a.actor, ?10 FROM authority AS a JOIN organizations AS o ON o.org_id = a.org_id"
            ),
            insert,
        ),
    ];
    draft
        .commit(tenant, operation, steps, |step| (step == 0).then_some(Error::Forbidden))
        .await
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
/// 404 if the organization has no such key; 409 if it has ended; 403 if the successor would allow
/// more, or live longer, than the key that asks for it; 401, 403 or 503.
pub async fn rotate(
    tenant: &Tenant,
    entropy: &Entropy,
    key_id: &KeyId,
    grace: Millis,
    operation: Option<&Operation>,
) -> Result<Created, Error> {
    let offset = tenant.clock().wall_offset();
    let draft = Draft::new(tenant, entropy)?;
    let mut insert = draft.args(tenant);
    insert.extend(args![key_id]);
    let steps = vec![
        Step::tenant(
            concat!(
                "SELECT CASE WHEN EXISTS (SELECT 1 FROM api_keys WHERE org_id = (SELECT org_id FROM authority) AND key_id = ?2)
                 THEN 1 ELSE ",
                raise!(),
                " END"
            ),
            args![key_id],
        ),
        Step::tenant(
            concat!(
                "SELECT CASE WHEN EXISTS (SELECT 1 FROM api_keys WHERE org_id = (SELECT org_id FROM authority) AND key_id = ?2
                    AND (revoked_at IS NOT NULL OR expires_at <= ",
                wall_ms!("?3"),
                ")) THEN ",
                raise!(),
                " ELSE 1 END"
            ),
            args![key_id, offset],
        ),
        Step::tenant(
            no_more_than_own!(
                "SELECT old.scopes, old.expires_at FROM authority AS b JOIN api_keys AS old ON old.org_id = b.org_id AND old.key_id = ?2"
            ),
            args![key_id],
        ),
        Step::tenant(
            concat!(
                "INSERT INTO api_keys
                    (org_id, key_id, key_hash, name, display, scopes, created_at, created_by, expires_at, rotated_from)
                 SELECT a.org_id, ?2, iif(o.environment = 'live', ?3, ?4), old.name, iif(o.environment = 'live', ?5, ?6), old.scopes, ",
                wall_ms!("?7"),
                ", a.actor, old.expires_at, old.key_id
                 FROM authority AS a JOIN organizations AS o ON o.org_id = a.org_id
                 JOIN api_keys AS old ON old.org_id = a.org_id AND old.key_id = ?8"
            ),
            insert,
        ),
        Step::tenant(
            concat!(
                "UPDATE api_keys SET expires_at = min(coalesce(expires_at, 9223372036854775807), ",
                wall_ms!("?3"),
                " + ?4) WHERE org_id = (SELECT org_id FROM authority) AND key_id = ?2"
            ),
            args![key_id, offset, grace],
        ),
    ];
    draft
        .commit(tenant, operation, steps, |step| match step {
            0 => Some(Error::NotFound("the key")),
            1 => Some(Error::conflict("the key has ended and cannot be rotated")),
            2 => Some(Error::Forbidden),
            _ => None,
        })
        .await
}
