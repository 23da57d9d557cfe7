//! Folding: from the log into segments and chunks.
//!
//! An organization has one folder at a time, by its lease. A fold reads what waits in the log and
//! what is folded of the same series, plans, and writes everything in one batch that is refused
//! unless `compacted_seq` is what was read and the lease still holds. So a fold that was killed, or
//! overtaken, has done nothing. The rows of the log stay until [`trim`](super::trim()).

pub(super) mod changes;
pub(super) mod plan;
mod read;

use super::layout::{Writes, chunk_points, stored};
use crate::Error;
use crate::auth::Tenant;
use crate::clock::{MINUTE, Millis};
use crate::id::Entropy;
use crate::lease::{self, Lease};
use db::DbError;

/// How long a folder may take before another may try.
const LEASE: Millis = 2 * MINUTE;
/// What whoever changes chunks and segments holds.
pub(super) const LEASE_NAME: &str = "fold";
/// How often a fold that was overtaken starts over.
const ATTEMPTS: usize = 4;

/// What became of a fold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Folded {
    /// nothing waited
    Nothing,
    /// so many batches are folded, and there is more
    Some {
        /// how many
        batches: usize,
        /// whether more waits
        more: bool,
    },
    /// the lease was lost; nothing was done
    Fenced,
}

/// The organization's one lease for folds.
///
/// # Errors
/// 401, 403 or 503.
pub async fn lease(tenant: &Tenant, entropy: &Entropy) -> Result<Option<Lease>, Error> {
    lease::take(tenant, entropy, LEASE_NAME, LEASE).await
}

/// Folds what waits, at most 4 MiB of it.
///
/// # Errors
/// 401, 403 or 503; a lost reply leaves it open whether the fold took effect, and does no harm.
pub async fn fold(tenant: &Tenant, lease: &Lease) -> Result<Folded, Error> {
    for _ in 0..ATTEMPTS {
        let Some(waiting) = read::log(tenant).await? else {
            return Ok(Folded::Nothing);
        };
        let wanted: Vec<_> = waiting
            .changes
            .iter()
            .map(|(id, change)| {
                // what was deleted has no chunks to look at
                let first = change.points.first().map(|point| point.timestamp);
                (*id, first.filter(|_| !change.deleted))
            })
            .collect();
        let stored = stored(tenant, waiting.before.bits, &wanted).await?;
        let unknown = read::unknown(tenant, &waiting.changes).await?;
        let (mut writes, joins) = plan::plan(&waiting.changes, &stored, waiting.before.bits, &unknown)?;
        let keys: Vec<_> = joins.keys().copied().collect();
        let mut chunks = chunk_points(tenant, &keys).await?;
        for (key, closed) in &joins {
            plan::join(*key, chunks.remove(key).unwrap_or_default(), closed, &mut writes);
        }
        let batch = writes.batch(tenant, lease, waiting.before, waiting.last);
        match tenant.run(batch).await {
            Ok(_) => {
                return Ok(Folded::Some {
                    batches: waiting.batches,
                    more: waiting.more,
                });
            }
            Err(DbError::Raised {
                step: Writes::FENCE, ..
            }) => return Ok(Folded::Fenced),
            // another fold came first: what was read and planned is worth nothing
            Err(DbError::Raised {
                step: Writes::UNCHANGED,
                ..
            }) => {}
            Err(other) => return Err(other.into()),
        }
    }
    Err(Error::unavailable("other folds came first again and again"))
}
