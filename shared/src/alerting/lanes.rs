//! What makes a lane evaluate: a change of rules, of detection, or of what users say of anomalies.

use crate::auth::Tenant;
use crate::clock::MINUTE;
use db::{Step, args, wall_ms};

/// What each change of a rule or of the settings of detection brings with it: a tick that has read them before cannot
/// write after, the next one is due, and a lane starts if there is something to evaluate and none.
pub(crate) fn changed(tenant: &Tenant) -> [Step; 2] {
    let clock = tenant.clock();
    [
        Step::tenant(
            concat!(
                "UPDATE org_state SET config_version = config_version + 1, due_at = coalesce(due_at, ?2, ",
                wall_ms!("?3"),
                ") WHERE org_id = (SELECT org_id FROM authority)"
            ),
            args![clock.product_override(), clock.wall_offset()],
        ),
        Step::tenant(
            concat!(
                "INSERT INTO lanes (org_id, lane_id, first_series, last_series, active, watermark, minute)
                 SELECT s.org_id, 0, 0, 9223372036854775807, 1,
                    max(s.compacted_seq, coalesce((SELECT max(seq) FROM metric_batches WHERE org_id = s.org_id), 0)),
                    coalesce(?2, ",
                wall_ms!("?3"),
                ") / ?4 * ?4
                 FROM org_state AS s WHERE s.org_id = (SELECT org_id FROM authority)
                    AND (s.detection IS NOT NULL
                         OR EXISTS (SELECT 1 FROM alert_rules WHERE org_id = s.org_id AND enabled = 1 AND deleted_at IS NULL))
                 ON CONFLICT (org_id, lane_id) DO UPDATE SET active = 1, version = version + 1, watermark = excluded.watermark,
                    minute = excluded.minute, open_minute = NULL, next_series = 0
                 WHERE lanes.active = 0"
            ),
            args![clock.product_override(), clock.wall_offset(), MINUTE],
        ),
    ]
}

/// What a request to the tick brings with it that changes no configuration: the next tick is due.
pub(crate) fn due(tenant: &Tenant) -> Step {
    let clock = tenant.clock();
    Step::tenant(
        concat!(
            "UPDATE org_state SET due_at = coalesce(due_at, ?2, ",
            wall_ms!("?3"),
            ") WHERE org_id = (SELECT org_id FROM authority)"
        ),
        args![clock.product_override(), clock.wall_offset()],
    )
}
