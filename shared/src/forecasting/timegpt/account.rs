//! An organization's key of TimeGPT, sealed at rest, and what it used up by day.

use super::circuit::CircuitStatus;
use super::client::Spent;
use super::failure::Failure;
use super::key::TimeGptKey;
use crate::auth::Tenant;
use crate::clock::{DAY, Millis};
use crate::keys::Environment;
use crate::secrets::{Place, Sealer};
use crate::{App, Error, time};
use db::{Batch, Step, args, wall_ms};
use serde::Serialize;

/// How many days of usage are shown, today included.
const SHOWN_DAYS: i64 = 30;

/// What an organization has with TimeGPT.
#[derive(Debug)]
pub struct Account {
    org_id: String,
    environment: String,
    sealed: Option<Vec<u8>>,
    updated_at: Option<Millis>,
}

/// The same as replies show it.
#[derive(Debug, Clone, Serialize)]
#[expect(missing_docs, reason = "the fields of the HTTP contract")]
pub struct AccountStatus {
    pub backend: &'static str,
    pub configured: bool,
    /// masked; only of a key that this server can open
    pub api_key: Option<String>,
    #[serde(serialize_with = "time::rfc3339_option")]
    pub updated_at: Option<Millis>,
    /// the days with requests, the newest first
    pub usage: Vec<DayUsage>,
    /// of this process
    pub circuit: CircuitStatus,
}

/// What was used up on one day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the fields of the HTTP contract")]
pub struct DayUsage {
    /// when it began, UTC
    #[serde(serialize_with = "time::rfc3339")]
    pub day: Millis,
    pub requests: i64,
    pub failures: i64,
    pub input_tokens: i64,
    pub output_tokens: i64,
    pub finetune_tokens: i64,
}

impl Account {
    /// The caller's organization's.
    ///
    /// # Errors
    /// 401, 403 or 503.
    pub async fn of(tenant: &Tenant) -> Result<Self, Error> {
        let step = Step::tenant(
            "SELECT o.org_id, o.environment, k.api_key, k.updated_at
             FROM authority AS a JOIN organizations AS o ON o.org_id = a.org_id
             LEFT JOIN timegpt_keys AS k ON k.org_id = a.org_id",
            vec![],
        );
        let reply = tenant.run(Batch::read_one(step)).await?;
        let row = reply.step(0)?.one()?;
        Ok(Self {
            org_id: row.text(0)?.to_owned(),
            environment: row.text(1)?.to_owned(),
            sealed: row.opt_blob(2)?.map(<[u8]>::to_vec),
            updated_at: row.opt_integer(3)?,
        })
    }

    /// The key to ask with.
    ///
    /// # Errors
    /// That this organization asks nobody, has no key, or has one that this server cannot open.
    pub fn key(&self, sealer: Option<&Sealer>) -> Result<TimeGptKey, Failure> {
        if self.environment != Environment::Live.as_str() {
            return Err(Failure::TestOrganization);
        }
        let sealed = self.sealed.as_deref().ok_or(Failure::NoKey)?;
        self.open(sealer, sealed).ok_or(Failure::KeyUnreadable)
    }

    fn open(&self, sealer: Option<&Sealer>, sealed: &[u8]) -> Option<TimeGptKey> {
        let text = sealer?.open(place(&self.org_id), sealed).ok()?;
        TimeGptKey::parse(&String::from_utf8(text).ok()?).ok()
    }
}

/// Where a key is sealed for: no other organization's row.
fn place(org_id: &str) -> Place<'_> {
    Place {
        table: "timegpt_keys",
        column: "api_key",
        row: org_id,
    }
}

/// Stores the key of the caller's organization, in place of an earlier one.
///
/// # Errors
/// 409 if there is no secret key to seal it with; 401, 403 or 503.
pub async fn put(app: &App, tenant: &Tenant, key: &TimeGptKey) -> Result<AccountStatus, Error> {
    let sealer = app.sealer.as_ref().ok_or_else(|| {
        Error::conflict("an API key cannot be kept: set INTENTVISION_SECRET_KEY to 32 random bytes in base64")
    })?;
    let account = Account::of(tenant).await?;
    let sealed = sealer.seal(&app.entropy, place(&account.org_id), key.reveal().as_bytes())?;
    let step = Step::tenant(
        concat!(
            "INSERT INTO timegpt_keys (org_id, api_key, updated_at) SELECT org_id, ?2, ",
            wall_ms!("?3"),
            " FROM authority WHERE true
             ON CONFLICT (org_id) DO UPDATE SET api_key = excluded.api_key, updated_at = excluded.updated_at"
        ),
        args![sealed, tenant.clock().wall_offset()],
    );
    tenant.run(Batch::write_one(step).repeatable()).await?;
    status(app, tenant).await
}

/// Forgets the key of the caller's organization; what it used up stays on record.
///
/// # Errors
/// 404 if there is none; 401, 403 or 503.
pub async fn delete(tenant: &Tenant) -> Result<(), Error> {
    let step = Step::tenant(
        "DELETE FROM timegpt_keys WHERE org_id = (SELECT org_id FROM authority)",
        vec![],
    );
    let reply = tenant.run(Batch::write_one(step)).await?;
    if reply.step(0)?.affected == 0 {
        return Err(Error::NotFound("the API key of TimeGPT"));
    }
    Ok(())
}

/// What the caller's organization has, and used up lately.
///
/// # Errors
/// 401, 403 or 503.
pub async fn status(app: &App, tenant: &Tenant) -> Result<AccountStatus, Error> {
    let account = Account::of(tenant).await?;
    let key = account
        .sealed
        .as_deref()
        .and_then(|sealed| account.open(app.sealer.as_deref(), sealed));
    Ok(AccountStatus {
        backend: super::NAME,
        configured: account.sealed.is_some(),
        api_key: key.map(|key| key.mask()),
        updated_at: account.updated_at,
        usage: usage(tenant).await?,
        circuit: app.timegpt.circuit(&app.clock),
    })
}

async fn usage(tenant: &Tenant) -> Result<Vec<DayUsage>, Error> {
    let step = Step::tenant(
        concat!(
            "SELECT day, requests, failures, input_tokens, output_tokens, finetune_tokens FROM timegpt_usage
             WHERE org_id = (SELECT org_id FROM authority) AND day > ",
            wall_ms!("?2"),
            " - ?3 ORDER BY day DESC"
        ),
        args![tenant.clock().wall_offset(), SHOWN_DAYS * DAY],
    );
    let reply = tenant.run(Batch::read_one(step)).await?;
    let days = reply.step(0)?.rows.iter().map(|row| {
        Ok(DayUsage {
            day: row.integer(0)?,
            requests: row.integer(1)?,
            failures: row.integer(2)?,
            input_tokens: row.integer(3)?,
            output_tokens: row.integer(4)?,
            finetune_tokens: row.integer(5)?,
        })
    });
    Ok(days.collect::<Result<_, db::DbError>>()?)
}

/// Adds what a call used up to today's sums.
///
/// # Errors
/// 401, 403 or 503.
pub async fn record(tenant: &Tenant, spent: &Spent) -> Result<(), Error> {
    let step = Step::tenant(
        concat!(
            "INSERT INTO timegpt_usage (org_id, day, requests, failures, input_tokens, output_tokens, finetune_tokens)
             SELECT org_id, ",
            wall_ms!("?2"),
            " / ?3 * ?3, ?4, ?5, ?6, ?7, ?8 FROM authority WHERE true
             ON CONFLICT (org_id, day) DO UPDATE SET
                requests = requests + excluded.requests, failures = failures + excluded.failures,
                input_tokens = input_tokens + excluded.input_tokens,
                output_tokens = output_tokens + excluded.output_tokens,
                finetune_tokens = finetune_tokens + excluded.finetune_tokens"
        ),
        args![
            tenant.clock().wall_offset(),
            DAY,
            spent.requests,
            spent.failures,
            spent.tokens.input,
            spent.tokens.output,
            spent.tokens.finetune
        ],
    );
    tenant.run(Batch::write_one(step)).await?;
    Ok(())
}
