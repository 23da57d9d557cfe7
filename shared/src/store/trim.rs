//! Deleting from the log what everybody has read.

use crate::Error;
use crate::auth::Tenant;
use crate::clock::DAY;
use db::{Batch, Step, args, wall_ms};

/// How far a lane may be behind before it is skipped to what is folded: a dead lane must not keep
/// the log for ever.
const MAX_BEHIND: i64 = DAY;
const MAX_BEHIND_BYTES: i64 = 256 * 1024 * 1024;

/// Deletes the batches that are folded and that every active lane has evaluated.
///
/// Returns how many. A lane that is more than a day or 256 MiB behind is skipped to what is folded first, and
/// its row tells of the gap.
///
/// # Errors
/// 401, 403 or 503.
pub async fn trim(tenant: &Tenant) -> Result<u64, Error> {
    let clock = tenant.clock();
    let mut batch = Batch::write().repeatable();
    batch.push(Step::tenant(
        SKIP,
        args![
            clock.product_override(),
            clock.wall_offset(),
            MAX_BEHIND,
            MAX_BEHIND_BYTES
        ],
    ));
    // `received_at` must not fall back when the newest batch goes
    batch.push(Step::tenant(KEEP_TIME, vec![]));
    let deleted = batch.push(Step::tenant(DELETE, vec![]));
    Ok(tenant.run(batch).await?.step(deleted)?.affected)
}

const SKIP: &str = concat!(
    "UPDATE lanes AS l SET
        skipped = json_object('after_seq', l.watermark, 'to_seq', s.compacted_seq, 'at', s.now),
        watermark = s.compacted_seq, open_minute = NULL, next_series = 0, version = l.version + 1
     FROM (SELECT org_id, compacted_seq, coalesce(?2, ",
    wall_ms!("?3"),
    ") AS now FROM org_state WHERE org_id = (SELECT org_id FROM authority)) AS s
     WHERE l.org_id = s.org_id AND l.active = 1 AND l.watermark < s.compacted_seq
       AND ((SELECT b.received_at FROM metric_batches AS b WHERE b.org_id = s.org_id AND b.seq > l.watermark
             ORDER BY b.seq LIMIT 1) < s.now - ?4
         OR (SELECT sum(length(b.blob)) FROM metric_batches AS b WHERE b.org_id = s.org_id AND b.seq > l.watermark) > ?5)"
);

/// Up to where the log may go.
macro_rules! bound {
    () => {
        "(SELECT min(s.compacted_seq, coalesce((SELECT min(watermark) FROM lanes WHERE org_id = s.org_id AND active = 1), s.compacted_seq))
          FROM org_state AS s WHERE s.org_id = (SELECT org_id FROM authority))"
    };
}

const KEEP_TIME: &str = concat!(
    "UPDATE org_state SET last_received_at = b.received_at
     FROM (SELECT org_id, received_at FROM metric_batches
           WHERE org_id = (SELECT org_id FROM authority) AND seq <= ",
    bound!(),
    " ORDER BY seq DESC LIMIT 1) AS b
     WHERE org_state.org_id = b.org_id AND org_state.last_received_at < b.received_at"
);

const DELETE: &str = concat!(
    "DELETE FROM metric_batches WHERE org_id = (SELECT org_id FROM authority) AND seq <= ",
    bound!()
);
