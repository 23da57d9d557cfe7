//! Stage 1 of the tick: a lane replays the minutes that it has not evaluated yet.
//!
//! It goes in order, and each minute sees only what was received until then. So a tick that runs twice, late, beside
//! another one or half ends in the same state as a clean one.

mod anomalies;
mod backlog;
mod commit;
mod detect;
mod effects;
mod feed;
mod forecasts;
mod grid;
mod history;
mod load;
mod marks;
mod minute;
mod recall;
mod rehearsal;
mod rule_set;
mod session;
mod warm_up;
mod watching;

pub use backlog::{backlog, catch_up};
pub(super) use commit::alerts;
pub(super) use effects::{Change, Effects, Told};
pub(super) use rehearsal::{Rehearsal, Rehearsed, Subject};

use crate::Error;
use crate::auth::Tenant;
use crate::budget::Budget;
use crate::clock::Millis;
use crate::id::OrgId;
use commit::Written;
use db::{Batch, DbError, Step, args};
use session::Session;

/// How often a tick reads again because somebody else was faster.
const ATTEMPTS: usize = 10;

/// What a tick did for one organization.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Evaluated {
    /// minutes that were completed
    pub minutes: usize,
    /// changes of alerts
    pub transitions: usize,
    /// forecasts that were computed for the minutes to come
    pub forecasts: usize,
    /// series that are watched for anomalies from now on and were shown their history
    pub replayed: usize,
}

/// An organization for which a tick has something to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// which
    pub org_id: OrgId,
    /// whether rules wait to be buried
    pub tombstones: bool,
    /// whether there are composite rules, or states of them to be closed
    pub composites: bool,
    /// how many series it has
    pub series: u64,
}

/// The organizations for which a tick has something to do; `among` some, or all.
///
/// That is an active lane, transitions that nobody was told of, alerts of which something may have to be told later, the
/// tombstone of a rule, or the state of a composite one.
///
/// # Errors
/// 503 if the database does not answer.
pub async fn due(system: &Tenant, among: Option<&[OrgId]>) -> Result<Vec<Due>, Error> {
    let among = among.map(|some| serde_json::json!(some).to_string());
    let step = Step::tenant(
        "SELECT org_id, tombstones, composites, series FROM (
            SELECT a.org_id,
                EXISTS (SELECT 1 FROM lanes WHERE org_id = a.org_id AND active = 1)
                    OR EXISTS (SELECT 1 FROM transitions WHERE org_id = a.org_id AND seq > s.notified_seq)
                    OR EXISTS (SELECT 1 FROM notice_rules WHERE org_id = a.org_id) AS waits,
                EXISTS (SELECT 1 FROM alert_rules WHERE org_id = a.org_id AND deleted_at IS NOT NULL) AS tombstones,
                EXISTS (SELECT 1 FROM composite_states WHERE org_id = a.org_id)
                    OR EXISTS (SELECT 1 FROM alert_rules WHERE org_id = a.org_id AND condition ->> 'type' = 'composite') AS composites,
                s.series_count AS series
            FROM authority AS a JOIN org_state AS s ON s.org_id = a.org_id
            WHERE ?2 IS NULL OR a.org_id IN (SELECT value FROM json_each(?2)))
         WHERE waits OR tombstones OR composites ORDER BY org_id",
        args![among],
    );
    let reply = system.run(Batch::read_one(step)).await?;
    let due = |row: &db::Row| {
        Ok::<_, DbError>(Due {
            org_id: OrgId::parse(row.text(0)?)
                .ok_or_else(|| DbError::Other("an organization has a wrong id".into()))?,
            tombstones: row.integer(1)? != 0,
            composites: row.integer(2)? != 0,
            series: u64::try_from(row.integer(3)?).unwrap_or_default(),
        })
    };
    Ok(reply.step(0)?.rows.iter().map(due).collect::<Result<_, _>>()?)
}

/// Evaluates the minutes of one organization up to `scheduled`, but none later than the database's product clock.
///
/// Between them it replays the history of series that are watched for anomalies from now on, in groups of 16 as far as the budget
/// `histories` goes; then it computes forecasts that are due, as far as `forecasts` goes.
///
/// # Errors
/// 503 if the database does not answer, or other ticks were faster again and again. What was committed stays.
pub async fn evaluate(
    tenant: &Tenant,
    scheduled: Millis,
    histories: &mut dyn Budget,
    forecasts: &mut dyn Budget,
) -> Result<Evaluated, Error> {
    let mut evaluated = Evaluated::default();
    for _ in 0..ATTEMPTS {
        let Some(mut session) = Session::load(tenant, scheduled).await? else {
            return Ok(evaluated);
        };
        if session.replay(histories, &mut evaluated).await? == Written::Yes {
            evaluated.forecasts = session.forecast(forecasts).await?;
            return Ok(evaluated);
        }
    }
    Err(Error::unavailable("the lane was moved by others again and again"))
}
