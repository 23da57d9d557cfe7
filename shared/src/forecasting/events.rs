use crate::clock::Millis;
use crate::{Code, Error, time};
use prediction::Grid;
use prediction::calendar_effects::Regressor;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The most names of events.
const MAX_EVENTS: usize = 50;
/// The most times of one event.
const MAX_TIMES: usize = 1_000;
/// The longest name of an event, in characters.
const LONGEST_NAME: usize = 64;

/// Holidays, campaigns and the like, past and future, that may explain a series: names and the times at which they are.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Events(Vec<(String, Vec<Millis>)>);

/// Names and RFC 3339 times, as requests hold them.
#[derive(Debug, Default, Deserialize)]
#[serde(transparent)]
pub(super) struct Wire(BTreeMap<String, Vec<String>>);

impl Events {
    /// # Errors
    /// 400 for too many events or times, a name that is empty or too long, or a time that is none.
    pub(super) fn parse(wire: Wire) -> Result<Self, Error> {
        if wire.0.len() > MAX_EVENTS {
            return Err(Error::schema(format!("events must hold at most {MAX_EVENTS} names")));
        }
        let read = |(name, times): (String, Vec<String>)| {
            if name.is_empty() || name.chars().count() > LONGEST_NAME {
                return Err(Error::schema(format!(
                    "the name of an event has 1 to {LONGEST_NAME} characters"
                )));
            }
            if times.len() > MAX_TIMES {
                return Err(Error::schema(format!("an event has at most {MAX_TIMES} times")));
            }
            let times = times.iter().map(|text| {
                time::parse(text).ok_or_else(|| Error::Malformed {
                    code: Code::InvalidTimestamp,
                    message: format!(
                        "an event's time is not one: {}",
                        text.chars().take(64).collect::<String>()
                    ),
                })
            });
            Ok((name, times.collect::<Result<_, _>>()?))
        };
        wire.0.into_iter().map(read).collect::<Result<_, _>>().map(Self)
    }

    /// The steps of `grid` at which each event is, those of the future included.
    pub(super) fn on(&self, grid: &Grid<'_>) -> Vec<Regressor> {
        let regressor = |(name, times): &(String, Vec<Millis>)| Regressor {
            name: name.clone(),
            steps: times
                .iter()
                .filter_map(|time| usize::try_from(grid.step.count(grid.start, *time)).ok())
                .collect(),
        };
        self.0.iter().map(regressor).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prediction::Step;

    fn parse(text: &str) -> Result<Events, Error> {
        Events::parse(serde_json::from_str(text).unwrap())
    }

    #[test]
    fn times_become_steps() {
        let events =
            parse(r#"{"sale":["1970-01-03T12:00:00Z","1970-01-09T00:00:00Z","1969-12-01T00:00:00Z"]}"#).unwrap();
        let grid = Grid {
            start: 0,
            step: Step::Millis(86_400_000),
            values: &[1.0; 4],
        };
        let regressors = events.on(&grid);
        assert_eq!(regressors[0].name, "sale");
        assert_eq!(regressors[0].steps.iter().copied().collect::<Vec<_>>(), [2, 8]);
    }

    #[test]
    fn wrong_events_are_told() {
        for text in [
            r#"{"":[]}"#.to_owned(),
            r#"{"sale":["soon"]}"#.to_owned(),
            format!(r#"{{"{}":[]}}"#, "x".repeat(65)),
            format!(
                "{{{}}}",
                (0..51).map(|n| format!(r#""{n}":[]"#)).collect::<Vec<_>>().join(",")
            ),
        ] {
            assert_eq!(parse(&text).unwrap_err().status(), 400, "{text}");
        }
    }
}
