//! The function migrate
