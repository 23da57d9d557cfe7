//! Why TimeGPT gave no answer that can be used.

use http::StatusCode;

/// Why there is none.
///
/// Its words go into `model_info` and are read by the organization; they hold neither the key nor where the
/// service is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// nothing leaves an organization that is there for tests
    #[error("nothing is sent out for a test organization")]
    TestOrganization,
    /// the organization has given none
    #[error("the organization has stored no API key for TimeGPT")]
    NoKey,
    /// this server has another secret key than the one that sealed it, or none
    #[error("the stored API key does not open with the secret key of this server")]
    KeyUnreadable,
    /// the last calls failed, so that none is tried for a while
    #[error("TimeGPT failed several times in a row, so it is not asked for a while")]
    CircuitOpen,
    /// there is no connection, or it ended before an answer began
    #[error("TimeGPT could not be reached")]
    Unreachable,
    /// the time of a call is over
    #[error("TimeGPT did not answer in time")]
    Timeout,
    /// 401 or 403
    #[error("TimeGPT refused the API key ({})", Said { status: *status, code: code.as_deref() })]
    KeyRefused {
        /// its status
        status: StatusCode,
        /// the service's own code: `A12`
        code: Option<String>,
    },
    /// 402 or 429: so many requests, or tokens, and no more
    #[error("a limit of the organization's TimeGPT plan is reached ({})", Said { status: *status, code: code.as_deref() })]
    LimitReached {
        /// its status
        status: StatusCode,
        /// the service's own code: `A21`
        code: Option<String>,
    },
    /// another 4xx: it will not do this
    #[error("TimeGPT refused the request ({status}){}", detail.as_ref().map(|text| format!(": {text}")).unwrap_or_default(), status = status.as_u16())]
    Refused {
        /// its status
        status: StatusCode,
        /// the first complaint of a 422
        detail: Option<String>,
    },
    /// a 5xx, or something else that is no answer
    #[error("TimeGPT failed ({})", status.as_u16())]
    Failed {
        /// its status
        status: StatusCode,
    },
    /// what arrived broke off, or is no JSON
    #[error("the answer of TimeGPT cannot be read: {0}")]
    Broken(&'static str),
    /// the answer does not fit the question
    #[error("the answer of TimeGPT makes no sense: {0}")]
    Wrong(&'static str),
}

/// A status with the service's own code, as in `401, A12`.
struct Said<'a> {
    status: StatusCode,
    code: Option<&'a str>,
}

impl std::fmt::Display for Said<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.status.as_u16())?;
        self.code.map_or(Ok(()), |code| write!(f, ", {code}"))
    }
}

impl Failure {
    /// A stable name, for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::TestOrganization => "TEST_ORGANIZATION",
            Self::NoKey => "NO_KEY",
            Self::KeyUnreadable => "KEY_UNREADABLE",
            Self::CircuitOpen => "CIRCUIT_OPEN",
            Self::Unreachable => "UNREACHABLE",
            Self::Timeout => "TIMEOUT",
            Self::KeyRefused { .. } => "KEY_REFUSED",
            Self::LimitReached { .. } => "LIMIT_REACHED",
            Self::Refused { .. } => "REQUEST_REFUSED",
            Self::Failed { .. } => "SERVICE_FAILED",
            Self::Broken(_) | Self::Wrong(_) => "BAD_ANSWER",
        }
    }

    /// Whether it tells that the service is down, for everybody: an answer that refuses one organization, or one
    /// request, does not.
    pub(super) fn is_outage(&self) -> bool {
        matches!(
            self,
            Self::Unreachable | Self::Timeout | Self::Failed { .. } | Self::Broken(_)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_name_the_status_and_the_services_own_code() {
        let refused = Failure::KeyRefused {
            status: StatusCode::UNAUTHORIZED,
            code: Some("A12".into()),
        };
        assert_eq!(refused.to_string(), "TimeGPT refused the API key (401, A12)");
        let detail = Some("body.h: must be positive".into());
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        assert_eq!(
            Failure::Refused { status, detail }.to_string(),
            "TimeGPT refused the request (422): body.h: must be positive"
        );
        assert_eq!(
            Failure::Refused { status, detail: None }.to_string(),
            "TimeGPT refused the request (422)"
        );
        assert_eq!(
            Failure::Failed {
                status: StatusCode::BAD_GATEWAY
            }
            .to_string(),
            "TimeGPT failed (502)"
        );
    }
}
