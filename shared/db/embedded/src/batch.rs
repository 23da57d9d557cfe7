use db::backend::{Origin, takes_subject};
use db::{Batch, Check, DbError, Guard, Reply, Rows, Step, When};

use crate::connection::{Connection, to_libsql};
use crate::failure::Failure;

/// Runs the guard's checks and the steps inside the open transaction, which the caller then commits
/// or, after an error, rolls back.
pub(crate) fn run(connection: &mut Connection, guard: &Guard, batch: &Batch) -> Result<Reply, DbError> {
    for (check, origin) in [(&guard.credential, Origin::Credential), (&guard.scope, Origin::Scope)] {
        if let Some(check) = check {
            run_check(connection, check)
                .map_err(|failure| origin.error(failure.cause, &failure.message, Vec::new()))?;
        }
    }
    let mut steps = vec![Rows::default(); batch.steps.len()];
    for (index, (step, when)) in batch.steps.iter().enumerate() {
        if *when != When::Succeeded {
            continue;
        }
        match run_step(connection, guard, step) {
            Ok(rows) => steps[index] = rows,
            Err(failure) => {
                let rescued = rescue(connection, guard, batch, index);
                return Err(Origin::Step(index).error(failure.cause, &failure.message, rescued));
            }
        }
    }
    Ok(Reply {
        steps,
        rows_read: 0,
        rows_written: 0,
    })
}

/// Lets the rescue steps of a failed step look at the transaction as it is. A rescue that fails finds
/// nothing, and may have a rescue of its own.
fn rescue(connection: &mut Connection, guard: &Guard, batch: &Batch, failed: usize) -> Vec<Rows> {
    let mut rescued = vec![Rows::default(); batch.steps.len()];
    let mut failures = vec![failed];
    for (index, (step, when)) in batch.steps.iter().enumerate() {
        let wanted = matches!(when, When::Failed(cause) if failures.contains(cause));
        // after some errors SQLite has ended the transaction: there is nothing left to look at, and
        // a statement would run on its own
        if !wanted || connection.is_autocommit() {
            continue;
        }
        match run_step(connection, guard, step) {
            Ok(rows) => rescued[index] = rows,
            Err(_) => failures.push(index),
        }
    }
    rescued
}

fn run_check(connection: &mut Connection, check: &Check) -> Result<Rows, Failure> {
    connection.run("", check.sql, check.args.iter().map(to_libsql).collect())
}

fn run_step(connection: &mut Connection, guard: &Guard, step: &Step) -> Result<Rows, Failure> {
    if !step.tenant {
        return connection.run("", step.sql, step.args.iter().map(to_libsql).collect());
    }
    let subject = takes_subject(guard.with, step.sql).then_some(&guard.subject);
    let args = subject.into_iter().chain(&step.args).map(to_libsql);
    connection.run(guard.with, step.sql, args.collect())
}
