//! One trait for a libSQL database, wherever it is: [`Db::batch`].
//!
//! A batch is a list of [`Step`]s that runs as one unit under a [`Guard`]. There are no interactive
//! transactions, and no statement runs outside of a batch, so that the remote backend needs one
//! request an operation and holds no stream open. This crate knows no table.

#![warn(missing_docs)]

pub mod backend;
mod batch;
mod error;
mod guard;
mod rows;
mod value;

pub use batch::{Batch, Mode, Step, When};
pub use error::DbError;
pub use guard::{Check, Guard};
pub use rows::{Reply, Row, Rows};
pub use value::Value;

use std::future::Future;
use std::pin::Pin;

/// What [`Db::batch`] returns: a boxed future, so that the trait can be used as `dyn Db`.
pub type BatchFuture<'a> = Pin<Box<dyn Future<Output = Result<Reply, DbError>> + Send + 'a>>;

/// A database that runs batches.
pub trait Db: Send + Sync + std::fmt::Debug {
    /// Runs the guard's checks, then the batch's steps.
    ///
    /// [`Mode::Write`] is atomic: `BEGIN IMMEDIATE`, then `COMMIT` if no step failed, else
    /// `ROLLBACK`. [`Mode::Read`] sees one snapshot. The checks of the guard run inside the same
    /// transaction before anything else, so that an authority that was revoked before the
    /// transaction began reads and writes nothing.
    ///
    /// # Errors
    /// See [`DbError`]; after an error nothing of a write was kept, with two exceptions:
    /// [`DbError::Timeout`] and [`DbError::Unavailable`] leave it open whether it was.
    fn batch<'a>(&'a self, guard: &'a Guard, batch: Batch) -> BatchFuture<'a>;
}

/// An SQL expression that raises `integer overflow`: how a plain SQL statement stops a batch.
///
/// Backends report it as [`DbError::Raised`], or as [`DbError::Credential`] and [`DbError::Scope`]
/// where it comes from the guard.
#[macro_export]
macro_rules! raise {
    () => {
        "abs(-9223372036854775808)"
    };
}

/// The database's own wall clock in epoch milliseconds UTC, as an SQL expression, moved by the
/// parameter named (0 outside of tests): `wall_ms!("?2")`.
#[macro_export]
macro_rules! wall_ms {
    ($offset:literal) => {
        concat!(
            "(CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER) + ",
            $offset,
            ")"
        )
    };
}
