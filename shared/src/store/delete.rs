//! Deleting a series: a row of the log, so that it has its place in the order of acknowledgement.
//! What was acknowledged before it is gone; later points revive the series.

use super::append::INSERT_BATCH;
use super::codec;
use crate::Error;
use crate::auth::Tenant;
use crate::series::SeriesId;
use db::{Batch, DbError, Step, args, raise};

/// How many series one tombstone of the retention names.
const TOGETHER: usize = 64;

/// Deletes a series and all its points.
///
/// # Errors
/// 404 if the organization has no such series; 401, 403 or 503.
pub async fn delete(tenant: &Tenant, series: SeriesId) -> Result<(), Error> {
    let mut batch = Batch::write();
    let known = batch.push(Step::tenant(KNOWN, args![series]));
    place(&mut batch, tenant, &[series]);
    match tenant.run(batch).await {
        Ok(_) => Ok(()),
        Err(DbError::Raised { step, .. }) if step == known => Err(Error::NotFound("the series")),
        Err(other) => Err(other.into()),
    }
}

/// Deletes series of which the retention has left nothing, unless a point came after `compacted`:
/// then they live on.
///
/// # Errors
/// 401, 403 or 503.
pub(super) async fn expired(tenant: &Tenant, series: &[SeriesId], compacted: i64) -> Result<(), Error> {
    for together in series.chunks(TOGETHER) {
        let ids: Vec<String> = together.iter().map(|id| format!("{:016x}", id.raw())).collect();
        let ids = serde_json::to_string(&ids).unwrap_or_default();
        let mut batch = Batch::write();
        let untouched = batch.push(Step::tenant(UNTOUCHED, args![compacted, ids]));
        place(&mut batch, tenant, together);
        match tenant.run(batch).await {
            Ok(_) => {}
            Err(DbError::Raised { step, .. }) if step == untouched => {}
            Err(other) => return Err(other.into()),
        }
    }
    Ok(())
}

fn place(batch: &mut Batch, tenant: &Tenant, series: &[SeriesId]) {
    let clock = tenant.clock();
    batch.push(Step::tenant(
        INSERT_BATCH,
        args![
            false,
            None::<&str>,
            codec::batch::encode_tombstone(series),
            clock.product_override(),
            clock.wall_offset()
        ],
    ));
    let ids: Vec<i64> = series.iter().map(|id| id.raw()).collect();
    batch.push(Step::tenant(
        MARK,
        args![serde_json::to_string(&ids).unwrap_or_default()],
    ));
    // processes that have seen the series must send it anew
    batch.push(Step::tenant(
        "UPDATE org_state SET series_epoch = series_epoch + 1 WHERE org_id = (SELECT org_id FROM authority)",
        vec![],
    ));
}

const KNOWN: &str = concat!(
    "SELECT CASE WHEN EXISTS (SELECT 1 FROM time_series
        WHERE org_id = (SELECT org_id FROM authority) AND series_id = ?2 AND deleted_seq IS NULL)
     THEN 1 ELSE ",
    raise!(),
    " END"
);

const UNTOUCHED: &str = concat!(
    "SELECT CASE WHEN EXISTS (
        SELECT 1 FROM metric_batches AS b, json_each(?3) AS w
        WHERE b.org_id = (SELECT org_id FROM authority) AND b.seq > ?2 AND instr(b.blob, unhex(w.value)) > 0)
     THEN ",
    raise!(),
    " ELSE 1 END"
);

const MARK: &str = "UPDATE time_series SET deleted_seq = (SELECT max(seq) FROM metric_batches
        WHERE org_id = (SELECT org_id FROM authority))
     WHERE org_id = (SELECT org_id FROM authority) AND series_id IN (SELECT value FROM json_each(?2))";
