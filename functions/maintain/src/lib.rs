//! The function maintain
