//! The function manage-keys
