//! What every backend does alike, so that both give the same answer to the same batch.

use crate::{Batch, DbError, Guard, Rows, Value};

/// Which statement of a batch failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// the guard's credential check
    Credential,
    /// the guard's scope check
    Scope,
    /// the batch's step at this index
    Step(usize),
    /// a statement of the backend's own: `BEGIN`, `COMMIT`
    Control,
}

/// What the database said about a failure, whatever its code looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// a constraint of the schema
    Constraint,
    /// the write lock is taken
    Busy,
    /// the database's own token does not allow it
    Auth,
    /// the reply is larger than the database sends
    TooLarge,
    /// anything else, [`raise!`](crate::raise) included: its message tells
    Other,
}

impl Origin {
    /// The error of a batch that failed here.
    #[must_use]
    pub fn error(self, cause: Cause, message: &str, rescued: Vec<Rows>) -> DbError {
        let raised = message.contains("integer overflow");
        match (cause, self) {
            (Cause::Busy, _) => DbError::Busy,
            (Cause::Auth, _) => DbError::Auth,
            (Cause::TooLarge, _) => DbError::TooLarge,
            (Cause::Other, Self::Credential) if raised => DbError::Credential,
            (Cause::Other, Self::Scope) if raised => DbError::Scope,
            (Cause::Other, Self::Step(step)) if raised => DbError::Raised { step, rescued },
            (Cause::Constraint, Self::Step(step)) => DbError::Constraint {
                step,
                message: message.to_owned(),
                rescued,
            },
            (_, Self::Step(step)) => DbError::Other(format!("step {step}: {message}")),
            (_, origin) => DbError::Other(format!("{origin:?}: {message}")),
        }
    }
}

/// Refuses arguments that one of the databases would change or cut, before anything runs.
///
/// These are NaN and infinities (Hrana has no text for them, SQLite stores NaN as NULL) and text with
/// a NUL (cut there by the embedded library when it is read).
///
/// # Errors
/// [`DbError::Other`] with the place of the argument.
pub fn check_arguments(guard: &Guard, batch: &Batch) -> Result<(), DbError> {
    let checks = [&guard.credential, &guard.scope];
    let of_guard = checks.into_iter().flatten().flat_map(|check| &check.args);
    for value in of_guard.chain([&guard.subject]) {
        check_value(value).map_err(|what| DbError::Other(format!("the guard has {what}")))?;
    }
    for (index, (step, _)) in batch.steps.iter().enumerate() {
        for value in &step.args {
            check_value(value).map_err(|what| DbError::Other(format!("step {index} has {what}")))?;
        }
    }
    Ok(())
}

fn check_value(value: &Value) -> Result<(), &'static str> {
    match value {
        Value::Real(real) if !real.is_finite() => Err("an argument that is not a finite number"),
        Value::Text(text) if text.as_bytes().contains(&0) => Err("a text with a NUL"),
        _ => Ok(()),
    }
}

/// Whether a tenant step takes the guard's subject as `?1`. Only a `with` without parameters in front
/// of a statement without parameters does not, and databases refuse an argument that nothing uses.
#[must_use]
pub fn takes_subject(with: &str, sql: &str) -> bool {
    with.contains('?') || sql.contains('?')
}
