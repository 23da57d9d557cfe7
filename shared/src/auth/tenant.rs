use super::Authority;
use crate::clock::Clock;
use db::{Batch, Db, DbError, Guard, Reply};
use std::sync::Arc;

/// An organization's database under an authority: what store functions take.
///
/// It cannot be made from an organization's id alone, and no statement that runs through it can
/// name another organization.
#[derive(Debug, Clone)]
pub struct Tenant {
    db: Arc<dyn Db>,
    guard: Guard,
    clock: Clock,
}

impl Tenant {
    pub(crate) fn new(db: Arc<dyn Db>, authority: &Authority, clock: Clock) -> Self {
        Self {
            db,
            guard: authority.guard(&clock),
            clock,
        }
    }

    /// Runs a batch.
    ///
    /// # Errors
    /// Those of [`Db::batch`].
    pub async fn run(&self, batch: Batch) -> Result<Reply, DbError> {
        self.db.batch(&self.guard, batch).await
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }
}
