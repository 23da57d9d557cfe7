use db::DbError;
use db::backend::{Cause, Origin};

/// Why a statement failed, before it is known what it means for the batch.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) cause: Cause,
    pub(crate) message: String,
}

impl Failure {
    pub(crate) fn other(message: impl Into<String>) -> Self {
        Self {
            cause: Cause::Other,
            message: message.into(),
        }
    }

    pub(crate) fn is_busy(&self) -> bool {
        self.cause == Cause::Busy
    }

    /// The error of a statement that is not part of a batch.
    pub(crate) fn control(&self) -> DbError {
        Origin::Control.error(self.cause, &self.message, Vec::new())
    }
}

impl From<libsql::Error> for Failure {
    fn from(error: libsql::Error) -> Self {
        match error {
            libsql::Error::SqliteFailure(code, message) => Self {
                // the low byte of an extended result code is the primary one
                cause: match code & 0xff {
                    SQLITE_BUSY | SQLITE_LOCKED => Cause::Busy,
                    SQLITE_CONSTRAINT => Cause::Constraint,
                    _ => Cause::Other,
                },
                message,
            },
            other => Self::other(other.to_string()),
        }
    }
}

const SQLITE_BUSY: i32 = 5;
const SQLITE_LOCKED: i32 = 6;
const SQLITE_CONSTRAINT: i32 = 19;
