use prediction::detect::Mark;
use serde::{Deserialize, Serialize};

/// What a user says of an anomaly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Label {
    /// it was to be expected
    Expected,
    /// its values were wrong data
    BadData,
    /// it is real
    Real,
}

impl Label {
    /// As in JSON and in storage.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.mark().as_str()
    }

    /// Reads its name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Expected, Self::BadData, Self::Real]
            .into_iter()
            .find(|label| label.as_str() == text)
    }

    /// What the detector makes of it.
    #[must_use]
    pub fn mark(self) -> Mark {
        match self {
            Self::Expected => Mark::Expected,
            Self::BadData => Mark::BadData,
            Self::Real => Mark::Real,
        }
    }
}
