use std::path::PathBuf;
use std::time::{Duration, Instant};

use db::DbError;

use crate::batch;
use crate::connection::{Connection, patiently};
use crate::job::{Job, Outcome};
use crate::options::Options;
use crate::queue::Queue;

/// A group ends at the first of these, so that nobody waits long for the others' sake.
const GROUP_BATCHES: usize = 64;
const GROUP_TIME: Duration = Duration::from_millis(2);

/// The one writer of this process: what waits shares a transaction, and so one flush to the disk.
pub(crate) struct Writer {
    pub(crate) connection: Connection,
    pub(crate) path: PathBuf,
    pub(crate) options: Options,
}

/// How a group's transaction ended.
enum End {
    /// each batch has its own outcome
    Committed,
    /// SQLite ended it before its `COMMIT`: nothing of it remains
    Lost,
    /// nothing could be committed, for this reason
    Failed(DbError),
}

impl Writer {
    pub(crate) fn work(mut self, queue: &Queue<Job>) {
        while let Some(job) = queue.pop() {
            self.group(vec![job], Some(queue));
        }
    }

    /// Runs the jobs, and those that arrive in time, in one transaction; answers after its commit.
    fn group(&mut self, mut jobs: Vec<Job>, more: Option<&Queue<Job>>) {
        let mut outcomes = Vec::new();
        match self.transaction(&mut jobs, &mut outcomes, more) {
            End::Committed => jobs
                .into_iter()
                .zip(outcomes)
                .for_each(|(job, outcome)| job.answer(outcome)),
            // no batch shall fail because of its neighbour: each tries again on its own
            End::Lost if jobs.len() > 1 => {
                self.reopen();
                jobs.into_iter().for_each(|job| self.group(vec![job], None));
            }
            End::Lost => {
                self.reopen();
                let error = outcomes.pop().and_then(Result::err);
                let error = error.unwrap_or_else(|| DbError::Other("the transaction was rolled back".into()));
                jobs.into_iter().for_each(|job| job.answer(Err(error.clone())));
            }
            End::Failed(error) => {
                jobs.extend(std::iter::from_fn(|| {
                    more.filter(|_| matches!(error, DbError::Busy))?.try_pop()
                }));
                jobs.into_iter().for_each(|job| job.answer(Err(error.clone())));
            }
        }
    }

    fn transaction(&mut self, jobs: &mut Vec<Job>, outcomes: &mut Vec<Outcome>, more: Option<&Queue<Job>>) -> End {
        let patience = self.options.patience;
        if let Err(failure) = patiently(patience, || self.connection.control("BEGIN IMMEDIATE")) {
            return End::Failed(failure.control());
        }
        let started = Instant::now();
        while outcomes.len() < jobs.len() {
            outcomes.push(self.savepoint(&jobs[outcomes.len()]));
            if self.connection.is_autocommit() {
                return End::Lost;
            }
            let room = jobs.len() < GROUP_BATCHES && started.elapsed() < GROUP_TIME;
            if outcomes.len() == jobs.len() && room {
                jobs.extend(more.and_then(Queue::try_pop));
            }
        }
        if let Err(failure) = self.connection.control("COMMIT") {
            // where this fails too, SQLite has rolled back by itself
            let _ = self.connection.control("ROLLBACK");
            return End::Failed(failure.control());
        }
        End::Committed
    }

    /// Runs one batch so that its failure leaves the others of the group untouched.
    fn savepoint(&mut self, job: &Job) -> Outcome {
        let connection = &mut self.connection;
        connection
            .control("SAVEPOINT batch")
            .map_err(|failure| failure.control())?;
        let outcome = batch::run(connection, &job.guard, &job.batch);
        if !connection.is_autocommit() {
            let undone = if outcome.is_err() {
                connection.control("ROLLBACK TO batch")
            } else {
                Ok(())
            };
            let ended = undone.and_then(|()| connection.control("RELEASE batch"));
            if let Err(failure) = ended {
                // the savepoint is in an unknown state: give up the whole transaction
                let _ = connection.control("ROLLBACK");
                return Err(failure.control());
            }
        }
        outcome
    }

    /// A fresh connection after SQLite gave up a transaction (a full disk, an I/O error); the old one
    /// stays where there is no other.
    fn reopen(&mut self) {
        if let Ok(connection) = Connection::open(&self.path, &self.options, false) {
            self.connection = connection;
        }
    }
}
