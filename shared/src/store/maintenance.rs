//! What maintenance does to an organization's points: folds and the daily tidy, under one lease.

use super::fold::{self, Folded};
use super::tidy::{self, Tidied};
use crate::Error;
use crate::auth::Tenant;
use crate::clock::DAY;
use crate::id::Entropy;
use db::{Batch, Step, args, wall_ms};

/// A fold is due when more than so many batches,
const FOLD_BATCHES: i64 = 128;
/// or more than so many bytes wait;
const FOLD_BYTES: i64 = 512 * 1024;
/// both for each of so many buckets, because a fold writes a row or two of every one
/// (docs/decisions/0011-folds-of-many-series.md),
const FOLD_BUCKETS: i64 = 256;
/// and no more than so many times: what waits is searched by every read.
const FOLD_MOST: i64 = 6;
/// Groups of the tidy in one run, so that a function ends in time; the next run goes on.
const GROUPS: usize = 16;

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// what is due: a fold when more than 128 batches or 512 KiB wait (more of many series), a part of the tidy once a day
    Only,
    /// all of it, now
    Everything,
}

/// What was done.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Maintained {
    /// batches of the log that were folded
    pub folded: usize,
    /// series that the daily tidy looked at
    pub tidied: usize,
    /// whether somebody else was at it, so that nothing was done
    pub busy: bool,
}

/// What a look at the organization says is due.
struct Wanted {
    fold: bool,
    begin: bool,
    tidy: bool,
}

/// Folds and tidies what is due, unless somebody else is at it.
///
/// # Errors
/// 401, 403 or 503.
pub async fn maintain(tenant: &Tenant, entropy: &Entropy, due: Due) -> Result<Maintained, Error> {
    let mut done = Maintained::default();
    let wanted = match due {
        Due::Only => look(tenant).await?,
        Due::Everything => Wanted {
            fold: true,
            begin: true,
            tidy: true,
        },
    };
    if !(wanted.fold || wanted.tidy) {
        return Ok(done);
    }
    let Some(lease) = fold::lease(tenant, entropy).await? else {
        done.busy = true;
        return Ok(done);
    };
    if wanted.begin {
        tidy::begin(tenant).await?;
    }
    // the tidy finds everything folded at least once a day, however little a small installation sends
    if wanted.fold || wanted.begin {
        while let Folded::Some { batches, more } = fold::fold(tenant, &lease).await? {
            done.folded += batches;
            if !more {
                break;
            }
        }
    }
    if wanted.tidy {
        let groups = match due {
            Due::Only => GROUPS,
            Due::Everything => usize::MAX,
        };
        for _ in 0..groups {
            let Tidied::Some { series, more } = tidy::tidy(tenant, &lease).await? else {
                break;
            };
            done.tidied += series;
            if !more {
                break;
            }
        }
    }
    lease.release(tenant).await?;
    Ok(done)
}

async fn look(tenant: &Tenant) -> Result<Wanted, Error> {
    let step = Step::tenant(
        concat!(
            "SELECT count(b.size) > ?2 * s.times OR coalesce(sum(b.size), 0) > ?3 * s.times,
                s.tidy_next IS NOT NULL, s.tidied_at <= ",
            wall_ms!("?4"),
            " - ?5
             FROM (SELECT tidy_next, tidied_at, min(max((1 << bucket_bits) / ?6, 1), ?7) AS times
                   FROM org_state WHERE org_id = (SELECT org_id FROM authority)) AS s
             LEFT JOIN
               (SELECT length(blob) AS size FROM metric_batches
                WHERE org_id = (SELECT org_id FROM authority)
                  AND seq > (SELECT compacted_seq FROM org_state WHERE org_id = (SELECT org_id FROM authority))
                LIMIT ?2 * ?7 + 1) AS b"
        ),
        args![
            FOLD_BATCHES,
            FOLD_BYTES,
            tenant.clock().wall_offset(),
            DAY,
            FOLD_BUCKETS,
            FOLD_MOST
        ],
    );
    let reply = tenant.run(Batch::read_one(step)).await?;
    let row = reply.step(0)?.one()?;
    let under_way = row.integer(1)? != 0;
    let begin = !under_way && row.integer(2)? != 0;
    Ok(Wanted {
        fold: row.integer(0)? != 0,
        begin,
        tidy: under_way || begin,
    })
}
