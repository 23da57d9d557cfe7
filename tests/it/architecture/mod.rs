//! What holds for the house as a whole, read from its files and from cargo.

mod dependencies;
mod deployment;
mod documents;
mod functions;
mod policies;
mod portability;
mod routes;
mod sql;

pub(crate) use functions::http_functions;
