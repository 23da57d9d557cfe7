use super::Authority;
use crate::clock::{Clock, Millis};
use crate::keys::LastUsed;
use db::{Batch, Db, DbError, Guard, Mode, Reply};
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
    retention: Option<Millis>,
    key: Option<Key>,
}

/// The API key behind a tenant, if it is one.
#[derive(Debug, Clone)]
struct Key {
    hash: [u8; 32],
    last_used: Arc<LastUsed>,
}

impl Tenant {
    pub(crate) fn new(
        db: Arc<dyn Db>,
        authority: &Authority,
        clock: Clock,
        retention: Option<Millis>,
        last_used: &Arc<LastUsed>,
    ) -> Self {
        let key = authority.key_hash().map(|hash| Key {
            hash,
            last_used: last_used.clone(),
        });
        Self {
            db,
            guard: authority.guard(&clock),
            clock,
            retention,
            key,
        }
    }

    /// Runs a batch, and once a minute records with it that the key was used.
    ///
    /// # Errors
    /// Those of [`Db::batch`].
    pub async fn run(&self, mut batch: Batch) -> Result<Reply, DbError> {
        let wall = self.clock.wall();
        let due = self.key.as_ref().filter(|key| key.last_used.is_due(&key.hash, wall));
        let Some(key) = due else {
            return self.db.batch(&self.guard, batch).await;
        };
        let record = LastUsed::step(self.clock.wall_offset());
        let reply = if batch.mode == Mode::Write {
            // as the last step, so that it moves no index
            batch.push(record);
            self.db.batch(&self.guard, batch).await?
        } else {
            let reply = self.db.batch(&self.guard, batch).await?;
            let mut write = Batch::write().repeatable();
            write.push(record);
            if let Err(error) = self.db.batch(&self.guard, write).await {
                tracing::debug!(%error, "the use of a key was not recorded");
            }
            reply
        };
        key.last_used.recorded(&key.hash, wall);
        Ok(reply)
    }

    /// Checks the authority and does nothing else.
    ///
    /// # Errors
    /// [`DbError::Credential`], [`DbError::Scope`], or that the database does not answer.
    pub async fn check(&self) -> Result<(), DbError> {
        self.run(Batch::read()).await.map(|_| ())
    }

    /// What tells callers apart before their organization is known: the hash of their credential.
    #[must_use]
    pub fn credential(&self) -> Option<[u8; 32]> {
        self.key.as_ref().map(|key| key.hash)
    }

    /// Points before this product time are no longer kept; `None` where all are.
    #[must_use]
    pub fn kept_from(&self) -> Option<Millis> {
        self.retention
            .map(|retention| self.clock.now().saturating_sub(retention))
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }
}
