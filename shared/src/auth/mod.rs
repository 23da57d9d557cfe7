//! Who may do what: scopes, authorities and the guards that databases check.
//!
//! Authority is a value. A handler is given a [`Tenant`], which was made from a credential and the
//! one scope of its route; every batch that it runs carries the check of both into the transaction
//! itself. So the check and the effect are one request, and a revocation holds from its reply on.

mod authority;
mod scope;
mod tenant;

pub use authority::{Authority, Job};
pub use scope::{Scope, Scopes};
pub use tenant::Tenant;
