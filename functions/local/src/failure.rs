use db::DbError;
use intentvision::Error;
use std::process::ExitCode;

/// Why a command did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// the answer is no: a check of `doctor`, a step of the demo, a port that is taken
    #[error("{0}")]
    Failed(String),
    /// what the user gave makes no sense, or names what is not there
    #[error("{0}")]
    Input(String),
    /// the database is not there, not ready or refuses
    #[error("{0}")]
    Database(String),
}

impl Failure {
    /// 1 for a no, 3 for wrong input, 4 for the database; 0 is success and 2 is clap's, for a command
    /// line that makes no sense.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Failed(_) => 1,
            Self::Input(_) => 3,
            Self::Database(_) => 4,
        }
    }

    /// Says it in one line on stderr.
    pub(crate) fn report(&self, json: bool) -> ExitCode {
        let code = self.exit_code();
        if json {
            let error = serde_json::json!({"error": {"exit_code": code, "message": self.to_string()}});
            eprintln!("{error}");
        } else {
            eprintln!("intentvision: {self}");
        }
        ExitCode::from(code)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            // the cause is kept from clients of the HTTP service; whoever sits here may see it
            Error::Unavailable { cause } => Self::Database(cause),
            Error::Conflict { message, .. } => Self::Failed(message),
            other => Self::Input(other.to_string()),
        }
    }
}

impl From<DbError> for Failure {
    fn from(error: DbError) -> Self {
        Self::Database(error.to_string())
    }
}
