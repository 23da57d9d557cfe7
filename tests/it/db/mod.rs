//! The database backends: the same cases against a file and against a real server.

mod atomic;
mod contention;
mod embedded;
mod faults;
mod fixture;
mod guard;
mod limits;
mod remote;
mod snapshot;
mod values;
