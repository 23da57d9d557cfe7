//! The bodies of replies, read with distrust: every length and every number is looked at.

use super::failure::Failure;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// What a call cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tokens {
    /// for the history
    pub input: u32,
    /// for the forecast
    pub output: u32,
    /// for fine-tuning, which is not used here
    pub finetune: u32,
}

/// The ends of an interval, one pair a step.
#[derive(Debug, Clone, PartialEq)]
pub struct Band {
    /// nominal coverage in percent
    pub level: f64,
    /// lower ends, finite
    pub lower: Vec<f64>,
    /// upper ends, finite, none below its lower one
    pub upper: Vec<f64>,
}

/// A forecast.
#[derive(Debug, Clone, PartialEq)]
pub struct RemoteForecast {
    /// one finite value a step
    pub mean: Vec<f64>,
    /// one for each level asked for, in that order
    pub bands: Vec<Band>,
    /// what it cost
    pub tokens: Tokens,
}

/// What was found in a history.
#[derive(Debug, Clone, PartialEq)]
pub struct Detection {
    /// how many values at the head of the history have no verdict: the model needs them to begin
    pub unjudged: usize,
    /// what was expected of each value after them
    pub expected: Vec<f64>,
    /// whether each of them is an anomaly
    pub anomalous: Vec<bool>,
    /// the limits beyond which a value is one
    pub band: Band,
    /// what it cost
    pub tokens: Tokens,
}

/// What both replies have. Numbers of an `Option` may be null, and are then refused with a better word.
#[derive(Deserialize)]
struct Common {
    mean: Vec<Option<f64>>,
    #[serde(default)]
    intervals: Option<BTreeMap<String, Vec<Option<f64>>>>,
    #[serde(default)]
    input_tokens: Option<u64>,
    #[serde(default)]
    output_tokens: Option<u64>,
    #[serde(default)]
    finetune_tokens: Option<u64>,
}

#[derive(Deserialize)]
struct DetectionWire {
    #[serde(flatten)]
    common: Common,
    sizes: Vec<usize>,
    anomaly: Vec<bool>,
}

/// The reply to a forecast of `horizon` steps with intervals of these levels.
pub(super) fn forecast(body: &[u8], horizon: usize, levels: &[f64]) -> Result<RemoteForecast, Failure> {
    let wire: Common = unwrapped(body)?;
    Ok(RemoteForecast {
        mean: numbers(&wire.mean, horizon)?,
        bands: levels
            .iter()
            .map(|level| wire.band(*level, horizon))
            .collect::<Result<_, _>>()?,
        tokens: wire.tokens(),
    })
}

/// The reply to a detection in a history of so many values.
pub(super) fn detection(body: &[u8], length: usize, level: f64) -> Result<Detection, Failure> {
    let wire: DetectionWire = unwrapped(body)?;
    let [judged] = wire.sizes[..] else {
        return Err(Failure::Wrong("it has another number of series"));
    };
    let unjudged = length
        .checked_sub(judged)
        .ok_or(Failure::Wrong("it has more values than the history"))?;
    if wire.anomaly.len() != judged {
        return Err(Failure::Wrong("a list has another length"));
    }
    Ok(Detection {
        unjudged,
        expected: numbers(&wire.common.mean, judged)?,
        band: wire.common.band(level, judged)?,
        tokens: wire.common.tokens(),
        anomalous: wire.anomaly,
    })
}

/// Takes a body out of `{"data": ...}`, if it comes in one, and reads it.
fn unwrapped<T: DeserializeOwned>(body: &[u8]) -> Result<T, Failure> {
    #[derive(Deserialize)]
    struct Wrapper<'a> {
        #[serde(borrow, default)]
        data: Option<&'a RawValue>,
    }
    let unread = |error: serde_json::Error| {
        if error.is_data() {
            Failure::Wrong("a field is missing, or of another type")
        } else {
            Failure::Broken("it is no JSON")
        }
    };
    let wrapper: Wrapper<'_> = serde_json::from_slice(body).map_err(unread)?;
    match wrapper.data {
        Some(data) => serde_json::from_str(data.get()).map_err(unread),
        None => serde_json::from_slice(body).map_err(unread),
    }
}

impl Common {
    fn tokens(&self) -> Tokens {
        let count = |tokens: Option<u64>| u32::try_from(tokens.unwrap_or(0)).unwrap_or(u32::MAX);
        Tokens {
            input: count(self.input_tokens),
            output: count(self.output_tokens),
            finetune: count(self.finetune_tokens),
        }
    }

    fn band(&self, level: f64, length: usize) -> Result<Band, Failure> {
        let end = |side: &str| {
            let found = self
                .intervals
                .iter()
                .flatten()
                .find(|(name, _)| names(name, side, level));
            let (_, values) = found.ok_or(Failure::Wrong("an interval is missing"))?;
            numbers(values, length)
        };
        let band = Band {
            level,
            lower: end("lo")?,
            upper: end("hi")?,
        };
        if band.lower.iter().zip(&band.upper).any(|(lower, upper)| lower > upper) {
            return Err(Failure::Wrong("an interval ends before it begins"));
        }
        Ok(band)
    }
}

/// Whether `lo-95`, or `lo-95.0`, is this side of this level.
fn names(name: &str, side: &str, level: f64) -> bool {
    let named = name
        .strip_prefix(side)
        .and_then(|rest| rest.strip_prefix('-'))
        .and_then(|text| text.parse::<f64>().ok());
    named.is_some_and(|named| (named - level).abs() < 1e-6)
}

/// So many finite numbers.
fn numbers(values: &[Option<f64>], length: usize) -> Result<Vec<f64>, Failure> {
    if values.len() != length {
        return Err(Failure::Wrong("a list has another length"));
    }
    let finite = values.iter().map(|value| value.filter(|value| value.is_finite()));
    let all: Option<Vec<f64>> = finite.collect();
    all.ok_or(Failure::Wrong("a value is not a finite number"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn good() -> Value {
        json!({
            "input_tokens": 24, "output_tokens": 2, "finetune_tokens": 0, "mean": [1.0, 2],
            "intervals": {"lo-80": [0, 1], "hi-80": [2, 3], "lo-99.5": [-1, 0], "hi-99.5": [3, 4]},
            "weights_x": null, "feature_contributions": null,
        })
    }

    fn read(value: &Value) -> Result<RemoteForecast, Failure> {
        forecast(value.to_string().as_bytes(), 2, &[80.0, 99.5])
    }

    fn with(pointer: &str, value: Value) -> Value {
        let mut changed = good();
        *changed.pointer_mut(pointer).unwrap() = value;
        changed
    }

    #[test]
    fn a_reply_is_read_bare_and_wrapped() {
        let read_bare = read(&good()).unwrap();
        assert_eq!(read_bare.mean, [1.0, 2.0]);
        let tokens = Tokens {
            input: 24,
            output: 2,
            finetune: 0,
        };
        assert_eq!(read_bare.tokens, tokens);
        let band = Band {
            level: 99.5,
            lower: vec![-1.0, 0.0],
            upper: vec![3.0, 4.0],
        };
        assert_eq!(read_bare.bands[1], band);
        assert_eq!(read(&json!({"data": good()})).unwrap(), read_bare);
        let mut null = good();
        null["data"] = Value::Null;
        assert_eq!(read(&null).unwrap(), read_bare);
    }

    #[test]
    fn levels_are_found_however_they_are_written() {
        let mut reply = good();
        reply["intervals"] = json!({"lo-80.0": [0, 1], "hi-80.0": [2, 3], "lo-99.50": [-1, 0], "hi-99.50": [3, 4]});
        assert_eq!(read(&reply), read(&good()));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for wrong in [
            with("/mean", json!([1.0])),
            with("/mean", json!([1.0, null])),
            with("/mean", json!([1.0, "2"])),
            with("/mean", json!(null)),
            with("/intervals", json!(null)),
            with("/intervals/lo-80", json!([0])),
            with("/intervals/hi-80", json!([2, null])),
            with("/intervals/hi-80", json!([2, 0.5])),
            with("/intervals", json!({"lo-80": [0, 1], "hi-80": [2, 3]})),
            with("/input_tokens", json!("24")),
            with("/input_tokens", json!(-1)),
            json!({"data": [1]}),
            json!({"data": {}}),
            json!({}),
        ] {
            assert!(matches!(read(&wrong), Err(Failure::Wrong(_))), "{wrong}");
        }
    }

    #[test]
    fn a_reply_cut_anywhere_is_broken() {
        for whole in [good().to_string(), json!({"data": good()}).to_string()] {
            for end in 0..whole.len() {
                let cut = forecast(&whole.as_bytes()[..end], 2, &[80.0]);
                assert!(matches!(cut, Err(Failure::Broken(_))), "{end}");
            }
        }
        let nan = good().to_string().replace("1.0", "NaN");
        assert!(matches!(forecast(nan.as_bytes(), 2, &[]), Err(Failure::Broken(_))));
        let huge = good().to_string().replace("1.0", "1e999");
        assert!(forecast(huge.as_bytes(), 2, &[]).is_err());
    }

    #[test]
    fn the_head_of_a_history_has_no_verdict() {
        let reply = json!({
            "mean": [1, 2], "sizes": [2], "anomaly": [false, true], "input_tokens": 5, "output_tokens": 2,
            "finetune_tokens": 0, "intervals": {"lo-99": [0, 1], "hi-99": [2, 3]}, "weights_x": null,
        });
        let read = |value: &Value, length| detection(value.to_string().as_bytes(), length, 99.0);
        let found = read(&reply, 5).unwrap();
        assert_eq!((found.unjudged, &found.anomalous[..]), (3, &[false, true][..]));
        assert_eq!((&found.expected[..], found.tokens.input), (&[1.0, 2.0][..], 5));
        assert!(read(&json!({"data": reply}), 5).is_ok());
        for (field, value) in [
            ("sizes", json!([1])),
            ("sizes", json!([3])),
            ("sizes", json!([2, 0])),
            ("sizes", json!([-2])),
            ("anomaly", json!([true])),
            ("anomaly", json!([0, 1])),
            ("mean", json!([1, null])),
            ("intervals", json!({"lo-95": [0, 1], "hi-95": [2, 3]})),
        ] {
            let mut wrong = reply.clone();
            wrong[field] = value;
            assert!(matches!(read(&wrong, 5), Err(Failure::Wrong(_))), "{wrong}");
        }
        assert!(read(&reply, 1).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(body: Vec<u8>) {
            prop_assert!(forecast(&body, 2, &[80.0]).is_err());
            prop_assert!(detection(&body, 2, 99.0).is_err());
        }
    }
}
