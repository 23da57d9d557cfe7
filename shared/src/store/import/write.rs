//! The batches in which an import writes.

use super::super::Sample;
use super::super::append::{self, Append, place_series};
use super::super::layout::Writes;
use super::plan::Plan;
use super::progress::Progress;
use super::read::{SEARCHED_BYTES, State, needles};
use crate::Error;
use crate::auth::Tenant;
use crate::clock::Millis;
use crate::lease::Lease;
use crate::series::{SeriesId, SeriesRef};
use db::{Batch, DbError, Step, args, raise};

/// What is written of a group.
#[derive(Debug)]
pub(super) struct Write<'a> {
    pub(super) plan: &'a Plan,
    pub(super) state: &'a State,
    /// those that may be new
    pub(super) series: &'a [&'a SeriesRef],
    pub(super) all: &'a [(SeriesId, Option<Millis>)],
    pub(super) max_series: Option<u64>,
    pub(super) progress: Option<&'a Progress>,
}

/// Why a group was not written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// the lease was lost
    Fenced,
    /// the layout is another one by now, or the log has something of the series
    Overtaken,
    /// the organization would have too many series
    SeriesLimit,
}

impl Write<'_> {
    /// Writes all of it, or nothing and tells why.
    pub(super) async fn run(&self, tenant: &Tenant, lease: &Lease) -> Result<Option<Refusal>, Error> {
        let before = self.state.before;
        let mut batch = self.plan.writes.batch(tenant, lease, before, before.compacted);
        let not_in_log = batch.push(Step::tenant(
            NOT_IN_LOG_SINCE,
            args![self.state.highest, SEARCHED_BYTES, needles(self.all)],
        ));
        let guards = place_series(&mut batch, tenant, self.series, self.max_series)?;
        if let Some(progress) = self.progress {
            batch.push(progress.step(tenant));
        }
        match tenant.run(batch).await {
            Ok(_) => Ok(None),
            Err(DbError::Raised {
                step: Writes::FENCE, ..
            }) => Ok(Some(Refusal::Fenced)),
            Err(DbError::Raised { step, .. }) if step == Writes::UNCHANGED || step == not_in_log => {
                Ok(Some(Refusal::Overtaken))
            }
            Err(error) => refusal(guards.refusal(&error), error),
        }
    }
}

fn refusal(refusal: Option<append::Refusal>, error: DbError) -> Result<Option<Refusal>, Error> {
    match refusal {
        Some(append::Refusal::SeriesLimit) => Ok(Some(Refusal::SeriesLimit)),
        Some(append::Refusal::Collision) => Err(Error::conflict(
            "two series names have the same identity, please change a dimension",
        )),
        Some(append::Refusal::StaleEpoch) | None => Err(error.into()),
    }
}

/// Writes a group as rows of the log that no alert lane looks at.
pub(super) async fn through_log(
    tenant: &Tenant,
    group: &[Sample],
    series: &[&SeriesRef],
    max_series: Option<u64>,
    progress: Option<&Progress>,
) -> Result<Option<Refusal>, Error> {
    let append = Append {
        samples: group,
        series,
        epoch: None,
        max_series,
        backfill: true,
        provenance: Some("import"),
    };
    // sent twice, it says the same twice
    let mut batch = Batch::write();
    let placed = append.place(&mut batch, tenant)?;
    if let Some(progress) = progress {
        batch.push(progress.step(tenant));
    }
    match tenant.run(batch).await {
        Ok(_) => Ok(None),
        Err(error) => refusal(placed.refusal(&error), error),
    }
}

/// Records how far an import has come where there is nothing else to write.
pub(super) async fn progress_alone(tenant: &Tenant, progress: Option<&Progress>) -> Result<(), Error> {
    if let Some(progress) = progress {
        tenant.run(Batch::write_one(progress.step(tenant)).repeatable()).await?;
    }
    Ok(())
}

// rows that were there when the state was read hold nothing of the series, and do not change
const NOT_IN_LOG_SINCE: &str = concat!(
    "SELECT CASE
        WHEN (SELECT coalesce(sum(length(blob)), 0) FROM metric_batches
              WHERE org_id = (SELECT org_id FROM authority) AND seq > ?2) > ?3 THEN ",
    raise!(),
    " WHEN EXISTS (SELECT 1 FROM json_each(?4) AS n CROSS JOIN metric_batches AS b
              ON b.org_id = (SELECT org_id FROM authority) AND b.seq > ?2
              WHERE instr(b.blob, unhex(n.value)) > 0) THEN ",
    raise!(),
    " ELSE 1 END"
);
