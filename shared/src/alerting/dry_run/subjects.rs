//! The series of a rule, one after the other.

use crate::Error;
use crate::alerting::tick::{Rehearsal, Subject};
use crate::auth::Tenant;
use crate::series::SeriesRef;
use std::collections::VecDeque;
use std::sync::Arc;
use std::vec;

/// Series that are read at once: a request takes longer than to go through a series, and their histories are in memory together.
const TOGETHER: usize = 16;

/// Series with what a rehearsal needs of them, in their order.
pub(super) struct Subjects {
    rehearsal: Arc<Rehearsal>,
    names: vec::IntoIter<SeriesRef>,
    read: VecDeque<Subject>,
}

impl Subjects {
    pub(super) fn new(rehearsal: &Arc<Rehearsal>, names: Vec<SeriesRef>) -> Self {
        Self {
            rehearsal: Arc::clone(rehearsal),
            names: names.into_iter(),
            read: VecDeque::new(),
        }
    }

    /// Whether there is no other one.
    pub(super) fn is_over(&self) -> bool {
        self.read.is_empty() && self.names.len() == 0
    }

    /// The next one.
    ///
    /// # Errors
    /// 401, 403 or 503.
    pub(super) async fn next(&mut self, tenant: &Tenant) -> Result<Option<Subject>, Error> {
        if self.read.is_empty() {
            let names: Vec<SeriesRef> = self.names.by_ref().take(TOGETHER).collect();
            if !names.is_empty() {
                self.read = self.rehearsal.read(tenant, names).await?.into();
            }
        }
        Ok(self.read.pop_front())
    }
}
