use crate::{DbError, Value};

/// One row of a result.
#[derive(Debug, Clone, PartialEq)]
pub struct Row(pub Vec<Value>);

impl Row {
    fn value(&self, column: usize) -> Result<&Value, DbError> {
        self.0
            .get(column)
            .ok_or_else(|| DbError::Other(format!("the row has no column {column}")))
    }

    /// # Errors
    /// [`DbError::Other`] if the column is missing or not an INTEGER.
    pub fn integer(&self, column: usize) -> Result<i64, DbError> {
        self.opt_integer(column)?.ok_or_else(|| wrong(column, "INTEGER"))
    }

    /// # Errors
    /// [`DbError::Other`] if the column is missing or neither INTEGER nor NULL.
    pub fn opt_integer(&self, column: usize) -> Result<Option<i64>, DbError> {
        match self.value(column)? {
            Value::Null => Ok(None),
            Value::Integer(value) => Ok(Some(*value)),
            _ => Err(wrong(column, "INTEGER")),
        }
    }

    /// # Errors
    /// [`DbError::Other`] if the column is missing or neither REAL, INTEGER nor NULL.
    pub fn opt_real(&self, column: usize) -> Result<Option<f64>, DbError> {
        match self.value(column)? {
            Value::Null => Ok(None),
            Value::Real(value) => Ok(Some(*value)),
            #[expect(
                clippy::cast_precision_loss,
                reason = "a REAL column that SQLite stored as an integer"
            )]
            Value::Integer(value) => Ok(Some(*value as f64)),
            _ => Err(wrong(column, "REAL")),
        }
    }

    /// # Errors
    /// [`DbError::Other`] if the column is missing or not a TEXT.
    pub fn text(&self, column: usize) -> Result<&str, DbError> {
        self.opt_text(column)?.ok_or_else(|| wrong(column, "TEXT"))
    }

    /// # Errors
    /// [`DbError::Other`] if the column is missing or neither TEXT nor NULL.
    pub fn opt_text(&self, column: usize) -> Result<Option<&str>, DbError> {
        match self.value(column)? {
            Value::Null => Ok(None),
            Value::Text(value) => Ok(Some(value)),
            _ => Err(wrong(column, "TEXT")),
        }
    }

    /// # Errors
    /// [`DbError::Other`] if the column is missing or not a BLOB.
    pub fn blob(&self, column: usize) -> Result<&[u8], DbError> {
        self.opt_blob(column)?.ok_or_else(|| wrong(column, "BLOB"))
    }

    /// # Errors
    /// [`DbError::Other`] if the column is missing or neither BLOB nor NULL.
    pub fn opt_blob(&self, column: usize) -> Result<Option<&[u8]>, DbError> {
        match self.value(column)? {
            Value::Null => Ok(None),
            Value::Blob(value) => Ok(Some(value)),
            _ => Err(wrong(column, "BLOB")),
        }
    }
}

fn wrong(column: usize, wanted: &str) -> DbError {
    DbError::Other(format!("column {column} is not {wanted}"))
}

/// What one step returned.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rows {
    /// its rows; empty for a step that did not run
    pub rows: Vec<Row>,
    /// how many rows a write changed
    pub affected: u64,
}

impl Rows {
    /// The first row, if any.
    #[must_use]
    pub fn first(&self) -> Option<&Row> {
        self.rows.first()
    }

    /// The only row.
    ///
    /// # Errors
    /// [`DbError::Other`] if there is none.
    pub fn one(&self) -> Result<&Row, DbError> {
        self.first().ok_or_else(|| DbError::Other("a row was expected".into()))
    }
}

/// What a batch returned, a [`Rows`] for each of its steps, guard not counted.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reply {
    /// one for each step, in order
    pub steps: Vec<Rows>,
    /// rows that the server says it read (0 where it does not say)
    pub rows_read: u64,
    /// rows that the server says it wrote (0 where it does not say)
    pub rows_written: u64,
}

impl Reply {
    /// The rows of one step.
    ///
    /// # Errors
    /// [`DbError::Other`] if the batch had fewer steps.
    pub fn step(&self, index: usize) -> Result<&Rows, DbError> {
        self.steps
            .get(index)
            .ok_or_else(|| DbError::Other(format!("the reply has no step {index}")))
    }
}
