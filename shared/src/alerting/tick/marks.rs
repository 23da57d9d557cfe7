//! What users say of series and their incidents, from HTTP to the detector: table `detection_marks`.

use crate::Error;
use crate::auth::Tenant;
use crate::clock::Millis;
use crate::series::SeriesId;
use db::{DbError, Row, Rows, Step, args};
use prediction::detect::{Direction, Mark, Past};
use std::collections::BTreeMap;

/// How many marks one run takes; the rest waits for the next.
const MOST: i64 = 1_000;

/// Something that a user said.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Said {
    pub(super) seq: i64,
    pub(super) mark: Mark,
    /// the time in the series that it is about
    pub(super) at: Millis,
    /// the anomaly that it is about, as it is stored
    pub(super) about: Option<About>,
    /// when it was said: it counts from the first minute on that is not before
    pub(super) created_at: Millis,
}

/// A stored anomaly that somebody speaks of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct About {
    pub(super) past: Past,
    /// `None` while it is open
    pub(super) ended_at: Option<Millis>,
}

impl Said {
    /// What the detector is told of the anomaly.
    pub(super) fn past(&self) -> Option<&Past> {
        self.about.as_ref().map(|about| &about.past)
    }

    /// From when to when values were wrong data, if they were and it is over.
    pub(super) fn bad_data(&self) -> Option<(Millis, Millis)> {
        let about = self.about.filter(|_| self.mark == Mark::BadData)?;
        Some((about.past.since, about.ended_at?))
    }
}

/// The marks of each series, in the order in which they were said.
pub(super) type Marks = BTreeMap<SeriesId, Vec<Said>>;

macro_rules! columns {
    () => {
        "m.series_id, m.seq, m.mark, m.at, m.created_at, n.timestamp, n.ended_at, n.direction, n.observed, n.expected"
    };
}

macro_rules! anomaly {
    () => {
        "LEFT JOIN anomalies AS n ON n.org_id = m.org_id AND n.anomaly_id = m.anomaly_id"
    };
}

/// The step that reads the marks that are not applied yet, for [`of_rows`].
pub(super) fn waiting() -> Step {
    Step::tenant(
        concat!(
            "SELECT ",
            columns!(),
            " FROM detection_marks AS m INDEXED BY detection_marks_to_apply ",
            anomaly!(),
            " WHERE m.org_id = (SELECT org_id FROM authority) AND m.applied_at IS NULL ORDER BY m.seq LIMIT ?2"
        ),
        args![MOST],
    )
}

/// The marks of these series that were applied until `minute`.
pub(super) async fn applied(tenant: &Tenant, series: &[SeriesId], minute: Millis) -> Result<Marks, Error> {
    let ids: Vec<i64> = series.iter().map(|id| id.raw()).collect();
    let step = Step::tenant(
        concat!(
            "SELECT ",
            columns!(),
            " FROM json_each(?2) AS w
             CROSS JOIN detection_marks AS m INDEXED BY detection_marks_by_series
                ON m.org_id = (SELECT org_id FROM authority) AND m.series_id = w.value ",
            anomaly!(),
            " WHERE m.applied_at <= ?3 ORDER BY m.seq"
        ),
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
        about: about(row)?,
    };
    Ok((SeriesId::from_raw(row.integer(0)?).ok_or_else(broken)?, said))
}

fn about(row: &Row) -> Result<Option<About>, DbError> {
    let Some(since) = row.opt_integer(5)? else {
        return Ok(None);
    };
    let direction = Direction::parse(row.text(7)?);
    let off = row.opt_real(8)?.zip(row.opt_real(9)?);
    Ok(Some(About {
        past: Past {
            since,
            direction: direction.ok_or_else(|| DbError::Other("an anomaly has a wrong direction".into()))?,
            off: off.map_or(0.0, |(observed, expected)| (observed - expected).abs()),
        },
        ended_at: row.opt_integer(6)?,
    }))
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
