//! Lanes that were skipped, because they were further behind than anybody wants to be paged for.

use crate::auth::Tenant;
use crate::clock::{DAY, Millis};
use crate::{Error, time};
use db::{Batch, Step, args, wall_ms};
use serde::Serialize;

/// For how long a gap is shown.
const SHOWN: Millis = 7 * DAY;

/// The gaps of the last week, of all organizations together.
#[derive(Debug, Clone, Serialize)]
pub struct Gaps {
    /// lanes that have one
    pub lanes: i64,
    /// when the last was skipped
    #[serde(serialize_with = "time::rfc3339")]
    pub last_at: Millis,
}

/// What was skipped lately, if anything was.
///
/// # Errors
/// 503 if the database does not answer, or has no schema yet.
pub async fn lately(tenant: &Tenant) -> Result<Option<Gaps>, Error> {
    let clock = tenant.clock();
    let step = Step::tenant(
        concat!(
            "SELECT count(*), max(skipped ->> 'at') FROM lanes
             WHERE skipped IS NOT NULL AND skipped ->> 'at' > coalesce(?2, ",
            wall_ms!("?3"),
            ") - ?4 AND EXISTS (SELECT 1 FROM authority WHERE authority.org_id = lanes.org_id)"
        ),
        args![clock.product_override(), clock.wall_offset(), SHOWN],
    );
    let reply = tenant.run(Batch::read_one(step)).await?;
    let row = reply.step(0)?.one()?;
    let lanes = row.integer(0)?;
    Ok(row.opt_integer(1)?.map(|last_at| Gaps { lanes, last_at }))
}
