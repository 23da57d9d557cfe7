//! The one error of this crate.
//!
//! - [`Error`]: everything that a caller of the product may see; it knows its stable [`Code`] and
//!   its HTTP status, and `http::problem` writes it as `application/problem+json`.
//! - [`db::DbError`]: what a database says. Store functions translate the steps that they expect to
//!   fail; all else becomes [`Error::Unavailable`] by `?`, with the cause in the log and not in the
//!   reply.
//! - Pure parsers (`keys::format`, `store::codec`) have small errors of their own.

use db::DbError;
use http::StatusCode;
use serde::Serialize;

/// The stable codes of the HTTP contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(
    missing_docs,
    reason = "docs/api.md explains each code, and the names say what they are"
)]
pub enum Code {
    SchemaValidationFailed,
    InvalidMetricKey,
    InvalidValue,
    InvalidTimestamp,
    InvalidDimensions,
    SeriesLimitExceeded,
    PayloadTooLarge,
    UnsupportedEncoding,
    RateLimited,
    IdempotencyKeyReused,
    InsufficientData,
    Unauthenticated,
    Forbidden,
    NotFound,
    MethodNotAllowed,
    Conflict,
    Unavailable,
}

/// Why a request was not done. Nothing was changed, unless it says so.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// the request makes no sense: 400
    #[error("{message}")]
    Malformed {
        /// which rule it breaks
        code: Code,
        /// for people
        message: String,
    },
    /// the request makes sense, and cannot be done as it is: 422
    #[error("{message}")]
    Unprocessable {
        /// which rule it breaks
        code: Code,
        /// for people
        message: String,
    },
    /// no credential, or one that is unknown, revoked or expired: 401
    #[error("the API key is missing, unknown, revoked or expired")]
    Unauthenticated,
    /// the credential holds and lacks the scope of this route: 403
    #[error("the credential lacks the scope of this operation")]
    Forbidden,
    /// missing, or another organization's: 404
    #[error("{0} was not found")]
    NotFound(&'static str),
    /// the path is known, with other methods: 405
    #[error("the method is not allowed here")]
    MethodNotAllowed,
    /// it collides with what is there: 409
    #[error("{message}")]
    Conflict {
        /// for people
        message: String,
        /// what it collides with, for programs
        candidates: Vec<serde_json::Value>,
    },
    /// larger than a limit: 413
    #[error("{0}")]
    PayloadTooLarge(String),
    /// a content encoding or type that is not known: 415
    #[error("{0}")]
    UnsupportedEncoding(String),
    /// more than the plan allows: 429
    #[error("too many requests")]
    RateLimited {
        /// seconds until it is worth another try
        retry_after: u32,
    },
    /// more at once than a database sends: 503, unless less is asked for ([`Asked::page`](crate::http::page::Asked::page))
    #[error("this is more than can be read at once")]
    ReplyTooLarge,
    /// the database or another part was not there: 503; safe to repeat
    #[error("the service is not available right now, please retry")]
    Unavailable {
        /// for the log only
        cause: String,
    },
}

impl Error {
    /// A request that breaks the schema as a whole.
    pub fn schema(message: impl Into<String>) -> Self {
        Self::Malformed {
            code: Code::SchemaValidationFailed,
            message: message.into(),
        }
    }

    /// 503 with this cause in the log.
    pub fn unavailable(cause: impl Into<String>) -> Self {
        Self::Unavailable { cause: cause.into() }
    }

    /// A collision without candidates.
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::Conflict {
            message: message.into(),
            candidates: Vec::new(),
        }
    }

    /// The stable code.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Malformed { code, .. } | Self::Unprocessable { code, .. } => *code,
            Self::Unauthenticated => Code::Unauthenticated,
            Self::Forbidden => Code::Forbidden,
            Self::NotFound(_) => Code::NotFound,
            Self::MethodNotAllowed => Code::MethodNotAllowed,
            Self::Conflict { .. } => Code::Conflict,
            Self::PayloadTooLarge(_) => Code::PayloadTooLarge,
            Self::UnsupportedEncoding(_) => Code::UnsupportedEncoding,
            Self::RateLimited { .. } => Code::RateLimited,
            Self::ReplyTooLarge | Self::Unavailable { .. } => Code::Unavailable,
        }
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Malformed { .. } => StatusCode::BAD_REQUEST,
            Self::Unprocessable { .. } => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Conflict { .. } => StatusCode::CONFLICT,
            Self::PayloadTooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedEncoding(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::RateLimited { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::ReplyTooLarge | Self::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// Seconds for `Retry-After`, where a later try may succeed.
    #[must_use]
    pub fn retry_after(&self) -> Option<u32> {
        match self {
            Self::RateLimited { retry_after } => Some(*retry_after),
            Self::Unavailable { .. } => Some(5),
            _ => None,
        }
    }
}

impl From<DbError> for Error {
    fn from(error: DbError) -> Self {
        match error {
            DbError::Credential => Self::Unauthenticated,
            DbError::Scope => Self::Forbidden,
            DbError::TooLarge => Self::ReplyTooLarge,
            other => Self::unavailable(other.to_string()),
        }
    }
}
