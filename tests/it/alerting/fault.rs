use db::{Batch, BatchFuture, Db, DbError, Guard};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A database whose process is killed at its n-th batch: before it reaches the database, or after it took effect and
/// before the reply. From then on nothing gets through.
#[derive(Debug)]
pub(super) struct Killed {
    db: Arc<dyn Db>,
    left: AtomicUsize,
    after: bool,
}

impl Killed {
    pub(super) fn new(db: Arc<dyn Db>, batches: usize, after: bool) -> Self {
        Self {
            db,
            left: AtomicUsize::new(batches),
            after,
        }
    }

    /// Whether the process lived to its end.
    pub(super) fn survived(&self) -> bool {
        self.left.load(Ordering::SeqCst) > 0
    }
}

impl Db for Killed {
    fn batch<'a>(&'a self, guard: &'a Guard, batch: Batch) -> BatchFuture<'a> {
        Box::pin(async move {
            let gone = || Err(DbError::Unavailable("killed".into()));
            let before = self
                .left
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| Some(left.saturating_sub(1)));
            match before {
                Ok(0) | Err(_) => gone(),
                Ok(1) if self.after => {
                    let _ = self.db.batch(guard, batch).await;
                    gone()
                }
                Ok(1) => gone(),
                Ok(_) => self.db.batch(guard, batch).await,
            }
        })
    }
}
