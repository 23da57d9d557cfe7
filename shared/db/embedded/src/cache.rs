use std::collections::HashMap;

use libsql::Statement;

/// Statements of one connection that stay prepared; more than a product has, so that eviction is rare.
const CAPACITY: usize = 512;

/// A text is known by its address: statements are constants, which never move or end.
type Key = (usize, usize, usize, usize);

/// Prepared statements by their text, the longest unused given up first.
#[derive(Default)]
pub(crate) struct Cache {
    statements: HashMap<Key, (u64, Statement)>,
    uses: u64,
}

impl Cache {
    fn key(with: &'static str, sql: &'static str) -> Key {
        (with.as_ptr().addr(), with.len(), sql.as_ptr().addr(), sql.len())
    }

    /// Takes a statement out; a statement that failed badly is simply not put back.
    pub(crate) fn take(&mut self, with: &'static str, sql: &'static str) -> Option<Statement> {
        self.statements
            .remove(&Self::key(with, sql))
            .map(|(_, statement)| statement)
    }

    pub(crate) fn put(&mut self, with: &'static str, sql: &'static str, statement: Statement) {
        if self.statements.len() >= CAPACITY {
            let oldest = self
                .statements
                .iter()
                .min_by_key(|(_, (used, _))| *used)
                .map(|(key, _)| *key);
            oldest.and_then(|key| self.statements.remove(&key));
        }
        self.uses += 1;
        self.statements.insert(Self::key(with, sql), (self.uses, statement));
    }
}
