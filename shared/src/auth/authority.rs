use super::Scope;
use crate::clock::Clock;
use crate::id::OrgId;
use crate::notify::link::Link;
use db::{Check, Guard, Value, args, raise, wall_ms};

/// By what right a batch runs.
///
/// Its constructors are the only way to an organization. [`Authority::key`] is for HTTP handlers;
/// [`Authority::system`] and [`Authority::operator`] are for scheduled functions and the command
/// line, and are never built in an HTTP function (a test reads their sources).
#[derive(Debug, Clone)]
pub struct Authority(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Key { hash: [u8; 32], scope: Scope },
    Recipient { hash: [u8; 32] },
    Public,
    Link { org: OrgId },
    Operator { org: Option<OrgId> },
    System { job: Job, org: Option<OrgId> },
}

/// Which scheduled function acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Job {
    /// the tick
    Evaluate,
    /// the outbox
    Deliver,
    /// forecast jobs
    Forecast,
    /// folds, trims and expiry
    Maintain,
}

impl Authority {
    /// The holder of an API key, for one scope.
    #[must_use]
    pub fn key(hash: [u8; 32], scope: Scope) -> Self {
        Self(Kind::Key { hash, scope })
    }

    /// Whoever reads the mail of a recipient: the holder of its token.
    #[must_use]
    pub fn recipient(hash: [u8; 32]) -> Self {
        Self(Kind::Recipient { hash })
    }

    /// Nobody in particular, for the routes that need no key: their statements say how many and since when, and never whose.
    #[must_use]
    pub fn public() -> Self {
        Self(Kind::Public)
    }

    /// The holder of a signed link, for what it leads to.
    #[must_use]
    pub fn link(link: &Link) -> Self {
        Self(Kind::Link {
            org: link.org().clone(),
        })
    }

    /// Somebody with the database in hand: the command line and `migrate`.
    #[must_use]
    pub fn operator(org: Option<OrgId>) -> Self {
        Self(Kind::Operator { org })
    }

    /// A scheduled function, for one organization, or for all (`None`).
    #[must_use]
    pub fn system(job: Job, org: Option<OrgId>) -> Self {
        Self(Kind::System { job, org })
    }

    pub(super) fn key_hash(&self) -> Option<[u8; 32]> {
        match &self.0 {
            Kind::Key { hash, .. } => Some(*hash),
            Kind::Recipient { .. } | Kind::Public | Kind::Link { .. } | Kind::Operator { .. } | Kind::System { .. } => {
                None
            }
        }
    }

    /// What a database checks, and the `authority(org_id, actor)` of tenant statements.
    #[must_use]
    pub fn guard(&self, clock: &Clock) -> Guard {
        match &self.0 {
            Kind::Key { hash, scope } => Guard {
                credential: Some(Check {
                    sql: KEY_HOLDS,
                    args: args![&hash[..], clock.wall_offset()],
                }),
                scope: Some(Check {
                    sql: KEY_HAS_SCOPE,
                    args: args![&hash[..], scope.accepted_json()],
                }),
                with: "WITH authority(org_id, actor) AS (SELECT org_id, key_id FROM api_keys WHERE key_hash = ?1) ",
                subject: Value::Blob(hash.to_vec()),
            },
            Kind::Recipient { hash } => Guard {
                credential: None,
                scope: None,
                with: "WITH authority(org_id, actor) AS (SELECT org_id, 'recipient' FROM channel_recipients WHERE token_hash = ?1) ",
                subject: Value::Blob(hash.to_vec()),
            },
            Kind::Public => Guard {
                credential: None,
                scope: None,
                with: "WITH authority(org_id, actor) AS (SELECT org_id, 'public' FROM organizations WHERE ?1 IS NULL) ",
                subject: Value::Null,
            },
            Kind::Link { org } => trusted(
                Some(org),
                "WITH authority(org_id, actor) AS (SELECT org_id, 'link' FROM organizations WHERE org_id = ?1) ",
                "",
            ),
            Kind::Operator { org } => trusted(
                org.as_ref(),
                "WITH authority(org_id, actor) AS (SELECT org_id, 'operator' FROM organizations WHERE org_id = ?1) ",
                "WITH authority(org_id, actor) AS (SELECT org_id, 'operator' FROM organizations WHERE ?1 IS NULL) ",
            ),
            Kind::System { job, org } => {
                let (one, all) = match job {
                    Job::Evaluate => (
                        "WITH authority(org_id, actor) AS (SELECT org_id, 'evaluate-alerts' FROM organizations WHERE org_id = ?1) ",
                        "WITH authority(org_id, actor) AS (SELECT org_id, 'evaluate-alerts' FROM organizations WHERE ?1 IS NULL) ",
                    ),
                    Job::Deliver => (
                        "WITH authority(org_id, actor) AS (SELECT org_id, 'deliver-notifications' FROM organizations WHERE org_id = ?1) ",
                        "WITH authority(org_id, actor) AS (SELECT org_id, 'deliver-notifications' FROM organizations WHERE ?1 IS NULL) ",
                    ),
                    Job::Forecast => (
                        "WITH authority(org_id, actor) AS (SELECT org_id, 'run-forecasts' FROM organizations WHERE org_id = ?1) ",
                        "WITH authority(org_id, actor) AS (SELECT org_id, 'run-forecasts' FROM organizations WHERE ?1 IS NULL) ",
                    ),
                    Job::Maintain => (
                        "WITH authority(org_id, actor) AS (SELECT org_id, 'maintain' FROM organizations WHERE org_id = ?1) ",
                        "WITH authority(org_id, actor) AS (SELECT org_id, 'maintain' FROM organizations WHERE ?1 IS NULL) ",
                    ),
                };
                trusted(org.as_ref(), one, all)
            }
        }
    }
}

fn trusted(org: Option<&OrgId>, one: &'static str, all: &'static str) -> Guard {
    Guard {
        credential: None,
        scope: None,
        with: if org.is_some() { one } else { all },
        subject: org.map_or(Value::Null, Value::from),
    }
}

const KEY_HOLDS: &str = concat!(
    "SELECT CASE WHEN EXISTS (SELECT 1 FROM api_keys WHERE key_hash = ?1 AND revoked_at IS NULL
        AND (expires_at IS NULL OR expires_at > ",
    wall_ms!("?2"),
    ")) THEN 1 ELSE ",
    raise!(),
    " END"
);

const KEY_HAS_SCOPE: &str = concat!(
    "SELECT CASE WHEN EXISTS (SELECT 1 FROM api_keys AS k, json_each(k.scopes) AS held, json_each(?2) AS accepted
        WHERE k.key_hash = ?1 AND held.value = accepted.value) THEN 1 ELSE ",
    raise!(),
    " END"
);
