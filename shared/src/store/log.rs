//! Reading the log in its own order, which is the order of acknowledgement.

use super::codec::batch::{self, Entry};
use crate::Error;
use crate::auth::Tenant;
use crate::clock::Millis;
use db::{Batch, Step, args};

/// Bytes of blobs of the log in one page, so that a reply stays below 8 MB in base64.
pub(super) const PAGE_BYTES: i64 = 4 * 1024 * 1024;

/// One accepted request, or one deletion.
#[derive(Debug, Clone, PartialEq)]
pub struct LogBatch {
    /// its place in the order of acknowledgement
    pub seq: i64,
    /// when, in product time; it never decreases with `seq`
    pub received_at: Millis,
    /// whether it is history, which is stored and shown and never alerted on
    pub backfill: bool,
    /// what it says
    pub entry: Entry,
}

/// A page of the log.
#[derive(Debug, Clone, PartialEq)]
pub struct LogSlice {
    /// in order
    pub batches: Vec<LogBatch>,
    /// whether there is more, after the last of these
    pub more: bool,
}

/// The batches after `after_seq` that were received no later than `received_until`, oldest first,
/// in one request and one page.
///
/// # Errors
/// 401, 403 or 503.
pub async fn log_since(tenant: &Tenant, after_seq: i64, received_until: Millis) -> Result<LogSlice, Error> {
    let step = Step::tenant(
        "SELECT b.seq, b.received_at, b.backfill, b.blob, p.last
         FROM (SELECT seq, length(blob) AS size, sum(length(blob)) OVER (ORDER BY seq) AS total, max(seq) OVER () AS last
               FROM metric_batches
               WHERE org_id = (SELECT org_id FROM authority) AND seq > ?2 AND received_at <= ?3) AS p
         CROSS JOIN metric_batches AS b ON b.org_id = (SELECT org_id FROM authority) AND b.seq = p.seq
         WHERE p.total <= ?4 OR p.total = p.size
         ORDER BY b.seq",
        args![after_seq, received_until, PAGE_BYTES],
    );
    let reply = tenant.run(Batch::read_one(step)).await?;
    let mut slice = LogSlice {
        batches: Vec::new(),
        more: false,
    };
    for row in &reply.step(0)?.rows {
        let seq = row.integer(0)?;
        slice.batches.push(LogBatch {
            seq,
            received_at: row.integer(1)?,
            backfill: row.integer(2)? != 0,
            entry: batch::decode(row.blob(3)?)?,
        });
        slice.more = row.integer(4)? > seq;
    }
    Ok(slice)
}
