//! The function deliver-notifications
