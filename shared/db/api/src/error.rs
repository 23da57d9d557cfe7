use crate::Rows;

/// Why a batch did not take effect.
#[derive(Debug, Clone, thiserror::Error)]
pub enum DbError {
    /// the guard's credential check raised: unknown, revoked or expired
    #[error("the credential does not hold")]
    Credential,
    /// the guard's scope check raised
    #[error("the credential lacks the scope")]
    Scope,
    /// a step of the batch raised on purpose (`raise!`)
    #[error("step {step} raised")]
    Raised {
        /// which step, guard not counted
        step: usize,
        /// what the rescue steps found, in the shape of [`Reply::steps`](crate::Reply::steps)
        rescued: Vec<Rows>,
    },
    /// a step broke a constraint of the schema
    #[error("step {step} broke a constraint: {message}")]
    Constraint {
        /// which step, guard not counted
        step: usize,
        /// SQLite's own words; may name columns, so not for clients
        message: String,
        /// what the rescue steps found, in the shape of [`Reply::steps`](crate::Reply::steps)
        rescued: Vec<Rows>,
    },
    /// the write lock was taken, and still was after the retries; nothing took effect
    #[error("the database is busy")]
    Busy,
    /// the database refused its own token; nothing took effect
    #[error("the database refused the token")]
    Auth,
    /// the reply is larger than the database sends, or than is read here; whether a write took effect is not known
    #[error("the reply is too large")]
    TooLarge,
    /// no answer in time; whether the batch took effect is not known
    #[error("the database did not answer in time")]
    Timeout,
    /// no connection, a lost reply or a server error; whether the batch took effect is not known
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// anything else: wrong SQL, a reply that makes no sense, a full disk; nothing took effect
    #[error("the database failed: {0}")]
    Other(String),
}
