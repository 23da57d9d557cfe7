//! The daily tidy: what folds leave for later, series by series.
//!
//! Once a day a pass begins, and goes through the organization's series in the order of their id, a
//! group at a time and as many groups a run as there is time for. For each series it
//!
//! - takes late points out of the segments and into the chunks that they fall into, so that a chunk
//!   is rewritten at most once a day however often late points come;
//! - merges small chunks that together fill a page, and takes points that wait in segments where they fill
//!   the page of the newest chunk;
//! - removes what is older than the retention, and the series of which nothing is left;
//! - refreshes the summary in its row (`point_count`, `start_time`, `resolution`).
//!
//! It works under the same lease and the same guard as a fold, so that one that was killed, or overtaken, has done
//! nothing. Where the pass is stands in `org_state` and moves in the same batch.

pub(super) mod plan;
pub(super) mod read;

use super::layout::{Writes, chunk_points};
use crate::Error;
use crate::auth::Tenant;
use crate::lease::Lease;
use db::{Batch, DbError, Step, args, wall_ms};

/// How often a group that was overtaken starts over.
const ATTEMPTS: usize = 4;

/// What became of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tidied {
    /// so many series were looked at, and the pass is over or not
    Some {
        /// how many
        series: usize,
        /// whether the pass goes on
        more: bool,
    },
    /// the lease was lost; nothing was done
    Fenced,
}

/// Begins a pass, unless one is under way.
///
/// # Errors
/// 401, 403 or 503.
pub async fn begin(tenant: &Tenant) -> Result<(), Error> {
    let step = Step::tenant(
        concat!(
            "UPDATE org_state SET tidy_next = 0, tidied_at = ",
            wall_ms!("?2"),
            " WHERE org_id = (SELECT org_id FROM authority) AND tidy_next IS NULL"
        ),
        args![tenant.clock().wall_offset()],
    );
    tenant.run(Batch::write_one(step).repeatable()).await?;
    Ok(())
}

/// Tidies the next group of series of the pass.
///
/// # Errors
/// 401, 403 or 503; a lost reply leaves it open whether it took effect, and does no harm.
pub async fn tidy(tenant: &Tenant, lease: &Lease) -> Result<Tidied, Error> {
    for _ in 0..ATTEMPTS {
        let Some(group) = read::group(tenant).await? else {
            return Ok(Tidied::Some { series: 0, more: false });
        };
        let mut plan = plan::plan(&group)?;
        let chunks = chunk_points(tenant, &plan.wanted()).await?;
        plan.rewrite(chunks);
        let next = if plan.taken < group.series.len() {
            group.series.get(plan.taken).map(|series| series.id.raw())
        } else {
            group.next
        };
        let mut batch = plan.writes.batch(tenant, lease, group.before, group.before.compacted);
        batch.push(Step::tenant(
            "UPDATE org_state SET tidy_next = ?2 WHERE org_id = (SELECT org_id FROM authority)",
            args![next],
        ));
        match tenant.run(batch).await {
            Ok(_) => {}
            Err(DbError::Raised {
                step: Writes::FENCE, ..
            }) => return Ok(Tidied::Fenced),
            Err(DbError::Raised {
                step: Writes::UNCHANGED,
                ..
            }) => continue,
            Err(other) => return Err(other.into()),
        }
        super::delete::expired(tenant, &plan.expired, group.before.compacted).await?;
        return Ok(Tidied::Some {
            series: plan.taken,
            more: next.is_some(),
        });
    }
    Err(Error::unavailable("folds came first again and again"))
}
