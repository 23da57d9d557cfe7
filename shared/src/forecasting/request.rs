use super::backend::Backend;
use super::events::{self, Events};
use super::limits::Limits;
use super::predictions::Shown;
use crate::Error;
use crate::series::{Dimensions, MetricKey};
use prediction::{MAX_HORIZON, MAX_SEASON, Step};
use serde::Deserialize;
use serde_json::Value;

/// The most interval levels of one forecast.
const MAX_LEVELS: usize = 10;
/// The most quantiles of one forecast: each per cent.
const MAX_QUANTILES: usize = 99;
/// The most seasons of one forecast.
const MAX_SEASONS: usize = 5;

/// How far a forecast reaches.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Horizon {
    /// so many steps
    Steps(usize),
    /// so long
    Span(Step),
}

impl Horizon {
    pub(super) fn parse(value: &Value) -> Result<Self, Error> {
        let wrong = || {
            Error::schema(format!(
                "horizon must be a number of steps from 1 to {MAX_HORIZON}, or a duration such as \"24h\""
            ))
        };
        match value {
            Value::Number(steps) => {
                let steps = steps.as_u64().and_then(|n| usize::try_from(n).ok()).ok_or_else(wrong)?;
                (1..=MAX_HORIZON)
                    .contains(&steps)
                    .then_some(Self::Steps(steps))
                    .ok_or_else(wrong)
            }
            Value::String(text) => text.parse().map(Self::Span).map_err(|_| wrong()),
            _ => Err(wrong()),
        }
    }

    /// The number of steps of this length that reach as far.
    ///
    /// # Errors
    /// 400 if they are too many.
    pub fn steps(self, step: Step) -> Result<usize, Error> {
        let steps = match self {
            Self::Steps(steps) => return Ok(steps),
            // a month of days is 31 and not 30.4 of them, but a year of months is 12 and not 13
            Self::Span(span) => (span.mean_millis() / step.mean_millis() - 1e-9).ceil().max(1.0),
        };
        #[expect(clippy::cast_precision_loss, reason = "a small constant")]
        if steps > MAX_HORIZON as f64 {
            return Err(Error::schema(format!(
                "the horizon is {steps} steps of {step}; at most {MAX_HORIZON} are possible"
            )));
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 1 and the limit"
        )]
        Ok(steps as usize)
    }
}

/// What is to be forecast, and how.
#[derive(Debug, Clone)]
pub struct ForecastRequest {
    /// the metric
    pub metric_key: MetricKey,
    /// exactly the series with these; absent: the only one of the metric
    pub dimensions: Option<Dimensions>,
    /// how far
    pub horizon: Horizon,
    /// the step; absent: inferred
    pub frequency: Option<Step>,
    /// who makes it
    pub backend: Backend,
    /// what the reply shows of the distribution of each step
    pub shown: Shown,
    /// season lengths in steps; absent: those of the step, tested
    pub seasons: Option<Vec<usize>>,
    /// what may explain the series beside its past
    pub events: Events,
    /// limits that no number of the forecast may leave
    pub limits: Limits,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    metric_key: String,
    #[serde(default)]
    dimensions: Option<Dimensions>,
    horizon: Value,
    #[serde(default)]
    frequency: Option<String>,
    #[serde(default)]
    levels: Option<Vec<f64>>,
    #[serde(default)]
    quantiles: Vec<f64>,
    #[serde(default)]
    seasons: Option<Vec<usize>>,
    #[serde(default)]
    bounds: Limits,
    #[serde(default)]
    events: events::Wire,
    #[serde(default)]
    backend: Option<String>,
}

impl ForecastRequest {
    /// Reads the body of `POST /v1/forecasts`.
    ///
    /// # Errors
    /// 400 with the field that is wrong.
    pub fn parse(body: &[u8]) -> Result<Self, Error> {
        let wire: Wire = serde_json::from_slice(body).map_err(|error| Error::schema(error.to_string()))?;
        Ok(Self {
            metric_key: MetricKey::of_request(&wire.metric_key)?,
            dimensions: wire.dimensions,
            horizon: Horizon::parse(&wire.horizon)?,
            frequency: frequency(wire.frequency.as_deref())?,
            shown: shown(wire.levels, wire.quantiles)?,
            seasons: seasons(wire.seasons)?,
            limits: wire.bounds.check()?,
            events: Events::parse(wire.events)?,
            backend: wire
                .backend
                .map_or(Ok(Backend::default()), |name| name.parse())
                .map_err(|error| Error::schema(error.to_string()))?,
        })
    }

    /// The levels of its intervals in percent, as asked for.
    #[must_use]
    pub fn levels(&self) -> &[f64] {
        &self.shown.levels
    }
}

pub(super) fn frequency(text: Option<&str>) -> Result<Option<Step>, Error> {
    text.map(str::parse)
        .transpose()
        .map_err(|error: prediction::Error| Error::schema(format!("frequency: {error}")))
}

pub(super) fn shown(levels: Option<Vec<f64>>, quantiles: Vec<f64>) -> Result<Shown, Error> {
    let levels = levels.unwrap_or_else(|| Shown::default().levels);
    if levels.is_empty() || levels.len() > MAX_LEVELS {
        return Err(Error::schema(format!("levels must hold 1 to {MAX_LEVELS} numbers")));
    }
    if quantiles.len() > MAX_QUANTILES {
        return Err(Error::schema(format!(
            "quantiles must hold at most {MAX_QUANTILES} numbers"
        )));
    }
    let shown = Shown { levels, quantiles };
    shown
        .probabilities()
        .map_err(|error| Error::schema(error.to_string()))?;
    Ok(shown)
}

pub(super) fn seasons(seasons: Option<Vec<usize>>) -> Result<Option<Vec<usize>>, Error> {
    let given = seasons.as_deref().unwrap_or_default();
    if given.len() > MAX_SEASONS {
        return Err(Error::schema(format!(
            "seasons must hold at most {MAX_SEASONS} numbers"
        )));
    }
    match given.iter().find(|season| !(2..=MAX_SEASON).contains(*season)) {
        Some(wrong) => Err(Error::schema(prediction::Error::Season(*wrong).to_string())),
        None => Ok(seasons),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(more: &str) -> Result<ForecastRequest, Error> {
        ForecastRequest::parse(format!(r#"{{"metric_key":"a"{more}}}"#).as_bytes())
    }

    #[test]
    fn steps_and_durations_are_horizons() {
        let day = Step::Millis(86_400_000);
        assert_eq!(parse(r#","horizon":24"#).unwrap().horizon.steps(day).unwrap(), 24);
        assert_eq!(parse(r#","horizon":"36h""#).unwrap().horizon.steps(day).unwrap(), 2);
        assert_eq!(
            parse(r#","horizon":"1y""#)
                .unwrap()
                .horizon
                .steps(Step::Months(1))
                .unwrap(),
            12
        );
        assert!(
            parse(r#","horizon":"1y""#)
                .unwrap()
                .horizon
                .steps(Step::Millis(1000))
                .is_err()
        );
    }

    #[test]
    fn wrong_fields_are_told() {
        for more in [
            "",
            r#","horizon":0"#,
            r#","horizon":1.5"#,
            r#","horizon":10001"#,
            r#","horizon":"soon""#,
            r#","horizon":1,"levels":[]"#,
            r#","horizon":1,"levels":[100]"#,
            r#","horizon":1,"backend":"magic""#,
            r#","horizon":1,"frequency":"5 minutes""#,
            r#","horizon":1,"dimensions":{"a":1}"#,
            r#","horizon":1,"horizont":1"#,
            r#","horizon":1,"quantiles":[0]"#,
            r#","horizon":1,"quantiles":[0.5,1]"#,
            r#","horizon":1,"seasons":[1]"#,
            r#","horizon":1,"seasons":[7,2521]"#,
            r#","horizon":1,"seasons":[2,3,4,5,6,7]"#,
            r#","horizon":1,"bounds":{"lower":2,"upper":1}"#,
            r#","horizon":1,"bounds":{"least":2}"#,
            r#","horizon":1,"bounds":{"lower":1e999}"#,
        ] {
            assert_eq!(parse(more).unwrap_err().status(), 400, "{more}");
        }
    }

    #[test]
    fn quantiles_are_bounded_in_number() {
        let list = |count: usize| vec!["0.5"; count].join(",");
        let parsed = |count| parse(&format!(r#","horizon":1,"quantiles":[{}]"#, list(count)));
        assert!(parsed(MAX_QUANTILES).is_ok());
        assert_eq!(
            parsed(MAX_QUANTILES + 1).unwrap_err().to_string(),
            "quantiles must hold at most 99 numbers"
        );
    }
}
