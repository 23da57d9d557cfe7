use std::time::Duration;

use crate::batch;
use crate::connection::{Connection, patiently};
use crate::failure::Failure;
use crate::job::{Job, Outcome};
use crate::queue::Queue;

use db::DbError;
use db::backend::Cause;

/// One thread that reads.
pub(crate) struct Reader {
    pub(crate) connection: Connection,
    pub(crate) patience: Duration,
}

impl Reader {
    pub(crate) fn work(mut self, queue: &Queue<Job>) {
        while let Some(job) = queue.pop() {
            // nobody waits for the answer any more, and a read has no other effect
            if !job.is_abandoned() {
                let outcome = self.read(&job);
                job.answer(outcome);
            }
        }
    }

    /// One snapshot. In WAL a reader is busy only while another process opens or recovers the file.
    fn read(&mut self, job: &Job) -> Outcome {
        let mut outcome = Err(DbError::Busy);
        let patience = self.patience;
        let _ = patiently(patience, || {
            outcome = self.snapshot(job);
            match outcome {
                Err(DbError::Busy) => Err(Failure {
                    cause: Cause::Busy,
                    message: String::new(),
                }),
                _ => Ok(()),
            }
        });
        outcome
    }

    fn snapshot(&mut self, job: &Job) -> Outcome {
        let connection = &mut self.connection;
        connection.control("BEGIN").map_err(|failure| failure.control())?;
        let outcome = batch::run(connection, &job.guard, &job.batch);
        let ended = if connection.is_autocommit() {
            Ok(())
        } else {
            connection.control("COMMIT")
        };
        if let Err(failure) = ended {
            let _ = connection.control("ROLLBACK");
            return outcome.and(Err(failure.control()));
        }
        outcome
    }
}
