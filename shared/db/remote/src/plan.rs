use db::backend::Origin;
use db::{Batch, Guard, Mode, Value, When};

/// When a statement of the request runs, by the indices of other statements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Condition {
    Always,
    /// that one succeeded; one that was skipped did not
    Ok(usize),
    Not(usize),
    /// The first succeeded or is none, and the second failed. Both are needed: the specification says
    /// that a skipped step has not failed, sqld says that it has (measured with 0.24).
    Failed(Option<usize>, usize),
}

/// One statement of the request.
#[derive(Debug)]
pub(crate) struct Statement<'a> {
    pub(crate) origin: Origin,
    pub(crate) condition: Condition,
    pub(crate) with: &'static str,
    pub(crate) sql: &'static str,
    /// the subject of a tenant step
    pub(crate) subject: Option<&'a Value>,
    pub(crate) args: &'a [Value],
}

/// The statements of a request: `BEGIN`, the checks, the steps, `COMMIT`, `ROLLBACK`. Each ordinary
/// one needs the one before, so that after a failure only its rescue and the rollback run.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    pub(crate) statements: Vec<Statement<'a>>,
    pub(crate) commit: usize,
}

impl<'a> Plan<'a> {
    pub(crate) fn new(guard: &'a Guard, batch: &'a Batch) -> Self {
        let begin = match batch.mode {
            Mode::Read => "BEGIN",
            Mode::Write => "BEGIN IMMEDIATE",
        };
        let mut statements = vec![control(Condition::Always, begin)];
        for (check, origin) in [(&guard.credential, Origin::Credential), (&guard.scope, Origin::Scope)] {
            if let Some(check) = check {
                statements.push(Statement {
                    origin,
                    args: &check.args,
                    ..control(Condition::Ok(statements.len() - 1), check.sql)
                });
            }
        }
        let first_step = statements.len();
        let mut last_ordinary = first_step - 1;
        for (index, (step, when)) in batch.steps.iter().enumerate() {
            let condition = match when {
                When::Succeeded => Condition::Ok(last_ordinary),
                When::Failed(failed) => {
                    let before = match statements.get(first_step + failed).map(|failed| failed.condition) {
                        Some(Condition::Ok(before)) => Some(before),
                        _ => None,
                    };
                    Condition::Failed(before, first_step + failed)
                }
            };
            if *when == When::Succeeded {
                last_ordinary = first_step + index;
            }
            let with = if step.tenant { guard.with } else { "" };
            let takes_subject = step.tenant && db::backend::takes_subject(with, step.sql);
            statements.push(Statement {
                origin: Origin::Step(index),
                condition,
                with,
                sql: step.sql,
                subject: takes_subject.then_some(&guard.subject),
                args: &step.args,
            });
        }
        let commit = statements.len();
        statements.push(control(Condition::Ok(last_ordinary), "COMMIT"));
        statements.push(control(Condition::Not(commit), "ROLLBACK"));
        Self { statements, commit }
    }
}

fn control<'a>(condition: Condition, sql: &'static str) -> Statement<'a> {
    Statement {
        origin: Origin::Control,
        condition,
        with: "",
        sql,
        subject: None,
        args: &[],
    }
}
