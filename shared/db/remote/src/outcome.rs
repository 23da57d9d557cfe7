use db::backend::{Cause, Origin};
use db::{DbError, Reply, Rows};

use crate::plan::Plan;
use crate::reply::{BatchResult, PipelineReply, ServerError, StepResult};

/// What a reply means for the batch.
pub(crate) fn read(plan: &Plan<'_>, steps: usize, reply: &[u8]) -> Result<Reply, DbError> {
    let reply: PipelineReply<'_> = serde_json::from_slice(reply)
        .map_err(|error| DbError::Unavailable(format!("a reply that is none: {error}")))?;
    let Some(first) = reply.results.into_iter().next() else {
        return Err(DbError::Unavailable("a reply without results".into()));
    };
    if let Some(error) = first.error {
        return Err(of_request(&error));
    }
    let Some(result) = first.response.and_then(|response| response.result) else {
        return Err(DbError::Unavailable("a reply without a result".into()));
    };
    of_batch(plan, steps, result)
}

/// The server refused the batch as a whole: nothing of it ran, or it was ended and rolled back.
fn of_request(error: &ServerError<'_>) -> DbError {
    Origin::Control.error(cause(error), &error.message, Vec::new())
}

fn of_batch(plan: &Plan<'_>, steps: usize, result: BatchResult<'_>) -> Result<Reply, DbError> {
    let count = plan.statements.len();
    if result.step_results.len() != count || result.step_errors.len() != count {
        return Err(DbError::Unavailable("a reply to another batch".into()));
    }
    let committed = result.step_results[plan.commit].is_some();
    let mut reply = Reply {
        steps: vec![Rows::default(); steps],
        ..Reply::default()
    };
    for (statement, result) in plan.statements.iter().zip(result.step_results) {
        let Some(result) = result else { continue };
        reply.rows_read += result.rows_read;
        reply.rows_written += result.rows_written;
        if let Origin::Step(index) = statement.origin {
            reply.steps[index] = rows(result);
        }
    }
    if committed {
        return Ok(reply);
    }
    // the first error is the cause: what depends on the failed step was skipped, and rescues come later
    let mut failures = plan.statements.iter().zip(&result.step_errors);
    let Some((statement, error)) = failures.find_map(|(statement, error)| Some((statement, error.as_ref()?))) else {
        return Err(DbError::Unavailable(
            "a batch that neither failed nor was committed".into(),
        ));
    };
    let rescued = match statement.origin {
        Origin::Step(failed) => only_later(reply.steps, failed),
        _ => Vec::new(),
    };
    Err(statement.origin.error(cause(error), &error.message, rescued))
}

/// Leaves what the rescue steps found: after a failure nothing else ran.
fn only_later(mut steps: Vec<Rows>, failed: usize) -> Vec<Rows> {
    for rows in steps.iter_mut().take(failed) {
        *rows = Rows::default();
    }
    steps
}

fn rows(result: StepResult) -> Rows {
    let row = |cells: Vec<crate::reply::Cell>| db::Row(cells.into_iter().map(|cell| cell.0).collect());
    Rows {
        rows: result.rows.into_iter().map(row).collect(),
        affected: result.affected_row_count,
    }
}

fn cause(error: &ServerError<'_>) -> Cause {
    match error.code.as_deref().unwrap_or_default() {
        code if code.starts_with("SQLITE_CONSTRAINT") => Cause::Constraint,
        code if code.starts_with("SQLITE_BUSY") || code.starts_with("SQLITE_LOCKED") => Cause::Busy,
        // the server ends a transaction that keeps others waiting, and rolls it back
        "TRANSACTION_TIMEOUT" | "TRANSACTION_BUSY" => Cause::Busy,
        "SQLITE_AUTH" | "SQL_WRITE_BLOCKED" | "BLOCKED" | "AUTH_JWT_INVALID" => Cause::Auth,
        "RESPONSE_TOO_LARGE" => Cause::TooLarge,
        _ => Cause::Other,
    }
}
