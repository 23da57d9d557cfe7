use crate::Error;
use crate::auth::Tenant;
use crate::clock::Millis;
use crate::series::SeriesId;
use db::{Batch, Step, args};
use std::collections::HashMap;

/// Rows of one page, which stays far below 8 MB.
const ROWS: i64 = 2_000;

/// What the tick knows of an external alert beside its labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Said {
    /// what people are told: its summary, or else its description
    pub(crate) text: Option<String>,
    /// since when it holds
    pub(crate) starts_at: Millis,
}

/// What is said of all external alerts of the organization.
///
/// # Errors
/// 503 if the database does not answer.
pub(crate) async fn all(tenant: &Tenant) -> Result<HashMap<SeriesId, Said>, Error> {
    let mut all = HashMap::new();
    let mut after = -1;
    loop {
        let step = Step::tenant(
            "SELECT series_id, starts_at,
                    substr(coalesce(nullif(annotations ->> 'summary', ''), annotations ->> 'description'), 1, 500)
             FROM external_alerts WHERE org_id = (SELECT org_id FROM authority) AND series_id > ?2
             ORDER BY series_id LIMIT ?3",
            args![after, ROWS],
        );
        let reply = tenant.run(Batch::read_one(step)).await?;
        let rows = &reply.step(0)?.rows;
        for row in rows {
            after = row.integer(0)?;
            let text = row.opt_text(2)?.filter(|text| !text.is_empty()).map(str::to_owned);
            let starts_at = row.integer(1)?;
            if let Some(series_id) = SeriesId::from_raw(after) {
                all.insert(series_id, Said { text, starts_at });
            }
        }
        if i64::try_from(rows.len()).unwrap_or(i64::MAX) < ROWS {
            return Ok(all);
        }
    }
}
