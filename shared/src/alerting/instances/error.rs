use crate::Error;
use crate::alerting::condition::{Condition, Forecast};
use crate::alerting::lanes;
use crate::alerting::outlook::{Crossing, Outlook};
use crate::alerting::rule::Rule;
use crate::alerting::state::Tracked;
use crate::auth::Tenant;
use crate::clock::{MINUTE, Millis};
use crate::series::SeriesId;
use crate::time;
use db::{Batch, Step, args};
use std::collections::HashMap;

/// A tick that is further behind is not only late.
const BEHIND: Millis = 5 * MINUTE;

/// What a rule is evaluated with right now.
pub(super) struct Evaluation {
    now: Millis,
    /// the last minute; none if nothing of the organization is evaluated
    minute: Option<Millis>,
    outlooks: HashMap<SeriesId, Outlook>,
}

impl Evaluation {
    /// Reads it for some series.
    pub(super) async fn read(tenant: &Tenant, rule: &Rule, series: &[SeriesId]) -> Result<Self, Error> {
        let mut batch = Batch::read();
        let evaluated = batch.push(lanes::evaluated());
        let mut newest = None;
        if let Condition::Forecast(forecast) = &rule.definition.condition {
            newest = Some(batch.push(outlooks(forecast, series)));
        }
        let reply = tenant.run(batch).await?;
        let minute = reply.step(evaluated)?.first().map(|row| row.integer(0)).transpose()?;
        let mut outlooks = HashMap::new();
        if let Some(newest) = newest {
            for row in &reply.step(newest)?.rows {
                // one that cannot be read is none: the tick says so, too
                if let (Some(series_id), Ok(outlook)) =
                    (SeriesId::from_raw(row.integer(0)?), Outlook::decode(row.blob(1)?))
                {
                    outlooks.insert(series_id, outlook);
                }
            }
        }
        Ok(Self {
            now: tenant.clock().now(),
            minute,
            outlooks,
        })
    }

    /// That a rule waits for a tick.
    pub(super) fn late(&self, rule: &Rule) -> Option<String> {
        let behind = |minute: &Millis| rule.is_live() && self.now - minute > BEHIND;
        let minute = self.minute.filter(behind)?;
        Some(format!("no rule was evaluated since {}", time::format(minute)))
    }

    /// Why a rule cannot be evaluated on a series.
    pub(super) fn error(&self, rule: &Rule, series_id: SeriesId, tracked: Option<&Tracked>) -> Option<String> {
        if !rule.is_live() {
            return None;
        }
        if let Some(late) = self.late(rule) {
            return Some(late);
        }
        let error = match &rule.definition.condition {
            Condition::Forecast(forecast) => {
                match self
                    .outlooks
                    .get(&series_id)
                    .map(|outlook| outlook.crossing(forecast, self.now))
                {
                    None | Some(Crossing::NotKnown) => "there is no forecast yet, or its history is too short for one",
                    Some(Crossing::Stale) => "the newest forecast is too old to go by",
                    Some(Crossing::Never | Crossing::At(_)) => return None,
                }
            }
            Condition::Anomaly(_) => {
                let detection = tracked.and_then(|tracked| tracked.detection.as_ref());
                if detection.is_some_and(|detection| detection.hot.is_some()) {
                    return None;
                }
                "the detector has not been shown the history of the series yet"
            }
            _ => return None,
        };
        Some(error.to_owned())
    }
}

/// The newest of each series.
fn outlooks(forecast: &Forecast, series: &[SeriesId]) -> Step {
    let raw: Vec<i64> = series.iter().map(|series| series.raw()).collect();
    Step::tenant(
        "SELECT f.series_id, f.blob FROM json_each(?2) AS w CROSS JOIN rule_forecasts AS f
            ON f.org_id = (SELECT org_id FROM authority) AND f.series_id = w.value AND f.horizon = ?3
         WHERE f.valid_from = (SELECT max(valid_from) FROM rule_forecasts
            WHERE org_id = f.org_id AND series_id = f.series_id AND horizon = f.horizon)",
        args![serde_json::json!(raw).to_string(), forecast.horizon.millis()],
    )
}
