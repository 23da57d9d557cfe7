//! The function local
