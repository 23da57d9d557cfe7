//! The embedded backend: libSQL on a file.
//!
//! One thread writes: what waits in its queue shares a transaction, each batch in a savepoint of its
//! own, and is answered after the commit. A few threads read, each with its own connection. The file
//! is in WAL mode with `synchronous=EXTRA` (in WAL mode the same as FULL), so an acknowledged write survives a power cut, and several
//! processes may use it at once.

#![warn(missing_docs)]

mod batch;
mod cache;
mod connection;
mod failure;
mod job;
mod options;
mod queue;
mod reader;
mod writer;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use db::{Batch, BatchFuture, Db, DbError, Guard, Mode};

pub use options::Options;

use connection::Connection;
use job::Job;
use queue::Queue;
use reader::Reader;
use writer::Writer;

/// A database in a file. Dropping it runs the writes that still wait, then ends its threads.
pub struct Embedded {
    path: PathBuf,
    writes: Arc<Queue<Job>>,
    reads: Arc<Queue<Job>>,
    threads: Vec<JoinHandle<()>>,
}

/// Opens the file, or creates it.
///
/// # Errors
/// [`DbError::Other`] if the file cannot be opened or is no database, [`DbError::Busy`] if another
/// process keeps it locked.
pub fn open(path: &Path, options: Options) -> Result<Embedded, DbError> {
    // the writer's connection comes first: it creates the file
    let writer = Writer {
        connection: connect(path, &options, false)?,
        path: path.to_owned(),
        options: options.clone(),
    };
    let mut embedded = Embedded {
        path: path.to_owned(),
        writes: Arc::new(Queue::new()),
        reads: Arc::new(Queue::new()),
        threads: Vec::new(),
    };
    let writes = Arc::clone(&embedded.writes);
    embedded.spawn("db-writer", move || writer.work(&writes))?;
    for _ in 0..options.readers.max(1) {
        let reader = Reader {
            connection: connect(path, &options, true)?,
            patience: options.patience,
        };
        let reads = Arc::clone(&embedded.reads);
        embedded.spawn("db-reader", move || reader.work(&reads))?;
    }
    Ok(embedded)
}

fn connect(path: &Path, options: &Options, read_only: bool) -> Result<Connection, DbError> {
    Connection::open(path, options, read_only).map_err(|failure| failure.control())
}

impl Embedded {
    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn spawn(&mut self, name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), DbError> {
        let thread = std::thread::Builder::new().name(name.into()).spawn(work);
        self.threads
            .push(thread.map_err(|error| DbError::Other(format!("no thread: {error}")))?);
        Ok(())
    }
}

impl Db for Embedded {
    /// A write that has been queued runs, even if nobody waits for its answer any more.
    fn batch<'a>(&'a self, guard: &'a Guard, batch: Batch) -> BatchFuture<'a> {
        Box::pin(async move {
            db::backend::check_arguments(guard, &batch)?;
            let queue = match batch.mode {
                Mode::Read => &self.reads,
                Mode::Write => &self.writes,
            };
            let (job, reply) = Job::new(guard.clone(), batch);
            queue.push(job);
            let lost = |_| Err(DbError::Unavailable("the database was closed".into()));
            reply.await.unwrap_or_else(lost)
        })
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.writes.close();
        self.reads.close();
        for thread in self.threads.drain(..) {
            // a thread that panicked has lost its job, which its caller was told
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Embedded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Embedded")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}
