use super::Verdict;
use crate::id::RuleId;
use serde::{Deserialize, Serialize};

/// The most rules that a composite one names.
const MAX_MEMBERS: usize = 50;

/// Other rules that fire.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Composite {
    /// how many of them must fire
    pub mode: Mode,
    /// of [`Mode::Count`]: that many at least
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least: Option<u8>,
    /// the rules; one fires while it has an alert of any series that does
    pub rules: Vec<RuleId>,
}

/// How many rules must fire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// each of them
    All,
    /// one of them
    Any,
    /// so many of them
    Count,
}

impl Composite {
    pub(super) fn checked(mut self) -> Result<Self, String> {
        let mut seen: Vec<RuleId> = Vec::new();
        for rule in std::mem::take(&mut self.rules) {
            if !seen.contains(&rule) {
                seen.push(rule);
            }
        }
        self.rules = seen;
        if !(1..=MAX_MEMBERS).contains(&self.rules.len()) {
            return Err(format!("condition.rules must name 1 to {MAX_MEMBERS} rules"));
        }
        match (self.mode, self.at_least) {
            (Mode::All | Mode::Any, Some(_)) => Err("condition.at_least has a meaning only with the mode count".into()),
            (Mode::Count, None) => Err("condition.at_least is missing".into()),
            (Mode::Count, Some(least)) if !(1..=self.rules.len()).contains(&usize::from(least)) => {
                Err("condition.at_least must be 1 to the number of condition.rules".into())
            }
            _ => Ok(self),
        }
    }

    /// How many of its rules must fire.
    #[must_use]
    pub fn needed(&self) -> usize {
        match self.mode {
            Mode::All => self.rules.len(),
            Mode::Any => 1,
            Mode::Count => self.at_least.map_or(1, usize::from),
        }
    }

    /// What it says while so many of its rules fire, and of so many others nobody can say because series are silent. As long
    /// as those could make the difference, everything stays as it is.
    #[must_use]
    pub fn verdict(&self, firing: usize, unknown: usize) -> Verdict {
        match self.needed() {
            needed if firing >= needed => Verdict::Breach,
            needed if firing + unknown >= needed => Verdict::Frozen,
            _ => Verdict::Clear,
        }
    }
}
