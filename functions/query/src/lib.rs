//! The function query
