use crate::alerting::Span;
use crate::clock::{DAY, MINUTE};
use crate::forecasting::{ForecastRequest, Horizon};
use crate::series::Dimensions;
use crate::{Code, Error};
use serde_json::{Map, Value, json};

/// Numbers of one forecast, its means and the ends of its intervals: a row of 64 must fit into a write.
pub(super) const MAX_NUMBERS: usize = 4_000;
/// The longest description of a forecast, which is mostly its events.
const MAX_BYTES: usize = 64 * 1024;
/// The longest time between two runs.
const MAX_SCHEDULE: i64 = 366 * DAY;

/// What a job forecasts, and how often.
#[derive(Debug, Clone)]
pub struct Definition {
    /// the forecast of each series; its dimensions are the selector
    pub request: ForecastRequest,
    /// the request as callers see it, with all defaults
    pub(super) shown: Map<String, Value>,
    /// from one run to the next
    pub schedule: Span,
    /// whether it runs
    pub enabled: bool,
}

impl Definition {
    /// Reads the body of `POST /v1/forecast-jobs`: that of `POST /v1/forecasts` with `schedule` and `enabled`.
    ///
    /// # Errors
    /// 400 with the field that is wrong.
    pub fn parse(body: &[u8]) -> Result<Self, Error> {
        let mut fields: Map<String, Value> =
            serde_json::from_slice(body).map_err(|error| Error::schema(error.to_string()))?;
        let schedule = match fields.remove("schedule") {
            Some(Value::String(text)) => Span::parse(&text),
            _ => None,
        };
        let schedule = schedule
            .filter(|schedule| (MINUTE..=MAX_SCHEDULE).contains(&schedule.millis()))
            .ok_or_else(|| Error::schema("schedule must be a duration from 1m to 366d, such as \"1h\" or \"1d\""))?;
        let enabled = match fields.remove("enabled") {
            None => true,
            Some(Value::Bool(enabled)) => enabled,
            Some(_) => return Err(Error::schema("enabled must be true or false")),
        };
        let definition = Self::of(fields, schedule, enabled)?;
        // what will be stored, with the defaults filled in: what is accepted has to be readable
        if serde_json::to_vec(&definition.shown).map_or(usize::MAX, |text| text.len()) > MAX_BYTES {
            return Err(Error::schema(format!(
                "the forecast of a job is described in at most {MAX_BYTES} bytes"
            )));
        }
        Ok(definition)
    }

    /// What the database keeps.
    pub(super) fn stored(request: &str, schedule: i64, enabled: bool) -> Result<Self, Error> {
        let fields =
            serde_json::from_str(request).map_err(|_| Error::unavailable("a stored forecast job is damaged"))?;
        Self::of(fields, Span::from_millis(schedule), enabled)
    }

    fn of(mut fields: Map<String, Value>, schedule: Span, enabled: bool) -> Result<Self, Error> {
        let text = serde_json::to_vec(&fields).unwrap_or_default();
        let request = ForecastRequest::parse(&text)?;
        if let Horizon::Steps(steps) = request.horizon {
            let probabilities = request.shown.probabilities();
            check_numbers(steps, probabilities.map_or(0, |all| all.len()))?;
        }
        let selector = request.dimensions.clone().unwrap_or_default();
        fields.insert("dimensions".into(), json!(selector));
        fields.insert("backend".into(), json!(request.backend.to_string()));
        fields.insert("levels".into(), json!(request.levels()));
        fields.insert(
            "frequency".into(),
            json!(request.frequency.map(|step| step.to_string())),
        );
        Ok(Self {
            request,
            shown: fields,
            schedule,
            enabled,
        })
    }

    /// Which series of the metric: those with all of these.
    pub(super) fn selector(&self) -> Dimensions {
        self.request.dimensions.clone().unwrap_or_default()
    }
}

/// Refuses a forecast of too many numbers.
pub(super) fn check_numbers(steps: usize, quantiles: usize) -> Result<(), Error> {
    let numbers = steps.saturating_mul(1 + quantiles);
    if numbers <= MAX_NUMBERS {
        return Ok(());
    }
    Err(Error::Malformed {
        code: Code::SchemaValidationFailed,
        message: format!(
            "{steps} steps with {quantiles} quantiles are {numbers} numbers a series; a job makes at most {MAX_NUMBERS}"
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(more: &str) -> Result<Definition, Error> {
        Definition::parse(format!(r#"{{"metric_key":"a","horizon":24{more}}}"#).as_bytes())
    }

    #[test]
    fn what_is_accepted_can_be_read_again() {
        // times and a dimension that make the text nearly as long as it may be, or a little longer
        let times = |count: usize| vec![r#""2026-01-01T00:00:00Z""#; count].join(",");
        let rest = (MAX_BYTES - 300) / 23 - 2_000;
        let events = format!(
            r#"{{"a":[{}],"b":[{}],"c":[{}]}}"#,
            times(1_000),
            times(1_000),
            times(rest)
        );
        let mut accepted = 0;
        for fill in 0..300 {
            let dimension = "x".repeat(fill + 1);
            let more = format!(r#","schedule":"1h","dimensions":{{"a":"{dimension}"}},"events":{events}"#);
            if let Ok(job) = parse(&more) {
                accepted += 1;
                let text = Value::Object(job.shown).to_string();
                Definition::stored(&text, job.schedule.millis(), job.enabled).unwrap();
            }
        }
        assert!((1..300).contains(&accepted), "{accepted}");
    }

    #[test]
    fn defaults_are_filled_in_and_stay_the_same_when_read_again() {
        let job = parse(r#","schedule":"1h""#).unwrap();
        let text = Value::Object(job.shown.clone()).to_string();
        assert_eq!(
            text,
            r#"{"backend":"auto","dimensions":{},"frequency":null,"horizon":24,"levels":[80.0,95.0],"metric_key":"a"}"#
        );
        let again = Definition::stored(&text, job.schedule.millis(), job.enabled).unwrap();
        assert_eq!(
            (again.shown, again.schedule, again.enabled),
            (job.shown, job.schedule, true)
        );
    }

    #[test]
    fn wrong_fields_are_told() {
        for more in [
            "",
            r#","schedule":60"#,
            r#","schedule":"0s""#,
            r#","schedule":"59s""#,
            r#","schedule":"367d""#,
            r#","schedule":"* * * * *""#,
            r#","schedule":"1h","enabled":1"#,
            r#","schedule":"1h","levels":[]"#,
            r#","schedule":"1h","backend":"magic""#,
            r#","schedule":"1h","dimensions":{"a":1}"#,
            r#","schedule":"1h","series_id":"ser_0""#,
            r#","schedule":"1h","quantiles":[1]"#,
        ] {
            assert_eq!(parse(more).unwrap_err().status(), 400, "{more}");
        }
        assert_eq!(Definition::parse(b"[]").unwrap_err().status(), 400);
        let times = vec![r#""2026-01-01T00:00:00Z""#; 1_000].join(",");
        let events = |names: &str| parse(&format!(r#","schedule":"1h","events":{{{names}}}"#));
        assert!(events(&format!(r#""a":[{times}]"#)).is_ok());
        assert!(events(&format!(r#""a":[{times}],"b":[{times}],"c":[{times}]"#)).is_err());
    }

    #[test]
    fn a_forecast_has_an_end() {
        assert!(check_numbers(800, 4).is_ok());
        let error = check_numbers(801, 4).unwrap_err();
        assert_eq!(
            error.to_string(),
            "801 steps with 4 quantiles are 4005 numbers a series; a job makes at most 4000"
        );
    }
}
