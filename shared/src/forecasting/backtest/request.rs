use crate::Error;
use crate::forecasting::events::{self, Events};
use crate::forecasting::limits::Limits;
use crate::forecasting::predictions::Shown;
use crate::forecasting::request::{self, Horizon};
use crate::series::{Dimensions, MetricKey};
use prediction::{Backend, Step};
use serde::Deserialize;
use serde_json::Value;

/// Windows, where the request does not say.
const WINDOWS: usize = 5;
/// The most windows.
const MAX_WINDOWS: usize = 50;
/// What is to be tested, and how.
#[derive(Debug, Clone)]
pub struct BacktestRequest {
    pub(super) metric_key: MetricKey,
    pub(super) dimensions: Option<Dimensions>,
    pub(super) horizon: Horizon,
    pub(super) frequency: Option<Step>,
    pub(super) backends: Vec<Backend>,
    pub(super) windows: usize,
    pub(super) stride: Option<usize>,
    pub(super) shown: Shown,
    pub(super) seasons: Option<Vec<usize>>,
    pub(super) limits: Limits,
    pub(super) events: Events,
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
    backends: Option<Vec<String>>,
    #[serde(default)]
    windows: Option<usize>,
    #[serde(default)]
    stride: Option<usize>,
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
}

impl BacktestRequest {
    /// Reads the body of `POST /v1/backtests`.
    ///
    /// # Errors
    /// 400 with the field that is wrong.
    pub fn parse(body: &[u8]) -> Result<Self, Error> {
        let wire: Wire = serde_json::from_slice(body).map_err(|error| Error::schema(error.to_string()))?;
        let windows = wire.windows.unwrap_or(WINDOWS);
        if !(1..=MAX_WINDOWS).contains(&windows) {
            return Err(Error::schema(format!(
                "windows must be a number from 1 to {MAX_WINDOWS}"
            )));
        }
        if wire.stride == Some(0) {
            return Err(Error::schema("stride must be a number of steps from 1 on"));
        }
        Ok(Self {
            metric_key: MetricKey::of_request(&wire.metric_key)?,
            dimensions: wire.dimensions,
            horizon: Horizon::parse(&wire.horizon)?,
            frequency: request::frequency(wire.frequency.as_deref())?,
            backends: backends(wire.backends.as_deref())?,
            windows,
            stride: wire.stride,
            shown: request::shown(wire.levels, wire.quantiles)?,
            seasons: request::seasons(wire.seasons)?,
            limits: wire.bounds.check()?,
            events: Events::parse(wire.events)?,
        })
    }
}

/// The backends of this engine by name, each once; all of them if none is named.
fn backends(names: Option<&[String]>) -> Result<Vec<Backend>, Error> {
    let Some(names) = names else {
        return Ok(Backend::ALL.to_vec());
    };
    let mut backends = Vec::new();
    for name in names {
        if name == "timegpt" {
            return Err(Error::schema(
                "backends: timegpt cannot be tested here; each window would be a request that you pay for",
            ));
        }
        let backend = name
            .parse()
            .map_err(|error| Error::schema(format!("backends: {error}")))?;
        if !backends.contains(&backend) {
            backends.push(backend);
        }
    }
    if backends.is_empty() {
        return Err(Error::schema("backends must hold at least one name"));
    }
    Ok(backends)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(more: &str) -> Result<BacktestRequest, Error> {
        BacktestRequest::parse(format!(r#"{{"metric_key":"a","horizon":24{more}}}"#).as_bytes())
    }

    #[test]
    fn wrong_fields_are_told() {
        for more in [
            r#","windows":0"#,
            r#","windows":51"#,
            r#","stride":0"#,
            r#","backends":[]"#,
            r#","backends":["magic"]"#,
            r#","backends":["timegpt"]"#,
            r#","backend":"auto""#,
            r#","levels":[0]"#,
            r#","quantiles":[2]"#,
            r#","seasons":[1]"#,
        ] {
            assert_eq!(parse(more).unwrap_err().status(), 400, "{more}");
        }
    }
}
