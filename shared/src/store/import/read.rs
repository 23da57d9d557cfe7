use super::super::bucket;
use super::super::layout::LayoutState;
use crate::Error;
use crate::auth::Tenant;
use crate::clock::Millis;
use crate::series::SeriesId;
use db::{Batch, Step, args};

/// So many bytes of the log are searched; where more wait it is folded first, because each series is
/// looked for in each of them.
pub(super) const SEARCHED_BYTES: i64 = 64 * 1024;

/// What a group is written upon.
#[derive(Debug)]
pub(super) struct State {
    pub(super) before: LayoutState,
    /// the newest row of the log
    pub(super) highest: i64,
    pub(super) epoch: i64,
    /// whether something of the group's series may wait in the log
    pub(super) in_log: bool,
}

pub(super) async fn state(tenant: &Tenant, series: &[(SeriesId, Option<Millis>)]) -> Result<State, Error> {
    let step = Step::tenant(STATE, args![SEARCHED_BYTES, needles(series)]);
    let reply = tenant.run(Batch::read_one(step)).await?;
    let row = reply.step(0)?.one()?;
    Ok(State {
        before: LayoutState {
            compacted: row.integer(0)?,
            version: row.integer(1)?,
            bits: bucket::bits_now(row.integer(2)?, row.integer(3)?),
        },
        epoch: row.integer(4)?,
        highest: row.integer(5)?,
        in_log: row.integer(6)? != 0,
    })
}

/// The series as their column in a blob of the log has them, in hex, as a JSON array.
pub(super) fn needles(series: &[(SeriesId, Option<Millis>)]) -> String {
    let hex: Vec<String> = series.iter().map(|(id, _)| format!("{:016x}", id.raw())).collect();
    serde_json::to_string(&hex).unwrap_or_default()
}

// `instr` may find what is no series, which costs a fold and nothing else
const STATE: &str = "SELECT s.compacted_seq, s.layout_version, s.bucket_bits, s.series_count, s.series_epoch,
        max(s.compacted_seq, w.highest),
        CASE WHEN w.bytes > ?2 THEN 1 ELSE EXISTS (
            SELECT 1 FROM json_each(?3) AS n CROSS JOIN metric_batches AS b
                ON b.org_id = s.org_id AND b.seq > s.compacted_seq
            WHERE instr(b.blob, unhex(n.value)) > 0) END
     FROM org_state AS s CROSS JOIN (
        SELECT coalesce(max(seq), 0) AS highest, coalesce(sum(length(blob)), 0) AS bytes FROM metric_batches
        WHERE org_id = (SELECT org_id FROM authority)
          AND seq > (SELECT compacted_seq FROM org_state WHERE org_id = (SELECT org_id FROM authority))) AS w
     WHERE s.org_id = (SELECT org_id FROM authority)";
