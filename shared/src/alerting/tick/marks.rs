//! What users say of series and their incidents, from HTTP to the detector: table `detection_marks`.

use crate::Error;
use crate::auth::Tenant;
use crate::clock::Millis;
use crate::series::SeriesId;
use db::{DbError, Row, Rows, Step, args};
use prediction::detect::Mark;
use std::collections::BTreeMap;

/// How many marks one run takes; the rest waits for the next.
const MOST: i64 = 1_000;

/// Something that a user said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) seq: i64,
    pub(super) mark: Mark,
    /// the time in the series that it is about
    pub(super) at: Millis,
    /// when it was said: it counts from the first minute on that is not before
    pub(super) created_at: Millis,
}

/// The marks of each series, in the order in which they were said.
pub(super) type Marks = BTreeMap<SeriesId, Vec<Said>>;

/// The step that reads the marks that are not applied yet, for [`of_rows`].
pub(super) fn waiting() -> Step {
    Step::tenant(
        "SELECT series_id, seq, mark, at, created_at FROM detection_marks INDEXED BY detection_marks_to_apply
         WHERE org_id = (SELECT org_id FROM authority) AND applied_at IS NULL ORDER BY seq LIMIT ?2",
        args![MOST],
    )
}

/// The marks of these series that were applied until `minute`.
pub(super) async fn applied(tenant: &Tenant, series: &[SeriesId], minute: Millis) -> Result<Marks, Error> {
    let ids: Vec<i64> = series.iter().map(|id| id.raw()).collect();
    let step = Step::tenant(
        "SELECT m.series_id, m.seq, m.mark, m.at, m.created_at FROM json_each(?2) AS w
         CROSS JOIN detection_marks AS m INDEXED BY detection_marks_by_series
            ON m.org_id = (SELECT org_id FROM authority) AND m.series_id = w.value
         WHERE m.applied_at <= ?3 ORDER BY m.seq",
        args![serde_json::json!(ids).to_string(), minute],
    );
    let reply = tenant.run(db::Batch::read_one(step)).await?;
    Ok(of_rows(reply.step(0)?)?)
}

/// Reads the rows of [`waiting`].
pub(super) fn of_rows(rows: &Rows) -> Result<Marks, DbError> {
    let mut marks = Marks::new();
    for row in &rows.rows {
        let (series_id, said) = said(row)?;
        marks.entry(series_id).or_default().push(said);
    }
    Ok(marks)
}

fn said(row: &Row) -> Result<(SeriesId, Said), DbError> {
    let broken = || DbError::Other("a mark cannot be read".into());
    let said = Said {
        seq: row.integer(1)?,
        mark: Mark::parse(row.text(2)?).ok_or_else(broken)?,
        at: row.integer(3)?,
        created_at: row.integer(4)?,
    };
    Ok((SeriesId::from_raw(row.integer(0)?).ok_or_else(broken)?, said))
}

/// The step that notes when marks were applied.
pub(super) fn note(applied: &BTreeMap<i64, Millis>) -> Step {
    let rows: Vec<(i64, Millis)> = applied.iter().map(|(seq, minute)| (*seq, *minute)).collect();
    Step::tenant(
        "UPDATE detection_marks SET applied_at = n.minute
         FROM (SELECT a.org_id, j.value ->> 0 AS seq, j.value ->> 1 AS minute
               FROM authority AS a JOIN json_each(?2) AS j LIMIT -1) AS n
         WHERE detection_marks.org_id = n.org_id AND detection_marks.seq = n.seq",
        args![serde_json::json!(rows).to_string()],
    )
}

/// Drops what was applied.
pub(super) fn drop_applied(marks: &mut Marks, applied: &BTreeMap<i64, Millis>) {
    marks.retain(|_, said| {
        said.retain(|one| !applied.contains_key(&one.seq));
        !said.is_empty()
    });
}
