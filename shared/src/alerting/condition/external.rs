use crate::alerting::external::Holds;
use crate::alerting::instance::Verdict;
use crate::clock::Millis;
use serde::{Deserialize, Serialize};

/// Another system says that something is wrong: a series of `external::METRIC`, whose value is the end of that.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct External {}

impl External {
    /// What the last value says in a minute: it may end though nothing comes.
    #[must_use]
    pub fn verdict(self, value: f64, minute: Millis) -> Verdict {
        if Holds::at(value, minute) {
            Verdict::Breach
        } else {
            Verdict::Clear
        }
    }
}
