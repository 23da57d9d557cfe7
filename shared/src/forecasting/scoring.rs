//! Scores stored forecasts whose time has passed, and keeps the history of each series' errors.
//!
//! A forecast is looked at when its last step is over. It is scored for good once every step has an actual value, or
//! a day (or a step, if that is longer) after its end with those that came. Under a lease, and what a killed run left is
//! found by the next one: a forecast stays due until the batch that scores it.

use super::errors::SeriesErrors;
use super::packed::PackedForecast;
use super::predictions::Shown;
use super::score::{Score, score, surprise};
use crate::auth::Tenant;
use crate::clock::{DAY, HOUR, MINUTE, Millis};
use crate::id::Entropy;
use crate::lease::{self, Lease};
use crate::series::SeriesId;
use crate::{Error, store};
use db::{Batch, DbError, Row, Step, args, wall_ms};
use std::collections::BTreeMap;

/// What the lease is called, and how long it holds without being renewed.
const LEASE: (&str, Millis) = ("score-forecasts", 5 * MINUTE);
/// Forecasts of one batch: the largest have 0.7 MB each, and a reply of the database must stay below 8.
const GROUP: i64 = 8;
/// Batches of one run, so that a function ends in time; the next run goes on.
const GROUPS: usize = 64;
/// How long until another look at a forecast that has ended and of which actual values are missing.
const AGAIN: Millis = HOUR;

/// What a run did.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Scored {
    /// forecasts that are done with
    pub scored: usize,
    /// whether somebody else is at it
    pub busy: bool,
}

/// Scores what is due of an organization.
///
/// # Errors
/// 401, 403 or 503; what was scored before stays so.
pub async fn score_due(tenant: &Tenant, entropy: &Entropy) -> Result<Scored, Error> {
    let mut done = Scored::default();
    // most runs find nothing, and take no lease for that
    if due(tenant, 1).await?.is_empty() {
        return Ok(done);
    }
    let Some(lease) = lease::take(tenant, entropy, LEASE.0, LEASE.1).await? else {
        done.busy = true;
        return Ok(done);
    };
    let result = score_groups(tenant, &lease, &mut done.scored).await;
    // also after a failure: the next run should not have to wait
    let released = lease.release(tenant).await;
    result?;
    released?;
    Ok(done)
}

async fn score_groups(tenant: &Tenant, lease: &Lease, scored: &mut usize) -> Result<(), Error> {
    for _ in 0..GROUPS {
        let group = due(tenant, GROUP).await?;
        let last = group.len() < usize::try_from(GROUP).unwrap_or(usize::MAX);
        match score_group(tenant, lease, group).await? {
            Some(more) => *scored += more,
            None => return Ok(()),
        }
        if last || !lease.renew(tenant, LEASE.1).await? {
            break;
        }
    }
    Ok(())
}

/// Stored forecasts to be looked at.
#[derive(Default)]
struct Group {
    due: Vec<Due>,
    /// ids of those that this version cannot read; they must not be in the way of the others
    unreadable: Vec<String>,
}

struct Due {
    forecast_id: String,
    series_id: SeriesId,
    origin: Millis,
    packed: PackedForecast,
    shown: Shown,
    naive_error: Option<f64>,
}

impl Group {
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn len(&self) -> usize {
        self.due.len() + self.unreadable.len()
    }
}

async fn due(tenant: &Tenant, most: i64) -> Result<Group, Error> {
    let step = Step::tenant(
        concat!(
            "SELECT f.forecast_id, f.series_id, f.origin, f.predictions, f.shown, f.naive_error
             FROM authority AS a JOIN forecasts AS f ON f.org_id = a.org_id
             WHERE f.score_at IS NOT NULL AND f.score_at <= coalesce(?2, ",
            wall_ms!("?3"),
            ") ORDER BY f.score_at LIMIT ?4"
        ),
        args![tenant.clock().product_override(), tenant.clock().wall_offset(), most],
    );
    let reply = tenant.run(Batch::read_one(step)).await?;
    let mut group = Group::default();
    for row in &reply.step(0)?.rows {
        let forecast_id = row.text(0)?.to_owned();
        match read(row) {
            Ok(due) => group.due.push(due),
            Err(error) => {
                tracing::warn!(forecast_id, %error, ?error, "a stored forecast cannot be scored");
                group.unreadable.push(forecast_id);
            }
        }
    }
    // a series' errors are counted in the order of time
    group.due.sort_by_key(|due| (due.series_id, due.packed.start));
    Ok(group)
}

fn read(row: &Row) -> Result<Due, Error> {
    let packed = PackedForecast::decode(row.blob(3)?)?;
    Ok(Due {
        forecast_id: row.text(0)?.to_owned(),
        series_id: SeriesId::from_raw(row.integer(1)?)
            .ok_or_else(|| DbError::Other("a stored forecast has a wrong series".into()))?,
        origin: row.integer(2)?,
        shown: Shown::stored(row.opt_text(4)?, &packed)?,
        naive_error: row.opt_real(5)?,
        packed,
    })
}

/// What became of a forecast that was looked at.
struct Verdict {
    /// when to look again; `None`: done
    next: Option<Millis>,
    /// once it is done, if anything came
    score: Option<Score>,
    /// for the history of the series' errors, where enough came
    surprise: Option<f64>,
}

impl Due {
    async fn judge(&self, tenant: &Tenant) -> Result<Verdict, Error> {
        let (now, end, steps) = (tenant.clock().now(), self.packed.end(), self.packed.mean.len());
        let later = |next: Millis| Verdict {
            next: Some(next),
            score: None,
            surprise: None,
        };
        if now < end {
            return Ok(later(end));
        }
        let actuals = store::points(tenant, self.series_id, Some(self.origin.saturating_add(1)), Some(end)).await?;
        let levels = &self.shown.levels;
        let score = score(&self.packed, levels, self.naive_error, &actuals);
        let known = score.as_ref().map_or(0, |score| score.steps);
        let last_step = end.saturating_sub(self.packed.time(steps.saturating_sub(1)));
        let last_look = end.saturating_add(DAY.max(last_step));
        if known < steps && now < last_look {
            return Ok(later(last_look.min(now.saturating_add(AGAIN))));
        }
        Ok(Verdict {
            next: None,
            score,
            // few steps say little of the whole
            surprise: surprise(&self.packed, levels, &actuals).filter(|_| 2 * known >= steps),
        })
    }
}

/// How many were scored; `None` if the lease was lost, and nothing was done.
async fn score_group(tenant: &Tenant, lease: &Lease, group: Group) -> Result<Option<usize>, Error> {
    let mut histories = histories(tenant, &group.due).await?;
    let mut batch = Batch::write().repeatable();
    let fence = batch.push(lease.fence());
    let mut scored = 0;
    let mut put_off = group.unreadable;
    for due in &group.due {
        let verdict = match due.judge(tenant).await {
            Ok(verdict) => verdict,
            // one whose points cannot be read must not be in the way of the others; if the database is away, so is the write
            Err(error) => {
                tracing::warn!(forecast_id = due.forecast_id, ?error, "a forecast was not scored");
                put_off.push(due.forecast_id.clone());
                continue;
            }
        };
        scored += usize::from(verdict.next.is_none());
        if let Some(surprise) = verdict.surprise {
            let history = histories
                .entry(due.series_id)
                .or_insert_with(|| SeriesErrors::new(due.series_id));
            history.count(due.packed.start, due.packed.end(), surprise);
        }
        batch.push(decide(&due.forecast_id, &verdict));
    }
    let tomorrow = Verdict {
        next: Some(tenant.clock().now().saturating_add(DAY)),
        score: None,
        surprise: None,
    };
    for forecast_id in &put_off {
        batch.push(decide(forecast_id, &tomorrow));
    }
    for history in histories.values() {
        batch.push(history.write());
    }
    match tenant.run(batch).await {
        Ok(_) => Ok(Some(scored)),
        Err(DbError::Raised { step, .. }) if step == fence => Ok(None),
        Err(other) => Err(other.into()),
    }
}

fn decide(forecast_id: &str, verdict: &Verdict) -> Step {
    let score = verdict.score.as_ref();
    Step::tenant(
        "UPDATE forecasts SET score_at = ?3, score = ?4
         WHERE org_id = (SELECT org_id FROM authority) AND forecast_id = ?2",
        args![
            forecast_id,
            verdict.next,
            score.and_then(|score| serde_json::to_string(score).ok())
        ],
    )
}

async fn histories(tenant: &Tenant, group: &[Due]) -> Result<BTreeMap<SeriesId, SeriesErrors>, Error> {
    let ids: Vec<i64> = group.iter().map(|due| due.series_id.raw()).collect();
    let step = Step::tenant(
        "SELECT e.until, e.forecasts, e.mean, e.variance, e.cusum, e.run_since, e.run_forecasts, e.run_mean, e.drifting,
                e.series_id
         FROM authority AS a JOIN forecast_errors AS e ON e.org_id = a.org_id
         WHERE e.series_id IN (SELECT value FROM json_each(?2))",
        args![serde_json::to_string(&ids).unwrap_or_default()],
    );
    let reply = tenant.run(Batch::read_one(step)).await?;
    let mut histories = BTreeMap::new();
    for row in &reply.step(0)?.rows {
        let Some(series_id) = SeriesId::from_raw(row.integer(SeriesErrors::COLUMNS)?) else {
            continue;
        };
        if let Some(errors) = SeriesErrors::read(row, 0, series_id)? {
            histories.insert(series_id, errors);
        }
    }
    Ok(histories)
}
