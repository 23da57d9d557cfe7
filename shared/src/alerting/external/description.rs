use super::METRIC;
use crate::Error;
use crate::auth::Tenant;
use crate::clock::Millis;
use crate::id::AlertId;
use crate::listed::listed;
use crate::series::{Dimensions, MetricKey, SeriesId, SeriesRef};
use crate::time;
use db::{Batch, DbError, Row, Step, args};
use serde::Serialize;
use std::collections::BTreeMap;

/// The most bytes of an annotation, of all annotations of an alert, and of a URL: a long text is cut, and no alert is lost
/// because of it.
const MAX_TEXT: usize = 4 * 1024;
const MAX_TEXTS: usize = 16 * 1024;
/// Kept before others: what people are told.
const FIRST: [&str; 2] = ["summary", "description"];

/// What is said of an external alert beside its labels.
#[derive(Debug, Clone, PartialEq)]
pub struct Description {
    series_id: SeriesId,
    annotations: BTreeMap<String, String>,
    generator_url: String,
    starts_at: Millis,
}

impl Description {
    /// Of the alert with these labels, each there once.
    ///
    /// # Errors
    /// A sentence for people: no labels, or more than a series may have dimensions.
    pub fn new(
        labels: &[(String, String)],
        annotations: BTreeMap<String, String>,
        generator_url: String,
        starts_at: Millis,
    ) -> Result<Self, String> {
        let dimensions = Dimensions::new(labels.iter().cloned())?;
        let metric = MetricKey::parse(METRIC).filter(|_| !dimensions.is_empty());
        let metric = metric.ok_or("an alert needs labels")?;
        let generator_url = Some(generator_url).filter(|url| url.len() <= MAX_TEXT);
        Ok(Self {
            series_id: SeriesRef::new(metric, dimensions).series_id,
            annotations: bounded(annotations),
            generator_url: generator_url.unwrap_or_default(),
            starts_at,
        })
    }
}

/// As many annotations as there is room for, each cut to its own.
fn bounded(mut annotations: BTreeMap<String, String>) -> BTreeMap<String, String> {
    let first = FIRST.map(|name| annotations.remove_entry(name));
    let mut room = MAX_TEXTS;
    let mut kept = BTreeMap::new();
    for (name, mut text) in first.into_iter().flatten().chain(annotations) {
        let end = (0..=MAX_TEXT.min(text.len()))
            .rev()
            .find(|end| text.is_char_boundary(*end));
        text.truncate(end.unwrap_or_default());
        let Some(left) = room.checked_sub(name.len() + text.len()) else {
            continue;
        };
        room = left;
        kept.insert(name, text);
    }
    kept
}

/// The steps that keep descriptions. A row is written only when something is new.
pub(super) fn keep(descriptions: &[Description]) -> Result<Vec<Step>, Error> {
    let annotations = |one: &Description| serde_json::to_string(&one.annotations).unwrap_or_default();
    let rows = descriptions
        .iter()
        .map(|one| (one.series_id.raw(), annotations(one), &one.generator_url, one.starts_at));
    let lists = listed(rows)?;
    Ok(lists.into_iter().map(|list| Step::tenant(KEEP, args![list])).collect())
}

const KEEP: &str = "INSERT INTO external_alerts (org_id, series_id, annotations, generator_url, starts_at)
     SELECT a.org_id, j.value ->> 0, j.value ->> 1, j.value ->> 2, j.value ->> 3
     FROM authority AS a JOIN json_each(?2) AS j WHERE true
     ON CONFLICT (org_id, series_id) DO UPDATE SET annotations = excluded.annotations,
        generator_url = excluded.generator_url, starts_at = excluded.starts_at
     WHERE (annotations, generator_url, starts_at) <> (excluded.annotations, excluded.generator_url, excluded.starts_at)";

/// What another system says of an alert: a part of the reply of `GET /v1/alerts/{id}`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Described {
    /// texts by name
    pub annotations: BTreeMap<String, String>,
    /// where it was found; empty if it does not say
    pub generator_url: String,
    /// since when it holds
    #[serde(serialize_with = "time::rfc3339")]
    pub starts_at: Millis,
}

/// The step that reads what is said of the series of an alert: a row for [`Described::of_row`], or none.
pub(in crate::alerting) fn of_alert(alert_id: &AlertId) -> Step {
    Step::tenant(
        "SELECT e.annotations, e.generator_url, e.starts_at
         FROM alerts AS a JOIN external_alerts AS e ON e.org_id = a.org_id AND e.series_id = a.series_id
         WHERE a.org_id = (SELECT org_id FROM authority) AND a.alert_id = ?2",
        args![alert_id],
    )
}

impl Described {
    pub(in crate::alerting) fn of_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self {
            annotations: serde_json::from_str(row.text(0)?).unwrap_or_default(),
            generator_url: row.text(1)?.to_owned(),
            starts_at: row.integer(2)?,
        })
    }
}

/// Deletes what is said of series that are no more.
///
/// # Errors
/// 401, 403 or 503.
pub async fn forget_deleted(tenant: &Tenant) -> Result<(), Error> {
    let step = Step::tenant(
        "DELETE FROM external_alerts WHERE org_id = (SELECT org_id FROM authority)
            AND NOT EXISTS (SELECT 1 FROM time_series AS t
                WHERE t.org_id = external_alerts.org_id AND t.series_id = external_alerts.series_id)",
        vec![],
    );
    tenant.run(Batch::write_one(step).repeatable()).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_annotations_are_cut_and_what_people_are_told_is_kept_first() {
        let texts =
            |length: usize| ["a", "b", "c", "d", "e", "summary"].map(|name| (name.to_owned(), "é".repeat(length)));
        let short = BTreeMap::from(texts(10));
        assert_eq!(bounded(short.clone()), short);
        let cut = bounded(BTreeMap::from(texts(3_000)));
        assert_eq!(cut.keys().collect::<Vec<_>>(), ["a", "b", "summary"]);
        assert!(cut.values().all(|text| text.len() == MAX_TEXT));
    }
}
