//! Folding: from the log into segments and chunks.
//!
//! An organization has one folder at a time, by its lease. A fold reads what waits in the log and
//! what is folded of the same series, plans, and writes everything in one batch that is refused
//! unless `compacted_seq` is what was read and the lease still holds. So a fold that was killed, or
//! overtaken, has done nothing. The rows of the log stay until [`trim`](super::trim()).

mod changes;
mod chunks;
mod plan;
mod read;
mod segments;
#[cfg(test)]
mod tests;
mod write;

pub(super) use chunks::CLOSE as CHUNK_POINTS;

use crate::Error;
use crate::auth::Tenant;
use crate::clock::{MINUTE, Millis};
use crate::id::Entropy;
use crate::lease::{self, Lease};
use db::{Batch, DbError, Step, args};

/// How long a folder may take before another may try.
const LEASE: Millis = 2 * MINUTE;
/// How often a fold that was overtaken starts over.
const ATTEMPTS: usize = 4;
/// A fold is due when more than so many batches,
const DUE_BATCHES: i64 = 128;
/// or more than so many bytes wait.
const DUE_BYTES: i64 = 512 * 1024;

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
    lease::take(tenant, entropy, "fold", LEASE).await
}

/// Folds what waits, at most 2 MiB of it.
///
/// # Errors
/// 401, 403 or 503; a lost reply leaves it open whether the fold took effect, and does no harm.
pub async fn fold(tenant: &Tenant, lease: &Lease) -> Result<Folded, Error> {
    for _ in 0..ATTEMPTS {
        let Some(waiting) = read::log(tenant).await? else {
            return Ok(Folded::Nothing);
        };
        let folded = read::folded(tenant, &waiting.changes).await?;
        let (mut writes, late) = plan::plan(&waiting.changes, &folded, waiting.bits)?;
        for (key, chunk) in read::late_chunks(tenant, &late).await? {
            if let Some(late) = late.get(&key) {
                plan::rewrite_chunk(key, chunk, late, &mut writes);
            }
        }
        let batch = write::batch(tenant, lease, waiting.compacted, waiting.last, waiting.bits, &writes);
        match tenant.run(batch).await {
            Ok(_) => {
                return Ok(Folded::Some {
                    batches: waiting.batches,
                    more: waiting.more,
                });
            }
            Err(DbError::Raised { step: write::FENCE, .. }) => return Ok(Folded::Fenced),
            // another fold came first: what was read and planned is worth nothing
            Err(DbError::Raised {
                step: write::UNCHANGED, ..
            }) => {}
            Err(other) => return Err(other.into()),
        }
    }
    Err(Error::unavailable("other folds came first again and again"))
}

/// Whether enough waits for a fold: more than 128 batches or 512 KiB.
///
/// # Errors
/// 401, 403 or 503.
pub async fn is_due(tenant: &Tenant) -> Result<bool, Error> {
    let step = Step::tenant(
        "SELECT count(*) > ?2 OR coalesce(sum(size), 0) > ?3
         FROM (SELECT length(blob) AS size FROM metric_batches
               WHERE org_id = (SELECT org_id FROM authority)
                 AND seq > (SELECT compacted_seq FROM org_state WHERE org_id = (SELECT org_id FROM authority))
               LIMIT ?2 + 1)",
        args![DUE_BATCHES, DUE_BYTES],
    );
    let reply = tenant.run(Batch::read_one(step)).await?;
    Ok(reply.step(0)?.one()?.integer(0)? != 0)
}

/// Folds all that waits if a fold is due and nobody else is at it, and returns how many batches.
///
/// # Errors
/// 401, 403 or 503.
pub async fn fold_if_due(tenant: &Tenant, entropy: &Entropy) -> Result<usize, Error> {
    if !is_due(tenant).await? {
        return Ok(0);
    }
    let Some(lease) = lease(tenant, entropy).await? else {
        return Ok(0);
    };
    let mut total = 0;
    while let Folded::Some { batches, more } = fold(tenant, &lease).await? {
        total += batches;
        if !more {
            break;
        }
    }
    lease.release(tenant).await?;
    Ok(total)
}
