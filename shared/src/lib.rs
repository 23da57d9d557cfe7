//! The common crate: everything that more than one function needs
