//! Lanes as HTTP meets them: what makes one evaluate (a change of rules, of detection, or of what users say of anomalies), and
//! what it remembers of some series.

use super::state::{HEADER, Lane};
use crate::Error;
use crate::auth::Tenant;
use crate::clock::MINUTE;
use crate::series::SeriesId;
use db::{Rows, Step, args, wall_ms};

/// What each change of a rule or of the settings of detection brings with it: a tick that has read them before cannot
/// write after, the next one is due, and a lane starts if there is something to evaluate and none.
pub(crate) fn changed(tenant: &Tenant) -> [Step; 2] {
    let clock = tenant.clock();
    [
        Step::tenant(
            concat!(
                "UPDATE org_state SET config_version = config_version + 1, notices_asked = notices_asked + 1, due_at = coalesce(due_at, ?2, ",
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

/// Reads the pages that hold series from `first` to `last`: rows for [`decode`].
pub(crate) fn pages(first: SeriesId, last: SeriesId) -> Step {
    Step::tenant(
        "SELECT p.page, p.blob FROM lane_state AS p WHERE p.org_id = (SELECT org_id FROM authority) AND p.lane_id = 0
            AND p.page <> ?2 AND p.page <= ?4
            AND p.page >= coalesce((SELECT max(page) FROM lane_state WHERE org_id = (SELECT org_id FROM authority)
                                        AND lane_id = 0 AND page <= ?3), ?3)
         ORDER BY p.page",
        args![HEADER, first, last],
    )
}

/// Reads the pages that hold these series, some hundreds at most: rows for [`decode`].
pub(crate) fn pages_of(series: &[SeriesId]) -> Step {
    let raw: Vec<i64> = series.iter().map(|series| series.raw()).collect();
    Step::tenant(
        "SELECT p.page, p.blob FROM (
            SELECT DISTINCT (SELECT max(page) FROM lane_state WHERE org_id = a.org_id AND lane_id = 0 AND page <= w.value AND page <> ?3) AS page
            FROM authority AS a CROSS JOIN json_each(?2) AS w) AS wanted
         CROSS JOIN lane_state AS p ON p.org_id = (SELECT org_id FROM authority) AND p.lane_id = 0 AND p.page = wanted.page",
        args![serde_json::json!(raw).to_string(), HEADER],
    )
}

/// The step that reads the last minute that the organization's lane has completed; no row without an active one.
pub(crate) fn evaluated() -> Step {
    Step::tenant(
        "SELECT minute FROM lanes WHERE org_id = (SELECT org_id FROM authority) AND lane_id = 0 AND active = 1",
        vec![],
    )
}

/// Reads what a lane keeps beside its series: a row for [`decode`].
pub(crate) fn header() -> Step {
    Step::tenant(
        "SELECT page, blob FROM lane_state WHERE org_id = (SELECT org_id FROM authority) AND lane_id = 0 AND page = ?2",
        args![HEADER],
    )
}

/// The part of a lane that is in these pages.
///
/// # Errors
/// 503 if one of them cannot be read.
pub(crate) fn decode(pages: &Rows) -> Result<Lane, Error> {
    let mut rows = Vec::new();
    for row in &pages.rows {
        rows.push((row.integer(0)?, row.blob(1)?));
    }
    Lane::decode(rows).map_err(|error| Error::unavailable(error.to_string()))
}
