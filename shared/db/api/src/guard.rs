use crate::Value;

/// One statement that raises (see [`raise!`](crate::raise)) when it does not hold.
#[derive(Debug, Clone)]
pub struct Check {
    /// the statement; a constant, so that backends can cache it prepared
    pub sql: &'static str,
    /// its arguments, from `?1`
    pub args: Vec<Value>,
}

/// Under which authority a batch runs.
///
/// The layer above turns its notion of authority (an API key, a session, the system) into a guard;
/// backends prepend the checks to every batch and put `with` in front of every tenant step.
#[derive(Debug, Clone)]
pub struct Guard {
    /// raises [`DbError::Credential`](crate::DbError::Credential)
    pub credential: Option<Check>,
    /// raises [`DbError::Scope`](crate::DbError::Scope)
    pub scope: Option<Check>,
    /// the common table expression `WITH authority(org_id, actor) AS (...) `, which may use `?1`
    pub with: &'static str,
    /// `?1` of every tenant step
    pub subject: Value,
}
