//! `Idempotency-Key`: the effect and the reply of a request are kept in one transaction, so that a
//! repeated request finds the reply and does nothing again.

use crate::auth::Tenant;
use crate::clock::DAY;
use crate::http::body::Body;
use crate::{Code, Error};
use axum::response::{IntoResponse, Response};
use db::{Batch, DbError, Reply, Rows, Step, args, wall_ms};
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;
use sha2::{Digest, Sha256};

const MAX_KEY: usize = 255;
/// How long a reply is kept.
pub const KEPT: i64 = DAY;

/// A request that carries an idempotency key.
#[derive(Debug, Clone)]
pub struct Operation {
    key: String,
    request_hash: [u8; 32],
}

/// Where the record of an operation stands in its batch.
#[derive(Debug, Clone, Copy)]
pub struct Record {
    insert: usize,
    stored: usize,
}

impl Operation {
    /// The operation of a request: the header's key or the body's (`in_body`), if there is one.
    ///
    /// # Errors
    /// 400 if both are there and differ, or the key is empty or longer than 255 characters.
    pub fn of(body: &Body, in_body: Option<&str>) -> Result<Option<Self>, Error> {
        let key = match (body.idempotency_key.as_deref(), in_body) {
            (Some(header), Some(field)) if header != field => {
                return Err(Error::schema(
                    "the Idempotency-Key header and the idempotency_key field differ",
                ));
            }
            (header, field) => header.or(field),
        };
        let Some(key) = key else { return Ok(None) };
        if key.is_empty() || key.chars().count() > MAX_KEY {
            return Err(Error::schema("an idempotency key has 1 to 255 characters"));
        }
        let mut hash = Sha256::new();
        hash.update(body.route.as_bytes());
        hash.update([0]);
        hash.update(&body.bytes);
        Ok(Some(Self {
            key: key.to_owned(),
            request_hash: hash.finalize().into(),
        }))
    }

    /// Adds the record to the batch, in front of the effect. `reply` must hold no secret.
    #[must_use]
    pub fn record(&self, batch: &mut Batch, tenant: &Tenant, status: StatusCode, reply: &impl Serialize) -> Record {
        let offset = tenant.clock().wall_offset();
        let reply = serde_json::to_string(reply).unwrap_or_default();
        batch.repeatable = true;
        batch.push(Step::tenant(
            concat!(
                "DELETE FROM idempotency_keys WHERE org_id = (SELECT org_id FROM authority) AND key = ?2 AND created_at <= ",
                wall_ms!("?3"),
                " - ?4"
            ),
            args![&self.key, offset, KEPT],
        ));
        let insert = batch.push(Step::tenant(
            concat!(
                "INSERT INTO idempotency_keys (org_id, key, request_hash, status, reply, created_at)
                 SELECT org_id, ?2, ?3, ?4, ?5, ",
                wall_ms!("?6"),
                " FROM authority"
            ),
            args![
                &self.key,
                &self.request_hash[..],
                i64::from(status.as_u16()),
                reply.to_string(),
                offset
            ],
        ));
        let stored = batch.push_rescue(
            insert,
            Step::tenant(
                "SELECT request_hash, status, reply FROM idempotency_keys WHERE org_id = (SELECT org_id FROM authority) AND key = ?2",
                args![&self.key],
            ),
        );
        Record { insert, stored }
    }

    /// The reply of the first time, if there was one: for effects that cost something before their batch runs.
    ///
    /// # Errors
    /// As [`Operation::outcome`]; 401, 403 or 503.
    pub async fn earlier(&self, tenant: &Tenant) -> Result<Option<Replay>, Error> {
        let step = Step::tenant(
            concat!(
                "SELECT request_hash, status, reply FROM idempotency_keys
                 WHERE org_id = (SELECT org_id FROM authority) AND key = ?2 AND created_at > ",
                wall_ms!("?3"),
                " - ?4"
            ),
            args![&self.key, tenant.clock().wall_offset(), KEPT],
        );
        let reply = tenant.run(Batch::read_one(step)).await?;
        let stored = reply.step(0)?;
        stored.first().map(|_| self.replay(Some(stored))).transpose()
    }

    /// What became of the batch: its reply, or the reply of the first time.
    ///
    /// # Errors
    /// 422 `IDEMPOTENCY_KEY_REUSED` if the first request was another one; else the batch's error.
    pub fn outcome(&self, record: Record, result: Result<Reply, DbError>) -> Result<Outcome, OperationError> {
        match result {
            Ok(reply) => Ok(Outcome::Done(reply)),
            Err(DbError::Constraint { step, rescued, .. }) if step == record.insert => Ok(Outcome::Replayed(
                self.replay(rescued.get(record.stored))
                    .map_err(OperationError::Refused)?,
            )),
            Err(error) => Err(OperationError::Db(error)),
        }
    }

    fn replay(&self, stored: Option<&Rows>) -> Result<Replay, Error> {
        let missing = || Error::unavailable("a stored reply is missing");
        let row = stored.and_then(Rows::first).ok_or_else(missing)?;
        if row.blob(0)? != self.request_hash {
            return Err(Error::Unprocessable {
                code: Code::IdempotencyKeyReused,
                message: "the idempotency key was used for another request".into(),
            });
        }
        let status = u16::try_from(row.integer(1)?)
            .ok()
            .and_then(|code| StatusCode::from_u16(code).ok());
        Ok(Replay {
            status: status.ok_or_else(missing)?,
            body: row.text(2)?.to_owned(),
        })
    }
}

/// Why an operation has no outcome.
#[derive(Debug)]
pub enum OperationError {
    /// the key was used for another request, or its record cannot be read
    Refused(Error),
    /// the batch failed for another reason, which its domain may know
    Db(DbError),
}

impl From<OperationError> for Error {
    fn from(error: OperationError) -> Self {
        match error {
            OperationError::Refused(error) => error,
            OperationError::Db(error) => error.into(),
        }
    }
}

/// What became of an operation.
#[derive(Debug)]
pub enum Outcome {
    /// it took effect now
    Done(Reply),
    /// it had taken effect before
    Replayed(Replay),
}

/// The reply of the first time.
#[derive(Debug, Clone)]
pub struct Replay {
    status: StatusCode,
    body: String,
}

impl Replay {
    /// What was said the first time.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }
}

impl IntoResponse for Replay {
    fn into_response(self) -> Response {
        let json = (header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let replayed = (
            HeaderName::from_static("idempotency-replayed"),
            HeaderValue::from_static("true"),
        );
        (self.status, [json, replayed], self.body).into_response()
    }
}

/// Deletes up to `limit` records that are past their time, over all organizations of `system`.
///
/// # Errors
/// 503 if the database does not answer.
pub async fn expire(system: &Tenant, limit: u32) -> Result<u64, Error> {
    let step = Step::tenant(
        concat!(
            "DELETE FROM idempotency_keys WHERE (org_id, key) IN (
                SELECT i.org_id, i.key FROM authority AS a JOIN idempotency_keys AS i ON i.org_id = a.org_id
                WHERE i.created_at <= ",
            wall_ms!("?2"),
            " - ?3 LIMIT ?4)"
        ),
        args![system.clock().wall_offset(), KEPT, limit],
    );
    let mut batch = Batch::write_one(step);
    batch.repeatable = true;
    Ok(system.run(batch).await?.step(0)?.affected)
}
