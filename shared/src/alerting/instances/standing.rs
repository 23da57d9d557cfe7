use crate::alerting::instance::State;
use serde::Serialize;

/// Where a rule stands on a series, as who reads it is to see it: not as normal what nobody has looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// it cannot be evaluated, and there is no alert that goes on meanwhile
    Error,
    /// as the last tick left it
    #[serde(untagged)]
    Evaluated(State),
}

impl Standing {
    /// What a state is to be shown as while the rule can be evaluated, or cannot be. An alert goes on as it is: what is not
    /// known is no end of it.
    pub(super) fn of(state: State, can_be_evaluated: bool) -> Self {
        match state {
            State::Normal | State::Pending | State::Unknown if !can_be_evaluated => Self::Error,
            _ => Self::Evaluated(state),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_error_hides_a_state_without_an_alert_and_no_other() {
        let names = State::ALL.map(|state| json!([Standing::of(state, true), Standing::of(state, false)]));
        assert_eq!(
            json!(names),
            json!([
                ["normal", "error"],
                ["pending", "error"],
                ["firing", "firing"],
                ["recovering", "recovering"],
                ["no_data", "no_data"],
                ["unknown", "error"],
            ])
        );
    }
}
