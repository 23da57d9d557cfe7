//! What is stored of anomalies goes with its series.

use crate::Error;
use crate::auth::Tenant;
use db::{Batch, DbError, Step, args};

/// How many series one write forgets.
const TOGETHER: usize = 200;

/// Deletes the anomalies that are over, their groups, and the marks, of series that are no more.
///
/// The fold that passes a deletion has removed the series. An anomaly that is open is ended by the tick, and goes the next time.
///
/// # Errors
/// 401, 403 or 503.
pub async fn forget_deleted(tenant: &Tenant) -> Result<(), Error> {
    let mut batch = Batch::read();
    batch.push(Step::tenant(GONE_ANOMALIES, vec![]));
    batch.push(Step::tenant(GONE_MARKS, vec![]));
    let reply = tenant.run(batch).await?;
    let mut gone: Vec<i64> = Vec::new();
    for step in 0..2 {
        let rows = &reply.step(step)?.rows;
        gone.extend(
            rows.iter()
                .map(|row| row.integer(0))
                .collect::<Result<Vec<_>, DbError>>()?,
        );
    }
    gone.sort_unstable();
    gone.dedup();
    for together in gone.chunks(TOGETHER) {
        let series = serde_json::json!(together).to_string();
        let mut batch = Batch::write().repeatable();
        batch.push(Step::tenant(GROUPS, args![&series]));
        batch.push(Step::tenant(ANOMALIES, args![&series]));
        batch.push(Step::tenant(MARKS, args![&series]));
        tenant.run(batch).await?;
    }
    Ok(())
}

/// The series of a table that are no more. From each to the next along the index: there may be many rows of each.
macro_rules! gone {
    ($table:literal, $index:literal) => {
        concat!(
            "SELECT s.series_id FROM (
                WITH RECURSIVE seen (series_id) AS (
                    SELECT min(series_id) FROM ",
            $table,
            " INDEXED BY ",
            $index,
            " WHERE org_id = (SELECT org_id FROM authority)
                    UNION ALL
                    SELECT (SELECT min(x.series_id) FROM ",
            $table,
            " AS x INDEXED BY ",
            $index,
            " WHERE x.org_id = (SELECT org_id FROM authority) AND x.series_id > seen.series_id)
                    FROM seen WHERE seen.series_id IS NOT NULL)
                SELECT series_id FROM seen WHERE series_id IS NOT NULL) AS s
             WHERE NOT EXISTS (SELECT 1 FROM time_series AS t
                WHERE t.org_id = (SELECT org_id FROM authority) AND t.series_id = s.series_id)"
        )
    };
}

const GONE_ANOMALIES: &str = gone!("anomalies", "anomalies_by_series");

const GONE_MARKS: &str = gone!("detection_marks", "detection_marks_by_series");

// a series that came back meanwhile keeps what it had
macro_rules! of_gone {
    ($column:literal) => {
        concat!(
            $column,
            " IN (SELECT value FROM json_each(?2)) AND NOT EXISTS (SELECT 1 FROM time_series AS t
                WHERE t.org_id = (SELECT org_id FROM authority) AND t.series_id = ",
            $column,
            ")"
        )
    };
}

const GROUPS: &str = concat!(
    "DELETE FROM anomaly_groups WHERE org_id = (SELECT org_id FROM authority) AND ended_at IS NOT NULL
        AND group_id IN (SELECT a.group_id FROM anomalies AS a INDEXED BY anomalies_by_series
            WHERE a.org_id = (SELECT org_id FROM authority) AND a.ended_at IS NOT NULL AND ",
    of_gone!("a.series_id"),
    ") AND NOT EXISTS (SELECT 1 FROM anomalies AS o INDEXED BY anomalies_by_group
            WHERE o.org_id = anomaly_groups.org_id AND o.group_id = anomaly_groups.group_id
                AND NOT (o.ended_at IS NOT NULL AND ",
    of_gone!("o.series_id"),
    "))"
);

const ANOMALIES: &str = concat!(
    "DELETE FROM anomalies WHERE org_id = (SELECT org_id FROM authority) AND ended_at IS NOT NULL AND ",
    of_gone!("anomalies.series_id")
);

// the newest stays, so that its number is not given again
const MARKS: &str = concat!(
    "DELETE FROM detection_marks WHERE org_id = (SELECT org_id FROM authority)
        AND seq < (SELECT max(seq) FROM detection_marks WHERE org_id = (SELECT org_id FROM authority)) AND ",
    of_gone!("detection_marks.series_id")
);
