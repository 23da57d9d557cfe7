//! Endpoints that fail are left in peace: a circuit breaker for each channel, and one for a host
//! that several channels of an organization share.
//!
//! Closed, an endpoint gets its messages. Five failures in a row open it: nothing is sent for a
//! while, and what waits loses no attempt. Then it is half open: one message is sent as a probe.
//! Its success closes the breaker, its failure opens it for twice as long, up to five minutes, so
//! that a receiver which is well again is told soon. A receiver that asks for time (`Retry-After`)
//! gets it for all messages of the channel. Counted in the database and by its clock: workers come
//! and go.

use super::claim::while_held;
use crate::clock::{MINUTE, Millis};
use crate::time;
use db::{DbError, Row, Step, Value, args, wall_ms};
use serde::Serialize;

/// Failures in a row that open a breaker.
pub(super) const TRIP: i64 = 5;
/// How long it stays open at first.
const FIRST_PAUSE: Millis = 30_000;
/// How long it stays open at most.
const LONGEST_PAUSE: Millis = 5 * MINUTE;

/// How an attempt leaves its endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Trouble {
    /// whether it counts as a failure: a receiver that is merely busy does not fail
    pub(super) counts: bool,
    /// the time that the receiver asked for
    pub(super) asked: Millis,
    /// `host:port`, where no host answered at all: its other channels need not find out by themselves
    pub(super) host: Option<String>,
}

/// The steps that note a failure, as long as the claim that saw it is held.
pub(super) fn failed(held: &[Value], offset: Millis, trouble: &Trouble, error: &str) -> Vec<Step> {
    let with = |endpoint: Option<&str>, asked: Millis| {
        let more = args![
            offset,
            endpoint,
            trouble.host.as_deref(),
            trouble.counts,
            asked,
            error,
            TRIP,
            FIRST_PAUSE,
            LONGEST_PAUSE
        ];
        Step::tenant(FAILED, held.iter().cloned().chain(more).collect())
    };
    let steps = match trouble.host.as_deref() {
        // what a receiver asks for concerns its channel alone
        Some(host) => [with(None, trouble.asked), with(Some(host), 0)],
        // its host has answered; after the next step nobody knows any more which one that was
        None => [Step::tenant(HOST_ANSWERED, held.to_vec()), with(None, trouble.asked)],
    };
    steps.into()
}

const HOST_ANSWERED: &str = concat!(
    "DELETE FROM breakers WHERE org_id = ?2 AND endpoint IN (
        SELECT b.host FROM breakers AS b WHERE b.org_id = ?2 AND b.host IS NOT NULL AND b.endpoint IN (
            SELECT channel_id FROM outbox",
    while_held!(),
    "))"
);

const FAILED: &str = concat!(
    "INSERT INTO breakers (org_id, endpoint, host, failures, since, retry_at, last_error)
     SELECT org_id, coalesce(?6, channel_id), iif(?6 IS NULL, ?7, NULL), ?8, ",
    wall_ms!("?5"),
    ", ",
    wall_ms!("?5"),
    " + ?9, ?10 FROM outbox",
    while_held!(),
    " ON CONFLICT (org_id, endpoint) DO UPDATE SET
        host = excluded.host, failures = failures + excluded.failures, last_error = excluded.last_error,
        retry_at = max(retry_at, excluded.retry_at, iif(excluded.failures = 0 OR failures + excluded.failures < ?11, 0, ",
    wall_ms!("?5"),
    " + min(?13, ?12 << min(failures + excluded.failures - ?11, 16))))"
);

/// The step that closes the breakers of a channel that took a message, as long as the claim is held.
pub(super) fn took(held: &[Value]) -> Step {
    Step::tenant(TOOK, held.to_vec())
}

const TOOK: &str = concat!(
    "DELETE FROM breakers WHERE org_id = ?2 AND endpoint IN (
        SELECT channel_id FROM outbox",
    while_held!(),
    "   UNION ALL
        SELECT b.host FROM breakers AS b WHERE b.org_id = ?2 AND b.host IS NOT NULL AND b.endpoint IN (
            SELECT channel_id FROM outbox",
    while_held!(),
    "))"
);

/// Whether messages go out to a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// they do
    Closed,
    /// nothing is sent until `retry_at`
    Open,
    /// one message is sent as a probe
    HalfOpen,
}

/// How a channel's endpoint is.
#[derive(Debug, Clone, Serialize)]
#[expect(missing_docs, reason = "the fields of the HTTP contract")]
pub struct Health {
    pub state: State,
    /// failures in a row
    pub failures: i64,
    /// the first of them; null if there is none
    #[serde(serialize_with = "time::rfc3339_option")]
    pub since: Option<Millis>,
    /// null unless open
    #[serde(serialize_with = "time::rfc3339_option")]
    pub retry_at: Option<Millis>,
    pub last_error: Option<String>,
}

/// Columns that tell the health of the channel `c`, by the clock moved by the parameter named; for
/// [`Health::read`].
macro_rules! health {
    ($offset:literal) => {
        concat!(
            "(SELECT json_array(b.failures, b.since, max(b.retry_at, coalesce(h.retry_at, 0)), ",
            wall_ms!($offset),
            ", iif(coalesce(h.retry_at, 0) > b.retry_at, h.last_error, b.last_error), coalesce(h.failures, 0))
              FROM breakers AS b LEFT JOIN breakers AS h ON h.org_id = b.org_id AND h.endpoint = b.host
              WHERE b.org_id = c.org_id AND b.endpoint = c.channel_id)"
        )
    };
}
pub(super) use health;

impl Health {
    const WELL: Self = Self {
        state: State::Closed,
        failures: 0,
        since: None,
        retry_at: None,
        last_error: None,
    };

    /// Reads what [`health!`] selects.
    pub(super) fn read(row: &Row, column: usize) -> Result<Self, DbError> {
        let Some(text) = row.opt_text(column)? else {
            return Ok(Self::WELL);
        };
        let (failures, since, retry_at, now, last_error, of_host): (i64, Millis, Millis, Millis, String, i64) =
            serde_json::from_str(text).map_err(|error| DbError::Other(format!("health: {error}")))?;
        let state = if retry_at > now {
            State::Open
        } else if failures.max(of_host) >= TRIP {
            State::HalfOpen
        } else {
            State::Closed
        };
        Ok(Self {
            state,
            failures,
            since: Some(since),
            retry_at: (state == State::Open).then_some(retry_at),
            last_error: Some(last_error),
        })
    }
}

/// Forgets what is known of a channel's endpoint, because it is another now, or none, or somebody says
/// that it is well: `?2` is the channel. Its host's breaker stays while other channels share it.
pub(super) fn forget(channel_id: &str) -> Step {
    Step::tenant(
        "DELETE FROM breakers WHERE org_id = (SELECT org_id FROM authority) AND endpoint IN (
            SELECT ?2
            UNION ALL
            SELECT b.host FROM breakers AS b
            WHERE b.org_id = (SELECT org_id FROM authority) AND b.endpoint = ?2 AND b.host IS NOT NULL
              AND NOT EXISTS (SELECT 1 FROM breakers AS n INDEXED BY breakers_by_host
                              WHERE n.org_id = b.org_id AND n.host = b.host AND n.endpoint <> ?2))",
        args![channel_id],
    )
}
