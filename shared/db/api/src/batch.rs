use crate::Value;

/// Whether a batch writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// one snapshot, nothing is written
    Read,
    /// atomic, under the write lock from its first statement on
    Write,
}

/// When a step runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// the guard and every earlier ordinary step succeeded: an ordinary step
    Succeeded,
    /// the step at this index (of the batch, the guard not counted) failed: a rescue. It runs in the
    /// same transaction, which is rolled back afterwards, so that it can only look; its rows travel
    /// in the error.
    Failed(usize),
}

/// One statement with its arguments.
#[derive(Debug, Clone)]
pub struct Step {
    /// the statement; a constant, so that backends can cache it prepared
    pub sql: &'static str,
    /// for a tenant step `?1` is the guard's subject and these begin at `?2`; for a global one they
    /// begin at `?1`
    pub args: Vec<Value>,
    /// whether the guard's `WITH authority(org_id, actor) AS (...)` goes in front
    pub tenant: bool,
}

impl Step {
    /// A statement on tables of an organization: it takes the organization from `authority`.
    #[must_use]
    pub fn tenant(sql: &'static str, args: Vec<Value>) -> Self {
        debug_assert!(
            sql.contains("authority"),
            "a tenant step must take its organization from authority: {sql}"
        );
        Self {
            sql,
            args,
            tenant: true,
        }
    }

    /// A statement that belongs to no organization.
    #[must_use]
    pub fn global(sql: &'static str, args: Vec<Value>) -> Self {
        Self {
            sql,
            args,
            tenant: false,
        }
    }
}

/// Steps that run as one unit.
#[derive(Debug, Clone)]
pub struct Batch {
    /// whether it writes
    pub mode: Mode,
    /// what runs, in this order
    pub steps: Vec<(Step, When)>,
    /// whether running it twice has the effect of running it once (see [`Batch::repeatable`])
    pub repeatable: bool,
}

impl Batch {
    /// An empty batch that only reads.
    #[must_use]
    pub fn read() -> Self {
        Self {
            mode: Mode::Read,
            steps: Vec::new(),
            repeatable: true,
        }
    }

    /// An empty batch that writes.
    #[must_use]
    pub fn write() -> Self {
        Self {
            mode: Mode::Write,
            steps: Vec::new(),
            repeatable: false,
        }
    }

    /// Declares that the batch carries an operation id (an idempotency key, a fence, a watermark
    /// compared and set), so that it may be sent again after a lost reply.
    #[must_use]
    pub fn repeatable(mut self) -> Self {
        self.repeatable = true;
        self
    }

    /// Adds an ordinary step and returns its index.
    pub fn push(&mut self, step: Step) -> usize {
        self.steps.push((step, When::Succeeded));
        self.steps.len() - 1
    }

    /// Adds a step that runs only if the step `failed` failed, and returns its index.
    pub fn push_rescue(&mut self, failed: usize, step: Step) -> usize {
        debug_assert!(failed < self.steps.len());
        self.steps.push((step, When::Failed(failed)));
        self.steps.len() - 1
    }

    /// A read of one step.
    #[must_use]
    pub fn read_one(step: Step) -> Self {
        let mut batch = Self::read();
        batch.push(step);
        batch
    }

    /// A write of one step.
    #[must_use]
    pub fn write_one(step: Step) -> Self {
        let mut batch = Self::write();
        batch.push(step);
        batch
    }
}
