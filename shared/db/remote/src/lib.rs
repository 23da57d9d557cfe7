//! The remote backend: Hrana 3 over HTTP.
//!
//! One `POST /v3/pipeline` with a batch and a close per operation. The server keeps no stream, so that
//! a process that was frozen for an hour meets nothing that has expired.

#![warn(missing_docs)]

mod endpoint;
mod options;
mod outcome;
mod plan;
mod reply;
mod request;
mod retry;
mod transport;

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use db::{Batch, BatchFuture, Db, DbError, Guard, Mode, Reply, Step, Value};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

pub use options::Options;

use plan::Plan;
use transport::{Lost, Transport};

/// A database behind a URL.
pub struct Remote {
    transport: Transport,
    writes: Semaphore,
    options: Options,
}

/// Prepares the client for `libsql://`, `turso://` (both mean `https://`), `https://` or `http://`;
/// it connects with the first call, or with [`Remote::warm`].
///
/// # Errors
/// [`DbError::Other`] if the URL or the token cannot be used. The text repeats neither.
pub fn open(url: &str, token: Option<&str>, options: Options) -> Result<Remote, DbError> {
    let transport = Transport::new(endpoint::pipeline(url)?, token, &options)?;
    let writes = Semaphore::new(options.writes);
    Ok(Remote {
        transport,
        writes,
        options,
    })
}

/// [`open`] with default options, as the entry point of a function takes it.
///
/// # Errors
/// As [`open`].
pub fn connect(url: &str, token: Option<&str>) -> Result<Arc<dyn Db>, DbError> {
    Ok(Arc::new(open(url, token, Options::default())?))
}

impl Remote {
    /// Opens a connection ahead of the first call.
    ///
    /// # Errors
    /// See [`DbError`].
    pub async fn warm(&self) -> Result<(), DbError> {
        let nobody = Guard {
            credential: None,
            scope: None,
            with: "",
            subject: Value::Null,
        };
        let select = Step::global("SELECT 1", Vec::new());
        self.call(&nobody, &Batch::read_one(select)).await.map(|_| ())
    }

    async fn call(&self, guard: &Guard, batch: &Batch) -> Result<Reply, DbError> {
        db::backend::check_arguments(guard, batch)?;
        let end = Instant::now() + self.options.deadline;
        let _turn = match batch.mode {
            Mode::Read => None,
            // nothing was sent yet, and the semaphore is never closed
            Mode::Write => match timeout_at(end, self.writes.acquire()).await {
                Ok(turn) => turn.ok(),
                Err(_) => return Err(DbError::Busy),
            },
        };
        let plan = Plan::new(guard, batch);
        let body = Bytes::from(request::body(&plan));
        let attempts = retry::attempts(&self.options, batch.repeatable, end, || async {
            let reply = self.transport.send(body.clone()).await?;
            outcome::read(&plan, batch.steps.len(), &reply).map_err(Lost::Refused)
        });
        timeout_at(end, attempts).await.unwrap_or(Err(DbError::Timeout))
    }
}

impl Db for Remote {
    fn batch<'a>(&'a self, guard: &'a Guard, batch: Batch) -> BatchFuture<'a> {
        Box::pin(async move { self.call(guard, &batch).await })
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote")
            .field("host", &self.transport.host())
            .finish_non_exhaustive()
    }
}
