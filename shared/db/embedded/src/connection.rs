use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use db::{Row, Rows, Value};
use futures::FutureExt;
use libsql::params::Params;

use crate::cache::Cache;
use crate::failure::Failure;
use crate::options::Options;

/// How long SQLite itself waits for a lock in one attempt. Its pauses grow, so that of ten processes the
/// longest waiting looks least often: with 250 ms the slowest hundredth of their writes took twice as long
/// (`chaos --ten 600`).
const LOCK_WAIT: Duration = Duration::from_millis(10);

/// A connection of one thread, with its prepared statements.
pub(crate) struct Connection {
    // before `raw`: a statement ends before its connection
    cache: Cache,
    raw: libsql::Connection,
}

impl Connection {
    /// Opens the file. The first thing set is the time to wait for a lock: switching to WAL needs one.
    pub(crate) fn open(path: &Path, options: &Options, read_only: bool) -> Result<Self, Failure> {
        let database = now(libsql::Builder::new_local(path).build())?;
        let raw = database.connect()?;
        raw.busy_timeout(LOCK_WAIT)?;
        let mut connection = Self {
            cache: Cache::default(),
            raw,
        };
        let page_size = format!("PRAGMA page_size = {}", options.page_size);
        patiently(options.patience, || connection.pragma(&page_size))?;
        // in WAL mode the same as FULL. Until then it also syncs the removal of the rollback journal: one that
        // came back after a power cut would roll the whole file back to before it was in WAL mode
        connection.pragma("PRAGMA synchronous = EXTRA")?;
        patiently(options.patience, || connection.pragma("PRAGMA journal_mode = WAL"))?;
        connection.pragma("PRAGMA foreign_keys = ON")?;
        if read_only {
            connection.pragma("PRAGMA query_only = ON")?;
        }
        Ok(connection)
    }

    fn pragma(&mut self, text: &str) -> Result<(), Failure> {
        let mut rows = now(self.raw.query(text, ()))?;
        while now(rows.next())?.is_some() {}
        Ok(())
    }

    /// Whether no transaction is open: after some errors SQLite ends it by itself.
    pub(crate) fn is_autocommit(&self) -> bool {
        self.raw.is_autocommit()
    }

    /// Runs a statement of the backend's own.
    pub(crate) fn control(&mut self, sql: &'static str) -> Result<(), Failure> {
        self.run("", sql, Vec::new()).map(|_| ())
    }

    /// Runs one statement to its end.
    pub(crate) fn run(
        &mut self,
        with: &'static str,
        sql: &'static str,
        args: Vec<libsql::Value>,
    ) -> Result<Rows, Failure> {
        let statement = match self.cache.take(with, sql) {
            Some(statement) => statement,
            None => now(self.raw.prepare(&[with, sql].concat()))?,
        };
        // the library would bind NULL or nothing where the counts differ; the server refuses it
        if statement.parameter_count() != args.len() {
            return Err(Failure::other(format!(
                "{} parameters and {} arguments",
                statement.parameter_count(),
                args.len()
            )));
        }
        let before = self.raw.total_changes();
        // the library panics on text that is not UTF-8 (a blob cast to text); the statement is dropped then
        let rows = catch_unwind(AssertUnwindSafe(|| fetch(&statement, args)))
            .map_err(|_| Failure::other("a value of the result cannot be read"))?;
        // before anything else: a statement that is not reset keeps its transaction open
        statement.reset();
        self.cache.put(with, sql, statement);
        let rows = rows?;
        let affected = if self.raw.total_changes() == before {
            0
        } else {
            self.raw.changes()
        };
        Ok(Rows { rows, affected })
    }
}

fn fetch(statement: &libsql::Statement, args: Vec<libsql::Value>) -> Result<Vec<Row>, Failure> {
    let mut fetched = Vec::new();
    let mut rows = now(statement.query(Params::Positional(args)))?;
    while let Some(row) = now(rows.next())? {
        let values = (0..row.column_count()).map(|column| row.get_value(column).map(from_libsql));
        fetched.push(Row(values.collect::<Result<_, _>>()?));
    }
    Ok(fetched)
}

fn from_libsql(value: libsql::Value) -> Value {
    match value {
        libsql::Value::Integer(value) => Value::Integer(value),
        libsql::Value::Real(value) if value.is_finite() => Value::Real(value),
        libsql::Value::Text(value) => Value::Text(value),
        libsql::Value::Blob(value) => Value::Blob(value),
        libsql::Value::Null | libsql::Value::Real(_) => Value::Null,
    }
}

pub(crate) fn to_libsql(value: &Value) -> libsql::Value {
    match value {
        Value::Null => libsql::Value::Null,
        Value::Integer(value) => libsql::Value::Integer(*value),
        Value::Real(value) => libsql::Value::Real(*value),
        Value::Text(value) => libsql::Value::Text(value.clone()),
        Value::Blob(value) => libsql::Value::Blob(value.clone()),
    }
}

/// The library's futures on a file are complete when first polled, so that no executor is needed.
fn now<T>(future: impl Future<Output = libsql::Result<T>>) -> Result<T, Failure> {
    let result = future.now_or_never();
    result
        .ok_or_else(|| Failure::other("the library did not answer at once"))?
        .map_err(Failure::from)
}

/// Tries again while the database is busy, at random moments, so that processes do not collide again.
pub(crate) fn patiently(patience: Duration, mut attempt: impl FnMut() -> Result<(), Failure>) -> Result<(), Failure> {
    let started = Instant::now();
    loop {
        match attempt() {
            Err(failure) if failure.is_busy() && started.elapsed() < patience => {
                std::thread::sleep(Duration::from_micros(rand::random_range(500..20_000)));
            }
            result => return result,
        }
    }
}
