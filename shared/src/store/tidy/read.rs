use super::super::bucket;
use super::super::layout::{LayoutState, Stored, stored};
use crate::Error;
use crate::auth::Tenant;
use crate::clock::Millis;
use crate::series::SeriesId;
use db::{Batch, Step, args};

/// Series in a group: about eight buckets.
const SERIES: i64 = 512;

/// A series, and what its row says.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) struct Known {
    pub(in super::super) id: SeriesId,
    pub(in super::super) point_count: Option<i64>,
    pub(in super::super) start: Option<Millis>,
}

/// The next series of the pass with what is folded of them.
#[derive(Debug)]
pub(in super::super) struct Group {
    pub(in super::super) before: LayoutState,
    /// ascending; none that was deleted
    pub(in super::super) series: Vec<Known>,
    /// the first series of the next group
    pub(in super::super) next: Option<i64>,
    pub(in super::super) stored: Stored,
    /// what is older goes
    pub(in super::super) kept_from: Option<Millis>,
}

/// Reads the next group; `None` if no pass is under way.
pub(in super::super) async fn group(tenant: &Tenant) -> Result<Option<Group>, Error> {
    let mut batch = Batch::read();
    batch.push(Step::tenant(
        "SELECT compacted_seq, layout_version, bucket_bits, series_count, tidy_next FROM org_state
         WHERE org_id = (SELECT org_id FROM authority)",
        vec![],
    ));
    batch.push(Step::tenant(
        "SELECT series_id, point_count, start_time, deleted_seq FROM time_series
         WHERE org_id = (SELECT org_id FROM authority)
           AND series_id >= (SELECT tidy_next FROM org_state WHERE org_id = (SELECT org_id FROM authority))
         ORDER BY series_id LIMIT ?2",
        args![SERIES + 1],
    ));
    let reply = tenant.run(batch).await?;
    let state = reply.step(0)?.one()?;
    if state.opt_integer(4)?.is_none() {
        return Ok(None);
    }
    let mut group = Group {
        before: LayoutState {
            compacted: state.integer(0)?,
            version: state.integer(1)?,
            bits: bucket::bits_now(state.integer(2)?, state.integer(3)?),
        },
        series: Vec::new(),
        next: None,
        stored: Stored::default(),
        kept_from: tenant.kept_from(),
    };
    for (at, row) in reply.step(1)?.rows.iter().enumerate() {
        let id = row.integer(0)?;
        if at as i64 == SERIES {
            group.next = Some(id);
        } else if let Some(id) = SeriesId::from_raw(id)
            && row.opt_integer(3)?.is_none()
        {
            group.series.push(Known {
                id,
                point_count: row.opt_integer(1)?,
                start: row.opt_integer(2)?,
            });
        }
    }
    let wanted: Vec<_> = group
        .series
        .iter()
        .map(|series| (series.id, Some(Millis::MIN)))
        .collect();
    group.stored = stored(tenant, group.before.bits, &wanted).await?;
    Ok(Some(group))
}
