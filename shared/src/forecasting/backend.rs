use super::timegpt;
use std::fmt;
use std::str::FromStr;

/// Who makes a forecast.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// a model of this house, or its own choice of them
    Local(prediction::Backend),
    /// Nixtla's TimeGPT, with the organization's own key; `auto` where that does not work
    TimeGpt,
}

impl Backend {
    /// The model of this house that is run for it: its own, or the one that stands by for TimeGPT.
    #[must_use]
    pub fn local(self) -> prediction::Backend {
        match self {
            Self::Local(backend) => backend,
            Self::TimeGpt => prediction::Backend::Auto,
        }
    }
}

impl Default for Backend {
    fn default() -> Self {
        Self::Local(prediction::Backend::Auto)
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(backend) => backend.fmt(f),
            Self::TimeGpt => f.pad(timegpt::NAME),
        }
    }
}

impl FromStr for Backend {
    type Err = prediction::Error;

    fn from_str(name: &str) -> Result<Self, prediction::Error> {
        if name == timegpt::NAME {
            Ok(Self::TimeGpt)
        } else {
            name.parse().map(Self::Local)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        let local = prediction::Backend::ALL.map(Backend::Local);
        for backend in local.into_iter().chain([Backend::TimeGpt]) {
            assert_eq!(backend.to_string().parse(), Ok(backend));
        }
        assert!("TimeGPT".parse::<Backend>().is_err());
    }
}
